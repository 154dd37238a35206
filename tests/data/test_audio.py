"""Sound files are read as what they are, written as their name says, and brought to one rate and loudness."""

import io

import av
import numpy as np
import pytest

from ganvas.core.errors import UserError
from ganvas.data import audio
from ganvas.data.loudness import FRAME, GATE, MARGIN, active, frames, levels, normalised, trimmed

RATE = 16_000


def tone(hertz=440.0, seconds=1.0, rate=RATE, height=0.5):
    return (height * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def written(samples, suffix, rate=RATE):
    file = io.BytesIO()
    audio.write(samples, rate, file, suffix)
    return file.getvalue()


def encoded(samples, kind, codec, rate=RATE):
    """By FFmpeg."""
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray((samples[None] * 32767).astype(np.int16), "s16", "mono")
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return file.getvalue()


def loudest(samples, rate):
    """The frequency with the most power."""
    return np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_lossless_files_come_back_to_the_bit(suffix):
    clip = audio.read(written(tone(), suffix), f"a{suffix}")
    assert (clip.rate, clip.channels) == (RATE, 1)
    assert np.abs(clip.samples - tone()).max() <= 1 / 32_768


@pytest.mark.parametrize("suffix", [".ogg", ".mp3"])
def test_lossy_files_come_back_alike(suffix):
    clip = audio.read(written(tone(seconds=2), suffix), f"a{suffix}")
    middle = clip.samples[RATE // 2 : -RATE // 2]
    assert loudest(middle, RATE) == pytest.approx(440, abs=2)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / 2**0.5, rel=0.05)


@pytest.mark.parametrize(
    ("name", "kind", "codec", "rate"),
    [
        ("a.g722", "g722", "g722", 16_000),
        ("a.m4a", "ipod", "aac", 44_100),
        ("a.webm", "webm", "libopus", 48_000),
    ],
)
def test_what_libsndfile_does_not_know_is_read_by_ffmpeg(name, kind, codec, rate):
    clip = audio.read(encoded(tone(1000, 1, rate), kind, codec, rate), name)
    assert (clip.rate, clip.channels) == (rate, 1)
    assert loudest(clip.samples, rate) == pytest.approx(1000, abs=5)
    assert len(clip.samples) == pytest.approx(rate, rel=0.1)


def test_channels_are_mixed_to_their_mean():
    import soundfile

    left, right = tone(300), tone(700)
    file = io.BytesIO()
    soundfile.write(file, np.stack([left, right], 1), RATE, "FLOAT", format="WAV")
    clip = audio.read(file.getvalue(), "a.wav")
    assert clip.channels == 2
    assert np.allclose(clip.samples, (left + right) / 2, atol=1e-7)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100])
def test_another_rate_is_the_same_wave_taken_at_other_times(rate):
    found = audio.resampled(tone(440, 1, rate), rate, RATE)
    inner = slice(2_000, -2_000)
    assert np.abs(found[inner] - tone(440)[inner]).max() < 1e-3


@pytest.mark.parametrize("raw", [b"", b"This is no sound at all. " * 50])
def test_what_is_no_sound_says_so(raw):
    with pytest.raises(ValueError, match=r"empty|[Ii]nvalid|not a sound"):
        audio.read(raw, "a.wav")


def test_numbers_that_are_none_are_refused():
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, np.array([0.1, np.nan, 0.2], np.float32), RATE, "FLOAT", format="WAV")
    with pytest.raises(ValueError, match="no numbers"):
        audio.read(file.getvalue(), "a.wav")


def test_an_unknown_suffix_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"written as \.xyz; try \.wav, \.flac, \.ogg, \.mp3"):
        audio.write(tone(), RATE, tmp_path / "a.xyz", ".xyz")
    with pytest.raises(UserError, match="no sound file at"):
        audio.load(tmp_path / "a.wav", RATE)


def test_without_the_packages_it_says_what_to_install(monkeypatch):
    raw = written(tone(), ".wav")
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    with pytest.raises(UserError, match=r"pip install 'ganvas\[speech\]'"):
        audio.read(raw, "a.wav")


def test_a_long_vorbis_file_is_written():
    clip = audio.read(written(tone(seconds=120), ".ogg"), "a.ogg")
    assert len(clip.samples) == 120 * RATE


def test_the_active_level_of_a_tone_does_not_know_the_silence_around_it():
    alone, among = tone(), np.concatenate([np.zeros(3 * RATE, np.float32), tone()])
    for samples in (alone, among):
        assert active(frames(samples, RATE)) == pytest.approx(20 * np.log10(0.5 / 2**0.5), abs=0.1)


def test_active_frames_are_those_not_further_below_their_mean_than_the_gate():
    power = np.random.default_rng(0).gamma(0.3, size=500)
    mean = 10 ** (active(power) / 10)
    ordered = np.sort(power)[::-1]
    count = int(np.abs(np.cumsum(ordered) / np.arange(1, 501) - mean).argmin()) + 1
    assert ordered[count - 1] >= ordered[:count].mean() / 10 ** (GATE / 10)
    assert ordered[count] < ordered[: count + 1].mean() / 10 ** (GATE / 10)


@pytest.mark.parametrize("rate", [11_025, RATE])
def test_silent_ends_are_cut_to_a_margin(rate):
    silence, hiss = np.zeros(20 * rate), np.full(rate // 2, 1e-4)
    samples = np.concatenate([silence, tone(rate=rate), hiss]).astype(np.float32)
    found = trimmed(samples, rate, 40)
    near = 2 / rate
    assert 1 + 2 * MARGIN - near <= len(found) / rate <= 1 + 2 * (MARGIN + FRAME) + near
    assert MARGIN - near <= (found != 0).argmax() / rate <= MARGIN + FRAME + near
    assert len(trimmed(samples, rate, 0)) == len(samples)


def test_loudness_is_what_was_asked_for_unless_the_peak_forbids_it():
    for height in (0.001, 0.1, 0.9):
        assert levels(normalised(tone(height=height), RATE, -23), RATE).active == pytest.approx(-23, abs=0.01)
    sharp = np.zeros(RATE, np.float32)
    sharp[::800] = 0.5
    assert np.abs(normalised(sharp, RATE, 0)).max() == pytest.approx(0.99)


def test_a_wave_cut_off_is_seen():
    whole = tone(100)
    cut = (whole * 2).clip(-0.5, 0.5)
    assert levels(whole, RATE).clipped < 0.01
    assert levels(cut, RATE).clipped == pytest.approx(2 / 3, abs=0.02)
