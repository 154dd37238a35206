"""The voice that ganvas brings says a text right away; who says what is told apart."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ganvas.brought import VOICE, VOICES
from ganvas.cli.saying import Say
from ganvas.model import load, run_of
from ganvas.models.manners import Manner

FOX = "The quick brown fox jumps over the lazy dog."


def test_a_text_alone_is_said_by_the_voice_that_is_brought(typed):
    code, out, _ = typed("say", FOX, "-o", "fox.wav", "--json")
    assert code == 0
    told = json.loads(out)
    sound, rate = soundfile.read("fox.wav")
    assert rate == told["rate"] == 16_000
    assert told["seconds"] == pytest.approx(len(sound) / rate)
    assert 1.5 < told["seconds"] < 6
    assert np.abs(sound).max() > 0.05


def test_it_says_the_same_for_the_same_seed_and_as_it_is_made_what_it_is_in_one_piece():
    voice = load(VOICE, "cpu")
    whole = voice.say(FOX, seed=1)
    assert np.array_equal(whole, voice.say(FOX, seed=1))
    assert not np.array_equal(whole, voice.say(FOX, seed=2))
    pieces = [*voice.stream(FOX, seed=1)]
    assert len(pieces) > 1
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-4)
    slower = voice.say(FOX, seed=1, speed=0.8, rhythm=0)
    assert len(slower) > 1.15 * len(voice.say(FOX, seed=1, rhythm=0))


def test_it_is_small_and_has_its_notice():
    files = {path.name: path for path in (VOICES / VOICE).iterdir()}
    assert sum(path.stat().st_size for path in files.values()) < 20e6
    assert "CC BY-SA 3.0" in files["NOTICE.txt"].read_text()


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (["FOLDER"], "say what to say: ganvas say RUN"),
        (["FOLDER", "hello"], "is no run of ganvas"),
        (["hello", "-o", "hello.txt"], "speech cannot be written as .txt; try .wav"),
        (["nobody", "hello"], "there is no run at nobody"),
        (["Good", "morning"], "a text of several words goes in quotes"),
        (["asterisk", "some/FOLDER"], "some/FOLDER is a folder; name a .txt file"),
        (["hello", "-o", "/proc/hello.wav"], "/proc/hello.wav could not be written"),
        (["asterisk", "hello", "--speaker", "ann", "-o", "new/a.wav"], "this voice has one speaker"),
        (["chapter.txt"], "there is no file chapter.txt to read aloud"),
        (["hello", "--speed", "9"], "speed"),
        (["hello", "--speaker", "ann"], "this voice has one speaker"),
        ([""], "say what to say"),
    ],
)
def test_what_cannot_be_said_is_answered_in_a_sentence(command, answer, typed, tmp_path):
    (tmp_path / "FOLDER").mkdir()
    (tmp_path / "some/FOLDER").mkdir(parents=True)
    code, _, said = typed("say", *command)
    assert code == 2
    assert answer in said
    assert len(said.strip().splitlines()) == 1
    assert not (tmp_path / "said.wav").exists()
    assert not (tmp_path / "new").exists()


def test_a_book_begins_before_it_is_read_to_its_end():
    voice = load(VOICE, "cpu")
    book = "It was a bright cold day in April. " * 20_000
    began = time.monotonic()
    piece = next(voice.stream(book))
    assert len(piece)
    assert time.monotonic() - began < 10


def test_a_name_is_the_voice_that_is_brought_unless_a_run_here_has_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / VOICE / "onnx").mkdir(parents=True)
    assert run_of(VOICE).path == VOICES / VOICE
    (tmp_path / VOICE / "recipe.json").write_text("{}")
    assert run_of(VOICE).path == Path(VOICE)


def test_the_command_says_it_as_python_does():
    for name, field in Manner.model_fields.items():
        assert getattr(Say, name) == field.default
