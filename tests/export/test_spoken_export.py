"""Voices and sounds as ONNX files: what torch makes of the same noise, and where there is no torch."""

import re
from importlib import resources

import made
import numpy as np
import pytest
import torch
from without_torch import asked, refused

from ganvas.core.errors import UserError
from ganvas.export import noise, onnx, pieces, runtime, shrink, sounds
from ganvas.export.spectra import Spectra
from ganvas.model import load
from ganvas.models import saying
from ganvas.models.manners import VARIATION, Manner
from ganvas.nn.spectrogram import Fourier, Inverse


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    """A run and its export."""
    place = tmp_path_factory.mktemp("voice")
    run = made.run(place / "run", "voice", made.SPEECH, **made.VOICE)
    return run, onnx.export(run, place / "out")


@pytest.mark.long
def test_every_graph_is_near_to_the_model(voice):
    _, found = voice
    assert all(part["largest"] <= 1e-4 and part["inputs"] == 100 for part in found.parity.values())
    assert set(found.parity) - {"pitch"} == {"reader", "flow", "decoder", "encoder"}


def test_a_decoder_of_sound_is_near_to_the_model(tmp_path):
    run = made.run(tmp_path / "run", "voice", made.SPEECH, **made.VOICE)
    voice = load(run.path, "cpu").objective
    piece = next(piece for piece in sounds.of_voice(voice) if piece.part == "decoder")
    figures = pieces.write(piece, tmp_path, {"ganvas": "0"} | sounds.known(voice), "fp16")
    assert figures["largest"] <= 1e-4
    assert figures["inputs"] == 100
    weights = sum(p.numel() for p in piece.module.parameters() if p.ndim > 1 and p.numel() >= shrink.FEWEST)
    saved = figures["fp16"]["bytes_fp32"] - figures["fp16"]["bytes"]
    assert saved > 0.95 * 2 * weights


@pytest.mark.parametrize(("size", "hop"), [(1024, 256), (96, 16), (40, 20), (20, 10)])
def test_small_products_are_the_fourier_transform_and_its_inverse(size, hop):
    sound = torch.randn(2, 9 * hop, generator=torch.Generator().manual_seed(0))
    there, back = Fourier(size, hop), Inverse(size, hop)
    spectrum = there(sound)
    found = torch.complex(*Spectra(there).of(sound))
    torch.testing.assert_close(found, spectrum, atol=1e-6 * size, rtol=1e-5)
    made = Spectra(back).back(spectrum.real, spectrum.imag)
    torch.testing.assert_close(made, back(spectrum.mT), atol=1e-5, rtol=1e-5)


@pytest.mark.long
def test_a_voice_has_the_latents_and_the_sound_that_torch_has_of_the_same_noise(voice, monkeypatch):
    run, found = voice
    theirs, model = runtime.opened(found.folder / "model.onnx"), load(run.path, "cpu").objective
    text, how = [9, 12, 30, 2, 14, 25, 4], {"variation": 0.667, "rhythm": 0.8, "speed": 1.2}
    z = theirs.spoken(text, 1, *how.values(), seed=3, k=2)
    streams = iter((8, 10))

    def same(shape, *_, **__):
        return torch.from_numpy(noise.normal(3, tuple(shape)[1:], first=next(streams))[None])

    with monkeypatch.context() as patch:
        patch.setattr(torch, "randn", same)
        expected = model.latents(torch.tensor(text), speaker=1, **how)
    np.testing.assert_allclose(z, expected, atol=1e-4)
    if theirs.facts["voiced"]:  # a voice's phase adds up its pitch, and with it every rounding
        hertz = np.where(np.arange(z.shape[1]) % 9 < 7, 180 + 3.3 * np.arange(z.shape[1]), 0)[None]
        monkeypatch.setattr(theirs, "hertz", lambda _: hertz)
        sung = model.decoder.sounded(torch.from_numpy(hertz))
        monkeypatch.setattr(model.decoder, "excited", lambda _: sung)
    sound = np.concatenate([piece[0] for piece in saying.pieces(model.decoder, expected)])
    np.testing.assert_allclose(np.concatenate([*theirs.pieces(z)]), sound.clip(-1, 1), atol=1e-4)


