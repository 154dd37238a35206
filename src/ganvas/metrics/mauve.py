"""How far two sets of vectors are apart, as MAUVE has it: by their shares of the same cells."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ganvas.metrics.likelihood import Z95

SCALE = 5.0
"""c of the divergence curve (Pillutla et al. 2021, sec. 3)."""
MIXTURES = np.linspace(1e-6, 1 - 1e-6, 25)
SHARE = 10
"""Items of a set for each cell, as the authors' package has it."""
TURNS, STARTS = 100, 4
ROUNDS = 200
"""Of the bootstrap."""

Law = Float[np.ndarray, " cell"]
Vectors = Float[np.ndarray, "n dim"]


class Value(NamedTuple):
    """The area, its 95 % interval, and how many cells there were."""

    value: float
    low: float
    high: float
    cells: int


def mauve(ours: Vectors, real: Vectors, seed: int = 0) -> Value:
    """Area under the divergence curve of the two histograms over the cells of a k-means of all vectors
    (Pillutla et al. 2021): 1 for equal laws, towards 0 where they share no cell.

    Compare only what was made with equal counts: few items in many cells look apart, so that equal laws get
    less than 1. The interval is normal, with the standard error of the bootstrap of both histograms, cells
    kept (Efron 1979).
    """
    cells = max(2, round(min(len(ours), len(real)) / SHARE))
    label = clusters(np.concatenate([ours, real]), cells, seed)
    counts = [np.bincount(part, minlength=cells) for part in (label[: len(ours)], label[len(ours) :])]
    laws = [count / count.sum() for count in counts]
    value, rng = area(curve(*laws)), np.random.default_rng(seed)
    sizes = (len(ours), len(real))
    ps, qs = (rng.multinomial(n, law, ROUNDS) / n for n, law in zip(sizes, laws, strict=True))
    error = Z95 * float(np.std([area(curve(p, q)) for p, q in zip(ps, qs, strict=True)]))
    return Value(value, max(0.0, value - error), min(1.0, value + error), cells)


def curve(p: Law, q: Law, scale: float = SCALE) -> Float[np.ndarray, "point 2"]:
    """(exp -c KL(q | r), exp -c KL(p | r)) for mixtures r = w p + (1 - w) q, from (1, 0) to (0, 1)."""
    rows = [(1.0, 0.0)]
    for w in MIXTURES:
        r = w * p + (1 - w) * q
        rows.append((float(np.exp(-scale * kl(q, r))), float(np.exp(-scale * kl(p, r)))))
    return np.array([*rows, (0.0, 1.0)])


def area(points: Float[np.ndarray, "point 2"]) -> float:
    """Under the curve, by trapezoids: the mean of both ways to look at it."""
    x, y = points.T
    return float((_under(x, y) + _under(y, x)) / 2)


def _under(x: np.ndarray, y: np.ndarray) -> float:
    order = np.argsort(x, kind="stable")
    return abs(float(np.trapezoid(y[order], x[order])))


def kl(p: Law, q: Law) -> float:
    """sum p log p / q in nats; what p does not have counts nothing."""
    some = p > 0
    return float((p[some] * np.log(p[some] / q[some])).sum())


def clusters(x: Vectors, cells: int, seed: int = 0) -> Int[np.ndarray, " n"]:
    """The cell of each, by k-means from k-means++ starts (Arthur & Vassilvitskii 2007), the best of a few."""
    rng, x = np.random.default_rng(seed), np.asarray(x, np.float64)
    found = [_settled(x, _spread(x, cells, rng)) for _ in range(STARTS)]
    return min(found, key=lambda one: one[1])[0]


def _spread(x: Vectors, cells: int, rng: np.random.Generator) -> Vectors:
    """Centres, each drawn by its squared distance to the nearest one before."""
    centres = [x[rng.integers(len(x))]]
    nearest = np.full(len(x), np.inf)
    while len(centres) < cells:
        nearest = np.minimum(nearest, ((x - centres[-1]) ** 2).sum(1))
        total = nearest.sum()
        p = nearest / total if total > 0 else np.full(len(x), 1 / len(x))
        centres.append(x[rng.choice(len(x), p=p)])
    return np.array(centres)


def _settled(x: Vectors, centres: Vectors) -> tuple[Int[np.ndarray, " n"], float]:
    """Lloyd's turns until no item moves: cells, and squared distances in all."""
    label = np.full(len(x), -1)
    for _ in range(TURNS):
        far = (x**2).sum(1)[:, None] - 2 * x @ centres.T + (centres**2).sum(1)
        new = far.argmin(1)
        if (new == label).all():
            break
        label = new
        counts = np.bincount(label, minlength=len(centres))
        sums = np.zeros_like(centres)
        np.add.at(sums, label, x)
        centres = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres)
    return label, float(((x - centres[label]) ** 2).sum())
