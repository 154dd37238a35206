"""Words that are written alike and said in two ways, told apart by their neighbours."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from ganvas.data.phonemes.tables import words

TO_VERBS = frozenset(
    words(
        "to will would can could shall should may might must do does did don't doesn't didn't won't can't "
        "cannot couldn't wouldn't please let's i you we they who 'll i'll you'll we'll they'll"
    )
)
"""Before a verb."""
PLURAL = frozenset(words("i you we they"))
SINGULAR = frozenset(words("he she it who which"))
DETERMINERS = frozenset(words("a an the this that these those my your his her its our their"))
TO_NOUNS = DETERMINERS | frozenset(
    words(
        "no any some each every another of in on for with from at by is are was were be very so too new old "
        "first last next"
    )
)
"""Before a noun or an adjective."""
OBJECTS = DETERMINERS | frozenset(words("me it them us him yourself to up in"))
"""Behind a verb."""
PERFECT = frozenset(words("have has had having i've you've we've they've was were been be is are"))
PAST = frozenset(words("yesterday ago last already"))
USUALLY_VERBS = frozenset(words("use live read lead refuse produce combine convert close invite"))
OF_LEAD = frozenset(words("pipe pipes paint poisoning pencil pencils weight weights"))
"""Behind the metal."""
OF_LIVE = frozenset(words("music show shows stream audio video broadcast concert audience"))
TO_LIVE = frozenset(words("a the going go is"))


@lru_cache(maxsize=1)
def heteronyms() -> dict[str, tuple[str, str]]:
    """Of words written alike how the verb is said, and how the other."""
    rows = (
        line.split("\t")
        for line in (Path(__file__).parent / "heteronyms.tsv").read_text(encoding="utf-8").splitlines()
    )
    return {word: (verb, other) for word, verb, other in rows}


def chosen(lower: Sequence[str], k: int) -> str | None:
    """The ARPAbet of a word (all in lower case) that suits its neighbours; None where there is no choice."""
    word = lower[k]
    base = word if word in heteronyms() else word.removesuffix("s")
    if base not in heteronyms():
        return None
    verb, other = heteronyms()[base]
    before = lower[k - 1] if k else ""
    behind = lower[k + 1] if k + 1 < len(lower) else ""
    if base != word:
        told = before in SINGULAR or behind in OBJECTS or base in USUALLY_VERBS
        return _plural(verb if (told and before not in TO_NOUNS) or base in ("lead", "read") else other)
    if word == "read":
        past = PERFECT & {*lower[max(0, k - 3) : k]} or (PAST & {*lower} and before not in TO_VERBS - PLURAL)
        return other if past else verb
    if word == "lead":
        return other if behind in OF_LEAD else verb
    if word == "live":
        return other if behind in OF_LIVE or before in TO_LIVE else verb
    as_verb = before in TO_VERBS or (before not in TO_NOUNS and behind in OBJECTS)
    return verb if as_verb or (not before and word in USUALLY_VERBS) else other


def _plural(arpabet: str) -> str:
    last = arpabet.split()[-1]
    if last in ("S", "Z", "SH", "ZH", "CH", "JH"):
        return f"{arpabet} IH0 Z"
    return f"{arpabet} {'S' if last in ('P', 'T', 'K', 'F', 'TH') else 'Z'}"
