"""The page, in a real browser with the network cut."""

import base64
import io

import chromium
import numpy as np
import pytest
from PIL import Image
from served import serving

from ganvas.model import load

pytestmark = pytest.mark.skipif(chromium.found() is None, reason="there is no Chromium here")
VIEW = "document.getElementById('view').src"


@pytest.fixture(scope="module")
def page(client, tmp_path_factory):
    with chromium.opened(tmp_path_factory.mktemp("page") / "profile") as page:
        page.send(
            "Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=True
        )
        page.send("Page.navigate", url=client.address)
        page.wait("!!globalThis.ganvas")
        yield page


def at(page, where):
    page.value(f"location.hash = '{where}'")
    page.wait(f"document.getElementById('model').value === '{where.partition('/')[0]}'")
    page.wait("document.getElementById('status').textContent === ''")


def seen(page):
    page.value("ganvas.state().settled()")
    file = page.value(VIEW).partition(",")[2]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(file)))).astype(int)


def test_its_samples_are_those_of_the_command_line(page, runs):
    at(page, "cats/pictures")
    page.wait("document.getElementById('grid').children.length === 36")
    assert np.array_equal(seen(page), load(runs / "cats", "cpu").sample(36, seed=0)[0])


@pytest.mark.parametrize(("slider", "width"), [("z3", 390), ("d1", 1280)])
def test_a_slider_moves_and_the_picture_changes(page, runs, slider, width):
    page.send(
        "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 500
    )
    at(page, "cats/pictures")
    page.wait(f"!!document.getElementById('{slider}')")
    before = seen(page)
    page.value(f"document.getElementById('{slider}').focus()")
    for _ in range(3):
        page.key("PageUp", 33)
    after = seen(page)
    assert np.abs(after - before).max() > 3
    z = np.array(page.value("ganvas.state().z"), np.float32)[None]
    expected = load(runs / "cats", "cpu").decode(z, label=page.value("ganvas.state().label"))[0]
    assert np.abs(after - expected).max() <= 1


def test_the_way_from_one_to_another_and_more_like_it(page):
    at(page, "cats/pictures")
    for k, end in enumerate(("from", "to")):
        page.value(f"document.getElementById('grid').children[{k}].click()")
        page.value(f"document.getElementById('{end}').click()")
    page.wait("document.getElementById('way').children.length === 8")
    first = page.value("document.querySelector('#grid img').src")
    page.value("document.getElementById('alike').click()")
    page.wait(f"document.querySelector('#grid img').src !== {first!r}")
    assert page.value("document.getElementById('grid').children.length") == 36


def test_text_is_written_as_it_comes(page, client):
    at(page, "book/texts")
    page.value("document.getElementById('prompt').value = 'In the'")
    page.value("document.getElementById('tokens').value = 50")
    page.value("document.getElementById('write').click()")
    page.wait("document.getElementById('written').textContent.length > 20")
    page.wait("document.getElementById('stop-writing').disabled")
    asked = {
        "model": "book",
        "prompt": "In the",
        "max_tokens": 50,
        "temperature": 0.8,
        "seed": 0,
        "echo": True,
    }
    whole = client.post("/v1/completions", asked)["choices"][0]["text"]
    assert page.value("document.getElementById('written').textContent") == whole


def test_a_chat_is_answered_as_it_comes(page):
    at(page, "helper/chat")
    for count in (2, 4):
        page.value("document.getElementById('message').value = 'Hello'")
        page.value("document.getElementById('say').requestSubmit()")
        page.wait("document.getElementById('stop-talking').disabled === false || "
                  f"document.querySelectorAll('#talk p').length === {count}")  # fmt: skip
        page.value("document.getElementById('stop-talking').click()")
        page.wait("document.getElementById('stop-talking').disabled")
    assert page.said == []


def test_a_run_tells_of_itself(page):
    at(page, "grey/about")
    assert "vae" in page.value("document.getElementById('facts').textContent")


def test_points_are_shown(page):
    at(page, "plane")
    page.wait("!!document.querySelector('#grid canvas')")


def test_it_speaks_two_languages(page):
    at(page, "cats/pictures")
    words = {page.value("document.getElementById('again').textContent")}
    page.value("document.getElementById('language').click()")
    assert words | {page.value("document.getElementById('again').textContent")} == {"New ones", "换一批"}


def test_it_fits_a_phone_and_asks_no_other_address(page, client):
    for width in (390, 1280):
        page.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=800,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        for where in ("cats/pictures", "book/texts", "cats/about"):
            at(page, where)
            assert page.value("document.documentElement.scrollWidth") <= width
    assert page.said == []
    assert {url for url in page.requests if not url.startswith((client.address, "data:", "blob:"))} == set()


def test_with_a_key_it_asks_for_it(runs, tmp_path):
    with (
        serving([runs / "plane"], key="a-long-secret") as client,
        chromium.opened(tmp_path / "profile") as page,
    ):
        page.send("Page.navigate", url=client.address)
        page.wait("document.getElementById('keys') && !document.getElementById('keys').hidden")
        page.value("document.getElementById('key').value = 'a-long-secret'")
        page.value("document.getElementById('keys').requestSubmit()")
        page.wait("!!document.querySelector('#grid canvas')")
        assert page.value("document.getElementById('keys').hidden")
