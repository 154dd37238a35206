"""From transcribed clips to utterances: which can be used, in which symbols, and what is joined to what."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ganvas.core.errors import UserError
from ganvas.data.phonemes import utterances
from ganvas.data.plan import split
from ganvas.data.words import count_of

if TYPE_CHECKING:
    from ganvas.data.phonemes.pronunciation import Pronunciation
    from ganvas.data.speech import SpeechSettings

ENDS = tuple(".,;:?!…。！？，；")
NAMED = 5
"""Recordings that are named where something is said of them."""
EDGES = 6
"""Symbols that beginning and end of a clip last as long as."""
ODD, SPREAD = 1.5, 4.0
"""A clip is odd that lasts so many times longer or shorter for its symbols than most do, if that is more than
so many times their usual deviation (by the median absolute one, Leys et al. 2013)."""


def complete(
    table: dict[str, np.ndarray], facts: dict[str, Any], name: str, settings: "SpeechSettings"
) -> None:
    """To the table of clips: which are held out. To the facts, which have the texts and the numbers of their
    symbols: utterances, as numbers of clips, and whose duration is odd."""
    texts: list[str] = facts["texts"]
    longest = settings.longest * settings.rate
    long = [k for k in range(len(texts)) if table["length"][k] > longest]
    mute = [k for k in range(len(texts)) if not facts["numbers"][k] and k not in long]
    for rows, words in ((long, f"longer than {settings.longest:g} s"), (mute, "of nothing that can be said")):
        if rows:
            names = some([facts["names"][k] for k in rows])
            facts["notes"].append(f"{count_of(len(rows), 'clip')} {words}, and left out ({names}).")
    used = sorted(set(range(len(texts))) - {*long, *mute})
    if not used:
        hint = (
            "cut them into sentences, or raise --speech.longest, 60 at most"
            if len(long) > len(mute)
            else f"expected is {settings.pronunciation.language}; --speech.pronunciation.language sets it"
        )
        raise UserError(f"No recording of {name} can be used: {facts['notes'][-1].rstrip('.')}; {hint}.")
    said = [hashlib.sha256(_plain(texts[k]).encode()).digest() for k in used]
    digest = np.frombuffer(b"".join(said), np.uint8).reshape(-1, 32)
    table["held_out"] = np.zeros(len(texts), bool)
    table["held_out"][used] = split({"digest": digest}, False, settings.held_out, name, "sentence")
    enough, pause = settings.join * settings.rate, settings.pause * settings.rate
    facts["utterances"] = joined(table, used, enough, longest, pause)
    facts["odd"] = [[facts["names"][k], ratio] for k, ratio in odd(table["length"], facts["numbers"], used)]


@dataclass
class Front:
    """What the front end makes of texts, and what it does not know."""

    how: "Pronunciation"
    guessed: dict[str, str] = field(default_factory=dict)
    """Words of no dictionary, and how they are said."""
    unsaid: Counter[str] = field(default_factory=Counter)
    """What cannot be said, and in how many texts it stands."""

    def __post_init__(self):
        utterances("1", self.how)  # a program or package that is missing is said once

    def symbols(self, text: str) -> list[str]:
        """Of all its sentences; none, if nothing in it can be said."""
        try:
            sentences = utterances(text, self.how)
        except UserError:
            self.unsaid[text] += 1
            return []
        found: list[str] = []
        for one in sentences:
            self.guessed |= dict(one.guessed)
            self.unsaid.update(one.unsaid)
            found += [" ", *one.symbols] if found else one.symbols
        return found


def joined(
    table: dict[str, np.ndarray], used: Sequence[int], enough: float, longest: float, pause: float
) -> list[list[int]]:
    """The clips of each utterance: short ones of one speaker, in the order of their hashes, until enough."""
    length = table["length"]
    found = [[k] for k in used if length[k] >= enough]
    groups: dict[tuple[int, bool], list[int]] = defaultdict(list)
    for k in sorted(used, key=lambda k: table["digest"][k].tobytes()):
        if length[k] < enough:
            groups[int(table["label"][k]), bool(table["held_out"][k])].append(k)
    for short in groups.values():
        parts: list[int] = []
        total = 0.0
        for k in short:
            if parts and total + pause + length[k] > longest:
                found, parts, total = [*found, parts], [], 0.0
            total += length[k] + (pause if parts else 0)
            parts.append(k)
            if total >= enough:
                found, parts, total = [*found, parts], [], 0.0
        if parts:
            found.append(parts)
    return sorted(found)


def odd(length: np.ndarray, numbers: Sequence[Sequence[int]], used: Sequence[int]) -> list[tuple[int, float]]:
    """Clips that last longer or shorter for their symbols than others, how many times; the worst first."""
    pace = np.log([length[k] / (len(numbers[k]) + EDGES) for k in used])
    away = pace - np.median(pace)
    bound = max(np.log(ODD), SPREAD * 1.4826 * float(np.median(np.abs(away))))
    worst = sorted(np.flatnonzero(np.abs(away) > bound), key=lambda i: -abs(away[i]))
    return [(used[int(i)], float(np.exp(away[i]))) for i in worst]


def ending(text: str) -> str:
    """With a full stop, if it has no end of its own."""
    return text if text.rstrip("\"'”’)").endswith(ENDS) else f"{text}."


def some(names: Sequence[str], most: int = NAMED) -> str:
    return ", ".join(names[:most]) + (" ..." if len(names) > most else "")


def _plain(text: str) -> str:
    """What is said, however it is written."""
    return " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split())