@pytest.mark.long
def test_it_is_the_same_for_the_same_seed_and_piece_by_piece(voice):
    model = runtime.opened(voice[1].folder / "model.onnx")
    whole = model.say("Good morning.", seed=1)
    pieces = [*model.stream("Good morning.", seed=1)]
    assert np.array_equal(np.concatenate(pieces), whole)
    assert len(pieces) > 1
    assert not np.array_equal(model.say("Good morning.", seed=2)[:500], whole[:500])


def test_what_needs_torch_says_so_where_it_is_not_installed(tmp_path):
    assert "there is no run at missing.onnx" in refused(tmp_path, "say", "missing.onnx", "Good morning.")
    assert "this needs torch" in refused(tmp_path, "train", "--data", "fashion")


@pytest.mark.long
def test_it_says_where_torch_is_not_installed(voice, tmp_path):
    speaks = voice[1].folder / "model.onnx"
    said = asked(tmp_path, "say", speaks, "Doctor Smith paid $3.", "-o", "said.wav")
    assert said["seconds"] > 0.2
    assert (tmp_path / "said.wav").stat().st_size == 44 + 2 * round(said["seconds"] * said["rate"])


@pytest.mark.long
def test_wrong_requests_are_answered_in_a_sentence(voice, tmp_path):
    speaks = runtime.opened(voice[1].folder / "model.onnx")
    for ask, said in (
        (lambda: speaks.say("   "), "there is no text to say"),
        (lambda: speaks.say("Hi.", speed=9), "speed"),
        (lambda: speaks.say("Hi.", speaker="eve"), "no class 'eve'"),
    ):
        with pytest.raises(UserError, match=said):
            ask()
    alone = tmp_path / "model.onnx"
    alone.write_bytes((voice[1].folder / "model.onnx").read_bytes())
    with pytest.raises(UserError, match=r"there is no file .*onnx"):
        runtime.opened(alone).say("Hi.")


@pytest.mark.long
def test_sounds_are_what_torch_makes_of_the_same_choices(tmp_path, monkeypatch):
    run = made.run(tmp_path / "run", "vocoder", made.SOUND, **made.VOCODER)
    found = onnx.export(run, tmp_path / "out")
    assert all(part["largest"] <= 1e-4 for part in found.parity.values())
    theirs, model = runtime.opened(tmp_path / "out/model.onnx"), load(run.path, "cpu")
    sounds = theirs.sample(3, seed=5, label="y")
    frames, times = made.SOUND.shape[0] // 256, []
    u = noise.uniform(5, noise.KINDS, np.arange(3 * frames).reshape(3, frames))
    chance = noise.normal(5, (3, frames, 4))

    def part(p, *_, **__):
        times.append(len(times))
        up_to = p.double().numpy().cumsum(1)
        return torch.from_numpy((up_to <= u[:, times[-1], None] * up_to[:, -1:]).sum(1))[:, None]

    monkeypatch.setattr(torch, "multinomial", part)
    monkeypatch.setattr(torch, "randn", lambda *_, **__: torch.from_numpy(chance[:, times[-1]]))
    np.testing.assert_allclose(sounds, model.sample(3, seed=5, label="y"), atol=1e-4)


def test_the_page_begins_as_say_does():
    page = resources.files("ganvas.export") / "page"
    script, box = (page / "say.js").read_text("utf-8"), (page / "voice.html").read_text("utf-8")
    for name, value in Manner().model_dump().items():
        [said] = re.findall(rf"\bsay\(.*\b{name} = ([\d.]+)", script)
        assert float(said) == value
    [shown] = re.findall(r'id="variation"[^>]* value="([\d.]+)"', box)
    [beside] = re.findall(r'id="variation-value">([\d.]+)<', box)
    assert float(shown) == float(beside) == VARIATION
