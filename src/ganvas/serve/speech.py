"""Speech as it is said: pieces of sound, packed one by one into what a client asked for."""

import io
import struct
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ganvas.core.errors import UserError
from ganvas.serve.asks import Speech
from ganvas.serve.problems import Refusal
from ganvas.serve.shelf import Served

PCM = 24_000
"""Samples a second of headerless sound, as the specification has it; files keep the voice's own rate."""
OPUS = 48_000
"""Which Opus takes."""
CODED = {
    "mp3": ("mp3", "libmp3lame", "audio/mpeg", {"write_xing": "0"}),
    "opus": ("ogg", "libopus", "audio/ogg", {}),
    "aac": ("adts", "aac", "audio/aac", {}),
    "flac": ("flac", "flac", "audio/flac", {}),
}
"""Container, codec, type and options, of what FFmpeg packs."""
TYPES = {"wav": "audio/wav", "pcm": "audio/pcm"} | {name: row[2] for name, row in CODED.items()}
ENDLESS = 0xFFFFFFFF
"""The length of a WAV file that is not known when its header is sent."""


def pieces(one: Served, ask: Speech) -> Iterator[np.ndarray]:
    """float32 (samples,), -1 to 1, as they are made: all that is known here of how a voice is asked."""
    if not ask.input.strip():
        raise Refusal(400, "input: there is nothing to say", param="input", code="invalid_value")
    model: Any = one.model
    who = {"speaker": ask.voice} if one.model.spec.classes and ask.voice else {}
    how = {"seed": ask.seed or 0, "speed": 1.0 if ask.speed is None else ask.speed}
    given = {
        name: value for name in ("variation", "rhythm", "pause") if (value := getattr(ask, name)) is not None
    }
    return model.stream(ask.input, **how, **who, **given)


def rate(one: Served) -> int:
    """Samples a second."""
    spec: Any = one.model.spec
    return spec.rate


def packed(sound: Iterable[np.ndarray], rate: int, form: str) -> Iterator[bytes]:
    """A file of this form, in as many parts as there are pieces, or more."""
    if form == "wav":
        size = ENDLESS - 36
        yield struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", ENDLESS, b"WAVE", b"fmt ", 16, 1, 1, rate,
                          2 * rate, 2, 16, b"data", size)  # fmt: skip
        for piece in sound:
            yield _whole(piece)
    elif form == "pcm":
        for piece in _resampled(sound, rate, PCM):
            yield _whole(piece)
    else:
        yield from _coded(sound, rate, form)


def _whole(piece: np.ndarray) -> bytes:
    """16 bits, little endian."""
    return (piece.clip(-1, 1) * 32767).round().astype("<i2").tobytes()


def _resampled(sound: Iterable[np.ndarray], rate: int, wanted: int) -> Iterator[np.ndarray]:
    if rate == wanted:
        yield from sound
        return
    try:
        import soxr
    except ImportError:
        raise UserError("sound needs the package soxr: pip install 'ganvas[speech]'") from None
    stream = soxr.ResampleStream(rate, wanted, 1, dtype="float32")
    for piece in sound:
        yield stream.resample_chunk(piece.astype(np.float32))
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


class _Pipe(io.RawIOBase):
    """What is written, until it is taken; there is no way back in it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        found = b"".join(self._parts)
        self._parts.clear()
        return found


def _coded(sound: Iterable[np.ndarray], rate: int, form: str) -> Iterator[bytes]:
    try:
        import av
    except ImportError:
        raise UserError("sound needs the package av: pip install 'ganvas[speech]'") from None
    container, codec, _, options = CODED[form]
    wanted = OPUS if form == "opus" else rate
    pipe = _Pipe()
    with av.open(pipe, "w", format=container, options=options) as file:
        stream: Any = file.add_stream(codec, rate=wanted, layout="mono")
        plain = av.AudioResampler(
            format=stream.codec_context.format, layout="mono", rate=wanted, frame_size=stream.frame_size or 0
        )
        for piece in sound:
            frame = av.AudioFrame.from_ndarray(piece.clip(-1, 1)[None].astype(np.float32), "fltp", "mono")
            frame.sample_rate = rate
            for part in plain.resample(frame):
                file.mux(stream.encode(part))
            if found := pipe.take():
                yield found
        for part in plain.resample(None):
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    if found := pipe.take():
        yield found
