"""What is in recordings, for `ganvas inspect`: how long, how loud and how clean they are, what is said."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel

from ganvas.data.survey_parts import NAMED, Range, range_of

if TYPE_CHECKING:
    from ganvas.data.speech import Speech

CUT_OFF = 5e-4
"""Share of samples at the limit of a recording, from which on it is called clipped."""
NOISY = 25.0
"""Decibels between noise and sound, below which a recording is called noisy."""
PAUSES = 1.0
"""Seconds of a recording, from which on its quietest part is taken for the noise in it."""
SHOWN = 3


class SoundFacts(BaseModel):
    """What only recordings have."""

    minutes: float
    """As prepared."""
    silence: float
    """Share of the recordings that was cut off at their ends."""
    seconds: Range
    """Of a clip, as prepared."""
    rates: dict[str, int]
    """Clips of each, in Hz."""
    channels: dict[str, int]
    loudness: Range
    """Active level of the recordings, in decibels below full scale (ITU-T P.56)."""
    noise: Range | None
    """Of their quietest twentieth; none, if all are too short to have pauses."""
    noisy: int
    noisy_names: list[str]
    clipped: int
    """Recordings whose waves are cut off."""
    clipped_names: list[str]


class SpeechFacts(BaseModel):
    """What only transcribed recordings have."""

    utterances: int
    """After joining."""
    seconds: Range
    """Of one."""
    characters: int
    distinct_characters: int
    words: int
    distinct_words: int
    symbols: int
    """Different ones that occur, of those that there are."""
    missing: list[str]
    """Symbols that never occur."""
    guessed: dict[str, str]
    """Words of no dictionary, and how they are said."""
    unsaid: dict[str, int]
    """What cannot be said, and in how many transcripts it stands."""
    odd: dict[str, float]
    """Clips that last so many times longer, or shorter, than others for what they say."""


def sound_facts(table: dict[str, np.ndarray], names: list[str], rate: int) -> SoundFacts:
    seconds = table["length"] / rate
    paused = table["seconds"] >= PAUSES
    noisy = np.flatnonzero(paused & (table["active"] - table["noise"] < NOISY))
    clipped = np.flatnonzero(table["clipped"] > CUT_OFF)
    return SoundFacts(
        minutes=float(seconds.sum() / 60),
        silence=float(max(0.0, 1 - seconds.sum() / table["seconds"].sum())),
        seconds=range_of(seconds),
        rates={str(r): n for r, n in Counter(table["rate"].tolist()).items()},
        channels={str(c): n for c, n in Counter(table["channels"].tolist()).items()},
        loudness=range_of(table["active"]),
        noise=range_of(table["noise"][paused]) if paused.any() else None,
        noisy=len(noisy),
        noisy_names=[names[k] for k in noisy[:NAMED]],
        clipped=len(clipped),
        clipped_names=[names[k] for k in clipped[:NAMED]],
    )


def speech_facts(data: "Speech") -> SpeechFacts:
    facts = data.facts
    both = [data] if data.held_out is None else [data, data.held_out]
    text = " ".join(facts["texts"])
    words = [word.strip('.,;:?!…"()').casefold() for word in text.split()]
    used = {number for numbers in facts["numbers"] for number in numbers}
    return SpeechFacts(
        utterances=sum(map(len, both)),
        seconds=range_of(np.concatenate([part.lengths for part in both]) / data.rate),
        characters=len(text),
        distinct_characters=len({*text}),
        words=len(words),
        distinct_words=len({*words}),
        symbols=len(used),
        missing=[symbol for k, symbol in enumerate(data.symbols) if k and k not in used],
        guessed=facts["guessed"],
        unsaid=facts["unsaid"],
        odd=dict(facts["odd"]),
    )


def sound_lines(facts: SoundFacts) -> Iterator[tuple[str, str]]:
    """For a person, each with its name."""
    yield "minutes", f"{facts.minutes:.1f}, without {facts.silence:.0%} of silence at the ends"
    yield "seconds", _range(facts.seconds, ".2f")
    yield "rates", ", ".join(f"{int(rate):,} Hz {n:,}" for rate, n in facts.rates.items())
    if [*facts.channels] != ["1"]:
        yield "channels", ", ".join(f"{channels}: {n:,}" for channels, n in facts.channels.items())
    yield "loudness", f"{_range(facts.loudness, '.0f')} dB"
    if facts.noise:
        yield "noise", f"{_range(facts.noise, '.0f')} dB"
        yield "noisy", _some(facts.noisy, facts.noisy_names)
    yield "clipped", _some(facts.clipped, facts.clipped_names)


def speech_lines(facts: SpeechFacts) -> Iterator[tuple[str, str]]:
    """For a person, each with its name."""
    yield "utterances", f"{facts.utterances:,}, of {_range(facts.seconds, '.1f')} s"
    yield "characters", f"{facts.characters:,}, {facts.distinct_characters:,} different ones"
    yield "words", f"{facts.words:,}, {facts.distinct_words:,} different ones"
    never = f", never {' '.join(facts.missing)}" if 0 < len(facts.missing) <= NAMED else ""
    yield "symbols", f"{facts.symbols:,} of {facts.symbols + len(facts.missing):,}{never}"
    guessed = [f"{word} {phonemes}" for word, phonemes in facts.guessed.items()]
    yield "words guessed", _some(len(guessed), guessed, NAMED)
    yield "cannot be said", _some(len(facts.unsaid), [*facts.unsaid])
    odd = [f"{name} ({ratio:.1f} times as long as it would be)" for name, ratio in facts.odd.items()]
    yield "odd durations", _some(len(odd), odd)


def _range(r: Range, form: str) -> str:
    return f"{r.min:{form}} to {r.max:{form}}, median {r.median:{form}}"


def _some(count: int, names: Sequence[str], most: int = SHOWN) -> str:
    if not count:
        return "none"
    return f"{count:,}: {'; '.join(names[:most])}" + (" ..." if count > len(names[:most]) else "")
