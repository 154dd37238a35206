"""Text by what can be counted: how well it is compressed, how varied it is, what it is copied from."""

import lzma
import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from ganvas.metrics.likelihood import Z95

BITS = 8
ROUNDS = 1_000
"""Of the bootstrap."""
GROUPS = 20
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|\w+|[^\w\s]")
"""A word, a mark, or a letter of a script that does not part words."""
LETTERS = 4
"""Bytes of the shortest passage that is looked for."""
FACTOR, MODULUS = 0x9E3779B97F4A7C15, 1 << 64
"""Of the hashes; the factor is odd, so that no bit is lost."""

Text = UInt8[np.ndarray, " byte"]


class Rate(NamedTuple):
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float


def rate(bits: Float[np.ndarray, " part"], size: Float[np.ndarray, " part"], seed: int = 0) -> Rate:
    """Bits a byte of all parts, and the percentiles of draws of as many parts (Efron 1979)."""
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(ROUNDS):
        part = rng.integers(len(bits), size=len(bits))
        draws.append(bits[part].sum() / size[part].sum())
    low, high = np.percentile(draws, [2.5, 97.5])
    return Rate(float(bits.sum() / size.sum()), float(low), float(high))


def mean(values: Sequence[float], seed: int = 0) -> Rate:
    """The same of a plain mean."""
    return rate(np.asarray(values, float), np.ones(len(values)), seed)


def uniform(symbols: int) -> float:
    """Bits a symbol, each as probable as any other: 8 for bytes."""
    return math.log2(symbols)


def unigram(training: bytes, text: bytes) -> float:
    """Bits a byte, by how often each byte is in the training text, one more than that (Laplace 1814)."""
    counts = np.bincount(np.frombuffer(training, np.uint8), minlength=256) + 1.0
    seen = np.bincount(np.frombuffer(text, np.uint8), minlength=256)
    return float(-(seen * np.log2(counts / counts.sum())).sum() / seen.sum())


def compressed(training: bytes, text: bytes) -> float:
    """Bits a byte that xz takes for this text more, where it has packed the training text before it."""
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": max(1 << 16, len(training) + len(text))}]
    both, alone = (
        len(lzma.compress(x, lzma.FORMAT_RAW, filters=filters)) for x in (training + text, training)
    )
    return BITS * (both - alone) / len(text)


def distinct(texts: Sequence[str], n: int, most: int) -> float:
    """Different n-grams of words over all, in the first `most` (Li et al. 2016): compare equal `most`."""
    seen: list[tuple[str, ...]] = []
    for text in texts:
        words = WORD.findall(text)
        seen += zip(*(words[k:] for k in range(n)), strict=False)
        if len(seen) >= most:
            break
    return len(set(seen[:most])) / max(1, len(seen[:most]))


def grams(texts: Sequence[str], n: int) -> int:
    """How many n-grams there are."""
    return sum(max(0, len(WORD.findall(text)) - n + 1) for text in texts)


