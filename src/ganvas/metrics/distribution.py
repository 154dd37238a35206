"""How far two sets of feature vectors are apart: Fréchet distance, kernel distance, precision and recall."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ganvas.metrics.gaussian import covariances, trace_of_root
from ganvas.metrics.neighbours import Balls, Held, blocks

Features = Float[np.ndarray, "count dim"] | Float[Tensor, "count dim"]

ROWS_AT_ONCE = 1024  # of a distance matrix: 1024 x 50,000 in fp64 are 400 MB


def frechet_distance(a: Features, b: Features) -> float:
    """Distance between the Gaussians fitted to `a` and `b` (Heusel et al. 2017, eq. 6).

    |mu_a - mu_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)), with unbiased covariances. Biased upwards for small
    sets: compare only figures made with equal counts.
    """
    a, b = _checked(a, b)
    of_a, of_b = covariances(a, b)
    offset = a.mean(0, dtype=np.float64) - b.mean(0, dtype=np.float64)
    distance = offset @ offset + np.trace(of_a) + np.trace(of_b) - 2 * trace_of_root(of_a, of_b)
    return max(0.0, float(distance))


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
    of_real, of_fake = Balls(real, k), Balls(fake, k)
    fakes, reals = Held(of_real, of_fake), Held(of_fake, of_real)
    for mine in blocks(len(real)):
        for theirs in blocks(len(fake)):
            distance = of_real.distances(of_fake, mine, theirs)
            fakes.take(distance, mine, theirs)
            reals.take(distance.T, theirs, mine)
    return Prdc(
        precision=fakes.held.double().mean().item(),
        recall=reals.held.double().mean().item(),
        density=int(fakes.pairs) / len(fake) / k,
        coverage=fakes.holds.double().mean().item(),
    )


def _checked(a: Features, b: Features) -> tuple[np.ndarray, np.ndarray]:
    """As they are where that is fp32 or fp64, else in fp64; ValueError where they cannot be compared."""
    a, b = (torch.as_tensor(x).detach().cpu().numpy() for x in (a, b))
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(f"two tables with equally many columns are needed, not {a.shape} and {b.shape}")
    if min(len(a), len(b)) < 2:
        raise ValueError(f"each set needs at least 2 items; got {len(a)} and {len(b)}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("the features hold NaN or infinite values")
    exact = [x if x.dtype in (np.float32, np.float64) else x.astype(np.float64) for x in (a, b)]
    return exact[0], exact[1]


def _pair(a: Features, b: Features) -> tuple[Tensor, Tensor]:
    """Checked, and in fp64."""
    a, b = _checked(a, b)
    return torch.from_numpy(a).double(), torch.from_numpy(b).double()


def _mean_kernel(a: Tensor, b: Tensor, *, same: bool = False) -> Tensor:
    """Mean of the cubic kernel over all pairs; of one set, without the pairs of an item with itself."""

    def kernel(dot: Tensor) -> Tensor:
        return (dot / a.shape[1] + 1) ** 3

    total = torch.stack([kernel(rows @ b.T).sum() for rows in a.split(ROWS_AT_ONCE)]).sum()
    if same:
        return (total - kernel(a.square().sum(1)).sum()) / (len(a) * (len(a) - 1))
    return total / (len(a) * len(b))
