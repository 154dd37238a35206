"""Lines of whole numbers: each number is a token."""

import numpy as np
import pytest

from ganvas.core.errors import UserError
from ganvas.data.load import load
from ganvas.data.text import ItemSettings
from ganvas.data.vocabulary import Vocabulary


def lines(tmp_path, rows):
    path = tmp_path / "numbers.txt"
    path.write_text("\n".join(" ".join(map(str, row)) for row in rows))
    return str(path)


ROWS = [[k, 999 - k, k * 7 % 50] for k in range(200)]


def test_a_number_is_a_token_and_a_line_is_an_item(tmp_path):
    data = load(lines(tmp_path, ROWS), ItemSettings(unit="numbers", context=8))
    known = [row.tolist() for part in (data, data.held_out) for row in part.documents()]
    assert sorted(known) == ROWS
    assert data.vocabulary.size == 1_001
    batch = data.ready(data.fetch(np.arange(3)))["text"]
    assert batch.shape == (3, 5)
    assert (batch[:, [0, 4]] == data.vocabulary.end).all()
    assert (data.spec.longest, data.spec.shortest) == (4, 4)
    assert "a vocabulary of 1,001" in data.notes[-1]


def test_texts_and_tokens_become_each_other():
    words = Vocabulary(numbers=5_000, ends=True)
    tokens = [0, 4_999, 17]
    assert words.text([*tokens, words.end, 3]) == "0 4999 17"
    assert words.encode("0 4999  17").tolist() == tokens
    assert words.text(words.encode("")) == ""


def test_there_are_as_many_as_asked_for(tmp_path):
    path = lines(tmp_path, ROWS)
    assert load(path, ItemSettings(unit="numbers", vocabulary=5_000, context=8)).vocabulary.numbers == 5_000
    with pytest.raises(
        UserError, match=r"holds the number 999, and --text.vocabulary 300 has those below 300"
    ):
        load(path, ItemSettings(unit="numbers", vocabulary=300, context=8))


@pytest.mark.parametrize("word", ["-3", "a", "1.5", "²"])
def test_what_is_no_whole_number_is_named(tmp_path, word):
    path = lines(tmp_path, [*ROWS, [1, word]])
    with pytest.raises(UserError, match=rf"holds '{word}' in the item '1 {word}' …; --text.unit numbers"):
        load(path, ItemSettings(unit="numbers", context=8))


@pytest.mark.parametrize("text", ["1 5000", "one", "9" * 30])
def test_what_a_model_has_not_learnt_is_refused(text):
    with pytest.raises(UserError, match=r"whole numbers from 0 to 4,999 with blanks between, and"):
        Vocabulary(numbers=5_000, ends=True).encode(text)
