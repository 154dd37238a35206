"""Whether samples are copies of training items, and how many different ones there are.

A sample may lie close to the training set because it is typical, or blurred. So training items are always
set against held-out ones, which the model has not seen: samples of a model that has learnt no item by heart
lie as far from the ones as from the others.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from ganvas.metrics.distribution import Features
from ganvas.metrics.likelihood import Z95

SHUFFLES = 999
"""Of the test."""
LEVEL = 0.01
"""Rate at which a model that has not copied fails the test."""
RATE = 0.01
"""Share of held-out items that may count as copies."""
MATERIAL = 0.05
"""Share of copies, beyond that of held-out items, that matters."""
NEARER = 0.9
"""Distance ratio that matters though no single sample be clearly a copy. Measured on Fashion-MNIST's pixels:
.99 of fresh pictures, .86 to .89 of training pictures moved by up to a pixel, .77 to .9 of noisy ones."""
AROUND = 50
"""Neighbours that say how dense it is at a place, as in Carlini et al. 2023, sec. 4.2."""
MISSED = 7.0
"""Neighbours are looked up until a held-out one is missed with probability e^-7."""
MOST = 256
DRAWS = 20_000
FLOOR = 0.01
"""Of a typical distance; nearer is as near."""
ROWS_AT_ONCE = 1024


class Neighbours(NamedTuple):
    """The nearest, the nearest first."""

    distance: Float[np.ndarray, "n k"]
    which: Int[np.ndarray, "n k"]


@dataclass(frozen=True)
class Copying:
    """What one space says."""

    distance_ratio: float
    """Distance to the nearest training item over that to the nearest held-out one, in the geometric mean,
    over what it is where these two are shuffled: 1 where nothing is copied."""
    p: float
    """Of the test: how often shuffling gives so small a ratio."""
    nearness: float
    """Median distance of samples to the training set over that of held-out items to it."""
    copies: float
    """Share of samples that lie closer to a training item, as distances are there, than all but
    `error_rate` of held-out items do."""
    error_rate: float
    held_out: int
    """How many held-out items that rests on."""
    flagged: Int[np.ndarray, " f"]
    """The copies, the clearest first."""
    suspects: Int[np.ndarray, " n"]
    """All samples, in that order."""
    source: Int[np.ndarray, " n"]
    """The nearest training item of each sample."""

    def convicts(self, level: float = LEVEL) -> bool:
        """Whether it is sure, and matters."""
        matters = self.copies - self.error_rate >= MATERIAL or self.distance_ratio <= NEARER
        return self.p <= level and matters

    def clearest(self, count: int) -> Int[np.ndarray, " count"]:
        """Suspects to be shown: the clearest of each source, then more of the same ones."""
        _, first = np.unique(self.source[self.suspects], return_index=True)
        rest = np.delete(self.suspects, first)
        return np.concatenate([self.suspects[np.sort(first)], rest])[:count]

    @property
    def excess(self) -> tuple[float, float, float]:
        """Copies, less those that held-out items would be taken for; with its 95 % interval.

        The rate at which items as innocent as the m held-out ones fall below the j-th of these follows a
        Beta(j, m + 1 - j) law.
        """
        rank = round(self.error_rate * (self.held_out + 1))
        rate = np.random.default_rng(0).beta(rank, self.held_out + 1 - rank, DRAWS)
        share = np.random.default_rng(1).binomial(len(self.source), self.copies, DRAWS) / len(self.source)
        low, high = np.quantile(share - rate, [0.025, 0.975])
        value = self.copies - self.error_rate
        return max(0.0, value), max(0.0, float(low)), max(0.0, float(high))


def copying(samples: Features, training: Features, held_out: Features, seed: int = 0) -> Copying:
    """Compare samples with what was learnt from, by what was not.

    The test: under the hypothesis that samples do not depend on which items were trained on and which were
    held out, this label can be shuffled, so that `p` is exact whatever the model's quality; held-out items
    must come from where the training items do. A copy is what has d_1 / mean(d_2 .. d_51) among
    training items (Carlini et al. 2023, sec. 4.2) below the `RATE` quantile of held-out items' own.
    """
    samples, training, held_out = (_table(x) for x in (samples, training, held_out))
    near = nearest(samples, training, AROUND + 1)
    theirs = nearest(held_out, training, AROUND + 1)
    closeness, usual = _closeness(near), np.sort(_closeness(theirs))
    rank = max(1, math.floor(RATE * (len(usual) + 1)))
    flagged = closeness < usual[rank - 1]
    order = closeness.argsort(kind="stable")
    ratio, p = _shuffled(samples, training, held_out, seed)
    return Copying(
        distance_ratio=ratio,
        p=p,
        nearness=float(np.median(near.distance[:, 0]) / max(np.median(theirs.distance[:, 0]), 1e-12)),
        copies=float(flagged.mean()),
        error_rate=rank / (len(usual) + 1),
        held_out=len(usual),
        flagged=order[: int(flagged.sum())],
        suspects=order,
        source=near.which[:, 0],
    )


def nearest(x: Features, among: Features, k: int, *, same: bool = False) -> Neighbours:
    """The `k` nearest rows, or as many as there are; where both tables are the `same`, without itself."""
    x, among = torch.as_tensor(x, dtype=torch.float32), torch.as_tensor(among, dtype=torch.float32)
    k = min(k, len(among) - same)
    middle = among.mean(0)  # fp32 keeps more of small distances near the origin
    x, among = x - middle, among - middle
    length = among.square().sum(1)
    distances, indices = [], []
    for start in range(0, len(x), ROWS_AT_ONCE):
        rows = x[start : start + ROWS_AT_ONCE]
        squared = torch.addmm(length + rows.square().sum(1, keepdim=True), rows, among.T, alpha=-2)
        if same:
            squared[torch.arange(len(rows)), torch.arange(start, start + len(rows))] = math.inf
        index = squared.topk(k, dim=1, largest=False).indices
        distance = (rows[:, None] - among[index[:, :1]]).square().sum(2)  # of the very nearest, exactly
        found = squared.gather(1, index).clamp_(min=0)
        found[:, :1] = distance
        distances.append(found.sqrt())
        indices.append(index)
    return Neighbours(torch.cat(distances).numpy(), torch.cat(indices).numpy())


class Support(NamedTuple):
    """How many different items there are to be drawn."""

    duplicates: float
    """Share of samples with a double among the others: nearer than all but 1 % of real items have one."""
    pairs: int
    support: float
    """Birthday estimate, s (s - 1) / 2 pairs (Arora et al. 2018, sec. 3.1); without pairs its lower bound."""
    low: float
    high: float | None
    """95 % interval; no upper end where too few pairs were found."""


def support(samples: Features, real: Features) -> tuple[Support, Support]:
    """Of the samples, and by the same measure of the real items, which should be as many."""
    real = _table(real)
    within = nearest(real, real, 1, same=True).distance[:, 0]
    reach = float(np.quantile(within, RATE))
    return _support(_table(samples), reach), _support(real, reach)


def _support(x: torch.Tensor, reach: float) -> Support:
    x = x - x.mean(0)
    length = x.square().sum(1)
    doubles = []
    for start in range(0, len(x), ROWS_AT_ONCE):
        rows = x[start : start + ROWS_AT_ONCE]
        squared = torch.addmm(length + rows.square().sum(1, keepdim=True), rows, x.T, alpha=-2)
        doubles.append((squared <= reach**2).sum(1) - 1)  # without itself
    found = torch.cat(doubles).clamp(min=0)
    pairs, all_pairs = int(found.sum()) // 2, len(x) * (len(x) - 1) / 2
    spread = Z95 * math.sqrt(pairs)
    high = all_pairs / (pairs - spread) if pairs > 10 else None
    low = all_pairs / (pairs + spread) if pairs else all_pairs / 3  # e^-3 = 5 %: none where three are due
    return Support((found > 0).double().mean().item(), pairs, all_pairs / pairs if pairs else low, low, high)


def _table(x: Features) -> torch.Tensor:
    return torch.as_tensor(x, dtype=torch.float32)


def _closeness(near: Neighbours) -> Float[np.ndarray, " n"]:
    around = near.distance[:, 1:].mean(1) if near.distance.shape[1] > 1 else np.ones(len(near.distance))
    return near.distance[:, 0] / np.maximum(around, 1e-12)


def _shuffled(
    samples: torch.Tensor, training: torch.Tensor, held_out: torch.Tensor, seed: int
) -> tuple[float, float]:
    """The ratio, and how often it is as small where training and held-out items are shuffled."""
    n, m = len(training), len(held_out)
    k = min(n + m, MOST, math.ceil(MISSED * (n + m) / m) + 1)
    near = nearest(samples, torch.cat([training, held_out]), k)
    floor = FLOOR * float(np.median(near.distance[:, 0])) or 1e-12
    log = np.log(near.distance + floor)
    kept = np.arange(n + m) >= n
    found = _log_ratio(log, kept[near.which])
    rng = np.random.default_rng(seed)
    others = np.array([_log_ratio(log, rng.permutation(kept)[near.which]) for _ in range(SHUFFLES)])
    return math.exp(found - others.mean()), (1 + int((others <= found).sum())) / (1 + SHUFFLES)


def _log_ratio(log: Float[np.ndarray, "n k"], kept: Bool[np.ndarray, "n k"]) -> float:
    """Mean of log d(training) - log d(held out); what is not among the k nearest is as far as the last."""
    one = np.arange(len(log))
    last = log.shape[1] - 1
    of_kept = np.where(kept.any(1), kept.argmax(1), last)
    of_trained = np.where(kept.all(1), last, (~kept).argmax(1))
    return float((log[one, of_trained] - log[one, of_kept]).mean())
