"""Voices and sounds in ONNX files, run by ONNX Runtime: without torch, as `ganvas.export.runtime`."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from ganvas.core.errors import UserError
from ganvas.core.settings import override
from ganvas.data.phonemes import Utterance, utterances
from ganvas.export import noise
from ganvas.export.runtime import OnnxModel
from ganvas.models.manners import FIRST, GROWTH, MOST, WHOLE, Manner

STREAMS = 4
"""Of normal numbers that a sentence takes: two for its durations, two for its latents."""
Latents = Float[np.ndarray, "n frame latent"]
Sound = Float[np.ndarray, "n sample"]


class OnnxSound(OnnxModel):
    """What a decoder and an encoder of sound beside it can do."""

    @cached_property
    def decoder(self) -> OnnxModel:
        return self.beside("decoder.onnx")

    @cached_property
    def encoder(self) -> OnnxModel:
        return self.beside("encoder.onnx")

    @cached_property
    def pitch(self) -> OnnxModel:
        return self.beside("pitch.onnx")

    def decode(self, z: np.ndarray, *, label: Any = None) -> Sound:
        """The sound of latents, (n, frames, latent)."""
        if z.ndim != 3 or z.shape[2] != self.latent or not z.size:
            raise UserError(
                f"{self._recipe} takes latents of shape (n, frames, {self.latent}), not {z.shape}"
            )
        return self.spec.restore(self._sound(z.astype(np.float32), self._pulses(z), 0))

    def encode(self, items: np.ndarray, *, label: Any = None) -> Latents:
        """The latents of sounds, (n, samples), at the spec's rate: a whole number of frames."""
        short = max(4 * self.facts["hop"] - items.shape[1], -items.shape[1] % self.facts["hop"])
        return self.encoder.raw({"x": np.pad(items.astype(np.float32), ((0, 0), (0, short)))})

    def pieces(self, z: Latents, first: int = FIRST) -> Iterator[np.ndarray]:
        """The sound of one row of latents piece by piece, each with all the frames that it depends on."""
        hop, reach, count = self.facts["hop"], self.facts["reach"], first
        start, total, pulses = 0, z.shape[1], self._pulses(z)
        while start < total:
            end = min(start + count, total)
            left, right = max(0, start - reach), min(total, end + reach)
            beside = None if pulses is None else pulses[:, left:right]
            sound = self._sound(z[:, left:right], beside, left * hop)[0]
            yield sound[(start - left) * hop : (end - left) * hop].clip(-1, 1)
            start, count = end, max(first, min(GROWTH * count, MOST))

    def hertz(self, z: Latents) -> Float[np.ndarray, "n frame"]:
        """The pitch of each frame, 0 where there is none."""
        middle, lowest, highest = self.facts["voiced"]
        height, voiced = self.pitch.all_of({"z": z.astype(np.float32)})
        return (middle * np.exp(height.astype(np.float64))).clip(lowest, highest) * (voiced > 0)

    def _pulses(self, z: Latents) -> Float[np.ndarray, "n frame hop"] | None:
        if not self.facts["voiced"]:
            return None
        hop = self.facts["hop"]
        return pulses(self.hertz(z), self.spec.rate, hop, self.facts["voiced"][1]).reshape(len(z), -1, hop)

    def _sound(self, z: Latents, pulses: np.ndarray | None, start: int) -> Sound:
        beside = {} if pulses is None else {"pulses": pulses, "start": np.array([start], np.int64)}
        return self.decoder.raw({"z": z} | beside)


