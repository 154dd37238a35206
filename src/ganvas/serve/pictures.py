"""Pictures as files, and back."""

import base64
import binascii
import io
import secrets
import threading
from collections import OrderedDict

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ganvas.data.spec import Spec
from ganvas.serve.asks import LARGEST
from ganvas.serve.problems import Refusal

READ = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
PIXELS = 16_000_000
"""Of a picture that is sent here."""
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
MOST = 2**24
"""Pixels of all pictures of an answer."""
KEPT = 64_000_000
"""Bytes of pictures that are given as addresses."""


def size_of(asked: str | None, spec: Spec) -> tuple[int, int] | None:
    """Width and height; None: as they are. Refusal: another shape than the model's, or too large."""
    _, height, width = spec.shape
    if asked in (None, "auto"):
        return None
    wide, high = map(int, str(asked).split("x"))
    if wide * height != high * width:
        raise Refusal(
            400,
            f"size: this model's pictures are {width}x{height}; name a size of that shape",
            param="size",
            code="invalid_value",
        )
    if max(wide, high) > LARGEST:
        raise Refusal(400, f"size: at most {LARGEST} pixels a side", param="size", code="invalid_value")
    return wide, high


def bounded(n: int, spec: Spec, size: tuple[int, int] | None = None, param: str = "n") -> None:
    """Refusal: so many pictures are too many at this size, the model's own or another."""
    if spec.kind != "image":
        return
    _, height, width = spec.shape
    area = max(width * height, size[0] * size[1] if size else 0)
    if n * area > MOST:
        said = (
            f"{param}: an answer has at most {MOST:,} pixels, which are {MOST // area} pictures of this size"
        )
        raise Refusal(400, said, param=param, code="invalid_value")


def packed(item: np.ndarray, size: tuple[int, int] | None = None, suffix: str = "png") -> bytes:
    """A file of a picture, (height, width, channels) in uint8."""
    picture = Image.fromarray(item.squeeze(2) if item.shape[2] == 1 else item)
    if size is not None:
        picture = picture.resize(size, Image.Resampling.BICUBIC)
    file = io.BytesIO()
    if suffix == "png":
        picture.save(file, "PNG", compress_level=3)
    elif suffix == "jpeg":
        picture.convert("RGB").save(file, "JPEG", quality=92)
    else:
        picture.save(file, "WEBP", lossless=True)
    return file.getvalue()


def text(file: bytes) -> str:
    """In base64."""
    return base64.b64encode(file).decode()


def unpacked(sent: str, spec: Spec, number: int) -> np.ndarray:
    """Of a file in base64: uint8 (height, width, channels) of the model's size, the middle cut out."""
    channels, height, width = spec.shape
    where = f"images.{number}"
    try:
        file = base64.b64decode(sent.partition(",")[2] if sent.startswith("data:") else sent, validate=True)
        picture = Image.open(io.BytesIO(file), formats=READ)
        if picture.width * picture.height > PIXELS:
            raise Refusal(400, f"{where}: at most {PIXELS:,} pixels", param=where, code="invalid_value")
        picture = ImageOps.exif_transpose(picture)
        fitted = ImageOps.fit(picture.convert(MODES[channels]), (width, height), Image.Resampling.LANCZOS)
    except (binascii.Error, UnidentifiedImageError, OSError, ValueError, SyntaxError):
        raise Refusal(
            400,
            f"{where}: this is no picture in base64 ({', '.join(READ)})",
            param=where,
            code="invalid_image",
        ) from None
    return np.asarray(fitted, np.uint8).reshape(height, width, channels)


class Kept:
    """Files by names that cannot be guessed; the oldest make room for new ones."""

    def __init__(self, most: int = KEPT):
        self._files: OrderedDict[str, tuple[str, bytes]] = OrderedDict()
        self._most, self._size, self._lock = most, 0, threading.Lock()

    def add(self, file: bytes, suffix: str) -> str:
        name = f"{secrets.token_urlsafe(18)}.{suffix}"
        with self._lock:
            self._files[name] = (f"image/{suffix}", file)
            self._size += len(file)
            while self._size > self._most and len(self._files) > 1:
                self._size -= len(self._files.popitem(last=False)[1][1])
        return name

    def get(self, name: str) -> tuple[str, bytes] | None:
        """Its type, and what is in it."""
        return self._files.get(name)
