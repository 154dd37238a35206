"""Recordings and their transcripts become utterances, some of them held out, or are refused."""

import io
import shutil
import tarfile
import zipfile

import numpy as np
import pytest
import torch
from rich.console import Console

from ganvas.core.errors import UserError
from ganvas.core.settings import override
from ganvas.data import phonemes
from ganvas.data.builtin import SHIPPED
from ganvas.data.clips import FULL
from ganvas.data.load import KINDS, kind_of
from ganvas.data.load import load as load_any
from ganvas.data.sound import Sounds, SoundSettings
from ganvas.data.speech import SpeechSettings, load
from ganvas.data.spoken import odd
from ganvas.data.survey import survey
from ganvas.data.survey_text import render

NUMBERS = [
    *(
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
    ),
    *("thirteen", "fourteen"),
]
SMALL = SpeechSettings(rate=8_000, held_out=0.2, join=1.0, pause=0.1)


@pytest.fixture
def voice(clips):
    """Write recordings of `seconds` to twice that, and what is said in them."""

    def write(count=20, rows=None, **how):
        place = clips(count, **how)
        rows = rows or [f"{k:03}|{NUMBERS[k % 15]} {NUMBERS[k // 15]}, or so" for k in range(count)]
        (place / "metadata.csv").write_text("\n".join(rows))
        return place

    return write


def said(data, k):
    return "".join(data.symbols[n] for n in data.text(k))


def test_a_batch_has_sound_and_symbols_filled_up_with_zeros(voice):
    data = load(str(voice()), SMALL)
    index = np.arange(len(data))
    batch = data.ready(data.fetch(index))
    longest = max(map(len, (data.text(k) for k in index)))
    assert {name: tuple(value.shape) for name, value in batch.items()} == {
        "sound": (len(data), int(data.lengths.max())),
        "length": (len(data),),
        "text": (len(data), longest),
        "text_length": (len(data),),
    }
    assert batch["sound"].dtype == torch.float32
    assert {batch[name].dtype for name in ("length", "text", "text_length")} == {torch.int64}
    for k in index:
        n, m = batch["length"][k], batch["text_length"][k]
        assert np.array_equal((batch["sound"][k, :n] * FULL).round().short().numpy(), data.sound(k))
        assert not batch["sound"][k, n:].any()
        assert not batch["text"][k, m:].any()
        assert batch["text"][k, :m].min() > 0


def test_symbols_are_those_of_the_front_end(voice):
    data = load(str(voice()), SMALL)
    how = data.spec.pronunciation
    assert data.spec.symbols == phonemes.inventory(how)
    for k, text in enumerate(data.transcripts):
        expected = " ".join("".join(one.symbols) for one in phonemes.utterances(text, how))
        assert said(data, k) == expected


def test_short_clips_are_joined_with_pauses_until_they_are_long_enough(voice):
    data = load(str(voice(seconds=0.3)), SMALL)
    for part in (data, data.held_out):
        short = [k for k, n in enumerate(part.lengths) if n < 8_000]
        assert len(short) <= 1
        for k, parts in enumerate(part.parts):
            clips = [data.clips.clip(i) for i in parts]
            pause = np.zeros(800, np.int16)
            whole = np.concatenate([x for clip in clips for x in (clip, pause)][:-1])
            assert np.array_equal(part.sound(k), whole)
            assert part.transcripts[k] == " ".join(data.facts["texts"][i] for i in parts)
    used = sorted(i for part in (data, data.held_out) for parts in part.parts for i in parts)
    assert used == list(range(20))
    apart = load(str(voice(seconds=0.3)), SMALL.model_copy(update={"join": 0.0}))
    assert {len(parts) for parts in apart.parts} == {1}


def test_what_is_held_out_is_never_said_in_training(voice):
    rows = [f"{k:03}|{NUMBERS[k % 10]}{', ' if k < 10 else ' '}please!" for k in range(40)]
    data = load(str(voice(40, rows)), SMALL)
    alone = [
        {data.facts["texts"][i].replace(",", "") for p in part.parts for i in p}
        for part in (data, data.held_out)
    ]
    assert alone[0]
    assert alone[1]
    assert not alone[0] & alone[1]


