"""Figures of text, beside closed forms and beside a search that tries everything."""

import math

import numpy as np
import pytest

from ganvas.metrics import text

rng = np.random.default_rng(0)


def brute(one, other):
    """The longest common passage, by trying all."""
    best = 0
    for start in range(len(one)):
        while start + best < len(one) and one[start : start + best + 1] in other:
            best += 1
    return best


def test_the_longest_passage_is_that_of_a_search_that_tries_everything():
    other = bytes(rng.choice(list(b"abc "), 3_000).astype(np.uint8))
    ours = [bytes(rng.choice(list(b"abc "), n).astype(np.uint8)) for n in (60, 200, 3, 1)]
    ours += [b"zz" + other[100:300] + b"zz", other[:64], other, b"zzzz", b"", other[-9:]]
    for one, found in zip(ours, text.copied(ours, other), strict=True):
        true = brute(one, other)
        assert found.length == (true if true >= text.LETTERS else 0)
        assert one[found.at :][: found.length] == other[found.source :][: found.length]


def test_no_passage_of_an_empty_source():
    assert [p.length for p in text.copied([b"abcdefgh"], b"abc")] == [0]


def test_uniform_bytes_take_eight_bits():
    assert text.uniform(256) == 8
    noise = bytes(rng.integers(256, size=20_000, dtype=np.uint8))
    assert text.compressed(noise[:10_000], noise[10_000:]) == pytest.approx(8, abs=0.1)
    assert text.compressed(noise, noise) < 0.2


def test_unigram_is_the_cross_entropy_of_counts():
    assert text.unigram(b"aab", b"ab") == pytest.approx(-(math.log2(3 / 259) + math.log2(2 / 259)) / 2)


def test_an_interval_holds_the_truth_about_as_often_as_it_says():
    inside = 0
    for seed in range(200):
        draw = np.random.default_rng(seed)
        size = draw.integers(1, 9, 80).astype(float)
        bits = 2.0 * size + draw.normal(size=80) * size**0.5
        found = text.rate(bits, size, seed)
        inside += found.low <= 2.0 <= found.high
    assert 180 <= inside <= 199


def test_variety_and_doubles_are_counted():
    texts = ["the cat the cat", "the  cat the cat", "山中相送", "x"]
    assert text.grams(texts, 2) == 3 + 3 + 3
    assert text.distinct(texts, 2, 9) == (2 + 3) / 9
    assert text.distinct(texts, 1, 8) == 2 / 8
    assert text.duplicates(texts) == 0.5


def test_the_chance_that_the_longest_are_all_ours():
    lengths = np.arange(1, 9)
    hits = sum(min(row[:4]) > max(row[4:]) for row in (rng.permutation(lengths) for _ in range(20_000)))
    border, ours, real, p = text.longer([5, 6, 7, 8], [1, 2, 3, 4], 1.0)
    assert (border, ours, real, p) == (4, 4, 0, 1 / math.comb(8, 4))
    assert hits / 20_000 == pytest.approx(p, abs=0.003)
    assert text.longer([5, 6], [7, 8], 1.0)[1:] == (0, 0, 1.0)


def test_who_has_copied_nothing_is_hardly_ever_convicted_and_who_has_is():
    convicted = caught = 0
    for seed in range(300):
        draw = np.random.default_rng(seed)
        ours, real = draw.pareto(2, (2, 100)) * 10
        convicted += text.longer(ours, real, 1.5).p <= 0.01
        real[:2] = 500  # held-out texts that were trained on in other words
        ours[:20] = 2_000
        caught += text.longer(ours, real, 1.5).p <= 0.01
    assert convicted <= 3
    assert caught >= 297
