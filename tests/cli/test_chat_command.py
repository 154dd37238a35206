"""Chats from the command line: learnt, looked at, judged, and talked with."""

import json
import sys

import pytest

from ganvas import cli

TINY = [
    *("--model.width", "16", "--model.depth", "1", "--model.heads", "2", "--text.context", "48"),
    *("--training.snapshots", "2", "--training.batch", "4", "--device", "cpu"),
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    rows = [
        {
            "messages": [{"role": "user", "content": f"{k}?"}, {"role": "assistant", "content": f"{k + 1}."}]
            * 2
        }
        for k in range(300)
    ]
    (folder / "chats.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "plain.txt").write_text("Once upon a time.\n\n" * 40)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("chats.jsonl", "plain.txt"):
            argv = ["ganvas", "train", "--data", str(folder / name), "--steps", "8", *TINY, "--json"]
            patch.setattr(sys, "argv", argv)
            cli.main()
    return folder / "runs"


def test_one_question_gets_one_reply_that_is_the_same_for_the_same_seed(typed, trained):
    how = ("chat", trained / "chats", "--message", "7?", "--length", 20)
    code, out, err = typed(*how)
    assert (code, err) == (0, "")
    _, found, _ = typed(*how, "--json")
    assert json.loads(found)["messages"][0] == {"role": "user", "content": "7?"}
    assert json.loads(found)["messages"][1]["content"] == (out.strip() or "…")


def test_each_line_of_a_pipe_is_a_question_of_one_chat(typed, trained):
    code, out, _ = typed("chat", trained / "chats", "--json", "--system", "Count.", lines="1?\n\n2?\n3?\n")
    said = json.loads(out)["messages"]
    assert code == 0
    assert [m["role"] for m in said] == ["system", *["user", "assistant"] * 3]
    code, out, _ = typed("chat", trained / "chats", "--json", lines="1?\n/new\n2?\n/quit\n3?\n")
    assert [m["content"] for m in json.loads(out)["messages"] if m["role"] == "user"] == ["2?"]


def test_what_is_forgotten_is_said(typed, trained):
    _, _, err = typed(
        "chat", trained / "chats", "--length", 4, lines="one question\nanother question\nthird\n"
    )
    assert "The model looks back 48 tokens: the oldest" in err
    _, _, err = typed("chat", trained / "chats", "--length", 4, "--message", "long " * 20)
    assert "The message has 101 tokens, and the model looks back 48: it reads their end." in err
    assert "forgotten" not in err


def test_chats_are_judged_by_their_replies(typed, trained):
    code, out, err = typed("evaluate", trained / "chats", "--samples", 12, "--json", "--device", "cpu")
    assert code == 0, err
    found = json.loads(out)
    assert found["baselines"]["uniform"]["bits_per_byte"]["value"] == 8
    protocol = found["protocols"][found["bits_per_byte"]["protocol"]]
    held_out = json.loads((trained / "chats/recipe.json").read_text())["data"]["spec"]
    assert held_out["vocabulary"]["roles"] == ["system", "user", "assistant"]
    assert protocol["bytes"] < 12 * protocol["items"]  # both replies of a chat with their ends, no question
    assert "ganvas chat" in (trained / "chats/report.html").read_text()


def test_bad_wishes_are_refused_in_a_sentence(typed, trained):
    for args, sentence in {
        ("chat", str(trained / "plain"), "--message", "Hi"): "has learnt plain text, which it goes on with",
        ("write", str(trained / "chats")): "has learnt chats, in which it replies: `ganvas chat`",
        ("chat", str(trained / "chats"), "--message", " "): "--message is empty",
        ("chat", str(trained / "chats"), "--message", "Hi", "--length", "0"): "at least one character",
        ("chat", str(trained / "none")): "there is no run at",
    }.items():  # fmt: skip
        code, out, err = typed(*args)
        assert (code, out) == (2, "")
        assert sentence in err.splitlines()[-1]
