"""The page, in a real browser with the network cut."""

import json

import chromium
import made
import numpy as np
import pytest
import torch

from ganvas.export import noise, web
from ganvas.model import load

pytestmark = pytest.mark.skipif(chromium.found() is None, reason="there is no Chromium here")
PIXELS = "[...document.getElementById('view').getContext('2d').getImageData(0, 0, 16, 16).data]"
MOVE = "(s => { s.value = 1.5; s.dispatchEvent(new Event('input')) })(document.getElementById('z3'))"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("web")
    run = made.run(place / "cats", "gan", made.COLOUR, generator__latent=6, generator__width=32)
    web.export(run, place / "web")
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


def seen(page):
    """The chosen picture, and what torch makes of its latents."""
    page.value("ganvas.settled()")
    return np.array(page.value(PIXELS), int).reshape(16, 16, 4)[..., :3]


def expected(folder, page):
    model = load(folder / "cats", "cpu")
    z = np.array(page.value("ganvas.z()"), np.float32)[None]
    return model.decode(z, label=page.value("ganvas.label()"))[0].astype(int)


def test_a_slider_moves_and_the_picture_is_what_torch_makes_of_it(folder, page):
    page, _ = page
    before = seen(page)
    assert np.abs(before - expected(folder, page)).max() <= 1
    page.value(MOVE)
    after = seen(page)
    assert page.value("ganvas.z()")[3] == 1.5
    assert np.abs(after - before).max() > 3
    assert np.abs(after - expected(folder, page)).max() <= 1


def test_the_keyboard_moves_it_too(page):
    page, _ = page
    page.value("document.getElementById('z1').focus()")
    before = page.value("ganvas.z()")[1]
    page.key("ArrowRight", 39)
    assert page.value("ganvas.z()")[1] > before


def test_its_seed_draws_what_the_command_line_draws(page):
    page, _ = page
    page.value("(() => { const s = document.getElementById('seed'); s.value = 5; s.onchange() })()")
    page.wait("document.getElementById('grid').children.length === 36")
    page.wait(f"Math.abs(ganvas.z()[0] - {float(noise.normal(5, (36, 6))[0, 0])}) < 1e-6")
    np.testing.assert_allclose(page.value("ganvas.z()"), noise.normal(5, (36, 6))[0], atol=1e-6)
    assert page.value("ganvas.label()") == noise.whole(5, 36, 2)[0]


def test_from_one_to_another(page):
    page, _ = page
    page.value("(() => { for (const b of ['from', 'after', 'to']) document.getElementById(b).click() })()")
    page.value("(() => { const w = document.getElementById('way'); w.value = 0.5; w.oninput() })()")
    from ganvas.exploration.paths import spherical

    a, b = (torch.from_numpy(row[None]) for row in noise.normal(5, (36, 6))[:2])
    middle = spherical(a, b, torch.tensor([0.5]))[0, 0].numpy()
    np.testing.assert_allclose(page.value("ganvas.z()"), middle, atol=1e-5)


def test_it_speaks_two_languages(page):
    page, _ = page
    words = {page.value("document.getElementById('again').textContent")}
    page.value("document.getElementById('language').click()")
    assert words | {page.value("document.getElementById('again').textContent")} == {"New ones", "换一批"}


def test_it_fits_a_phone_and_asks_no_other_address(page):
    page, address = page
    assert page.value("document.documentElement.scrollWidth") <= 390
    assert page.said == []
    assert {url for url in page.requests if not url.startswith((address, "data:", "blob:"))} == set()


def test_its_size_is_stated(folder):
    facts = json.loads((folder / "web/model.json").read_text())
    size = sum(path.stat().st_size for path in (folder / "web").iterdir()) / 1e6
    assert abs(float(facts["size"]) - size) < 0.1
