"""n-grams: by hand, summing to one, and the same however they are asked."""

import itertools
import math

import numpy as np
import pytest
import torch

from ganvas.core.errors import UserError
from ganvas.data.spec import Spec
from ganvas.data.vocabulary import Vocabulary
from ganvas.models import ngram
from ganvas.models.writing import Choice

ITEMS = Vocabulary(numbers=4, ends=True)
RUNNING = Vocabulary(numbers=3)


def fitted(texts, words=ITEMS, order=2):
    found = ngram.build(
        ngram.Settings(order=order), Spec(kind="text", shape=(16,), vocabulary=words, longest=9)
    )
    found.fit([np.array(text) for text in texts])
    return found


def probability(model, text):
    return math.exp(model.log_prob([torch.tensor(text)])[0].sum())


def test_a_bigram_by_hand():
    """Items 0 1, 0 1, 0 2, 3; E ends them. Bigrams seen: E0 3, E3 1, 01 2, 02 1, 1E 2, 2E 1, 3E 1.

    Once: E3, 02, 2E, 3E; twice: 01, 1E; so D2 = 4 / 8. Tokens follow 0: {E}, 1: {0}, 2: {0}, 3: {E}, E:
    {1, 2, 3}: counts 1 1 1 1 3, of which once: 4, twice: 0, and D1 = 4 / 4, which is held to .9.
    """
    model = fitted([[0, 1], [0, 1], [0, 2], [3]])
    d2, d1 = 0.5, 0.9
    even = 1 / 5

    def single(count):
        return (max(count - d1, 0) + d1 * 5 * even) / 7

    after_0 = (2 - d2 + d2 * 2 * single(1)) / 3
    begin_0 = (3 - d2 + d2 * 2 * single(1)) / 4
    end_after_1 = (2 - d2 + d2 * 1 * single(3)) / 2
    assert probability(model, [0, 1]) == pytest.approx(begin_0 * after_0 * end_after_1, rel=1e-12)
    unseen = d2 * 2 * single(1) / 3
    assert probability(model, [0, 3]) == pytest.approx(
        begin_0 * unseen * (1 - d2 + d2 * single(3)), rel=1e-12
    )


def test_single_tokens_by_hand():
    """Of 0 1, 0 2: 0 2, 1 1, 2 1, 3 0, E 2, so D = 2 / 6; what is held back is shared out evenly."""
    model = fitted([[0, 1], [0, 2]], order=1)
    d = 2 / 6
    p = [(max(c - d, 0) + d * 4 / 5) / 6 for c in (2, 1, 1, 0, 2)]
    assert probability(model, [3, 0]) == pytest.approx(p[3] * p[0] * p[4], rel=1e-12)
    assert sum(p) == pytest.approx(1)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_all_that_may_follow_sums_to_one(order, temperature):
    rng = np.random.default_rng(0)
    model = fitted([rng.integers(4, size=rng.integers(1, 7)) for _ in range(40)], order=order)
    shorter = sum(
        math.exp(x.sum())
        for n in range(5)
        for x in model.log_prob(
            [torch.tensor(t).long() for t in itertools.product(range(4), repeat=n)], temperature
        )
    )
    rng, n = torch.Generator().manual_seed(0), 4000
    made = model.sample(n, generator=rng, choice=Choice(temperature=temperature))
    short = (made[:, :5] == 4).any(1).float().mean().item()
    assert short == pytest.approx(shorter, abs=4 * (shorter * (1 - shorter) / n) ** 0.5)


def test_samples_are_as_frequent_as_probable():
    model = fitted([[0, 1], [0, 1], [0, 2], [3], [1, 1]], order=3)
    made = model.sample(6000, generator=torch.Generator().manual_seed(1)).tolist()
    for text in ([0, 1], [0, 2], [3]):
        p = probability(model, text)
        seen = sum(row[: len(text) + 1] == [*text, 4] for row in made) / len(made)
        assert seen == pytest.approx(p, abs=4 * (p * (1 - p) / len(made)) ** 0.5)


def test_running_text_is_foretold_from_its_first_token_on():
    model = fitted([[0, 1, 2, 0, 1, 2, 0, 1, 1]], words=RUNNING, order=3)
    whole = [probability(model, [0, *rest]) for rest in itertools.product(range(3), repeat=4)]
    assert sum(whole) == pytest.approx(1, rel=1e-12)
    law = model.unroll(torch.tensor([0, 1]), 200, Choice(temperature=0), torch.Generator())
    assert set(next(law).tolist()) == {2}


def test_it_is_saved_and_read_with_all_its_counts():
    model = fitted([[0, 1], [0, 2, 2]], order=3)
    other = ngram.build(ngram.Settings(order=3), model.spec)
    other.load_state_dict(model.state_dict())
    assert probability(other, [0, 2]) == probability(model, [0, 2])


def test_chats_are_refused():
    with pytest.raises(UserError, match="these are chats"):
        fitted([[0]], words=Vocabulary(ends=True, roles=("user", "assistant")))
