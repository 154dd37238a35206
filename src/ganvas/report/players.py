"""Sounds of a page: to be played where it is read, with nothing beside it."""

import base64
import io
from pathlib import Path

from ganvas.core.errors import UserError
from ganvas.data import audio


def player(path: Path) -> str:
    """The recording beside a picture of it, as a data URI; empty if there is none.

    As .mp3, an eighth as large; as it is, where the packages for that are missing.
    """
    recording = path.with_suffix(".wav")
    if not recording.is_file():
        return ""
    raw = recording.read_bytes()
    try:
        clip, packed = audio.read(raw, recording.name), io.BytesIO()
        audio.write(clip.samples, clip.rate, packed, ".mp3")
    except (
        UserError,
        ValueError,
        RuntimeError,
    ):  # soundfile's errors are RuntimeErrors: rates that .mp3 has not
        return _uri("audio/wav", raw)
    return _uri("audio/mpeg", packed.getvalue())


def _uri(kind: str, raw: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(raw).decode()}"
