"""Chats come out of their tokens as they went in, some of them whole aside, or are named and refused."""

import json

import numpy as np
import pytest

from ganvas.core.errors import UserError
from ganvas.data.chats import Chat, Turn, chat_of
from ganvas.data.load import load
from ganvas.data.survey import survey
from ganvas.data.text import TextSettings, windows
from ganvas.data.vocabulary import Vocabulary, learn

ROLES = ("system", "user", "assistant")
SMALL = TextSettings(context=32)
rng = np.random.default_rng(0)


def messages(k, turns=1):
    said = [("user", f"What is {k} and {j}?", "assistant", f"{k}{j}, I think.") for j in range(turns)]
    return [{"role": r, "content": c} for a, b, c_, d in said for r, c in ((a, b), (c_, d))]


def written(folder, rows, name="chats.jsonl"):
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


MANY = [{"messages": messages(k, 1 + k % 3)} for k in range(60)]


@pytest.mark.parametrize("size", [256, 300])
def test_marks_of_turns_are_in_no_text(size):
    chat = Chat(
        [Turn("system", "Be kind."), Turn("user", "user: Hi\nassistant: “No”"), Turn("assistant", "山")]
    )
    words = learn([*map(str, range(2_000))], size, True, ROLES)
    assert words.size <= size + 5
    tokens = words.encode(chat)
    assert words.decode(tokens.tolist()) == str(chat).encode()
    marks = tokens[tokens >= words.plain].tolist()
    turn = [[words.role(role), words.turn_end] for role in ROLES]
    assert marks == [*turn[0], *turn[1], *turn[2]]
    assert len({*marks, words.end}) == 5
    for text in (str(chat), "<|user|>", "\x00\n", "".join(map(chr, range(0x250)))):
        assert (words.encode(text) < words.plain).all()
    assert Vocabulary.model_validate(json.loads(words.model_dump_json())).pieces == words.pieces


def test_whole_chats_are_held_out_and_counted(tmp_path):
    path = written(tmp_path, MANY)
    data = load(path, SMALL)
    both = [[data.vocabulary.text(t) for t in part.documents()] for part in (data, data.held_out)]
    assert sorted(both[0] + both[1]) == sorted(chat_of(row) for row in MANY)
    assert not set(both[0]) & set(both[1])
    assert min(map(len, both)) > 0
    found = survey(path, SMALL).text.chats
    assert found.roles == {"user": 120, "assistant": 120}
    assert (found.turns, found.turns_each.min, found.turns_each.max) == (240, 2, 6)
    assert found.replies.max == len("590, I think.")


def test_sharegpt_rows_are_the_same_chats(tmp_path):
    names = {"user": "human", "assistant": "gpt"}
    rows = [
        {"conversations": [{"from": names[m["role"]], "value": m["content"]} for m in row["messages"]]}
        for row in MANY
    ]
    assert (
        load(written(tmp_path, rows, "a.jsonl"), SMALL).bytes()
        == load(written(tmp_path, MANY), SMALL).bytes()
    )


def test_windows_of_long_chats_begin_with_a_turn():
    lengths = rng.integers(2, 40, 300)
    turns = 1 + np.concatenate([[0], np.cumsum(lengths)[:-1]])
    count, context = int(lengths.sum()) + 2, 50
    found = windows(np.array([0]), count, context, turns)
    assert set(found) <= {0, *turns}
    covered = np.zeros(count, bool)
    for place in found:
        covered[place : place + context + 1] = True
    assert covered.all()
    for start, length in zip(turns, lengths, strict=True):  # each turn is whole in some window
        assert ((found <= start) & (start + length <= found + context + 1)).any()


def say(*pairs):
    return {"messages": [{"role": role, "content": text} for role, text in pairs]}


BAD = {
    "no reply": (say(("user", "Hi")), r"line 61: no reply, which is a turn of the assistant"),
    "unknown role": (
        say(("bot", "Hi")),
        r"message 1 is of the unknown role 'bot'; known are system, user, as",
    ),
    "not in turn": (
        say(("user", "Hi"), ("user", "Ho"), ("assistant", "x")),
        r"messages 1 and 2 are both of the role user",
    ),
    "empty": (say(("user", " "), ("assistant", "x")), r"message 1 is empty"),
    "late system": (
        say(("user", "a"), ("system", "b")),
        r"message 2 is of the role system, which only the f",
    ),
    "no content": ({"messages": [{"role": "user"}]}, r"message 1 has no “role” and “content” that are text"),
    "none": ({"messages": []}, r"no reply"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_chats_are_named_and_left_out_or_refused(tmp_path, what):
    row, sentence = BAD[what]
    data = load(written(tmp_path, [*MANY, row]), SMALL)
    assert sum(data.facts["items"]) == 60
    assert any("1 rows that cannot be read are left out" in note for note in data.notes)
    with pytest.raises(UserError, match=r"1 of 1 rows cannot be read"):
        load(written(tmp_path, [row]), SMALL)
    with pytest.raises(UserError, match=sentence):
        load(written(tmp_path, [*MANY, *[row] * 9]), SMALL)


def test_chats_among_other_texts_or_cut_otherwise_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"holds 60 chats and 1 other texts; learn one kind at a time"):
        load(written(tmp_path, [*MANY, {"text": "Once"}]), SMALL)
    with pytest.raises(UserError, match=r"holds chats, which are items already; leave --text.unit out"):
        load(written(tmp_path, MANY), TextSettings(context=32, unit="running"))


def test_what_follows_the_last_reply_is_left_out():
    assert chat_of(say(("user", "a"), ("assistant", "b"), ("user", "c"))) == "user: a\nassistant: b\n"
