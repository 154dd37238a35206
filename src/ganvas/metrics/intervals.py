"""The figures of two sets of feature vectors, and how far chance moves them."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ganvas.metrics.distribution import Features, frechet_distance, kernel_distance, prdc
from ganvas.metrics.gaussian import covariance
from ganvas.metrics.likelihood import Z95

K = 5
"""Neighbours, as Naeem et al. 2020 have it."""
ROUNDS = 16
"""Subsamples; their standard deviation is then known to 18 %."""
LARGEST = 1_000
"""Items in one, of the larger set; of both the same share is drawn."""
SHARES = ("precision", "recall", "coverage")


class Value(NamedTuple):
    """A figure and its 95 % interval, for chance in both sets."""

    value: float
    low: float
    high: float


def figures(real: Features, fake: Features, k: int = K) -> dict[str, float]:
    """fd (where both sets fill their dimensions), kd, precision, recall, density, coverage."""
    found = {"fd": frechet_distance(real, fake)} if fills(real, fake) else {}
    return found | _others(real, fake, k)


def fills(real: Features, fake: Features) -> bool:
    """Whether there are more items than dimensions, so that covariances can have full rank."""
    return min(len(real), len(fake)) > real.shape[1]


def judged(
    real: Features,
    fake: Features,
    k: int = K,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Value]:
    """Every figure with its interval: of fd by `frechet_error`, of the others by subsamples.

    The bootstrap with replacement would not do: items drawn twice are each other's nearest neighbours. Of b
    out of n items, drawn without replacement, a mean has the variance (1/b - 1/n) s^2, so that the standard
    error at n is the standard deviation over such draws times sqrt(b / (n - b)) (Efron 1982, ch. 8, of
    half-samples).
    """
    values = figures(real, fake, k)
    errors = {"fd": frechet_error(real, fake)} if "fd" in values else {}
    return {
        name: _interval(name, values[name], error)
        for name, error in (errors | _errors(real, fake, k, seed, progress)).items()
    }


def frechet_error(a: Features, b: Features) -> float:
    """Standard error of the Fréchet distance, by the infinitesimal jackknife (Efron 1982, ch. 6).

    An item x of `a` moves the distance by 2 (mu_a - mu_b).(x - mu_a) + (x - mu_a)' (1 - T) (x - mu_a), less
    its mean, over n; T = S_a^-1/2 (S_a^1/2 S_b S_a^1/2)^1/2 S_a^-1/2 maps the one Gaussian to the other, and
    its inverse stands for it in `b`. To first order it is what a bootstrap of endless rounds gives.
    """
    a, b = (torch.as_tensor(x).to("cpu", torch.float64) for x in (a, b))
    of_a, of_b = (torch.from_numpy(covariance(x.numpy())) for x in (a, b))
    dim = len(of_a)
    ridge = 1e-10 * (of_a.trace() + of_b.trace()) / dim  # a feature may be constant
    eye = torch.eye(dim, dtype=torch.float64)
    root = torch.linalg.cholesky(of_a + ridge * eye)
    values, vectors = torch.linalg.eigh(root.T @ (of_b + ridge * eye) @ root)
    middle = values.clamp(min=ridge**2).sqrt()
    half = torch.linalg.solve_triangular(root.T, vectors, upper=True)  # L^-T V
    forth, back = (half * middle) @ half.T, (root @ vectors / middle) @ (root @ vectors).T
    offset = 2 * (a.mean(0) - b.mean(0))
    moved = [_influence(a, offset, eye - forth), _influence(b, -offset, eye - back)]
    return math.sqrt(sum(x.var().item() / len(x) for x in moved))


def _influence(x: Tensor, offset: Tensor, bend: Tensor) -> Tensor:
    away = x - x.mean(0)
    return away @ offset + (away @ bend * away).sum(1)


def _errors(
    real: Features, fake: Features, k: int, seed: int, progress: Callable[[int, int], None]
) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    few, many = sorted((len(real), len(fake)))
    share = max(min(0.5, LARGEST / many), (k + 1) / few)
    draws = []
    for done in range(ROUNDS):
        drawn = [x[rng.permutation(len(x))[: round(share * len(x))]] for x in (real, fake)]
        draws.append(_others(drawn[0], drawn[1], k))
        progress(done + 1, ROUNDS)
    scale = math.sqrt(share / (1 - share))
    return {name: scale * float(np.std([draw[name] for draw in draws], ddof=1)) for name in draws[0]}


def _others(real: Features, fake: Features, k: int) -> dict[str, float]:
    return {"kd": kernel_distance(real, fake)} | prdc(real, fake, k)._asdict()


def _interval(name: str, value: float, error: float) -> Value:
    low, high = value - Z95 * error, value + Z95 * error
    if name != "kd":  # which is unbiased: below 0 as often as above it where the two sets are alike
        low = max(0.0, low)
    return Value(value, low, min(1.0, high) if name in SHARES else high)