def test_speakers_are_labels_and_never_joined(clips):
    place = clips(30, seconds=0.2)
    rows = "".join(f"{k:03}.wav,{NUMBERS[k % 15]},{'xyz'[k % 3]}\n" for k in range(30))
    (place / "all.csv").write_text(f"path,text,speaker\n{rows}")
    data = load(str(place), SMALL)
    assert data.classes == ("x", "y", "z")
    batch = data.fetch(np.arange(len(data)))
    for label, parts in zip(batch["label"], data.parts, strict=True):
        assert {int(data.facts["names"][i][:3]) % 3 for i in parts} == {int(label)}
    assert load(str(place), SMALL.model_copy(update={"speakers": "none"})).classes == ()
    assert load(str(place / "all.csv"), SMALL).classes == data.classes
    assert kind_of(str(place / "all.csv")) == "speech"


def test_subfolders_are_speakers_if_that_is_asked_for(voice, clips):
    for k, name in enumerate(("anna", "bo")):
        place = clips(12, f"both/{name}", seed=k)
        for i, file in enumerate(sorted(place.glob("*.wav"))):
            file.with_suffix(".txt").write_text(NUMBERS[i])
    assert load(str(place.parent), SMALL).classes == ()
    assert load(str(place.parent), SMALL.model_copy(update={"speakers": "folders"})).classes == ("anna", "bo")


def test_a_recording_or_a_transcript_alone_is_named_and_left_out(voice):
    place = voice()
    lines = (place / "metadata.csv").read_text().splitlines()
    (place / "metadata.csv").write_text(
        "\n".join([*lines[1:], "099|nobody", "098|no one"]).replace("001|", "001|...|")
    )
    data = load(str(place), SMALL)
    assert "1 recording is without a transcript, and left out (000.wav)." in data.notes
    assert "2 transcripts are without a recording, and left out (099, 098)." in data.notes


def test_too_long_and_unspeakable_ones_are_named_and_left_out(voice):
    rows = [f"{k:03}|{NUMBERS[k % 15]}" for k in range(20)]
    rows[3] = "003|山山山"
    data = load(str(voice(20, rows)), SMALL.model_copy(update={"longest": 0.9}))
    assert any(
        "1 clip is of nothing that can be said, and left out (003.wav)." in note for note in data.notes
    )
    assert any("clips are longer than 0.9 s, and left out" in note for note in data.notes)
    assert data.facts["unsaid"]


def test_without_transcripts_the_vocoder_is_offered(clips):
    place = clips()
    with pytest.raises(
        UserError, match=r"no transcript .* 12 recordings; .* ganvas train vocoder --data .*clips learns"
    ):
        load(str(place), SMALL)
    assert kind_of(str(place)) == "sound"


def test_a_list_that_names_other_recordings_is_named(clips):
    place = clips(12)
    (place / "metadata.csv").write_text("take_1|Hello.\ntake_2|Good morning.\n")
    with pytest.raises(UserError, match=r"none of them is named in metadata.csv \(take_1, take_2\); give"):
        load(str(place), SMALL)


def test_a_table_of_recordings_that_are_not_there_is_no_table_of_numbers(tmp_path):
    (tmp_path / "list.csv").write_text("path,text\n1.wav,Hello\n2.wav,Good morning\n")
    with pytest.raises(UserError, match=r"names no sound file that is there \(1.wav, 2.wav\)"):
        kind_of(str(tmp_path / "list.csv"))


@pytest.mark.parametrize("name", ["nothing", "cut.zip", "empty"])
def test_what_holds_nothing_known_is_not_taken_for_pictures(name, tmp_path):
    (tmp_path / "cut.zip").write_bytes(b"PK\3\4 and no more")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"nothing at|cannot be read as a zip|no sound file in"):
        load_any(str(tmp_path / name), SpeechSettings())


def test_a_tar_holds_the_same_transcripts(voice, tmp_path):
    place = voice()
    with tarfile.open(tmp_path / "voice.tar.gz", "w:gz") as archive:
        archive.add(place, "voice")
    assert kind_of(str(tmp_path / "voice.tar.gz")) == "speech"
    packed = load(str(tmp_path / "voice.tar.gz"), SMALL)
    assert sorted(packed.facts["texts"]) == sorted(load(str(place), SMALL).facts["texts"])


def test_the_kind_is_told_by_the_transcripts_and_can_be_asked_for(voice):
    place = str(voice())
    assert kind_of(place) == "speech"
    assert kind_of(place, ["sound.rate"]) == "sound"
    assert isinstance(load_any(place, SoundSettings(rate=8_000)), Sounds)
    assert KINDS["speech"].settings is SpeechSettings


