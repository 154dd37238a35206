"""Folders of sound become windows of one length, each a part of a clip, and some clips are held out."""

import shutil
import tarfile
import wave
import zipfile

import numpy as np
import pytest
import torch

from ganvas.core.errors import UserError
from ganvas.data.clips import FULL
from ganvas.data.load import kind_of
from ganvas.data.sound import PIECE, SoundSettings, load

SMALL = SoundSettings(rate=8_000, segment=0.1)


def test_every_window_is_a_part_of_a_clip_and_together_they_reach_all_of_it(clips):
    data = load(str(clips()), SMALL)
    batch = data.fetch(np.arange(len(data)))
    torch.manual_seed(0)
    seen = [np.zeros(n, bool) for n in data.clips.table["length"]]
    for _ in range(20):
        sound = data.ready(batch)["sound"]
        assert sound.shape == (len(data), 800)
        assert sound.dtype == torch.float32
        for window, k in zip((sound * FULL).round().short().numpy(), data._clip, strict=True):
            clip = data.clips.clip(k)
            starts = np.flatnonzero(clip[: len(clip) - 799] == window[0])
            place = next(p for p in starts if (clip[p : p + 800] == window).all())
            seen[k][place : place + 800] = True
    used = np.concatenate([seen[k] for k in data.rows])
    assert used.mean() > 0.99


def test_the_same_generator_gives_the_same_windows(clips):
    data = load(str(clips()), SMALL)
    batch = data.fetch(np.arange(8))
    made = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        made.append(data.ready(batch)["sound"])
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])


def test_shorter_clips_begin_at_once_and_are_followed_by_zeros(clips):
    data = load(str(clips(seconds=0.2)), SoundSettings(rate=8_000, segment=1.0))
    batch = data.ready(data.fetch(np.arange(len(data))))
    for k, row in zip(data.rows, batch["sound"].numpy(), strict=True):
        clip = data.clips.clip(k)
        assert np.allclose(row[: len(clip)], clip / FULL)
        assert not row[len(clip) :].any()


@pytest.mark.parametrize(
    ("segment", "onset", "begins"), [(0.1, None, True), (0.1, False, False), (0.05, None, False)]
)
def test_of_strokes_each_item_is_the_beginning(clips, segment, onset, begins):
    settings = SoundSettings(rate=8_000, segment=segment, onset=onset)
    data = load(str(clips(seconds=0.12)), settings)
    torch.manual_seed(0)
    window = data.ready(data.fetch(np.arange(len(data))))["sound"]
    first = np.stack([data.clips.clip(k)[: data.segment] for k in data._clip]) / FULL
    assert np.allclose(window, first) == begins
    assert len(data) == len(data.rows) or not begins
    assert any("is the first 0.1 s of one" in note for note in data.notes) == begins


def test_no_clip_is_on_both_sides_and_copies_are_on_one(clips):
    place = clips(40, seconds=0.1)
    for file in sorted(place.glob("*.wav")):
        shutil.copy(file, place / f"again-{file.name}")
    data = load(str(place), SMALL)
    names = np.array([name.removeprefix("again-") for name in data.facts["names"]])
    assert not {*names[data.rows]} & {*names[data.held_out.rows]}
    assert 1 <= len(data.held_out.rows) / 2 <= 10
    assert any("40 clips are the same file as another" in note for note in data.notes)


def test_a_copied_folder_is_the_same_data_and_other_settings_make_others(clips, tmp_path):
    place = clips()
    shutil.copytree(place, tmp_path / "elsewhere")
    first = load(str(place), SMALL)
    assert load(str(tmp_path / "elsewhere"), SMALL).fingerprint == first.fingerprint
    assert load(str(place), SMALL.model_copy(update={"trim": 20.0})).fingerprint != first.fingerprint
    longer = load(str(place), SMALL.model_copy(update={"segment": 0.2}))
    assert (longer.fingerprint, longer.spec.shape) == (first.fingerprint, (1_600,))


def test_a_zip_holds_the_same(clips, tmp_path):
    place = clips()
    with zipfile.ZipFile(tmp_path / "clips.zip", "w") as archive:
        for file in place.iterdir():
            archive.write(file, file.name)
    assert kind_of(str(tmp_path / "clips.zip")) == "sound"
    assert load(str(tmp_path / "clips.zip"), SMALL).fingerprint == load(str(place), SMALL).fingerprint


