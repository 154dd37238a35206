"""Speech by figures: how well it is understood, how it sounds, whose it is, how it is intoned."""

import re
from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Float32

from ganvas.metrics.judges import RATE, DistillMOS, Recogniser, Sound, SpeakerEncoder
from ganvas.metrics.text import Rate, mean, rate
from ganvas.nn.pitch import reach, yin
from ganvas.nn.spectrogram import Mel

CONTRACTED = (
    (r"\bwon't\b", "will not"),
    (r"\bcan't\b|\bcannot\b", "can not"),
    (r"n't\b", " not"),
    (r"'re\b", " are"),
    (r"'ll\b", " will"),
    (r"'ve\b", " have"),
    (r"'m\b", " am"),
    (r"\b(it|that|there|he|she|what|who|here|let)'s\b", r"\1 is"),
)
FILLERS = r"\b(?:hmm|mm|mhm|uh|um)\b"
HOP = 160
"""Samples at 16 kHz between two frames."""
QUIET = -40.0
"""dB below the loudest frame that are a pause."""
DECIBELS = 20 / np.log(10)


def plain(text: str) -> str:
    """In lower case, without punctuation, brackets and fillers, contractions spelt out (after the normaliser
    of Radford et al. 2022, app. C); digits stay: put them in words before."""
    text = re.sub(r"[<\[(][^>\])]*[>\])]", " ", text.lower().replace("’", "'"))
    text = re.sub(FILLERS, " ", text)
    for short, long in CONTRACTED:
        text = re.sub(short, long, text)
    return " ".join(re.sub(r"[^\w\s]", "", re.sub(r"[-–—/]", " ", text)).split())


def distance(a: Sequence[str], b: Sequence[str]) -> int:
    """Fewest insertions, deletions and substitutions that make one the other (Levenshtein 1966)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        above, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (x != y))
    return row[-1]


class Understood:
    """Errors of a reading in words (wer) and characters (cer), of all texts together."""

    def __init__(self, normalise: Callable[[str], str] = plain):
        self.normalise = normalise
        self._counts: list[tuple[int, int, int, int]] = []

    def update(self, text: str, heard: str) -> None:
        """What was to be said, and what a recogniser wrote down."""
        true, read = self.normalise(text), self.normalise(heard)
        if not true:
            raise ValueError(f"there is nothing to understand in {text!r}")
        words = true.split()
        errors = distance(words, read.split())
        self._counts.append((errors, len(words), distance([*true], [*read]), len(true)))

    def compute(self) -> dict[str, Rate]:
        errors, words, wrong, characters = np.array(self._counts, float).T
        return {"wer": rate(errors, words), "cer": rate(wrong, characters)}


class Read(Understood):
    """The same of sounds, which the recogniser reads."""

    def __init__(self, recogniser: Recogniser, normalise: Callable[[str], str] = plain):
        super().__init__(normalise)
        self.recogniser = recogniser
        self.heard: list[str] = []

    def update(self, text: str, heard: Sound) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.heard.append(self.recogniser.read(heard))
        super().update(text, self.heard[-1])


class Quality:
    """Mean opinion score as DistillMOS foretells it."""

    def __init__(self, judge: DistillMOS | None = None):
        self.judge = judge or DistillMOS()
        self.scores: list[float] = []

    def update(self, sound: Sound) -> None:
        self.scores.append(self.judge.score(sound))

    def compute(self) -> dict[str, Rate]:
        return {"mos": mean(self.scores)}


class Similarity:
    """Cosine between the voice of a clip and that of the reference clips together."""

    def __init__(self, references: Sequence[Sound], encoder: SpeakerEncoder | None = None):
        self.encoder = encoder or SpeakerEncoder()
        self.voice = self.encoder.speaker(references)
        self.cosines: list[float] = []

    def update(self, sound: Sound) -> None:
        self.cosines.append(float(self.encoder(sound) @ self.voice))

    def compute(self) -> dict[str, Rate]:
        return {"similarity": mean(self.cosines)}


class Prosody:
    """Pitch, if any (Hz; its spread in semitones), shares of voice and pauses, characters a second."""

    def __init__(self):
        self._rows: list[tuple[float, float, float, float]] = []
        self._pace: list[tuple[int, float]] = []

    def update(self, sound: Sound, text: str) -> None:
        found = pitch(sound)
        voiced = found[found > 0]
        middle = float(np.median(voiced)) if len(voiced) else np.nan
        spread = float(np.std(12 * np.log2(voiced / middle))) if len(voiced) else np.nan
        self._rows.append((middle, spread, len(voiced) / max(1, len(found)), pauses(sound)))
        self._pace.append((len(plain(text)), len(sound) / RATE))

    def compute(self) -> dict[str, Rate]:
        columns = np.array(self._rows).T
        names = ("pitch_hz", "pitch_semitones", "voiced", "pauses")
        heard = {name: c[~np.isnan(c)].tolist() for name, c in zip(names, columns, strict=True)}
        found = {name: mean(values) for name, values in heard.items() if values}
        characters, seconds = np.array(self._pace, float).T
        return found | {"characters_per_second": rate(characters, seconds)}


class MelDistance:
    """Mean difference of the logarithmic mel spectra of a sound and its copy, in dB."""

    def __init__(self, rate: int = RATE, size: int = 1024, hop: int = 256, bands: int = 80):
        self.mel, self.hop = Mel(rate, size, hop, bands), hop
        self.distances: list[float] = []

    def update(self, natural: Sound, copy: Sound) -> None:
        if abs(len(natural) - len(copy)) > self.hop:
            raise ValueError(f"a copy of {len(natural)} samples has {len(copy)}")
        length = min(len(natural), len(copy))
        both = torch.from_numpy(np.stack([natural[:length], copy[:length]]).astype(np.float32))
        with torch.no_grad():
            a, b = self.mel(both)
        self.distances.append(float((a - b).abs().mean()) * DECIBELS)

    def compute(self) -> dict[str, Rate]:
        return {"mel_db": mean(self.distances)}


def pitch(sound: Sound) -> Float[np.ndarray, " frame"]:
    """Hz every 10 ms, 0 where there is none."""
    size = reach(RATE)
    if len(sound) < size:
        return np.zeros(0)
    return yin(torch.from_numpy(sound).double().unfold(0, size, HOP), RATE).numpy()


def pauses(sound: Float32[np.ndarray, " sample"]) -> float:
    """Share of frames of 10 ms that are quiet."""
    frames = sound[: len(sound) // HOP * HOP].reshape(-1, HOP)
    loud = np.sqrt(np.square(frames, dtype=np.float64).mean(1))
    return float((loud < max(loud.max() * 10 ** (QUIET / 20), 1e-9)).mean()) if len(loud) else 0.0
