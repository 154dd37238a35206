"""How far two sets of feature vectors are apart: Fréchet distance, kernel distance, precision and recall."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Features = Float[np.ndarray, "count dim"] | Float[Tensor, "count dim"]

SPARE = 4  # neighbours beyond the k-th that are measured exactly, for fp32 may confuse their order
PAIRS_AT_ONCE = 4096
MANY = 0.01  # of all pairs, beyond which all are measured again
ROWS_AT_ONCE = 1024  # of a distance matrix: 1024 x 50,000 in fp64 are 400 MB


def frechet_distance(a: Features, b: Features) -> float:
    """Distance between the Gaussians fitted to `a` and `b` (Heusel et al. 2017, eq. 6).

    |mu_a - mu_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)), with unbiased covariances, in fp64. Biased upwards
    for small sets: compare only figures made with equal counts.
    """
    a, b = _pair(a, b)
    sigma_a, sigma_b = torch.atleast_2d(torch.cov(a.T)), torch.atleast_2d(torch.cov(b.T))
    offset = (a.mean(0) - b.mean(0)).square().sum()
    distance = offset + sigma_a.trace() + sigma_b.trace() - 2 * _trace_of_root(sigma_a, sigma_b)
    return max(0.0, distance.item())


def kernel_distance(a: Features, b: Features) -> float:
    """Unbiased squared MMD with the kernel (x.y / dim + 1)^3 on full sets (Binkowski et al. 2018, sec. 4).

    Being unbiased, it falls on both sides of zero when the two sets have one distribution.
    """
    a, b = _pair(a, b)
    return (_mean_kernel(a, a, same=True) + _mean_kernel(b, b, same=True) - 2 * _mean_kernel(a, b)).item()


def kernel_distance_blocks(
    a: Features, b: Features, size: int = 1000, blocks: int = 100, seed: int = 0
) -> tuple[float, float]:
    """Mean and standard deviation of the kernel distance over random blocks, as most papers print it."""
    a, b = _pair(a, b)
    size = min(size, len(a), len(b))
    rng = torch.Generator().manual_seed(seed)
    draws = [
        kernel_distance(
            a[torch.randperm(len(a), generator=rng)[:size]], b[torch.randperm(len(b), generator=rng)[:size]]
        )
        for _ in range(blocks)
    ]
    return float(np.mean(draws)), float(np.std(draws))


class Nearest(NamedTuple):
    """Neighbours, the nearest first."""

    values: Float[Tensor, "n k"]
    indices: Int[Tensor, "n k"]


class Prdc(NamedTuple):
    """Precision, recall (Kynkäänniemi 2019, eq. 1), density and coverage (Naeem 2020, eqs. 4 and 5)."""

    precision: float
    recall: float
    density: float
    coverage: float


def prdc(real: Features, fake: Features, k: int = 5) -> Prdc:
    """Fidelity and variety by balls that reach each point's `k`-th nearest neighbour in its own set.

    Precision: share of fakes inside a real ball. Recall: share of reals inside a fake ball. Density: real
    balls around a fake, over k. Coverage: share of real balls that hold a fake. Inside: strictly nearer.
    """
    real, fake = _pair(real, fake)
    if min(len(real), len(fake)) <= k:
        raise ValueError(f"k={k} neighbours need more than {k} items; real has {len(real)}, fake {len(fake)}")
    real, fake = real - real.mean(0), fake - real.mean(0)  # near the origin fp32 keeps more of a distance
    real_balls, fake_balls = _Balls(real, k), _Balls(fake, k)
    in_real_balls = torch.zeros(len(fake), dtype=torch.int64)
    recalled, covered = 0, 0
    for start in range(0, len(real), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        distance = _squared_distance(real_balls.rough[rows], fake_balls.rough)
        inside = real_balls.hold(fake_balls, distance.T, rows, slice(None)).T
        in_real_balls += inside.sum(0)
        covered += int(inside.any(1).sum())
        recalled += int(fake_balls.hold(real_balls, distance, slice(None), rows).any(1).sum())
    return Prdc(
        precision=(in_real_balls > 0).double().mean().item(),
        recall=recalled / len(real),
        density=in_real_balls.double().mean().item() / k,
        coverage=covered / len(real),
    )


def _pair(a: Features, b: Features) -> tuple[Tensor, Tensor]:
    a, b = (torch.as_tensor(x).detach().to("cpu", torch.float64) for x in (a, b))
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(
            f"two tables with equally many columns are needed, not {tuple(a.shape)} and {tuple(b.shape)}"
        )
    if min(len(a), len(b)) < 2:
        raise ValueError(f"each set needs at least 2 items; got {len(a)} and {len(b)}")
    if not (a.isfinite().all() and b.isfinite().all()):
        raise ValueError("the features hold NaN or infinite values")
    return a, b


def _trace_of_root(a: Tensor, b: Tensor) -> Tensor:
    """tr (a b)^(1/2) of two covariances: a b has the eigenvalues of r' b r for any root r r' = a."""
    root, failed = torch.linalg.cholesky_ex(a)
    if failed:  # fewer items than dimensions, or a constant feature
        values, vectors = torch.linalg.eigh(a)
        root = vectors * values.clamp(min=0).sqrt()
    product = root.T @ b @ root
    return torch.linalg.eigvalsh((product + product.T) / 2).clamp(min=0).sqrt().sum()


def _mean_kernel(a: Tensor, b: Tensor, *, same: bool = False) -> Tensor:
    """Mean of the cubic kernel over all pairs; of one set, without the pairs of an item with itself."""

    def kernel(dot: Tensor) -> Tensor:
        return (dot / a.shape[1] + 1) ** 3

    total = torch.stack([kernel(rows @ b.T).sum() for rows in a.split(ROWS_AT_ONCE)]).sum()
    if same:
        return (total - kernel(a.square().sum(1)).sum()) / (len(a) * (len(a) - 1))
    return total / (len(a) * len(b))


def _squared_distance(a: Tensor, b: Tensor) -> Tensor:
    return torch.addmm(b.square().sum(1) + a.square().sum(1, keepdim=True), a, b.T, alpha=-2)


class _Balls:
    """Around each row, to its k-th nearest neighbour (the nearest of all is the row itself).

    Distances are taken in fp32, which is twice as fast, and in fp64 where that leaves a doubt.
    """

    def __init__(self, x: Tensor, k: int):
        self.x, self.rough, self.k = x, x.float(), k
        self.near = _neighbours(self.rough, min(len(x), k + 1 + SPARE))
        self.doubt = _doubt(x, x)

    def hold(
        self, other: "_Balls", distance: Tensor, mine: slice, theirs: slice
    ) -> Bool[Tensor, "other mine"]:
        """Whether each of the other rows lies inside each ball, by these rough squared distances."""
        beyond = distance - self.near.values[mine, self.k]
        found, unsure = beyond < 0, beyond.abs_() <= self.doubt + _doubt(self.x, other.x)
        count = int(unsure.sum())
        if not count:
            return found
        balls = torch.nonzero(unsure.any(0))[:, 0]
        centre, reach = self.x[mine][balls], self.radius(balls + (mine.start or 0))
        if count > MANY * unsure.numel():
            found[:, balls] = _squared_distance(other.x[theirs], centre) < reach
            return found
        place = torch.empty(len(unsure[0]), dtype=torch.int64)
        place[balls] = torch.arange(len(balls))
        i, j = torch.nonzero(unsure, as_tuple=True)
        for rows, columns in zip(i.split(PAIRS_AT_ONCE), j.split(PAIRS_AT_ONCE), strict=True):
            at = place[columns]
            exact = (other.x[theirs][rows] - centre[at]).square().sum(1)
            found[rows, columns] = exact < reach[at]
        return found

    def radius(self, rows: Tensor) -> Tensor:
        """Squared, in fp64."""
        values, which = (found[rows] for found in self.near)
        parts = zip(rows.split(64), which.split(64), strict=True)
        exact = torch.cat([(self.x[r][:, None] - self.x[w]).square().sum(2) for r, w in parts])
        found = exact.kthvalue(self.k + 1, dim=1).values
        unsure = found + self.doubt >= values[:, -1]  # one that was not measured might be nearer
        for some in torch.nonzero(unsure)[:, 0].split(ROWS_AT_ONCE):
            distance = _squared_distance(self.x[rows[some]], self.x)
            found[some] = distance.kthvalue(self.k + 1, dim=1).values.clamp(min=0)
        return found


def _doubt(a: Tensor, b: Tensor) -> float:
    """More than fp32 can be wrong by: rounding errors of a long sum grow as the root of its length."""
    largest = a.square().sum(1).max() + b.square().sum(1).max()
    return float(largest) * 2**-22 * max(4.0, a.shape[1] ** 0.5 / 4)


def _neighbours(x: Tensor, k: int) -> Nearest:
    """Of each row, itself among them; every pair is measured once."""
    blocks = [*range(0, len(x), ROWS_AT_ONCE)]
    values = torch.full((len(x), k), torch.inf, dtype=x.dtype)
    indices = torch.zeros(len(x), k, dtype=torch.int64)

    def merge(start: int, distance: Tensor, first: int) -> None:
        rows = slice(start, start + len(distance))
        near = distance.topk(min(k, distance.shape[1]), dim=1, largest=False)
        both = torch.cat([values[rows], near.values], 1)
        values[rows], at = both.topk(k, dim=1, largest=False)
        indices[rows] = torch.cat([indices[rows], near.indices + first], 1).gather(1, at)

    for n, a in enumerate(blocks):
        for b in blocks[n:]:
            distance = _squared_distance(x[a : a + ROWS_AT_ONCE], x[b : b + ROWS_AT_ONCE])
            merge(a, distance, b)
            if a != b:
                merge(b, distance.T.contiguous(), a)
    return Nearest(values, indices)
