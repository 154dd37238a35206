"""How well samples cover a mixture of Gaussians in the plane (PacGAN, Lin et al. 2018, sec. 4.1)."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

REACH = 3.0  # standard deviations from a mode within which a sample is of high quality


@dataclass(frozen=True)
class Mixture:
    """What was found: `count` samples of a mixture that has `of` modes."""

    modes: int
    """Modes with at least one high-quality sample."""
    of: int
    high_quality: float
    """Share of samples nearer than 3 sigma to their nearest mode."""
    reverse_kl: float
    """KL(samples || mixture), in nats, of the modes of the high-quality samples, as PacGAN's code does;
    without any such sample its largest value, log(of)."""
    count: int


def mixture(samples: Float[np.ndarray, "n 2"], modes: Float[np.ndarray, "m 2"], sigma: float) -> Mixture:
    """Modes found, high-quality share and reverse KL of samples of a mixture with equal weights."""
    samples, modes = np.asarray(samples, np.float64), np.asarray(modes, np.float64)
    if samples.ndim != 2 or samples.shape[1:] != modes.shape[1:]:
        raise ValueError(f"samples of shape {samples.shape} do not go with modes of shape {modes.shape}")
    distance = np.linalg.norm(samples[:, None] - modes, axis=-1)
    nearest, good = distance.argmin(1), distance.min(1) < REACH * sigma
    counts = np.bincount(nearest[good], minlength=len(modes))
    share = counts / counts.sum() if good.any() else np.array([1.0])
    return Mixture(
        modes=int((counts > 0).sum()),
        of=len(modes),
        high_quality=float(good.mean()),
        reverse_kl=float(sum(p * math.log(p * len(modes)) for p in share if p > 0)),
        count=len(samples),
    )


def perfect_high_quality(reach: float = REACH) -> float:
    """High-quality share of the mixture itself, 1 - exp(-reach^2 / 2): more: modes are too narrow."""
    return 1 - math.exp(-(reach**2) / 2)
