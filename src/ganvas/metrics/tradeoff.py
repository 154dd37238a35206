"""Quality against diversity as a curve over temperature, and whether a model lies beyond another's curve.

"Language GANs Falling Short" (Caccia et al. 2020): a lower temperature buys quality for diversity, so that
one figure of a model says nothing; a model is better only where it has more quality at equal diversity.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

ROUNDS = 4_000
"""Draws of all means, by which the intervals are made."""
LEVEL = 0.05

Items = Float[np.ndarray, " item"]


@dataclass(frozen=True)
class Point:
    """A model at a temperature, by samples. Items are independent."""

    temperature: float | None
    """None: real text."""
    alike: Items
    """Of each sample how alike it is to the others: the less, the more diverse the samples are."""
    quality: Items

    @property
    def place(self) -> Float[np.ndarray, " 2"]:
        return np.array([self.alike.mean(), self.quality.mean()])

    def draws(self, rng: np.random.Generator) -> Float[np.ndarray, "round 2"]:
        """Where it might lie, by chance in its samples: normal, with the covariance of both means."""
        spread = np.cov(self.alike, self.quality) / len(self.alike)
        return rng.multivariate_normal(self.place, spread, ROUNDS)


@dataclass(frozen=True)
class Match:
    """A point beside a curve, at equal diversity."""

    temperature: float
    """At which the curve is as diverse as the point."""
    low: float
    high: float
    """Its 95 % interval."""
    excess: float
    """The point's quality, less that of the curve."""
    excess_low: float
    excess_high: float
    """Its interval; of `everywhere` the one that holds for all points at once."""

    @property
    def sign(self) -> int:
        """1: better, -1: worse, 0: neither can be said."""
        return int(self.excess_low > 0) - int(self.excess_high < 0)


def match(point: Point, curve: Sequence[Point], level: float = LEVEL, seed: int = 0) -> Match | None:
    """None where the curve is nowhere as diverse, or nowhere as little, as the point.

    The curve is a straight line from each temperature to the next. Intervals are of draws of all points; one
    that leaves the curve's range is taken to its end.
    """
    curve = sorted(curve, key=lambda p: -(p.temperature or 0))
    places = np.array([p.place for p in curve])
    if not places[:, 0].min() <= point.place[0] <= places[:, 0].max():
        return None
    rng = np.random.default_rng(seed)
    theirs = np.stack([p.draws(rng) for p in curve], 1)
    ours = point.draws(rng)
    warm = np.array([p.temperature for p in curve], float)
    found = _at(np.array([point.place, *ours]), np.array([places, *theirs]), warm)
    low, high = np.percentile(found[1:], [50 * level, 100 - 50 * level], axis=0)
    return Match(found[0, 0], low[0], high[0], found[0, 1], low[1], high[1])


def _at(
    point: Float[np.ndarray, "n 2"], places: Float[np.ndarray, "n point 2"], warm: Float[np.ndarray, " point"]
) -> Float[np.ndarray, "n 2"]:
    """The temperature at equal diversity, and the excess. Colder is more alike, but for chance."""
    rows = np.arange(len(point))
    alike = np.maximum.accumulate(places[:, :, 0], axis=1)
    x = point[:, 0].clip(alike[:, 0], alike[:, -1])
    above = (alike < x[:, None]).sum(1).clip(1, len(warm) - 1)
    low, high = alike[rows, above - 1], alike[rows, above]
    share = np.divide(x - low, high - low, out=np.zeros_like(x), where=high > low)
    quality = places[:, :, 1]
    there = quality[rows, above - 1] + share * (quality[rows, above] - quality[rows, above - 1])
    heat = warm[above - 1] + share * (warm[above] - warm[above - 1])
    return np.stack([heat, point[:, 1] - there], 1)


def everywhere(points: Sequence[Point], curve: Sequence[Point], seed: int = 0) -> list[Match | None]:
    """Of each point, with intervals of the excess that hold for all at once (Bonferroni 1936)."""
    return [match(point, curve, LEVEL / len(points), seed + k) for k, point in enumerate(points)]