def distinct_rate(texts: Sequence[str], n: int, most: int) -> Rate:
    """The same with its interval, by the jackknife of `GROUPS` groups of texts, one left out in turn (Efron
    1982, ch. 3): texts drawn twice, as the bootstrap has them, would not be different ones."""
    value, groups = distinct(texts, n, most), min(GROUPS, len(texts))
    left = [[t for k, t in enumerate(texts) if k % groups != j] for j in range(groups)]
    found = np.array([distinct(part, n, most * (groups - 1) // groups) for part in left])
    error = Z95 * float(np.sqrt((groups - 1) * found.var()))
    return Rate(value, max(0.0, value - error), min(1.0, value + error))


def doubles(texts: Sequence[str]) -> list[bool]:
    """Whether another text equals this one, but for blanks."""
    plain = [" ".join(text.split()) for text in texts]
    counts = Counter(plain)
    return [counts[text] > 1 for text in plain]


def duplicates(texts: Sequence[str]) -> float:
    """Share of such texts."""
    return sum(doubles(texts)) / len(texts)


class Excess(NamedTuple):
    """How many of two sets of lengths lie beyond a border."""

    border: float
    ours: int
    real: int
    p: float
    """How probable as many of ours are, if both came from one source."""


def longer(ours: Sequence[int], real: Sequence[int], times: float, share: float = 0.99) -> Excess:
    """Beyond `times` what that share of the real ones stays within; one-sided, by Fisher's exact test.

    A share, and not the longest: a few held-out texts may stand in the training text in other words.
    """
    border = times * float(np.quantile(real, share, method="higher"))
    k, j, n, m = sum(x > border for x in ours), sum(x > border for x in real), len(ours), len(real)
    ways = (math.comb(n, i) * math.comb(m, k + j - i) for i in range(k, min(n, k + j) + 1))
    return Excess(border, k, j, sum(ways) / math.comb(n + m, k + j))


class Passage(NamedTuple):
    """The longest that a text has from another."""

    length: int
    """Bytes."""
    at: int
    """Where it begins in the text."""
    source: int
    """Where it was found in the other, once."""


def copied(texts: Sequence[bytes], source: bytes) -> list[Passage]:
    """Of each text the longest passage that stands in the source too, exactly.

    All passages of 4, 8, 16 … bytes of both are hashed, in linear time (Karp & Rabin 1987), which finds for
    each text the largest such length that is copied; the places where that is so are compared byte by byte.
    """
    other = np.frombuffer(source, np.uint8)
    ours = [np.frombuffer(text, np.uint8) for text in texts]
    levels = [_Level.of(other, ours, LETTERS)]
    while levels[-1].found.any():
        levels.append(levels[-1].doubled())
    best = [Passage(0, 0, 0) for _ in texts]
    for k in range(len(texts)):
        for level in reversed(levels):
            if level.found[k] and (passage := _longest(ours[k], other, level, k)).length:
                best[k] = passage
                break
    return best


class _Level(NamedTuple):
    """Hashes of all passages of one length, and which texts have one of the source's."""

    length: int
    power: int
    source: Int[np.ndarray, " place"]
    texts: list[np.ndarray]
    found: np.ndarray

    @staticmethod
    def of(source: Text, texts: Sequence[Text], length: int) -> "_Level":
        """From single bytes on."""
        table = np.random.default_rng(0).integers(1 << 63, size=256).astype(np.uint64)
        level = _Level(1, FACTOR, table[source], [table[text] for text in texts], np.ones(len(texts), bool))
        while level.length < length:
            level = level.doubled()
        return level

    def doubled(self) -> "_Level":
        """Passages twice as long: h(ab) = h(a) * factor ^ |a| + h(b), modulo 2^64."""

        def twice(hashes: np.ndarray) -> np.ndarray:
            if len(hashes) <= self.length:
                return hashes[:0]
            return hashes[: -self.length] * np.uint64(self.power) + hashes[self.length :]

        source = twice(self.source)
        texts = [twice(h) if ok else h[:0] for h, ok in zip(self.texts, self.found, strict=True)]
        all_ = np.unique(np.concatenate(texts)) if texts else np.zeros(0, np.uint64)
        common = all_[_among(all_, np.unique(source[_among(source, all_)]))]
        found = np.array([_among(hashes, common).any() for hashes in texts], bool)
        return _Level(2 * self.length, self.power * self.power % MODULUS, source, texts, found)


def _among(values: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """Which of the values are among these, that are in order."""
    if not len(ordered):
        return np.zeros(len(values), bool)
    at = np.searchsorted(ordered, values).clip(max=len(ordered) - 1)
    return ordered[at] == values


def _longest(text: Text, source: Text, level: _Level, k: int) -> Passage:
    """The longest of those that begin as one of the source's passages of this level does."""
    wanted = np.unique(level.texts[k])
    there = np.flatnonzero(_among(level.source, wanted))
    order = np.argsort(level.texts[k], kind="stable")
    ranked = level.texts[k][order]
    low, high = (np.searchsorted(ranked, level.source[there], side) for side in ("left", "right"))
    j = np.repeat(there, high - low)
    first = (
        np.repeat(low, high - low)
        + np.arange(len(j))
        - np.repeat(np.cumsum(high - low) - (high - low), high - low)
    )
    i = order[first]
    length, alive = np.zeros(len(i), np.int64), np.arange(len(i))
    while len(alive):
        a, b = i[alive] + length[alive], j[alive] + length[alive]
        inside = (a < len(text)) & (b < len(source))
        alive, a, b = alive[inside], a[inside], b[inside]
        alive = alive[text[a] == source[b]]
        length[alive] += 1
    if not len(length) or length.max() < level.length:  # hashes agreed by chance
        return Passage(0, 0, 0)
    best = int(length.argmax())
    return Passage(int(length[best]), int(i[best]), int(j[best]))
