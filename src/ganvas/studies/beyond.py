"""Curves over temperature of two likelihoods, seed by seed: does one lie beyond the other?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ganvas.studies.compare import LEVEL, student_quantile

Curve = Sequence[Sequence[float]]
"""Rows of temperature, nats a token of samples under the truth, nats a token of the truth under the model."""
OWN = 1.0


@dataclass(frozen=True)
class Mean:
    """Over seeds, with its interval; none of one seed."""

    value: float
    margin: float | None

    @property
    def told(self) -> str:
        return f"{self.value:.3f}" + ("" if self.margin is None else f" ± {self.margin:.3f}")

    @property
    def above(self) -> bool:
        """Whether the interval leaves all up to 0 out."""
        return self.margin is not None and self.value > self.margin


def mean(values: Sequence[float], looks: int = 1) -> Mean:
    """Student's interval; of `looks` such ones all hold at once in 95 of 100 cases (Bonferroni)."""
    x = np.asarray(values, float)
    if len(x) < 2:
        return Mean(float(x.mean()), None)
    quantile = student_quantile(1 - (1 - LEVEL) / (2 * looks), len(x) - 1)
    return Mean(float(x.mean()), quantile * float(x.std(ddof=1)) / len(x) ** 0.5)


def _sorted(curve: Curve) -> np.ndarray:
    """Columns, from the coldest on. Warmer samples are worse, but for chance."""
    warm, forth, back = np.array(sorted(tuple(row) for row in curve)).T
    return np.stack([warm, np.maximum.accumulate(forth), back])


def gap(point: Sequence[float], curve: Curve) -> float | None:
    """By how much less a point's second likelihood is than the curve's where the first is equal; None where
    the curve does not come to it."""
    _, forth, back = _sorted(curve)
    if not forth[0] <= point[1] <= forth[-1]:
        return None
    return float(np.interp(point[1], forth, back) - point[2])


def equal(point: Sequence[float], curve: Curve) -> float | None:
    """The temperature at which the curve's samples are as good as the point."""
    warm, forth, _ = _sorted(curve)
    return float(np.interp(point[1], forth, warm)) if forth[0] <= point[1] <= forth[-1] else None


def verdicts(name: str, other: str, ours: Mapping[int, Curve], theirs: Mapping[int, Curve]) -> list[str]:
    """Two sentences: what temperature the model equals, and whether it lies beyond the curve anywhere."""
    seeds = sorted(ours.keys() & theirs.keys())
    if not seeds:
        return []
    temperatures = [row[0] for row in ours[seeds[0]]]
    k = temperatures.index(OWN)
    warm = [t for s in seeds if (t := equal(ours[s][k], theirs[s])) is not None]
    found: dict[float, list[float]] = {}
    for place, temperature in enumerate(temperatures):
        gaps = [gap(ours[s][place], theirs[s]) for s in seeds]
        if all(g is not None for g in gaps):
            found[temperature] = [g for g in gaps if g is not None]
    if len(warm) < len(seeds) or OWN not in found:
        return [f"{name} lies outside the curve of {other}: no temperature there gives samples as good."]
    at, margins = mean(warm), {t: mean(gaps, len(found)) for t, gaps in found.items()}
    own = mean(found[OWN])
    side = "fewer" if own.value > 0 else "more"
    first = (
        f"By the quality of its samples {name} equals {other} at temperature {at.told}, where it needs "
        f"{Mean(abs(own.value), own.margin).told} nats {side} for each token of the oracle's sequences."
    )
    beyond = [t for t, m in margins.items() if m.above]
    if len(seeds) < 2:
        last = "With one seed nothing can be said of whether it lies beyond that curve."
    elif beyond:
        best = max(beyond, key=lambda t: margins[t].value)
        last = (
            f"It lies beyond that curve, outside the intervals, at {len(beyond)} of {len(margins)} "
            f"temperatures: at {best:g} by {margins[best].told} nats a token."
        )
    else:
        best = max(margins, key=lambda t: margins[t].value)
        last = (
            f"Nowhere does it lie beyond that curve, outside the intervals ({len(seeds)} seeds); it comes "
            f"nearest to that at {best:g}, by {margins[best].told} nats a token."
        )
    return [f"{first} {last}"]
