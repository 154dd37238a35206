"""One picture: from an encoded file, or an array, to pixels of the wanted size and channels."""

import hashlib
import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "TGA", "ICO", "AVIF", "JPEG2000", "MPO")
"""What is read; EPS and the like, which start other programs, are not."""
LARGEST = 89_478_485
"""Pixels; Pillow's own limit (a quarter of a gigabyte at 3 bytes), above which a file is taken for a bomb."""
GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "F")

Payload = bytes | np.ndarray | Image.Image
"""A picture as its source has it: an encoded file, uint8 (height, width[, channels]), or an open picture."""


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a picture before it is decoded."""

    content: str
    """Hex digest of the payload; empty if not even that can be had."""
    width: int = 0
    height: int = 0
    mode: str = ""
    format: str = ""
    alpha: bool = False
    error: str = ""
    """Why it cannot be read; empty if nothing is wrong so far."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What every picture of a data set becomes."""

    size: int
    channels: Literal[1, 3, 4]
    fit: Literal["auto", "crop", "pad"]
    frame: tuple[int, int, int] | None = None
    """If all pictures have one size, nearly `size`: none is resized, each gets a margin of this colour."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture as it goes into the cache."""

    pixels: np.ndarray | None = None
    """uint8, (channels, size, size); None if it is broken."""
    digest: bytes = b""
    """SHA-256 of its full-size pixels: the same for the same picture in another format."""
    transparent: bool = False
    error: str = ""


@contextmanager
def quiet() -> Iterator[None]:
    """Around all decoding, in the main thread: sizes are judged here, so Pillow need not warn."""
    limit = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def header(read: Callable[[], Payload]) -> Header:
    content = ""
    try:
        payload = read()
        content = hashlib.sha256(
            payload if isinstance(payload, bytes) else np.asarray(payload).tobytes()
        ).hexdigest()
        image = _open(payload)
        kind = image.format or "array"
        return Header(content, image.width, image.height, image.mode, kind, _has_alpha(image))
    except Exception as error:  # a damaged file can raise anything
        return Header(content, error=_reason(error))


def decode(read: Callable[[], Payload], plan: Plan) -> Decoded:
    try:
        image = full(read())
        digest = hashlib.sha256(
            f"{image.width}x{image.height}:".encode() + image.convert("RGBA").tobytes()
        ).digest()
        pixels = np.asarray(finish(fitted(image, plan), plan.channels))
        pixels = pixels.reshape(plan.size, plan.size, plan.channels).transpose(2, 0, 1)
        return Decoded(np.ascontiguousarray(pixels), digest, image.mode == "RGBA")
    except Exception as error:
        return Decoded(error=_reason(error))


def full(payload: Payload) -> Image.Image:
    """The whole picture, upright, 8 bits: mode L, RGB, or RGBA where some of it really is transparent."""
    image = _open(payload)
    image.load()
    try:
        image = ImageOps.exif_transpose(image)
    except Exception:  # what the camera noted is damaged, the picture is not
        image = image.copy()
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_8_bits(image)
    if not _has_alpha(image):
        return image if image.mode in ("L", "RGB") else image.convert("L" if image.mode in GREY else "RGB")
    grey, image = image.mode in GREY, image.convert("RGBA")
    if image.getchannel("A").getextrema()[0] == 255:
        return image.convert("RGB").convert("L") if grey else image.convert("RGB")
    return image


def fitted(image: Image.Image, plan: Plan) -> Image.Image:
    """The picture as a square of the plan's size."""
    if plan.frame is not None:
        return _on_square(image, plan.size, plan.frame)
    if plan.fit == "pad" or (plan.fit == "auto" and image.mode == "RGBA"):
        share = plan.size / max(image.size)
        small = (max(1, round(image.width * share)), max(1, round(image.height * share)))
        resized = image.resize(small, Image.Resampling.LANCZOS, reducing_gap=3.0)
        return _on_square(resized, plan.size, border(image))
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    if side == plan.size:
        return image.crop((left, top, left + side, top + side))
    box = (left, top, left + side, top + side)
    return image.resize((plan.size, plan.size), Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)


def finish(image: Image.Image, channels: int) -> Image.Image:
    """Transparency on white for 1 or 3 channels, premultiplied colour for 4."""
    if channels == 4:
        return image.convert("RGBA").convert("RGBa")
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("L" if channels == 1 else "RGB")


def border(image: Image.Image) -> tuple[int, int, int]:
    """The median colour of the outermost pixels."""
    rgb = np.asarray(image.convert("RGB"))
    edge = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]])
    red, green, blue = (int(v) for v in np.median(edge, 0))
    return red, green, blue


def _on_square(image: Image.Image, size: int, colour: tuple[int, int, int]) -> Image.Image:
    place = ((size - image.width) // 2, (size - image.height) // 2)
    if image.mode == "RGBA":
        square = Image.new("RGBA", (size, size), (255, 255, 255, 0))
    elif image.mode == "L":
        square = Image.new("L", (size, size), colour[0])
    else:
        square = Image.new("RGB", (size, size), colour)
    square.paste(image, place)
    return square


def _open(payload: Payload) -> Image.Image:
    image: Image.Image
    if isinstance(payload, bytes):
        if not payload:
            raise ValueError("empty file")
        image = Image.open(io.BytesIO(payload), formats=_formats())
    elif isinstance(payload, Image.Image):
        image = payload
    else:
        image = Image.fromarray(payload[..., 0] if payload.ndim == 3 and payload.shape[2] == 1 else payload)
    if image.width * image.height > LARGEST:
        raise ValueError(f"too large ({image.width}x{image.height})")
    return image


@cache
def _formats() -> list[str]:
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info


def _to_8_bits(image: Image.Image) -> Image.Image:
    """From 16 bits, or from floats in [0, 1]; 65535 becomes 255."""
    values = np.asarray(image)
    low, high = float(values.min()), float(values.max())
    top = 1.0 if image.mode == "F" else 65535.0
    if not (low >= 0 and high <= top):
        raise ValueError(f"values from {low:g} to {high:g}, expected 0 to {top:g}")
    return Image.fromarray(np.round(values * (255 / top)).astype(np.uint8))


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "not a picture that can be read"
    return "truncated" if "truncated" in str(error).lower() else str(error) or type(error).__name__
