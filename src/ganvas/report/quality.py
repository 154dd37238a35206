"""How near samples are to real items while a training goes on; the nearest model is kept beside the last.

The figure is the energy distance (Székely & Rizzo 2013, eq. 5.1), of pictures at several scales: cheap, and
good enough to tell a model from a worse one of the same run. Real items are training items, so that
the held-out ones stay unseen for `ganvas evaluate`.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ganvas.core.data import Data
from ganvas.core.files import read_json, write_json
from ganvas.core.loop import Trainer
from ganvas.core.randomness import mixed
from ganvas.core.run import QUALITY, Run
from ganvas.core.turns import Objective
from ganvas.remedies.probe import probeable

ITEMS = {"image": 512, "points": 2048}
"""Samples, and real items, of a look."""
BURDEN = 5
"""A look goes about once forward through its samples, a step about 12 times through its batch: with so many
times samples / batch steps in between, looks take 2 % of the time."""
SIDE, SCALES = 32, 4
"""Pictures are seen at 32, 16, 8 and 4 pixels."""
SURE = 2.0
"""Standard errors by which a model must be nearer than the last for the user to be told."""


class Quality:
    """An observer of a training: takes the distance at intervals, writes best/ in the run's folder."""

    def __init__(self, looks: int):
        """`looks`: how many in a whole training, at most."""
        self._looks = looks
        self._real: list[Tensor] = []
        self._condition: dict[str, Tensor] = {}
        self._last, self._best = 0, float("inf")

    def started(self, trainer: Trainer) -> None:
        """Take up what was seen before the training was stopped."""
        lines = trainer.run.lines(QUALITY)
        self._last = lines[-1]["step"] if lines else 0
        try:
            self._best = read_json(best(trainer.run).model / "config.json")["quality"]["distance"]
        except (OSError, ValueError, KeyError):
            self._best = float("inf")

    def checked(self, trainer: Trainer, line: dict[str, Any]) -> None:
        """After each line of the log."""
        if not self._looks or not probeable(trainer.objective) or trainer.step == self._last:
            return
        kind: str = trainer.data.spec.kind  # pyright: ignore[reportAttributeAccessIssue]
        if trainer.step - self._last < self._every(trainer, kind) and trainer.step < trainer.total:
            return
        self._last = trainer.step
        with trainer.averaged() as objective:
            distance, error = self._distance(trainer, objective, kind)
        if not math.isfinite(distance):
            return
        found = {"quality/distance": distance, "quality/error": error}
        trainer.run.log({"step": trainer.step} | found, QUALITY)
        if distance < self._best:
            self._best = distance
            keep(trainer, distance=distance, error=error)

    def _every(self, trainer: Trainer, kind: str) -> int:
        least = BURDEN * ITEMS[kind] // trainer.settings.batch
        return max(trainer.total // self._looks, least, 1)

    def _distance(self, trainer: Trainer, objective: Objective, kind: str) -> tuple[float, float]:
        """Of fresh samples from the same latents as ever, to the same real items, and its standard error."""
        seed = mixed(trainer.seed, "quality")
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            if not self._real:
                self._take_real(trainer.data, kind, seed)
            generator = torch.Generator().manual_seed(seed)
            with trainer.precision():
                made = objective.sample(len(self._real[0]), generator=generator, **self._condition)
        return energy(scales(made), self._real)

    def _take_real(self, data: Data, kind: str, seed: int) -> None:
        """Once: the items, and the labels that samples get too."""
        chosen = np.random.default_rng(seed).choice(len(data), min(ITEMS[kind], len(data)), replace=False)
        batch = data.ready(data.fetch(np.sort(chosen)))
        self._real = scales(batch["image" if kind == "image" else "point"])
        self._condition = {"label": batch["label"]} if "label" in batch else {}


def scales(items: Float[Tensor, "n ..."]) -> list[Float[Tensor, "n values"]]:
    """Points as they are; of pictures the details at each scale, and what is left."""
    x = items.detach().float().cpu()
    if x.ndim != 4:
        return [x]
    x = F.adaptive_avg_pool2d(x, (min(SIDE, x.shape[2]), min(SIDE, x.shape[3])))
    found = []
    for _ in range(SCALES - 1):
        coarse = F.avg_pool2d(x, 2, ceil_mode=True)
        found.append(x - F.interpolate(coarse, x.shape[2:], mode="bilinear", align_corners=False))
        x = coarse
    return [part.flatten(1) for part in (*found, x)]


def energy(
    made: Sequence[Float[Tensor, "n values"]], real: Sequence[Float[Tensor, "m values"]]
) -> tuple[float, float]:
    """2 E|X - Y| - E|X - X'| - E|Y - Y'| as a share of 2 E|X - Y|, the mean over scales; its standard error.

    0: alike. Without bias, so that it falls on both sides of 0 where they are alike. The error is that of
    drawing other samples, by how much each of them contributes; the real items stay the same.
    """
    across = torch.stack([torch.cdist(x, y).mean(1) for x, y in zip(made, real, strict=True)])
    own = torch.stack([torch.cdist(x, x).sum(1) / (len(x) - 1) for x in made])
    within = torch.stack([torch.cdist(y, y).sum() / (len(y) * (len(y) - 1)) for y in real])
    scale = 2 * across.mean(1)
    value = (1 - (own.mean(1) + within) / scale).mean()
    influence = (2 * (across - own) / scale[:, None]).mean(0)
    return value.item(), (influence.std() / len(influence) ** 0.5).item()


def keep(trainer: Trainer, **figures: float) -> None:
    """The model as it is now, as a run of its own in best/, with what speaks for it."""
    run = best(trainer.run)
    trainer.write_model(run, quality=figures)
    if not (run.path / "recipe.json").exists():
        write_json(run.path / "recipe.json", trainer.run.record)


def best(run: Run) -> Run:
    return Run(run.path / "best")


def sentence(run: Run) -> str | None:
    """Where an earlier model was nearer than the last one by more than chance."""
    lines = run.lines(QUALITY)
    if not lines:
        return None
    nearest, last = min(lines, key=lambda x: x["quality/distance"]), lines[-1]
    near, end = nearest["quality/distance"], last["quality/distance"]
    if end - near <= SURE * math.hypot(nearest["quality/error"], last["quality/error"]):
        return None
    return (
        f"At step {nearest['step']:,} samples were nearer to the data (energy distance {near:.3f}, at the "
        f"end {end:.3f}): that model is in {best(run).path}."
    )