def test_a_zip_and_a_copy_are_the_same_data_and_another_text_is_not(voice, tmp_path):
    place = voice()
    first = load(str(place), SMALL).fingerprint
    with zipfile.ZipFile(tmp_path / "voice.zip", "w") as archive:
        for file in place.iterdir():
            archive.write(file, file.name)
    shutil.copytree(place, tmp_path / "copy")
    assert {load(str(tmp_path / name), SMALL).fingerprint for name in ("voice.zip", "copy")} == {first}
    (place / "metadata.csv").write_text((place / "metadata.csv").read_text().replace("three", "thirty"))
    assert load(str(place), SMALL).fingerprint != first


def test_another_language_than_the_lists_is_refused(clips):
    place = clips(12)
    rows = "".join(f"{k:03}.wav,eins,de\n" for k in range(12))
    (place / "all.csv").write_text(f"path,text,language\n{rows}")
    with pytest.raises(
        UserError, match=r"are in de, .* and en-us is to be learnt; set --speech.pronunciation.language de"
    ):
        load(str(place), SMALL)
    rows = "".join(f"{k:03}.wav,{NUMBERS[k]},{'en_GB' if k else 'de'}\n" for k in range(12))
    (place / "all.csv").write_text(f"path,text,language\n{rows}")
    assert any("1 recording is in another language" in note for note in load(str(place), SMALL).notes)


def test_clips_that_last_too_long_for_their_text_are_found():
    rng = np.random.default_rng(0)
    numbers = [[1] * n for n in rng.integers(5, 60, 200)]
    length = np.array([1_000 * (len(n) + 6) for n in numbers]) * np.exp(rng.normal(0, 0.08, 200))
    length[[7, 90]] *= (3, 0.3)
    found = odd(length, numbers, range(200))
    assert [k for k, _ in found] == [90, 7]
    assert dict(found)[7] == pytest.approx(3, rel=0.25)


def test_settings_are_set_by_dotted_name():
    how = override(SMALL, {"pronunciation.language": "zh", "longest": "9.5"})
    assert (how.pronunciation.language, how.longest) == ("zh", 9.5)


def test_the_shipped_voice_speaks_and_its_notice_is_there():
    data = load_any("asterisk")
    assert sum(map(len, data.parts)) + sum(map(len, data.held_out.parts)) == 32
    assert 2.5 < (data.seconds + data.held_out.seconds) / 60 < 3.2
    assert "Please try again." in " ".join(data.transcripts + data.held_out.transcripts)
    assert not data.facts["unsaid"]
    assert any("are little: a voice of its own takes some 20" in note for note in data.notes)
    notice = (SHIPPED / "NOTICE.txt").read_text()
    assert all(word in notice for word in ("asterisk.zip", "Allison Smith", "CC BY-SA 3.0"))
    assert (SHIPPED / "asterisk.zip").stat().st_size < 2_000_000


def test_a_survey_names_what_deserves_a_look(voice):
    import soundfile

    place = voice(rows=[f"{k:03}|{NUMBERS[k % 15]} blorptacular 山" for k in range(20)])
    rng = np.random.default_rng(0)
    loud, quiet = rng.normal(0, 0.1, (2, 8_000)), np.full(4_000, 1e-4)
    soundfile.write(place / "000.wav", loud[0].clip(-0.05, 0.05) * 10, 8_000)
    soundfile.write(place / "001.wav", np.concatenate([loud[1], quiet]), 8_000)
    shutil.copy(place / "002.wav", place / "003.wav")
    found = survey(str(place), SMALL)
    assert (found.kind, found.count, found.training + found.held_out) == ("speech", 20, 20)
    assert found.sound.clipped_names == ["000.wav"]
    assert "001.wav" not in found.sound.noisy_names
    assert found.duplicate_groups == [["002.wav", "003.wav"]]
    assert found.sound.rates == {"8000": 20}
    samples = load(str(place), SMALL).clips.table["length"].sum()
    assert found.sound.minutes == pytest.approx(samples / 8_000 / 60)
    assert [*found.speech.guessed] == ["blorptacular"]
    assert found.speech.unsaid == {"山": 20}
    assert found.speech.words == 60
    shown = io.StringIO()
    Console(file=shown, width=200).print(render(found))
    for words in ("1: 000.wav", "002.wav = 003.wav", "blorptacular", "8,000 Hz 20"):
        assert words in shown.getvalue()
    as_sound = survey(str(place), SoundSettings(rate=8_000))
    assert (as_sound.kind, as_sound.speech) == ("sound", None)