class OnnxVoice(OnnxSound):
    """A voice: `stream`, `say`, and `sample`, which says sentences of its data."""

    @cached_property
    def flow(self) -> OnnxModel:
        return self.beside("flow.onnx")

    def stream(
        self,
        text: str,
        *,
        seed: int = 0,
        speaker: str | int | None = None,
        first: int = FIRST,
        **manner: float,
    ) -> Iterator[np.ndarray]:
        """A text, spoken, piece by piece: float32 (samples,), at `spec.rate` samples a second, the same for
        the same seed. `first`: frames of each sentence's first piece. `manner`: speed, variation, rhythm,
        pause."""
        how = override(Manner(), manner)
        if speaker is not None and not self.spec.classes:
            raise UserError("this voice has one speaker, so it cannot be asked for another")
        who = self.spec.number(speaker or 0) if self.spec.classes else None
        number = {symbol: k for k, symbol in enumerate(self.spec.symbols)}
        sentences = [[number[symbol] for symbol in one.symbols] for one in self._utterances(text)]
        return self._said(sentences, how, who, seed, first)

    def say(
        self, text: str, *, seed: int = 0, speaker: str | int | None = None, **manner: float
    ) -> np.ndarray:
        """The same in one."""
        return np.concatenate([*self.stream(text, seed=seed, speaker=speaker, first=WHOLE, **manner)])

    def unsaid(self, text: str) -> list[str]:
        """What of a text it leaves out, in a sentence; nothing where it can say all."""
        lost = [what for one in self._utterances(text) for what in one.unsaid]
        return [f"This cannot be said and is left out: {' '.join(lost)[:200]}"] if lost else []

    def sample(
        self, n: int, *, seed: int = 0, label: str | int | None = None, truncation: float = 1.0
    ) -> np.ndarray:
        """Sentences of its data, then silence."""
        _checked(n, truncation)
        if not (texts := self.facts["examples"]):
            raise UserError("this voice has kept no sentence of its data: let it say something")
        kinds = len(self.spec.classes)
        who = noise.whole(seed, n, kinds) if kinds else [None] * n
        who = [self.spec.number(label)] * n if label is not None else who
        how = Manner()
        found = []
        for k in range(n):
            shares = how.variation * truncation, how.rhythm * truncation
            z = self.spoken(texts[k % len(texts)], who[k], *shares, 1.0, seed, k)
            found.append(np.concatenate([*self.pieces(z, WHOLE)]))
        return together(found)

    def spoken(
        self,
        text: list[int],
        speaker: int | None,
        variation: float,
        rhythm: float,
        speed: float,
        seed: int,
        k: int,
    ) -> Latents:
        """The latents of the k-th sentence, (1, frames, latent); its chance has streams of its own."""
        who = self._who(speaker)
        law = self.all_of({"symbols": np.array([text], np.int64)} | who)
        mean, log_dev, log_time, log_scale = (part[0] for part in law)
        chance = noise.normal(seed, log_time.shape, first=STREAMS * k)
        scale = np.exp(log_scale)
        evened = np.float32((1 - rhythm**2) / 2) * scale**2
        lasting = np.exp(log_time + evened + np.float32(rhythm) * chance * scale) / np.float32(speed)
        durations = np.rint(lasting).clip(1, self.facts["longest"]).astype(int)
        at, deviation = mean.repeat(durations, 0), np.exp(log_dev).repeat(durations, 0)
        chance = noise.normal(seed, at.shape, first=STREAMS * k + 2)
        return self.flow.raw({"u": (at + np.float32(variation) * deviation * chance)[None]} | who)

    def _said(
        self, sentences: list[list[int]], how: Manner, speaker: int | None, seed: int, first: int
    ) -> Iterator[np.ndarray]:
        for k, text in enumerate(sentences):
            if k and how.pause:
                yield np.zeros(round(how.pause * self.spec.rate), np.float32)
            z = self.spoken(text, speaker, how.variation, how.rhythm, how.speed, seed, k)
            yield from self.pieces(z, first)

    def _who(self, speaker: int | None) -> dict[str, np.ndarray]:
        asked = any(i.name == "speaker" for i in self.session.get_inputs())
        return {"speaker": np.array([speaker or 0], np.int64)} if asked else {}

    def _utterances(self, text: str) -> list[Utterance]:
        if self.spec.pronunciation is None:
            raise UserError("this is no voice: it has learnt no text to say")
        return utterances(text, self.spec.pronunciation)


