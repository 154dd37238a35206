"""Numbers drawn by a rule so short that a browser and every other language can follow it to the bit.

Draw k of stream s under a seed is SplitMix64 (Steele et al. 2014), counted and not carried on: no draw
depends on how many came before, so the first 8 of 64 items are the same as 8 items.
"""

import numpy as np
from jaxtyping import Float, Int

WEYL = 0x9E3779B97F4A7C15
MASK = 2**64 - 1
LABELS = 1 << 32
"""The stream of labels; normal draws take streams 0 and 1, and those drawn again the pairs that follow."""
WORDS, KINDS = 1 << 33, 1 << 34
"""The stream of the first text's tokens, the next text's being the next; that of the parts of mixtures."""
CUT = 2.0
"""Truncated draws stay within it (Brock et al. 2019)."""


def _mixed(x: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def uniform(seed: int, stream: int, index: Int[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """In [0, 1), with 53 bits: mix(mix(mix(seed) + s w) + (k + 1) w) / 2^64, w being the Weyl constant."""
    start = _mixed(np.array([seed & MASK], np.uint64)) + np.uint64(stream * WEYL & MASK)
    state = _mixed(start) + (index.astype(np.uint64) + np.uint64(1)) * np.uint64(WEYL)
    return (_mixed(state) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(
    seed: int, shape: tuple[int, ...], truncation: float = 1.0, first: int = 0
) -> Float[np.ndarray, "*shape"]:
    """Of N(0, 1) by Box and Muller (1958), float32; truncated as `ganvas.models.latent.draw` does it: drawn
    again beyond 2, then multiplied. `first`: of the streams that are taken."""
    index = np.arange(int(np.prod(shape))).reshape(shape)
    z = _pair(seed, first, index)
    stream = first + 2
    while truncation < 1 and (beyond := np.abs(z) > CUT).any():
        z[beyond] = _pair(seed, stream, index[beyond])
        stream += 2
    return (truncation * z).astype(np.float32)


def _pair(seed: int, stream: int, index: np.ndarray) -> np.ndarray:
    radius = np.sqrt(-2 * np.log1p(-uniform(seed, stream, index)))
    return radius * np.cos(2 * np.pi * uniform(seed, stream + 1, index))


def whole(seed: int, n: int, below: int) -> Int[np.ndarray, " n"]:
    """Even over 0, 1 … below - 1."""
    return (uniform(seed, LABELS, np.arange(n)) * below).astype(np.int64)
