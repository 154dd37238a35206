"""One picture: formats, modes, depth, orientation, and how it becomes a square."""

import io

import numpy as np
import pytest
from PIL import Image

from ganvas.data import decode
from ganvas.data.decode import Plan

COLOURS = (
    np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)
    .repeat(16, 0)
    .repeat(16, 1)
)
PLAIN = Plan(32, 3, "auto")


def encoded(image: Image.Image, form: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def pixels(payload, plan: Plan = PLAIN) -> np.ndarray:
    with decode.quiet():
        found = decode.decode(lambda: payload, plan)
    assert found.error == ""
    assert found.pixels is not None
    return found.pixels


def error_of(payload) -> str:
    with decode.quiet():
        return decode.decode(lambda: payload, Plan(32, 3, "auto")).error


@pytest.mark.parametrize(
    ("form", "options"),
    [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True}), ("PPM", {}), ("TGA", {})],
)
def test_lossless_formats_give_exact_pixels(form, options):
    got = pixels(encoded(Image.fromarray(COLOURS), form, **options))
    np.testing.assert_array_equal(got, COLOURS.transpose(2, 0, 1))


@pytest.mark.parametrize("form", ["JPEG", "GIF"])
def test_lossy_formats_are_near(form):
    got = pixels(encoded(Image.fromarray(COLOURS), form, **({"quality": 95} if form == "JPEG" else {})))
    assert np.abs(got[:, 4:12, 4:12].astype(int) - COLOURS.transpose(2, 0, 1)[:, 4:12, 4:12]).max() <= 4


def test_first_frame_of_an_animation():
    red, blue = Image.new("RGB", (32, 32), "red"), Image.new("RGB", (32, 32), "blue")
    got = pixels(encoded(red, "GIF", save_all=True, append_images=[blue]))
    np.testing.assert_array_equal(got[:, 0, 0], [255, 0, 0])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(orientation):
    """The eight orientations that EXIF defines: what is stored, and how it is meant to be seen."""
    upright = COLOURS
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    got = pixels(encoded(Image.fromarray(np.ascontiguousarray(stored)), "PNG", exif=exif))
    np.testing.assert_array_equal(got, upright.transpose(2, 0, 1))


def test_sixteen_bits_are_scaled_not_cut():
    values = np.linspace(0, 65535, 32 * 32).round().astype(np.uint16).reshape(32, 32)
    got = pixels(encoded(Image.fromarray(values), "PNG"), Plan(32, 1, "auto"))
    np.testing.assert_array_equal(got[0], np.round(values / 257))


def test_float_tiff_in_unit_range():
    values = np.linspace(0, 1, 32 * 32, dtype=np.float32).reshape(32, 32)
    got = pixels(encoded(Image.fromarray(values), "TIFF"), Plan(32, 1, "auto"))
    np.testing.assert_array_equal(got[0], np.round(values * 255))
    assert "expected 0 to 1" in error_of(encoded(Image.fromarray(values * 9), "TIFF"))


def test_transparency_on_white_and_premultiplied():
    rgba = np.zeros((32, 32, 4), np.uint8)
    rgba[..., 0], rgba[:16, :, 3], rgba[16:, :, 3] = 200, 128, 0
    payload = encoded(Image.fromarray(rgba), "PNG")
    white = pixels(payload)
    np.testing.assert_allclose(white[:, 0, 0], 255 + (np.array([200, 0, 0]) - 255) * 128 / 255, atol=1)
    np.testing.assert_array_equal(white[:, 31, 0], 255)
    four = pixels(payload, Plan(32, 4, "auto"))
    np.testing.assert_allclose(four[:, 0, 0], [200 * 128 / 255, 0, 0, 128], atol=1)
    np.testing.assert_array_equal(four[:, 31, 0], 0)


def test_palette_with_transparent_colour():
    image = Image.new("P", (32, 32), 0)
    image.putpalette([10, 20, 30, 250, 0, 0])
    image.paste(1, (0, 0, 16, 32))
    got = pixels(encoded(image, "PNG", transparency=0))
    np.testing.assert_array_equal(got[:, 5, 5], [250, 0, 0])
    np.testing.assert_array_equal(got[:, 5, 25], 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "YCbCr"])
def test_every_mode_ends_as_colour(mode):
    form = "JPEG" if mode in ("CMYK", "YCbCr") else "PNG"
    assert pixels(encoded(Image.new("RGB", (32, 32), "white").convert(mode), form)).min() >= 254


def test_crop_takes_the_middle():
    wide = np.zeros((32, 96, 3), np.uint8)
    wide[:, 32:64] = 255
    assert pixels(encoded(Image.fromarray(wide), "PNG")).min() == 255


def test_pad_keeps_all_and_takes_the_border_colour():
    tall = np.full((96, 32, 3), 77, np.uint8)
    got = pixels(encoded(Image.fromarray(tall), "PNG"), Plan(32, 3, "pad"))
    np.testing.assert_array_equal(got, 77)


def test_transparent_pictures_are_padded_by_themselves():
    rgba = np.full((32, 96, 4), 255, np.uint8)
    rgba[..., :3], rgba[0, 0, 3] = 0, 0
    got = pixels(encoded(Image.fromarray(rgba), "PNG"), Plan(32, 1, "auto"))
    assert (got[0, :10] == 255).all()
    assert (got[0, 12:20] < 40).all()


def test_shrinking_averages_and_does_not_alias():
    """White noise shrunk tenfold by a filter of unit gain keeps its mean, and a tenth of its deviation."""
    noise = np.random.default_rng(0).integers(0, 256, (640, 640, 3), dtype=np.uint8)
    got = pixels(encoded(Image.fromarray(noise), "PNG"), Plan(64, 3, "auto")).astype(float)
    assert abs(got.mean() - noise.mean()) < 0.5
    assert 0.07 < got.std() / noise.std() < 0.11


def test_the_digest_is_of_the_pixels_not_of_the_file():
    image = Image.fromarray(COLOURS)
    plan = Plan(32, 3, "auto")
    digests = {decode.decode(lambda f=f: encoded(image, f), plan).digest for f in ("PNG", "BMP", "TIFF")}
    assert len(digests) == 1
    assert decode.decode(lambda: encoded(image.rotate(90), "PNG"), plan).digest not in digests


def test_what_is_broken_is_named():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for form in ("PNG", "JPEG", "WEBP"):
        assert error_of(encoded(Image.fromarray(noise), form)[:1500]) != ""
    assert error_of(encoded(Image.fromarray(noise), "JPEG")[:1500]) == "truncated"
    assert error_of(b"") == "empty file"
    assert error_of(b"<html>not found</html>") == "not a picture that can be read"


def test_a_bomb_is_refused_by_its_header():
    bomb = encoded(Image.new("1", (20_000, 10_000)), "PNG")
    assert len(bomb) < 100_000
    assert error_of(bomb) == "too large (20000x10000)"
