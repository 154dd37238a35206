"""The front end of speech: any text as sentences of phonemes with stress."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ganvas.core.errors import UserError
from ganvas.data.phonemes import english, espeak, mandarin, sentences
from ganvas.data.phonemes.pronunciation import Pronunciation, engine_of, inventory, read_lexicon
from ganvas.data.phonemes.symbols import MARKS, STRESS
from ganvas.data.phonemes.wording import in_words

__all__ = [
    "MOST",
    "Pronunciation",
    "Utterance",
    "each",
    "guesses",
    "inventory",
    "read_lexicon",
    "readable",
    "utterances",
]

MOST = 400
"""Symbols of one utterance, some 30 s of speech; longer sentences are cut, at commas if there are any."""
SURELY = 4 * MOST
"""Characters that are too many."""
ENDS = {".", "?", "!", "…"}
WIDE = str.maketrans("，、；：。！？؟،؛।：", ",,;,.!??,;.,")
CLAUSE = re.compile(r"[,;:.?!…]+(?=\s|$)")


class Utterance(NamedTuple):
    """One sentence, or a part of a long one."""

    text: str
    """As it was written, without tags."""
    symbols: tuple[str, ...]
    """Of the inventory; the last is a mark."""
    guessed: tuple[tuple[str, str], ...] = ()
    """Words that no dictionary has, and how they are said."""
    unsaid: tuple[str, ...] = ()
    """What stood there and cannot be said: tags, emoji, other scripts."""


def utterances(text: str, how: Pronunciation) -> list[Utterance]:
    """The sentences of a text; UserError where there is nothing to say in it."""
    return [*each(text, how)]


def each(text: str, how: Pronunciation) -> Iterator[Utterance]:
    """The same one by one, so that a book can be begun before its end is read."""
    if not text.strip():
        raise UserError("there is no text to say")
    plain, tags = sentences.without_tags(text)
    last: Utterance | None = None
    lost: list[str] = list(tags)
    for sentence in sentences.split(plain):
        for said in _within(sentence, how):
            if not _heard(said.symbols):
                lost += said.unsaid
                continue
            if last:
                yield last
            last, lost = said._replace(unsaid=(*lost, *said.unsaid)), []
    if last is None:
        what = f": {' '.join(lost)[:80]}" if lost else f": {text.strip()[:80]}"
        raise UserError(f"nothing in this text can be said in {how.language}{what}")
    yield last._replace(unsaid=(*last.unsaid, *lost))


def guesses(text: str, how: Pronunciation) -> dict[str, str]:
    """The words of a text that no dictionary has, and how they would be said."""
    return {word: phonemes for said in utterances(text, how) for word, phonemes in said.guessed}


def readable(found: Iterable[Utterance]) -> str:
    """What `ganvas say --phonemes` prints: a line a sentence, with what was guessed or left out."""
    lines = []
    for said in found:
        lines.append("".join(said.symbols))
        if said.guessed:
            lines.append(f"  guessed: {', '.join(f'{word} {phonemes}' for word, phonemes in said.guessed)}")
        if said.unsaid:
            lines.append(f"  left out: {' '.join(said.unsaid)}")
    return "\n".join(lines)


def _within(sentence: str, how: Pronunciation, end: str = ".") -> Iterable[Utterance]:
    """In parts of at most MOST symbols."""
    if len(sentence) < SURELY:
        said = _said(sentence, how, end)
        if len(said.symbols) <= MOST or len(sentence) < 2:
            yield said._replace(symbols=said.symbols[:MOST])
            return
    at = _middle(sentence)
    yield from _within(sentence[:at].strip(), how, ",")
    yield from _within(sentence[at:].strip(), how, end)


def _middle(sentence: str) -> int:
    """Where to cut: behind the comma, or else the blank, that is nearest to the middle."""
    for pattern in (r"[,;:，；：、]\s*|\s[-–—]\s", r"\s+"):
        places = [
            found.end()
            for found in re.finditer(pattern, sentence)
            if found.start() > 0 and found.end() < len(sentence)
        ]
        if places:
            return min(places, key=lambda at: abs(2 * at - len(sentence)))
    return len(sentence) // 2


def _said(sentence: str, how: Pronunciation, end: str) -> Utterance:
    engine = {"english": _english, "mandarin": _mandarin, "espeak": _espeak}[engine_of(how)]
    parts, guessed, unsaid = engine(sentence, how)
    return Utterance(sentence, _joined(parts, end), tuple(guessed), tuple(unsaid))


Parts = list[tuple[str, ...]]
Said = tuple[Parts, list[tuple[str, str]], list[str]]


def _english(sentence: str, how: Pronunciation) -> Said:
    text, lost = sentences.kept(sentences.folded(sentence), sentences.english)
    text = re.sub(r"\.{2,}", "…", text)
    own = {word: how.entry(word) or () for word in how.lexicon}
    words = english.said(re.sub(r":(?=\s|$)|\s-+\s", ",", in_words(text)), own)
    guessed = [(word.text, "".join(word.symbols)) for word in words if word.guessed]
    return [word.symbols for word in words], guessed, lost


def _mandarin(sentence: str, how: Pronunciation) -> Said:
    parts: Parts = []
    lost: list[str] = []
    text = mandarin.spoken(sentence.translate(WIDE))
    for run in re.findall(rf"{mandarin.HANZI.pattern}|[,;.?!…]|[A-Za-z]+|[^\s]", text):
        if run in MARKS:
            parts.append((run,))
        elif (own := how.entry(run)) is not None:
            parts.append(own)
        elif mandarin.HANZI.fullmatch(run):
            for character, symbols in mandarin.syllables(run):
                parts.append(symbols) if symbols else lost.append(character)
        elif run.isalnum():
            lost.append(run)
    return [part for part in parts if part], [], lost


def _espeak(sentence: str, how: Pronunciation) -> Said:
    text, lost = sentences.kept(sentence.translate(WIDE), sentences.lettered)
    parts: Parts = []
    own = re.compile(rf"(?i)\b({'|'.join(map(re.escape, how.lexicon))})\b") if how.lexicon else None
    for clause, mark in _clauses(text):
        for run in filter(str.strip, own.split(clause) if own else [clause]):
            symbols = how.entry(run.lower()) or espeak.phonemes(run.strip(), how.language)
            if symbols:
                parts.append(symbols)
            elif any(c.isalpha() for c in run):
                lost.append(run.strip())
        if mark:
            parts.append((mark,))
    return parts, [], lost


def _clauses(text: str) -> Iterable[tuple[str, str]]:
    start = 0
    for found in CLAUSE.finditer(text):
        mark = found[0][-1] if len(found[0]) == 1 else "…" if set(found[0]) == {"."} else found[0][-1]
        yield text[start : found.start()], "," if mark == ":" else mark
        start = found.end()
    yield text[start:], ""


def _joined(parts: Parts, end: str) -> tuple[str, ...]:
    """With blanks between words, one mark where several stand together, and one at the end."""
    found: list[str] = []
    for part in parts:
        mark = part[0] in MARKS
        if mark and found and found[-1] in MARKS:
            if part[0] in ENDS:
                found[-1] = part[0]
            continue
        if mark and not found and part[0] != "…":
            continue
        if found and not mark:
            found.append(" ")
        found += part
    if found and found[-1] in (",", ";", " ") and end not in (",",):
        found[-1] = end
    elif found and found[-1] not in MARKS:
        found.append(end)
    return tuple(found)


def _heard(symbols: Iterable[str]) -> bool:
    return any(symbol not in MARKS and symbol not in STRESS for symbol in symbols)
