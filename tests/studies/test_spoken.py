"""A voice is judged by sentences that it has not learnt, beside their recordings and copies of these."""

from types import SimpleNamespace

import numpy as np
import pytest

import ganvas
from ganvas.core.errors import UserError
from ganvas.core.loop import Observer
from ganvas.core.run import Run
from ganvas.core.settings import override
from ganvas.models.voice import Voice
from ganvas.pace import pace
from ganvas.recipes.base import find
from ganvas.studies.evaluation import evaluate
from ganvas.studies.spoken import speakers

TINY = {
    "encoder.width": 16,
    "encoder.depth": 1,
    "decoder.width": 16,
    "decoder.depth": 1,
    "critic.width": 2,
    "segment": 8,
    "prior.width": 16,
    "prior.depth": 1,
    "training.snapshots": 0,
}


@pytest.fixture(scope="module")
def voice(tmp_path_factory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "voice"
    quiet = Observer(said=lambda _: None)
    return ganvas.train("asterisk", out=out, steps=5, settings=TINY, observer=quiet)


def test_a_voice_stands_beside_recordings_and_copies(voice):
    found = evaluate(voice)
    assert {"mel_db", "pauses", "characters_per_second"} <= set(found)
    rows = {"said": found, "natural": found["floor"], "copies": found["baselines"]["copies"]}
    assert rows["natural"]["pitch_hz"]["value"] == pytest.approx(200, abs=15)  # as the recordings have it
    pace = "characters_per_second"
    assert rows["natural"][pace] == rows["copies"][pace]  # they last as long
    assert len({row[pace]["protocol"] for row in rows.values()}) == 1
    assert found["mel_db"]["value"] > 5
    assert found["mel_db"]["count"] == 2


def test_a_voice_that_cannot_read_yet_is_judged_by_its_copies(tmp_path):
    heard: list[str] = []
    quiet = Observer(said=lambda _: None)
    only = TINY | {"reading": 1.0, "together": 1.0}
    run = ganvas.train("asterisk", out=tmp_path / "copying", steps=2, settings=only, observer=quiet)
    found = evaluate(run, samples=2, said=heard.append)
    assert "It has not learnt to read yet: what is judged are its copies of recordings." in heard
    assert "pauses" not in found
    assert found["mel_db"]["count"] == 2
    assert "pauses" in found["floor"]
    assert "pauses" in found["baselines"]["copies"]


def test_a_voice_says_and_streams_the_same(voice):
    model = ganvas.load(voice.path)
    whole = model.say("Good morning. It is five o'clock.", seed=1)
    pieces = [*model.stream("Good morning. It is five o'clock.", seed=1)]
    assert len(pieces) > 2  # two sentences, and the pause between
    assert np.array_equal(np.concatenate(pieces), whole)
    assert not np.array_equal(model.say("Good evening. It is five o'clock.", seed=1), whole)
    assert model.unsaid("Good morning 😀") == ["This cannot be said and is left out: 😀"]
    with pytest.raises(UserError, match="one speaker"):
        model.say("Hello.", speaker="Ann")
    with pytest.raises(UserError, match="no text to say"):
        model.say(" ")


def test_a_recogniser_that_is_not_there_is_said_before_anything_is_judged(voice, tmp_path):
    with pytest.raises(UserError, match=r"recogniser|faster-whisper"):
        evaluate(voice, features=str(tmp_path / "nowhere"))


def test_sentences_are_said_by_the_speakers_of_the_same_name():
    voice = SimpleNamespace(spec=SimpleNamespace(classes=("Ann", "Ben", "Cem")))
    told: list[str] = []
    data = SimpleNamespace(classes=("Ben", "Cem"), labels=np.array([1, 0, 1]), transcripts=["a", "b", "c"])
    assert speakers(voice, data, told.append) == ["Cem", "Ben", "Cem"]
    alone = SimpleNamespace(classes=(), labels=None, transcripts=["a", "b"])
    assert speakers(voice, alone, told.append) == ["Ann", "Ann"]
    assert told == ["The recordings name no speaker: Ann, the voice's first, says their sentences."]
    with pytest.raises(UserError, match="Dan is no speaker of this voice; it has Ann, Ben, Cem"):
        speakers(voice, SimpleNamespace(classes=("Ben", "Dan"), labels=data.labels), told.append)


def test_the_time_that_inspect_foretells_is_of_all_stages(monkeypatch):
    seen = []

    def reached(self):
        seen.append(original(self))
        return seen[-1]

    original = Voice.reached
    monkeypatch.setattr(Voice, "reached", reached)
    assert pace("asterisk", override(find("voice"), TINY)) > 0
    assert {*seen} == {0, 1, 2, 3}
