"""Data sets of the hub, in its own form (parquet), from a folder on this machine."""

import json
import shutil

import numpy as np
import pytest

from ganvas.core.errors import UserError
from ganvas.data.load import kind_of, load
from ganvas.data.sound import SoundSettings
from ganvas.data.speech import SpeechSettings
from ganvas.data.text import TextSettings

pytest.importorskip("datasets")

AUDIO = {"_type": "Audio"}
WORDS = {"_type": "Value", "dtype": "string"}


@pytest.fixture
def published(tmp_path, monkeypatch):
    """The same recordings as a folder and as a data set; its columns beside them, and their types."""
    import pyarrow
    from pyarrow import parquet

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def write(place, types, **columns):
        folder = tmp_path / f"hub-{place.name}"
        folder.mkdir()
        sounds = [{"bytes": f.read_bytes(), "path": f.name} for f in sorted(place.glob("*.wav"))]
        table = pyarrow.table({"audio": sounds, **columns})
        facts = {"info": {"features": {"audio": AUDIO, **types}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(facts)})
        parquet.write_table(table, folder / "train.parquet")
        return f"hf:{folder}"

    return write


def test_speech_of_the_hub_is_that_of_a_folder(clips, published):
    place = clips(12)
    texts = [f"It is number {k}, and no other." for k in range(12)]
    types = {"sentence": WORDS, "client_id": WORDS}
    found = published(place, types, sentence=texts, client_id=["ann", "bob"] * 6)
    for k, text in enumerate(texts):
        (place / f"{k:03}.txt").write_text(text)
    assert kind_of(found) == "speech"
    settings = SpeechSettings(held_out=0, join=0, loudness=None)
    hub, folder = load(found, settings), load(place, settings)
    assert hub.classes == ("ann", "bob")
    assert hub.transcripts == folder.transcripts == texts
    assert all(np.array_equal(hub.sound(k), folder.sound(k)) for k in range(12))


def test_labels_of_sounds_are_classes(clips, published):
    names = {"_type": "ClassLabel", "names": ["kick", "snare"]}
    found = published(clips(12), {"label": names}, label=[0, 1] * 6)
    assert kind_of(found) == "sound"
    assert load(found, SoundSettings(held_out=0)).classes == ("kick", "snare")


def written(folder, types, **columns):
    """A data set of rows."""
    import pyarrow
    from pyarrow import parquet

    folder.mkdir()
    facts = {"info": {"features": types}}
    table = pyarrow.table(columns).replace_schema_metadata({"huggingface": json.dumps(facts)})
    parquet.write_table(table, folder / "train.parquet")
    return f"hf:{folder}"


def test_text_of_the_hub_is_that_of_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    texts = [f"Nummer {k}: größer." for k in range(40)]
    kinds = {"_type": "ClassLabel", "names": ["bad", "good"]}
    types = {"text": WORDS, "stars": kinds, "title": WORDS}
    found = written(tmp_path / "rows", types, text=texts, stars=[0, 1] * 20, title=[x.upper() for x in texts])
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts))
    assert kind_of(found) == "text"
    settings = TextSettings(context=16, held_out=0)
    hub, file = load(found, settings), load(tmp_path / "rows.jsonl", settings)
    assert np.array_equal(hub.fetch(np.arange(9))["text"], file.fetch(np.arange(9))["text"])
    labelled = load(found, TextSettings(context=16, held_out=0, label="stars", column="title"))
    assert any("2 labels: bad, good" in note for note in labelled.notes)
    with pytest.raises(UserError, match="no “body” that is text"):
        load(found, TextSettings(column="body"))


def test_what_a_set_lacks_is_said(clips, published, tmp_path):
    found = published(clips(12), {})
    with pytest.raises(UserError, match=r"There is no transcript in hf:.* for its 12 recordings"):
        load(found, SpeechSettings())
    with pytest.raises(UserError, match="cannot be loaded"):
        kind_of(f"hf:{tmp_path / 'nothing'}")
    shutil.rmtree(found.removeprefix("hf:"))
