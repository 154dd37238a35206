"""What the doctor's rules see: check-ups of a training, and what a rule says of them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ganvas.remedies.advice import Change

PROBE = "probe/"
"""What stands before the figures of a probe; the others are the log's."""
SLIGHT = 0.02
"""An energy distance between samples and real items, of 1, that needs no help."""


@dataclass(frozen=True)
class Checkup:
    """One look at a training. As JSON, a line of `checkups.jsonl`."""

    step: int
    total: int
    figures: dict[str, float]
    """Means of the log since the last check-up, and `probe/...` figures of the model as it is."""
    cells: tuple[int, ...] = ()
    """For each fixed latent, in which cell of the real items its sample falls (see `probe`)."""
    marks: tuple[float, ...] = ()
    """A few coordinates of the first of these samples, in spreads of the real items."""

    @property
    def decayed(self) -> bool:
        """Whether what makes samples rests, or the learning rates have come down to less than a tenth of
        their largest."""
        return "referee" in self.figures or self.figures.get("rate", 1.0) < 0.1

    def line(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "total": self.total,
            "figures": self.figures,
            "cells": list(self.cells),
            "marks": list(self.marks),
        }

    @classmethod
    def of(cls, line: dict[str, Any]) -> "Checkup":
        cells, marks = tuple(line.get("cells", ())), tuple(line.get("marks", ()))
        return cls(line["step"], line["total"], line["figures"], cells, marks)


@dataclass(frozen=True)
class Finding:
    """What a rule found."""

    name: str
    said: str
    """A sentence with the evidence in it."""
    since: int
    """The step at which it was first to be seen."""
    advice: str
    """In words; what to change in the settings is in `tries`."""
    evidence: dict[str, float] = field(default_factory=dict)
    tries: tuple[Change, ...] = ()


Rule = Callable[[Sequence[Checkup]], Finding | None]
"""Sees all check-ups so far, the newest last."""


def series(seen: Sequence[Checkup], name: str) -> list[tuple[int, float]]:
    """Step and value of a figure, wherever it was taken."""
    return [(c.step, c.figures[name]) for c in seen if name in c.figures]


def streak(
    values: Sequence[tuple[int, float]], bad: Callable[[float], bool], least: int
) -> list[tuple[int, float]]:
    """The unbroken row of bad values at the end; empty where it is shorter than `least`."""
    row: list[tuple[int, float]] = []
    for step, value in reversed(values):
        if not bad(value):
            break
        row.insert(0, (step, value))
    return row if len(row) >= least else []


def median(values: Sequence[float]) -> float:
    finite = sorted(v for v in values if math.isfinite(v))
    return finite[len(finite) // 2] if finite else math.nan


def approaching(values: Sequence[float]) -> bool:
    """Whether the middle one of the last three is less than 3/4 of that of the three before."""
    return len(values) >= 6 and median(values[-3:]) < 0.75 * median(values[-6:-3])


def players(seen: Sequence[Checkup]) -> list[str]:
    """Who has gradients in the log."""
    return sorted({k.removesuffix("/grad_norm") for c in seen for k in c.figures if k.endswith("/grad_norm")})
