"""Sound files: read from whatever format, as one channel, and written by the suffix of their name."""

import errno
import io
import os
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from ganvas.core.errors import UserError

FILES = frozenset(
    f".{suffix}"
    for suffix in (
        *("wav", "flac", "ogg", "oga", "opus", "mp3", "aif", "aiff", "aifc", "au", "caf", "w64", "rf64"),
        *("m4a", "aac", "wma", "webm", "mka", "amr", "ac3", "g722"),
    )
)
"""Suffixes of sound files: of the first row libsndfile reads all, of the second FFmpeg."""
SLOWEST = 1000
"""Samples a second, below which a file is damaged or holds something else."""
HEADERLESS = {".g722": "g722"}
"""Files that do not say themselves what they are, and FFmpeg's name of it."""
WRITTEN = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
"""What can be written, in libsndfile's words."""
BLOCK = 1 << 16
"""Samples written at once: Vorbis in libsndfile overflows the stack with long ones."""
PACKAGES = "soundfile, soxr and av"

Samples = Float32[np.ndarray, " sample"]


@dataclass(frozen=True)
class Clip:
    """A recording as one channel, -1 to 1."""

    samples: Samples
    rate: int
    """Samples a second, as in the file."""
    channels: int
    """As in the file; the samples are their mean."""


def read(raw: bytes, name: str) -> Clip:
    """The sound of a file. ValueError says why it cannot be read, UserError that the extra is missing."""
    with _extra():
        import soundfile
    suffix = Path(name).suffix.lower()
    if not raw:
        raise ValueError("an empty file")
    if suffix in HEADERLESS:
        return _checked(_by_ffmpeg(raw, HEADERLESS[suffix]))
    try:
        samples, rate = soundfile.read(io.BytesIO(raw), dtype="float32", always_2d=True)
    except soundfile.SoundFileError:
        return _checked(_by_ffmpeg(raw, None))
    return _checked(Clip(samples.mean(1, dtype=np.float32), rate, samples.shape[1]))


def _by_ffmpeg(raw: bytes, kind: str | None) -> Clip:
    with _extra():
        import av
    try:
        with av.open(io.BytesIO(raw), "r", format=kind) as container:
            if not container.streams.audio:
                raise ValueError("no sound in it")
            stream: Any = container.streams.audio[0]
            plain = av.AudioResampler(format="fltp")
            frames = [part for frame in container.decode(stream) for part in plain.resample(frame)]
            blocks = [part.to_ndarray() for part in [*frames, *plain.resample(None)]]
    except (av.FFmpegError, OSError, IndexError) as error:
        raise ValueError("not a sound file that can be read") from error
    if not blocks:
        raise ValueError("no sound in it")
    return Clip(np.concatenate([b.mean(0) for b in blocks]), stream.sample_rate, len(blocks[0]))


def _checked(clip: Clip) -> Clip:
    if not len(clip.samples):
        raise ValueError("no sound in it")
    if clip.rate < SLOWEST:
        raise ValueError(f"{clip.rate:,} samples a second are none of sound")
    if not np.isfinite(clip.samples).all():
        raise ValueError("samples that are no numbers")
    return clip


def resampled(samples: Samples, rate: int, wanted: int) -> Samples:
    """At another rate, by soxr in its high quality."""
    if rate == wanted:
        return samples
    with _extra():
        import soxr
    return soxr.resample(samples, rate, wanted)


def load(path: str | Path, rate: int) -> Samples:
    """A sound file at this rate, as one channel. UserError where it cannot be read."""
    place = Path(path).expanduser()
    if not place.is_file():
        raise UserError(f"There is no sound file at {path}")
    try:
        clip = read(place.read_bytes(), place.name)
    except ValueError as error:
        raise UserError(f"{path} cannot be read as sound: {error}") from None
    return resampled(clip.samples, clip.rate, rate)


def write(samples: np.ndarray, rate: int, file: "Path | io.BytesIO", suffix: str) -> None:
    """Write .wav, .flac, .ogg or .mp3, as `suffix` says; what exceeds -1 to 1 is cut."""
    with writing(rate, file, suffix) as put:
        put(samples)


@contextmanager
def writing(rate: int, file: "Path | io.BytesIO", suffix: str) -> Iterator[Callable[[np.ndarray], None]]:
    """The same in pieces, as they are made. Troubles of the disk are an OSError."""
    if suffix.lower() not in WRITTEN:
        kinds = ", ".join(WRITTEN)
        raise UserError(f"sound cannot be written as {suffix or 'a file without a suffix'}; try {kinds}")
    if isinstance(file, Path):
        file.touch()  # or says why it cannot be, which libsndfile does not
    try:
        import soundfile
    except ImportError:
        if suffix.lower() == ".wav":
            with _wav(rate, file) as plain:
                yield plain
            return
        with _extra():
            raise
    kind, coding = WRITTEN[suffix.lower()]
    target: Any = file if isinstance(file, io.BytesIO) else str(file)
    with soundfile.SoundFile(target, "w", rate, 1, coding, format=kind) as out:

        def put(samples: np.ndarray) -> None:
            cut = np.asarray(samples, np.float32).clip(-1, 1)
            for start in range(0, len(cut), BLOCK):
                try:
                    out.write(cut[start : start + BLOCK])
                except (soundfile.SoundFileError, AssertionError):  # of fewer samples written than given
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), target) from None

        yield put


@contextmanager
def _wav(rate: int, file: "Path | io.BytesIO") -> Iterator[Callable[[np.ndarray], None]]:
    """By Python alone, where an exported voice speaks."""
    with wave.open(file if isinstance(file, io.BytesIO) else str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)

        def put(samples: np.ndarray) -> None:
            out.writeframes((samples.clip(-1, 1) * 32767).round().astype("<i2").tobytes())

        yield put


@contextmanager
def _extra() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise UserError(f"sound needs the packages {PACKAGES}: pip install 'ganvas[speech]'") from error
