"""How probable a trained model holds the held-out items of its data, with the protocol in words."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ganvas.core.files import read_json, write_json
from ganvas.core.run import Run
from ganvas.data.load import load as load_data
from ganvas.metrics.likelihood import importance_bound, likelihood
from ganvas.metrics.protocol import Protocol, figure
from ganvas.model import Model, load
from ganvas.recipes.base import data_settings, find

Progress = Callable[[int, int], None]
FILE = "evaluation.json"
"""All figures of a run."""
ROUGH, CLOSER = 5, 1_000
"""Draws for all items, and how many of them get more where there are more of them: 10,000 pictures of
Fashion-MNIST by 100 draws took 18 minutes of one core."""


class Draws(NamedTuple):
    """How many are drawn for an item's bound."""

    samples: int
    rough: int = 0
    """For all items, if `samples` are for every so many-th only; 0: they are for all."""
    every: int = 1

    @classmethod
    def for_most(cls, items: int, samples: int) -> "Draws":
        """So many for about a thousand of the items, and a few for all: the interval hardly grows."""
        every = items // CLOSER
        return cls(samples, ROUGH, every) if every > 1 else cls(samples)


def judged(run: Run, draws: Draws, seed: int = 0, progress: Progress | None = None) -> dict[str, Any]:
    """The figures of a run, from its evaluation.json if they are there."""
    known = evaluated(run)
    if not draws._asdict().items() <= known.items():
        known = held_out_likelihood(run, draws, seed, progress)
        figures, protocol = as_figures(known, "all held out")
        before = _file(run)
        protocols = before.get("protocols", {}) | {protocol.hash: dict(protocol.facts)}
        found = {"step": known["step"], **figures, "likelihood": known, "protocols": protocols}
        write_json(run.path / FILE, before | found)
    return known


def evaluated(run: Run) -> dict[str, Any]:
    """What is known of a run's likelihood as it is now; nothing, where that has not been found yet."""
    return _file(run).get("likelihood", {})


def as_figures(known: dict[str, Any], reference: str) -> tuple[dict[str, Any], Protocol]:
    """nll_nats and bits_per_dim, each with its interval, count and protocol."""
    protocol = Protocol(
        {
            "figure": known["protocol"],
            "binarisation": known["binarisation"],
            "reference": reference,
            "references": known["items"],
        }
    )
    nats = known["nll_nats"], known["low"], known["high"]
    scale = known["bits_per_dim"] / known["nll_nats"] if known["nll_nats"] else 0.0
    bits = [value * scale for value in nats]
    return {
        "nll_nats": figure(nats[0], (nats[1], nats[2]), known["items"], protocol),
        "bits_per_dim": figure(bits[0], (bits[1], bits[2]), known["items"], protocol),
    }, protocol


def _file(run: Run) -> dict[str, Any]:
    """evaluation.json, unless it is of another step."""
    try:
        known = read_json(run.path / FILE)
    except (OSError, ValueError):
        return {}
    return known if known.get("step") == run.progress()["step"] else {}


def held_out_likelihood(
    run: Run,
    draws: Draws,
    seed: int = 0,
    progress: Progress | None = None,
    batch: int = 100,
    items: Any = None,
) -> dict[str, Any]:
    """Nats and bits a dimension of all held-out items, or of other `items`: exact, or a bound, by so many
    draws where it draws."""
    model = load(run.path)
    recipe = type(find(run.record["recipe"])).model_validate(run.record["settings"])
    held_out = items or load_data(run.record["data"]["source"], data_settings(recipe)).held_out
    if held_out is None:
        raise ValueError(f"{run.path} has nothing held out")
    objective: Any = model.objective
    drawn = hasattr(objective, "log_weights")

    def log_prob(x: Tensor, label: Tensor | None, k: int) -> Tensor:
        return importance_bound(objective, x, label, k) if drawn else objective.log_prob(x, label)

    rough, closer = draws.rough or draws.samples, None
    kind = "exact" if model.exact else "bound"
    if drawn:
        kind = f"bound of {rough:,} importance samples"
        if draws.rough:
            closer = partial(log_prob, k=draws.samples)
            few = f"one item in {draws.every}; {rough:,} for all"
            kind = f"bound of {draws.samples:,} importance samples ({few})"
    began = time.monotonic()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        seen = _seen(model, held_out, batch, progress)
        found = likelihood(seen, partial(log_prob, k=rough), kind, closer, draws.every)
    figures = found._asdict() | {"binarisation": "dynamic" if _is_binary(model) else None}
    return figures | {
        **draws._asdict(),
        "step": run.progress()["step"],
        "seconds": round(time.monotonic() - began, 1),
    }


def _is_binary(model: Model) -> bool:
    return getattr(model.objective, "config", None) is not None and (
        getattr(model.objective.config, "observation", None) == "bernoulli"
    )


def _seen(model: Model, items: Any, batch: int, progress: Progress | None) -> Iterator[tuple]:
    """Batches as the model sees them: black and white where its law says so."""
    law = getattr(model.objective, "law", None)
    for start in range(0, len(items), batch):
        index = np.arange(start, min(start + batch, len(items)))
        part = items.ready({k: v.to(model.device) for k, v in items.fetch(index).items()})
        x = part["image"] if law is None else law.observe(part["image"])
        yield x, part.get("label")
        if progress:
            progress(int(index[-1]) + 1, len(items))
