"""Sound that is sent while it is made is the sound that was made."""

import io

import chromium
import numpy as np
import pytest
from served import serving

from ganvas.model import load
from ganvas.serve.speech import packed

av = pytest.importorskip("av")
soundfile = pytest.importorskip("soundfile")
RATE = 22_050
TINY = {
    "encoder__width": 16,
    "encoder__depth": 1,
    "encoder__latent": 4,
    "decoder__width": 16,
    "decoder__depth": 2,
    "critic__width": 2,
    "segment": 8,
    "prior__width": 16,
    "prior__depth": 1,
    "prior__flow": 16,
    "prior__moves": 2,
}


def sine(seconds=1.5):
    t = np.arange(int(seconds * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)


def pieces(sound):
    return iter(np.split(sound, [1000, 5000, 20_000]))


def heard(file):
    with av.open(io.BytesIO(file)) as container:
        plain = av.AudioResampler(format="flt", layout="mono", rate=RATE)
        parts = [p.to_ndarray()[0] for f in container.decode(audio=0) for p in plain.resample(f)]
        return np.concatenate([*parts, *(p.to_ndarray()[0] for p in plain.resample(None))])


@pytest.mark.parametrize("form", ["wav", "mp3", "opus", "aac", "flac"])
def test_each_form_holds_the_sound(form):
    sound = sine()
    found = heard(b"".join(packed(pieces(sound), RATE, form)))
    assert abs(len(found) - len(sound)) < 0.15 * RATE  # what codecs put before and behind
    spectrum = np.abs(np.fft.rfft(found[2000 : 2000 + RATE] * np.hanning(RATE)))
    assert abs(spectrum.argmax() - 440) <= 1
    assert 0.45 < np.abs(found[4000:20_000]).max() < 0.56


def test_what_loses_nothing_is_equal():
    sound = sine()
    whole = np.rint(sound * 32767)
    for form in ("wav", "flac"):
        np.testing.assert_allclose(heard(b"".join(packed(pieces(sound), RATE, form))) * 32768, whole, atol=1)


def test_headerless_sound_has_24_000_samples_a_second():
    found = np.frombuffer(b"".join(packed(pieces(sine()), RATE, "pcm")), "<i2")
    assert abs(len(found) - 1.5 * 24_000) < 50


@pytest.mark.parametrize("form", ["wav", "mp3", "opus", "aac", "flac", "pcm"])
def test_it_comes_before_all_is_made(form):
    def slow():
        for piece in np.split(sine(4.0), 8):
            made.append(piece)
            yield piece

    made = []
    parts = packed(slow(), RATE, form)
    assert sum(len(next(parts)) for _ in range(2)) > 0
    assert len(made) < 8


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    pytest.importorskip("ganvas.recipes.voice")
    import made

    from ganvas.data.phonemes import Pronunciation, inventory
    from ganvas.data.spec import Spec

    how = Pronunciation()
    symbols = inventory(how)
    spec = Spec(kind="speech", shape=(32_000,), rate=16_000, symbols=symbols, pronunciation=how)
    run = made.run(tmp_path_factory.mktemp("voice") / "voice", "voice", spec, **TINY)
    with serving([run.path]) as client:
        yield run, client


def test_the_client_streams_speech_to_a_file_and_it_is_what_the_voice_says(voice, tmp_path):
    openai = pytest.importorskip("openai")
    run, client = voice
    asked = {"model": "voice", "voice": "alloy", "input": "Good morning. How are you?", "speed": 1.2}
    with (
        openai.OpenAI(base_url=f"{client.address}/v1", api_key="none") as theirs,
        theirs.audio.speech.with_streaming_response.create(response_format="wav", **asked) as answer,
    ):
        answer.stream_to_file(tmp_path / "said.wav")
    found, rate = soundfile.read(tmp_path / "said.wav")
    expected = load(run.path, "cpu").say(asked["input"], speed=1.2)
    assert rate == 16_000
    np.testing.assert_allclose(found, expected.clip(-1, 1), atol=1e-4)


def test_what_cannot_be_said(voice):
    _, client = voice
    for body, param in (
        ({"input": ""}, "input"),
        ({"input": "x" * 1_000_000}, "input"),
        ({"input": "a", "speed": 9}, "speed"),
        ({"input": "a", "response_format": "midi"}, "response_format"),
    ):
        status, error = client.refused("/v1/audio/speech", {"voice": "alloy", **body})
        assert (status, error["param"]) == (400, param)


@pytest.mark.skipif(chromium.found() is None, reason="there is no Chromium here")
def test_the_page_says_it(voice, tmp_path):
    _, client = voice
    with chromium.opened(tmp_path / "profile") as page:
        page.send("Page.navigate", url=client.address)
        page.wait("!!globalThis.ganvas")
        page.value("document.getElementById('spoken').value = 'Good morning.'")
        page.value("document.getElementById('speak').click()")
        page.wait("document.getElementById('player').duration > 0.1")
        assert page.value("document.getElementById('player').duration") < 10
        assert page.said == []
