"""What seeds say of a difference: means with intervals, paired differences, tests, failure rates."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

ROUNDS = 20_000
"""Bootstrap samples, and sign flips where there are too many to take all."""
LEVEL = 0.95
FEWEST = 5
"""Paired seeds, below which nothing is said to differ: by chance all of four agree one time in eight."""
ALL_FLIPS = 14
"""Differences up to which every pattern of signs is tried."""
HIGHER = frozenset({"precision", "recall", "density", "coverage", "modes", "high_quality"})
"""Figures of which more is better; of all others, less."""


@dataclass(frozen=True)
class Interval:
    """Of a mean over seeds."""

    low: float
    high: float
    level: float
    """How often such an interval holds the true mean."""


def interval(values: Sequence[float], seed: int = 0) -> Interval | None:
    """Bootstrap interval of the mean, by percentiles that are moved outwards for few values.

    A plain percentile interval is too narrow by sqrt((n - 1) / n), and normal where it should be Student's:
    its percentiles are taken at Phi(-t sqrt(n / (n - 1))), as Hesterberg 2015 expands it. Means of resamples
    never leave the range of the values, which holds the centre of a symmetric law in 1 - 2^(1-n) of cases: up
    to five values the range is given, with that level. None for fewer than two values.
    """
    x = np.asarray(values, np.float64)
    n = len(x)
    if n < 2:
        return None
    if n <= FEWEST:
        return Interval(float(x.min()), float(x.max()), 1 - 2.0 ** (1 - n))
    tail = normal_cdf(-student_quantile((1 + LEVEL) / 2, n - 1) * math.sqrt(n / (n - 1)))
    means = np.random.default_rng(seed).choice(x, (ROUNDS, n)).mean(1)
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(low), float(high), LEVEL)


def normal_cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def student_quantile(p: float, df: int) -> float:
    """Of Student's t with `df` degrees of freedom, for p > 1/2, by Simpson's rule and bisection."""
    scale = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(df * math.pi)

    def mass(t: float) -> float:
        x = np.linspace(0, t, 2_001)
        f = (1 + x * x / df) ** (-(df + 1) / 2)
        return 0.5 + scale * t / 6_000 * float(f[0] + f[-1] + 4 * f[1::2].sum() + 2 * f[2:-1:2].sum())

    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if mass(middle) < p else (low, middle)
    return (low + high) / 2


def sign_flip(differences: Sequence[float], seed: int = 0) -> float:
    """Two-sided p of a mean difference at least so far from 0, were each sign as likely as the other.

    Exact up to 14 differences; its smallest value is 2 / 2^n.
    """
    x = np.asarray(differences, np.float64)
    n = len(x)
    found = abs(x.mean()) * (1 - 1e-12)
    if n <= ALL_FLIPS:
        signs = np.array([*product((1.0, -1.0), repeat=n)])
        return float((abs(signs @ x / n) >= found).mean())
    signs = np.random.default_rng(seed).choice((1.0, -1.0), (ROUNDS, n))
    return float((1 + (abs(signs @ x / n) >= found).sum()) / (1 + ROUNDS))


def holm(ps: Sequence[float]) -> list[float]:
    """The same p-values, for all being looked at together (Holm 1979)."""
    adjusted, largest = [0.0] * len(ps), 0.0
    for rank, k in enumerate(sorted(range(len(ps)), key=lambda k: ps[k])):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[k]))
        adjusted[k] = largest
    return adjusted


def seeds_needed(comparisons: int) -> int:
    """Seeds from which on a sign-flip test can stand Holm's correction for so many comparisons."""
    return math.ceil(math.log2(2 * comparisons / (1 - LEVEL)))


def wilson(failed: int, of: int) -> tuple[float, float]:
    """95 % interval of a rate (Wilson 1927)."""
    z2 = 1.959964**2
    centre = (failed + z2 / 2) / (of + z2)
    margin = math.sqrt(z2 * (failed * (of - failed) / of + z2 / 4)) / (of + z2)
    return max(0.0, centre - margin), min(1.0, centre + margin)


@dataclass(frozen=True)
class Pair:
    """Two variants in one figure, seed by seed. Positive differences: the first one is better."""

    first: str
    second: str
    figure: str
    seeds: tuple[int, ...]
    """Those at which both have the figure."""
    difference: float
    """Mean."""
    interval: Interval | None
    wins: int
    """Seeds at which the first one is better."""
    p: float

    @property
    def differs(self) -> bool:
        """Whether the interval of the difference leaves 0 out, over seeds enough to say so."""
        if self.interval is None or len(self.seeds) < FEWEST:
            return False
        return self.interval.low > 0 or self.interval.high < 0


def paired(
    first: str, second: str, figure: str, a: Mapping[int, float], b: Mapping[int, float]
) -> Pair | None:
    """Of the values at each seed; None where they have no seed in common."""
    seeds = tuple(sorted(a.keys() & b.keys()))
    if not seeds:
        return None
    sign = 1 if figure in HIGHER else -1
    x = [sign * (a[s] - b[s]) for s in seeds]
    wins = sum(d > 0 for d in x)
    return Pair(first, second, figure, seeds, float(np.mean(x)), interval(x), wins, sign_flip(x))
