"""The page of a voice, in a real browser with the network cut."""

import chromium
import made
import numpy as np
import pytest

from ganvas.data.phonemes import utterances
from ganvas.export import runtime, web

pytestmark = [
    pytest.mark.skipif(chromium.found() is None, reason="there is no Chromium here"),
    pytest.mark.long,
]
TEXT = "Good morning. The room has 2 doors, and they are open!"
TYPED = "(text => { const box = document.getElementById('text'); box.value = text; box.oninput() })"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("web")
    web.export(made.run(place / "ann", "voice", made.SPEECH, **made.VOICE), place / "web")
    return place


@pytest.fixture(scope="module")
def page(folder):
    with chromium.served(folder / "web") as address, chromium.opened(folder / "profile") as page:
        page.send(
            "Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=True
        )
        page.send("Page.navigate", url=address)
        page.wait("!!globalThis.ganvas")
        yield page, address


def test_typed_words_have_the_phonemes_that_ganvas_gives_them(page):
    page, _ = page
    expected = [[made.SPEECH.symbols.index(s) for s in one.symbols] for one in utterances(TEXT, made.HOW)]
    assert page.value(f"ganvas.read({TEXT!r}).sentences") == expected


def test_it_speaks_as_the_command_line_does(folder, page):
    page, _ = page
    page.value(f"{TYPED}({TEXT!r})")
    page.value("document.getElementById('speaker').value = 1")
    page.value("document.getElementById('seed').value = 3")
    page.value("document.getElementById('say').click()")
    page.value("ganvas.settled()")
    page.wait("document.getElementById('player').duration > 0.5")
    heard = np.array(page.value("ganvas.samples()"))
    said = runtime.opened(folder / "web/model.onnx").say(TEXT, seed=3, speaker="bob")
    assert heard.shape == said.shape
    assert np.corrcoef(heard, said)[0, 1] > 0.99  # its phase adds up the pitch, and every rounding


def test_latents_are_the_same_and_of_one_pitch_the_sound_too(folder, page, monkeypatch):
    page, _ = page
    model, text = runtime.opened(folder / "web/model.onnx"), [9, 12, 30, 2, 14, 25, 4]
    z = model.spoken(text, 1, 0.5, 0.8, 1.2, seed=4, k=1)
    asked = f"{text}, {{ seed: 4, speaker: 1, speed: 1.2, variation: 0.5, rhythm: 0.8 }}, 1"
    found = page.value(f"ganvas.voice.latents({asked}).then(z => (globalThis.kept = z, [...z.data]))")
    np.testing.assert_allclose(found, z.ravel(), atol=1e-4)
    hertz = np.where(np.arange(z.shape[1]) % 9 < 7, 180 + 3.3 * np.arange(z.shape[1]), 0)
    monkeypatch.setattr(model, "hertz", lambda _: hertz[None])
    page.value(f"ganvas.voice.hertz = async () => Float64Array.from({hertz.tolist()})")
    sound = page.value("ganvas.voice.sound(globalThis.kept).then(sound => [...sound])")
    np.testing.assert_allclose(sound, np.concatenate([*model.pieces(z)]), atol=1 / 255)


def test_unknown_words_are_named_and_phonemes_may_be_written(page):
    page, _ = page
    found = page.value("ganvas.read('Hello zzyzx /h ə l ˈoʊ/')")
    assert found["unsaid"] == ["zzyzx"]
    assert found["shown"] == ["həlˈoʊ həlˈoʊ."]


def test_it_fits_a_phone_and_asks_no_other_address(page):
    page, address = page
    assert page.value("document.documentElement.scrollWidth") <= 390
    assert page.said == []
    assert {url for url in page.requests if not url.startswith((address, "data:", "blob:"))} == set()
