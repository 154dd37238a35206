"""How a text is said or written, as a person asks for it; what runs an exported model has no more of it."""

import codecs
from collections.abc import Iterator, Sequence

from pydantic import Field

from ganvas.core.settings import Settings
from ganvas.data.vocabulary import Vocabulary

FIRST, GROWTH, MOST = 16, 4, 256
"""Frames of the first piece of a sentence, how many times longer each next one is, and the longest."""
WHOLE = 4096
"""Frames of the first piece where nobody waits for it: sentences in one, as pieces overlap and that costs."""


VARIATION, RHYTHM = 0.2, 0.0
"""Shares of the deviations of latents and of log-durations. Kim et al. 2021 (app. B) have .667 and .8 and
trainings far longer; these are better understood, and sound no worse (docs/results/voice.md)."""


class Manner(Settings):
    """How a text is said."""

    speed: float = Field(default=1.0, ge=0.25, le=4)
    """Times as fast as learnt."""
    variation: float = Field(default=VARIATION, ge=0, le=2)
    """How much of the sound is left to chance: 0 says it always alike."""
    rhythm: float = Field(default=RHYTHM, ge=0, le=2)
    """How much of the timing is left to chance."""
    pause: float = Field(default=0.25, ge=0, le=10)
    """Seconds between sentences."""


class Taste(Settings):
    """What is left of the law, in this order; by default all of it."""

    temperature: float = Field(default=1.0, ge=0, le=100)
    """Divides the logits: below 1 more typical, above 1 more varied; 0 takes the most probable token."""
    min_p: float = Field(default=0.0, ge=0, le=1)
    """Only tokens at least so probable, as a share of the most probable one (Nguyen et al. 2024)."""
    top_k: int = Field(default=0, ge=0)
    """Only so many most probable tokens; 0: all (Fan et al. 2018)."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Only the most probable tokens that together have this probability (Holtzman et al. 2020)."""


def letters(words: Vocabulary, tokens: Iterator[int]) -> Iterator[str]:
    """The characters of tokens up to a mark that is no label, each as soon as its bytes are whole; bytes that
    are none become U+FFFD."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for token in tokens:
        if words.closes(token):
            break
        if text := decoder.decode(words.pieces[token]):
            yield text
    if text := decoder.decode(b"", final=True):
        yield text


def until(pieces: Iterator[str], stop: Sequence[str]) -> Iterator[str]:
    """Up to the first of these words; what may be the beginning of one is held back until that is known."""
    held = ""
    for piece in pieces:
        held += piece
        at = min((held.find(word) for word in stop if word in held), default=-1)
        if at >= 0:
            if at:
                yield held[:at]
            return
        kept = max((k for word in stop for k in range(1, len(word)) if held.endswith(word[:k])), default=0)
        if len(held) > kept:
            yield held[: len(held) - kept]
            held = held[len(held) - kept :]
    if held:
        yield held
