"""How loud a recording is, where it begins and ends, and what noise there is below it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ganvas.data.audio import Samples

FRAME = 0.02
"""Seconds whose power is taken; the next ones begin half of it later."""
MARGIN = 0.05
"""Seconds kept around what is loud enough."""
GATE = 15.9
"""Decibels below the active level, down to which a frame is active (ITU-T P.56)."""
PEAK = 0.99
FLOOR = -120.0
"""Decibels that stand for nothing at all."""
CLIPPED = 0.985
"""Share of full scale from which on neighbours of one height are taken for a wave cut off."""


@dataclass(frozen=True)
class Levels:
    """Of one recording, in decibels below full scale."""

    active: float
    """The mean power of its active frames (ITU-T P.56)."""
    noise: float
    """Of its quietest twentieth."""
    peak: float
    clipped: float
    """Share of samples that stand at their highest beside another."""


def levels(samples: Samples, rate: int) -> Levels:
    power = frames(samples, rate)
    peak = float(np.abs(samples).max(initial=0.0))
    high = np.abs(samples) >= max(CLIPPED * peak, 1e-9)
    flat = high[1:] & high[:-1] & (samples[1:] == samples[:-1])
    share = float(flat.mean()) if peak >= 0.25 and len(flat) else 0.0
    return Levels(active(power), decibels(float(np.percentile(power, 5))), decibels(peak**2), share)


def frames(samples: Samples, rate: int) -> Float[np.ndarray, " frame"]:
    """The mean square of each; a recording shorter than one is one."""
    half = _half(rate)
    if len(samples) < 2 * half:
        return np.array([np.square(samples, dtype=np.float64).mean()])
    halves = samples[: len(samples) // half * half].reshape(-1, half)
    power = np.einsum("hs,hs->h", halves, halves).astype(np.float64) / half
    return (power[1:] + power[:-1]) / 2


def _half(rate: int) -> int:
    """Samples from one frame to the next."""
    return max(1, round(FRAME * rate / 2))


def active(power: Float[np.ndarray, " frame"]) -> float:
    """The active level of ITU-T P.56, by frames: the mean of those not further below it than `GATE`."""
    ordered = np.sort(power)[::-1]
    mean = np.cumsum(ordered) / np.arange(1, len(ordered) + 1)
    below = ordered < mean / 10 ** (GATE / 10)
    count = int(below.argmax()) if below.any() else len(ordered)
    return decibels(float(mean[count - 1]))


def decibels(power: float) -> float:
    return max(FLOOR, 10 * float(np.log10(max(power, 1e-12))))


def trimmed(samples: Samples, rate: int, below: float) -> Samples:
    """Without what at both ends is so many decibels below its loudest frame; 0 leaves all."""
    if not below:
        return samples
    power = frames(samples, rate)
    loud = np.flatnonzero(power >= power.max() / 10 ** (below / 10))
    half, margin = _half(rate), round(MARGIN * rate)
    return samples[max(0, loud[0] * half - margin) : (loud[-1] + 2) * half + margin]


def normalised(samples: Samples, rate: int, level: float) -> Samples:
    """With its active level where it is wanted, or as near as its peak lets it."""
    gain = 10 ** ((level - active(frames(samples, rate))) / 20)
    return samples * np.float32(min(gain, PEAK / max(float(np.abs(samples).max()), 1e-9)))
