"""`ganvas chat` as a person has it, on a terminal."""

import codecs
import os
import pty
import select
import signal
import sys
import time

import pytest
import torch

from ganvas.core import checkpoint
from ganvas.core.run import Run
from ganvas.core.settings import override
from ganvas.data.spec import Spec
from ganvas.data.vocabulary import Vocabulary
from ganvas.recipes.base import find

LONG = 60.0
"""Seconds until it gives up."""


class Terminal:
    """What is typed, and what is seen."""

    def __init__(self, folder, *line):
        self.seen, self.letters = "", codecs.getincrementaldecoder("utf-8")("replace")
        self.process, self.end = pty.fork()
        if self.process == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # which what runs in the background ignores
            os.chdir(folder)
            os.execv(sys.executable, [sys.executable, "-m", "ganvas", *line])

    def types(self, text):
        os.write(self.end, text.encode())

    def until(self, words):
        """What was seen up to these words."""
        begun = time.monotonic()
        while words not in self.seen:
            assert time.monotonic() < begun + LONG, self.seen
            if select.select([self.end], [], [], 0.2)[0]:
                try:
                    self.seen += self.letters.decode(os.read(self.end, 4096))
                except OSError:  # it has ended
                    break
        before, _, self.seen = self.seen.partition(words)
        return before

    def ended(self):
        self.until("\0")
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])


@pytest.fixture
def run(tmp_path):
    """An untrained one; what it replies does not matter here."""
    torch.manual_seed(0)
    spec = Spec(kind="text", shape=(256,), vocabulary=Vocabulary(roles=("user", "assistant")), longest=64)
    recipe = override(find("lm"), {"model.width": 16, "model.depth": 1, "model.heads": 1})
    known = {"recipe": "lm", "settings": recipe.model_dump(mode="json")}
    made = Run.create(tmp_path / "run", known | {"data": {"spec": spec.model_dump(mode="json")}})
    model = recipe.build(spec)
    with torch.no_grad():
        model.model.embedding.weight[256:] = 0  # so that the most probable token ends no reply
    made.save_model(checkpoint.of_module(model), known | {"spec": spec.model_dump(mode="json")})
    return made


def test_several_turns_an_unknown_command_and_quit(run, tmp_path):
    terminal = Terminal(tmp_path, "chat", "run", "--length", "20")
    assert "Ctrl-C stops a reply" in terminal.until("\r\n> ")
    for question in ("Hello, 明月.", "And now?"):
        terminal.types(f"{question}\n")
        reply = terminal.until("\r\n> ")
        assert reply.startswith(f"{question}\r\n")
    terminal.types("/help\n")
    assert "There is no /help: /new begins anew" in terminal.until("\r\n> ")
    terminal.types("/new\n")
    terminal.until("> ")
    terminal.types("Once more.\n")
    terminal.until("\r\n> ")
    terminal.types("/quit\n")
    assert terminal.ended() == 0


def test_ctrl_c_stops_a_reply_and_the_chat_goes_on(run, tmp_path):
    terminal = Terminal(tmp_path, "chat", "run", "--length", "100000", "--temperature", "0")
    terminal.until("\r\n> ")
    terminal.types("Speak!\n")
    terminal.until("Speak!\r\n")
    time.sleep(0.5)
    terminal.types("\x03")
    assert len(terminal.until("\r\n> ")) < 50_000
    terminal.types("\x04")
    assert terminal.ended() == 0


@pytest.mark.long  # a shell that runs its jobs without Ctrl-C keeps it from the line editor
def test_ctrl_c_at_the_prompt_drops_the_line(run, tmp_path):
    terminal = Terminal(tmp_path, "chat", "run", "--length", "20")
    terminal.until("\r\n> ")
    terminal.types("half a line")
    terminal.until("half a line")
    terminal.types("\x03")
    terminal.until("\r\n> ")
    terminal.types("/quit\n")
    assert terminal.ended() == 0