def test_subfolders_are_classes(clips):
    for k, name in enumerate(("drum", "flute")):
        place = clips(8, f"all/{name}", seed=k)
    data = load(str(place.parent), SMALL)
    assert data.classes == ("drum", "flute")
    batch = data.ready(data.fetch(np.arange(len(data))))
    names = [data.facts["names"][k] for k in data._clip]
    assert [data.classes[y] for y in batch["label"]] == [name.partition("/")[0] for name in names]
    assert load(str(place.parent), SMALL.model_copy(update={"labels": False})).classes == ()


def test_a_long_recording_is_cut_so_that_a_part_of_it_can_be_held_out(clips):
    place = clips(1, seconds=10.3 * PIECE)
    file = next(place.iterdir())
    data = load(str(file), SoundSettings(rate=8_000, held_out=0.2))
    lengths = data.clips.table["length"]
    assert len(lengths) == 11
    assert lengths.max() - lengths.min() <= 1
    assert lengths.sum() == pytest.approx(10.3 * PIECE * 8_000, rel=0.01)
    assert 1 <= len(data.held_out.rows) < 11


def test_broken_and_silent_files_are_named_and_left_out(clips):
    import soundfile

    place = clips(30)
    (place / "broken.wav").write_bytes(b"no sound")
    soundfile.write(place / "silent.wav", np.zeros(8_000), 8_000)
    data = load(str(place), SMALL)
    assert "2 broken or silent files are left out (broken.wav: " in data.notes[0]
    assert "silent.wav: silent" in data.notes[0]
    for k in range(4):
        (place / f"broken{k}.wav").write_bytes(b"no sound")
    with pytest.raises(UserError, match=r"6 of the 36 sound files .* cannot be used .*, more than a tenth"):
        load(str(place), SMALL)


def test_low_rates_mixed_ones_and_stereo_are_said(clips):
    clips(6)
    place = clips(12, rate=16_000, channels=2)  # over the first six
    clips(3, "clips/low")
    notes = " ".join(load(str(place), SoundSettings(labels=False)).notes)
    assert "12 of 16,000 Hz, 3 of 8,000 Hz" in notes
    assert "3 clips are of a rate below 16,000 Hz: nothing above 4,000 Hz can be heard" in notes
    assert "12 clips are stereo" in notes


@pytest.mark.parametrize(
    ("count", "sentence"),
    [(0, "is an empty folder|no picture|no sound file"), (3, "holds 3 clips that can be used; at least 10")],
)
def test_too_little_is_refused(clips, count, sentence):
    with pytest.raises(UserError, match=sentence):
        load(str(clips(count)), SMALL)


def test_a_folder_of_sounds_is_sound_unless_there_are_pictures(clips, photos):
    place = clips()
    (place / "LICENCE.txt").write_text("These sounds are free.")
    assert kind_of(str(place)) == "sound"
    photos(3, "clips")
    assert kind_of(str(place)) == "image"


def test_a_tar_holds_the_same_in_whatever_order(clips, tmp_path):
    place = clips(12)
    with tarfile.open(tmp_path / "clips.tar.gz", "w:gz") as archive:
        for k in (*range(11, -1, -1),):
            archive.add(place / f"{k:03}.wav", f"clips/{k:03}.wav")
    path = str(tmp_path / "clips.tar.gz")
    assert kind_of(path) == "sound"
    packed, folder = load(path), load(str(place))
    assert {found.tobytes() for found in map(packed.clips.clip, range(12))} == {
        found.tobytes() for found in map(folder.clips.clip, range(12))
    }


def test_texts_that_are_no_transcripts_are_said_to_be_left_aside(clips):
    place = clips(12)
    (place / "about.txt").write_text("Recorded in a garden")
    assert any("1 text is left aside" in note for note in load(str(place)).notes)


def test_a_rate_that_no_sound_has_is_damage(clips):
    place = clips(20)
    with wave.open(str(place / "003.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(1)
        file.writeframes(b"\1\2" * 4000)
    assert load(str(place)).facts["broken"] == [["003.wav", "1 samples a second are none of sound"]]