class OnnxSounds(OnnxSound):
    """New sounds: latents frame by frame, each of a mixture of normal laws given those before."""

    def sample(
        self, n: int, *, seed: int = 0, label: str | int | None = None, truncation: float = 1.0
    ) -> np.ndarray:
        """`n` sounds as long as a window; `truncation` scales the deviations."""
        _checked(n, truncation)
        kinds = len(self.spec.classes)
        who = noise.whole(seed, n, kinds) if kinds else None
        who = np.full(n, self.spec.number(label)) if label is not None else who
        return self.decode(self._composed(n, seed, who, truncation))

    def _composed(self, n: int, seed: int, who: np.ndarray | None, truncation: float) -> Latents:
        frames, (layers, heads, width) = self.facts["frames"], self.facts["cache"]
        label = {} if who is None else {"label": who.astype(np.int64)}
        chance = noise.normal(seed, (n, frames, self.latent))
        u = noise.uniform(seed, noise.KINDS, np.arange(n * frames).reshape(n, frames))
        past = np.zeros((layers, 2, n, heads, 0, width), np.float32)
        z, found = np.zeros((n, 1, self.latent), np.float32), []
        for t in range(frames):
            weight, mean, log_dev, past = self.all_of({"z": z, "past": past} | label)
            up_to = np.exp(weight[:, 0].astype(np.float64)).cumsum(1)
            which = (up_to <= u[:, t, None] * up_to[:, -1:]).sum(1).clip(max=weight.shape[2] - 1)
            rows = np.arange(n), 0, which
            z = (mean[rows] + np.float32(truncation) * np.exp(log_dev[rows]) * chance[:, t])[:, None]
            found.append(z)
        return np.concatenate(found, 1)


def pulses(pitch: Float[np.ndarray, "n frame"], rate: int, hop: int, lowest: float) -> Sound:
    """As `ganvas.nn.pitch.pulses`: all harmonics of the pitch below half the rate, with mean square 1."""
    voiced = (pitch > 0).astype(np.float64)
    hertz, gate = _between(pitch.astype(np.float64) * voiced, hop), _between(voiced, hop)
    hertz = np.where(gate > 0, hertz / np.maximum(gate, 1e-9), lowest)
    turns, count = (hertz / rate).cumsum(1), np.floor(rate / 2 / hertz)
    half = np.pi * (turns % 1)
    sine = np.sin(half)
    peak = np.abs(sine) < 1e-6
    whole = np.sin((2 * count + 1) * half) / np.where(peak, 1.0, sine)
    tones = (np.where(peak, 2 * count + 1, whole) - 1) / np.sqrt(2 * count)
    return (gate * tones).astype(np.float32)


def _between(values: Float[np.ndarray, "n frame"], hop: int) -> Sound:
    """Of each sample, on straight lines between the middles of frames."""
    ends = np.pad(values, ((0, 0), (1, 1)), "edge")
    steps = np.diff(ends)[:, :, None] * (np.arange(hop) + 0.5) / hop
    lines = (ends[:, :-1, None] + steps).reshape(len(values), -1)
    return lines[:, hop // 2 :][:, : values.shape[1] * hop]


def together(sounds: list[np.ndarray]) -> Sound:
    """One a row, with silence after shorter ones."""
    found = np.zeros((len(sounds), max(map(len, sounds))), np.float32)
    for row, sound in zip(found, sounds, strict=True):
        row[: len(sound)] = sound
    return found


def _checked(n: int, truncation: float) -> None:
    if not 1 <= n <= 1_000_000:
        raise UserError(f"the number of samples is from 1 to 1,000,000, not {n}")
    if not 0 < truncation <= 1:
        raise UserError(f"truncation is above 0 and at most 1, not {truncation}")
