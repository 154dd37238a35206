"""How many n-grams texts share: BLEU with other texts, and among themselves (self-BLEU), exactly and fast."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

EPSILON = 0.1
"""Matches that are counted where there are none (Chen & Cherry 2014, smoothing 1; nltk's method1)."""
Ints = Int[np.ndarray, " row"]


class _Grams(NamedTuple):
    """How often each n-gram stands in each text: a row for each pair that occurs, by gram, then text."""

    gram: Ints
    text: Ints
    times: Ints


def bleu(samples: Sequence[Sequence[str]], references: Sequence[Sequence[str]], n: int) -> np.ndarray:
    """BLEU of each sample beside all references, with n-grams of 1 to n words, evenly weighted (Papineni et
    al. 2002, sec. 2.3; smoothed by `EPSILON`). As nltk's `sentence_bleu`, to the last bit."""
    count = len(samples)
    tokens, owner = _numbered([*samples, *references])
    matched, total = [], []
    for grams in _grams(tokens, owner, n):
        ours = grams.text < count
        most = _largest(grams.gram[~ours], grams.times[~ours], int(grams.gram.max(initial=-1)) + 1)
        found = np.minimum(grams.times[ours], most[grams.gram[ours]])
        matched.append(np.bincount(grams.text[ours], found, count))
        total.append(np.bincount(grams.text[ours], grams.times[ours], count))
    known = np.array([len(text) for text in references])
    lengths = [len(text) for text in samples]
    return _scores(lengths, [_nearest(known, length) for length in lengths], matched, total)


def self_bleu(texts: Sequence[Sequence[str]], n: int) -> np.ndarray:
    """BLEU of each text beside all the others (Zhu et al. 2018, Texygen): near 1 where they are alike. It
    rises with the number of texts: compare equal numbers."""
    count = len(texts)
    tokens, owner = _numbered(texts)
    matched, total = [], []
    for grams in _grams(tokens, owner, n):
        first, holder, second = _two_largest(grams)
        others = np.where(holder[grams.gram] == grams.text, second[grams.gram], first[grams.gram])
        matched.append(np.bincount(grams.text, np.minimum(grams.times, others), count))
        total.append(np.bincount(grams.text, grams.times, count))
    lengths = [len(text) for text in texts]
    table = np.bincount(lengths)
    nearest = []
    for length in lengths:
        table[length] -= 1
        nearest.append(_nearest(np.flatnonzero(table), length))
        table[length] += 1
    return _scores(lengths, nearest, matched, total)


def _numbered(texts: Sequence[Sequence[str]]) -> tuple[Ints, Ints]:
    """All words by number, one after the other, and whose they are."""
    known: dict[str, int] = {}
    tokens = [known.setdefault(word, len(known)) for text in texts for word in text]
    return np.array(tokens, np.int64), np.repeat(np.arange(len(texts)), [len(text) for text in texts])


def _grams(tokens: Ints, owner: Ints, n: int) -> list[_Grams]:
    """Of 1 to n words; each longer one is a shorter one and a word, numbered anew."""
    found, gram, words = [], tokens, int(tokens.max(initial=0)) + 1
    for k in range(n):
        if k:
            pair = gram[: len(gram) - 1] * words + tokens[k:]
            inside = owner[: len(pair)] == owner[k:]
            gram = np.unique(np.where(inside, pair, -1), return_inverse=True)[1]
            whole = np.flatnonzero(inside)
        else:
            whole = np.arange(len(tokens))
        texts = int(owner.max(initial=0)) + 1
        keys, count = np.unique(gram[whole] * texts + owner[whole], return_counts=True)
        found.append(_Grams(keys // texts, keys % texts, count))
    return found


def _largest(gram: Ints, count: Ints, grams: int) -> Ints:
    """Of each gram the largest count."""
    most = np.zeros(grams, np.int64)
    np.maximum.at(most, gram, count)
    return most


def _two_largest(grams: _Grams) -> tuple[Ints, Ints, Ints]:
    """Of each gram the largest count, whose it is, and the largest of the others."""
    order = np.lexsort([grams.times, grams.gram])
    gram, rows = grams.gram[order], int(grams.gram.max(initial=-1)) + 1
    last = np.flatnonzero(np.append(gram[1:] != gram[:-1], True)) if len(gram) else order
    first, holder, second = (np.zeros(rows, np.int64) for _ in range(3))
    first[gram[last]], holder[gram[last]] = grams.times[order[last]], grams.text[order[last]]
    before = last - 1
    several = (before >= 0) & (gram[before] == gram[last])
    second[gram[last[several]]] = grams.times[order[before[several]]]
    return first, holder, second


def _nearest(lengths: Ints, length: int) -> int:
    """The reference length nearest to it, the shorter of two."""
    away = np.abs(lengths - length)
    return int(lengths[away == away.min()].min())


def _scores(
    lengths: Sequence[int], nearest: Sequence[int], matched: list[np.ndarray], total: list[np.ndarray]
) -> np.ndarray:
    """brevity * exp(sum log p_n / N); a text with no known word gets 0."""
    found = np.zeros(len(lengths))
    for k, (length, other) in enumerate(zip(lengths, nearest, strict=True)):
        if not length or not matched[0][k]:
            continue
        brevity = 1.0 if length > other else math.exp(1 - other / length)
        shares = [(m[k] or EPSILON) / max(1, t[k]) for m, t in zip(matched, total, strict=True)]
        found[k] = brevity * math.exp(math.fsum(1 / len(shares) * math.log(p) for p in shares))
    return found
