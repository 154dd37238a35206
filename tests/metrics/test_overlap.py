"""BLEU and self-BLEU are those of the papers, and of nltk to the last bit."""

import math
from collections import Counter

import numpy as np
import pytest

from ganvas.metrics.overlap import bleu, self_bleu

rng = np.random.default_rng(0)
WORDS = [*"abcdefgh"]
TEXTS = [[WORDS[k] for k in rng.choice(8, n)] for n in rng.integers(1, 15, 60)]
RARE = [0.4, 0.2, 0.1, 0.1, 0.1, 0.05, 0.03, 0.02]
OTHERS = [[WORDS[k] for k in rng.choice(8, n, p=RARE)] for n in (3, 9, 6, 12)]


def grams(text, n):
    return Counter(zip(*(text[k:] for k in range(n)), strict=False))


def by_hand(text, references, n):
    """Papineni et al. 2002, with one tenth of a match where there is none."""
    logs = []
    for k in range(1, n + 1):
        ours, most = grams(text, k), Counter()
        for other in references:
            most |= grams(other, k)
        matched, total = sum((ours & most).values()), max(1, ours.total())
        if k == 1 and not matched:
            return 0.0
        logs.append(math.log((matched or 0.1) / total) / n)
    nearest = min((abs(len(r) - len(text)), len(r)) for r in references)[1]
    return min(1.0, math.exp(1 - nearest / len(text))) * math.exp(math.fsum(logs))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_of_each_text_by_hand(n):
    expected = [by_hand(text, OTHERS, n) for text in TEXTS]
    assert bleu(TEXTS, OTHERS, n).tolist() == pytest.approx(expected, rel=1e-12)
    expected = [by_hand(text, TEXTS[:k] + TEXTS[k + 1 :], n) for k, text in enumerate(TEXTS)]
    assert self_bleu(TEXTS, n).tolist() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_as_nltk_has_it_to_the_last_bit(n):
    score = pytest.importorskip("nltk.translate.bleu_score")
    how = {"weights": [1 / n] * n, "smoothing_function": score.SmoothingFunction().method1}
    expected = [score.sentence_bleu(OTHERS, text, **how) for text in TEXTS]
    assert bleu(TEXTS, OTHERS, n).tolist() == expected
    expected = [score.sentence_bleu(TEXTS[:k] + TEXTS[k + 1 :], t, **how) for k, t in enumerate(TEXTS)]
    assert self_bleu(TEXTS, n).tolist() == expected


def test_ends_of_the_scale():
    same = [["a", "b", "c", "d"]] * 3
    assert self_bleu(same, 4).tolist() == [1, 1, 1]
    assert bleu([["x", "y"]], same, 2).tolist() == [0]
    assert bleu([[]], same, 2).tolist() == [0]
