"""The honesty card of writers whose truth is known."""

import re

import numpy as np
import pytest
import torch

from ganvas.models.duel import Duel
from ganvas.models.writing import Choice
from ganvas.studies.card import Writer, card
from ganvas.studies.unseen import Unseen

WORDS = [f"w{k}" for k in range(60)]
LENGTH, COUNT = 9, 200
LOGITS, OTHERS = 1.6 * torch.randn(2, 60, 60, generator=torch.Generator().manual_seed(0))
WRONG = 0.8 * LOGITS + 0.6 * OTHERS
"""A law as varied as the true one."""


def sentences(count, seed, temperature=1.0, law=LOGITS):
    """Of a chain of words."""
    generator = torch.Generator().manual_seed(seed)
    word, rows = torch.randint(60, (count,), generator=generator), []
    for _ in range(LENGTH):
        word = Choice(temperature=temperature).draw(law[word], generator)
        rows.append(word)
    return [" ".join(WORDS[k] for k in row) for row in torch.stack(rows, 1).tolist()]


def writer(name, salt, warm=1.0, law=LOGITS):
    def write(choice, count, seed):
        return sentences(
            count, 1000 * salt + seed + int(100 * choice.temperature) * 10, choice.temperature * warm, law
        )

    return Writer(name, write)


def carded(own, other, learnt=None):
    unseen = Unseen([np.zeros(2, np.int64)] * 10, sentences(600, 77), "synthetic", COUNT)
    learnt = sentences(3 * COUNT, 78) if learnt is None else learnt
    return card([own, other], unseen, learnt, samples=None, seed=0, progress=lambda done, total: None)


@pytest.mark.parametrize("warm", [0.8, 0.85])
def test_a_model_that_is_its_baseline_cooled_is_told_so(warm):
    found = carded(writer("model", 1, warm=warm), writer(Duel.was, 2))
    said = re.match(
        r"The adversarial stage equals a temperature of \S+ \((\S+) to (\S+)\) of its own likelihood stage",
        found["verdict"][0],
    )
    assert said, found["verdict"]
    assert float(said[1]) <= warm <= float(said[2])
    assert float(said[2]) - float(said[1]) < 0.1


def test_a_model_of_another_law_is_worse_everywhere_and_the_true_one_better_everywhere():
    found = carded(writer("model", 1, law=WRONG), writer(Duel.was, 2))
    assert found["verdict"][0].startswith(
        "The adversarial stage is worse than its own likelihood stage everywhere"
    )
    found = carded(writer("model", 1), writer(Duel.was, 2, law=WRONG))
    assert found["verdict"][0].startswith(
        "The adversarial stage is better than its own likelihood stage everywhere"
    )


def test_a_model_that_knows_ten_sentences_equals_no_temperature():
    few = sentences(10, 5)
    own = Writer("model", lambda choice, count, seed: [few[k % 10] for k in range(count)])
    found = carded(own, writer(Duel.was, 2))
    assert (
        "is less varied than its own likelihood stage at any temperature from 0.4 to 1.2"
        in found["verdict"][0]
    )
    assert "its samples are less varied than real text" in found["verdict"][1]


def test_the_true_law_is_as_varied_as_real_text_at_its_own_temperature():
    found = carded(writer("model", 1), writer("n-gram", 2, law=WRONG))
    said = re.match(
        r"At a temperature of \S+ \((\S+) to (\S+)\) its samples are as varied", found["verdict"][1]
    )
    assert said, found["verdict"]
    assert float(said[1]) <= 1 <= float(said[2])
    assert "cannot be told from that of real text" in found["verdict"][1]
    assert found["verdict"][0].startswith("The model is better than the baseline n-gram everywhere")


def test_points_have_the_figures_of_their_samples():
    found = carded(writer("model", 1), writer(Duel.was, 2))
    rows = found["curves"]["model"]
    assert [row["temperature"] for row in rows] == [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2]
    alike = [row["alike"]["value"] for row in rows]
    assert alike == sorted(alike, reverse=True)
    assert rows[0]["count"] == 3 * COUNT
    low, high = rows[6]["quality"]["interval"]
    assert low < rows[6]["quality"]["value"] < high
    assert carded(writer("model", 1), writer(Duel.was, 2), learnt=[])["real"] is None
