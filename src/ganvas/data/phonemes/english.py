"""American English: CMU's dictionary, words made of its words, and a network's guess at all others."""

import lzma
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ganvas.data.phonemes.fallback import guess
from ganvas.data.phonemes.heteronyms import chosen
from ganvas.data.phonemes.symbols import MARKS, STRESS, VOWELS, from_arpabet
from ganvas.data.phonemes.tables import table

HERE = Path(__file__).parent
TOKEN = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*|'[a-z]+|[,;.?!…]")
LONGEST = 24
"""Letters; longer words are cut, for the network hears no more."""
VOICELESS, HISSES = {"p", "t", "k", "f", "θ"}, {"s", "z", "ʃ", "ʒ", "tʃ", "dʒ"}
PREFIXES = table("un AH2 N | re R IY0 | non N AA2 N | pre P R IY0 | de D IY0 | mis M IH2 S")
"""Before a word of the dictionary."""
SUFFIXES = table(
    "ness N AH0 S | less L AH0 S | able AH0 B AH0 L | ment M AH0 N T | ful F AH0 L | ize AY2 Z | "
    "ise AY2 Z | izing AY2 Z IH0 NG | ising AY2 Z IH0 NG | ist IH0 S T | ism IH2 Z AH0 M | "
    "dom D AH0 M | ship SH IH2 P | er ER0 | ers ER0 Z | y IY0"
)
"""After one."""
WEAK = table(
    "a AH0 | an AH0 N | the DH AH0 | and AH0 N D | of AH0 V | to T AH0 | for F ER0 | from F R AH0 M | "
    "with W IH0 DH | at AE0 T | as AE0 Z | but B AH0 T | or AO0 R | than DH AH0 N | in IH0 N | "
    "on AA0 N | by B AY0 | is IH0 Z | are AA0 R | am AE0 M | was W AH0 Z | were W ER0 | be B IY0 | "
    "been B IH0 N | has HH AE0 Z | have HH AE0 V | had HH AE0 D | can K AE0 N | could K UH0 D | "
    "will W IH0 L | would W UH0 D | should SH UH0 D | my M AY0 | me M IY0 | you Y UW0 | "
    "your Y AO0 R | he HH IY0 | him HH IH0 M | his HH IH0 Z | she SH IY0 | her HH ER0 | it IH0 T | "
    "its IH0 T S | we W IY0 | our AW0 ER0 | us AH0 S | they DH EY0 | their DH EH0 R | them DH EH0 M | "
    "i AY0"
)
"""Words that carry no stress before another word."""
BEFORE_VOWELS = {"the": "DH IY0", "to": "T UW0"}


class Word(NamedTuple):
    """A word, or a mark, as it is said."""

    text: str
    symbols: tuple[str, ...]
    guessed: bool = False


@lru_cache(maxsize=1)
def dictionary() -> dict[str, str]:
    """Words and their ARPAbet, of CMU's dictionary."""
    text = lzma.decompress((HERE / "cmudict.tsv.xz").read_bytes()).decode()
    return dict(line.split("\t") for line in text.splitlines())


def said(text: str, own: dict[str, tuple[str, ...]]) -> list[Word]:
    """The words and marks of a sentence in words; `own` are a user's."""
    tokens = TOKEN.findall(text)
    words = [token for token in tokens if len(token) > 1]
    if len(words) > 2 and all(word.isupper() for word in words):
        tokens = [token.lower() for token in tokens]
    lower = [token.lower() for token in tokens]
    found: list[Word] = []
    for k in reversed(range(len(tokens))):  # "the" depends on the word behind it
        found += reversed([*_word(tokens, lower, k, found[-1] if found else None, own)])
    return found[::-1]


def _word(
    tokens: Sequence[str], lower: Sequence[str], k: int, behind: Word | None, own: dict[str, tuple[str, ...]]
) -> Iterator[Word]:
    token, word = tokens[k], lower[k]
    followed = behind is not None and behind.symbols[0] not in MARKS
    if not word[-1].isalpha():
        yield Word(token, (token,))
    elif word in own:
        yield Word(token, own[word])
    elif _is_letter(tokens, k, followed):
        yield Word(token, _letter(word))
    elif word in BEFORE_VOWELS and followed and behind and _first(behind.symbols) in VOWELS:
        yield Word(token, _phones(BEFORE_VOWELS[word]))
    elif word in WEAK and followed:
        yield Word(token, _phones(WEAK[word]))
    elif (phones := chosen(lower, k)) or (phones := dictionary().get(word)):
        yield Word(token, _phones(phones))
    elif (symbols := inflected(word)) is not None:
        yield Word(token, symbols)
    elif _is_initialism(token):
        yield from (Word(letter, _letter(letter.lower())) for letter in token if letter.isalpha())
    else:
        for start in range(0, len(word), LONGEST):
            part = word[start : start + LONGEST]
            yield Word(token[start : start + LONGEST], compound(part) or guessed(part), True)


def _is_letter(tokens: Sequence[str], k: int, followed: bool) -> bool:
    """Whether it is the name of a letter: `A` is one but at the beginning of a sentence, `a` alone is one."""
    token = tokens[k]
    if len(token) > 1 or token == "I":
        return False
    if token == "a" or (token == "A" and k == 0):
        return not followed or (token == "A" and len(tokens[k + 1]) == 1)
    return True


def _letter(letter: str) -> tuple[str, ...]:
    return _phones("EY1" if letter == "a" else dictionary()[letter])


def _is_initialism(token: str) -> bool:
    """`PBX`, and what has no vowel."""
    return (token.isupper() and len(token) < 5) or not re.search("[aeiouy]", token.lower())


def _first(symbols: Sequence[str]) -> str:
    return next((symbol for symbol in symbols if symbol not in STRESS), "")


@lru_cache(maxsize=8192)
def _phones(arpabet: str) -> tuple[str, ...]:
    return from_arpabet(arpabet.split())


def inflected(word: str) -> tuple[str, ...] | None:
    """A form of a word in the dictionary: plural, past, -ing, possessive."""
    for ending in ("'s", "s", "es", "ed", "ing", "'ll", "'d", "'ve", "ly"):
        if base := _base(word, ending):
            return _ended(_phones(dictionary()[base]), ending)
    return None


def _base(word: str, ending: str) -> str:
    """What stands before an ending, as the dictionary spells it: make(ing), stop(ing), try(es); none: ""."""
    stem = word.removesuffix(ending)
    if stem == word or len(stem) < 3:
        return ""
    doubled = [stem[:-1]] if stem[-1] == stem[-2] else []
    changed = [stem[:-1] + "y"] if stem[-1] == "i" else []
    return next((base for base in (stem, stem + "e", *doubled, *changed) if base in dictionary()), "")


def _ended(symbols: tuple[str, ...], ending: str) -> tuple[str, ...]:
    last = symbols[-1]
    if ending in ("s", "es", "'s"):
        return (*symbols, "ɪ", "z") if last in HISSES else (*symbols, "s" if last in VOICELESS else "z")
    if ending in ("ed", "'d"):
        voiceless = last in VOICELESS | {"s", "ʃ", "tʃ"}
        return (*symbols, "ɪ", "d") if last in ("t", "d") else (*symbols, "t" if voiceless else "d")
    return (*symbols, *{"ing": ("ɪ", "ŋ"), "'ll": ("ə", "l"), "'ve": ("ə", "v"), "ly": ("l", "i")}[ending])


def compound(word: str) -> tuple[str, ...] | None:
    """A prefix, a word and a suffix, or two words in one, the second with secondary stress."""
    for prefix, phones in PREFIXES.items():
        rest = word.removeprefix(prefix)
        if rest != word and len(rest) > 3 and (whole := _known(rest)):
            return _fused(_phones(phones), whole)
    for suffix, phones in SUFFIXES.items():
        if base := _base(word, suffix):
            return _fused(_phones(dictionary()[base]), _phones(phones))
    cuts = [k for k in range(3, len(word) - 3) if word[:k] in dictionary() and _known(word[k:])]
    if not cuts:
        return None
    at = min(cuts, key=lambda k: abs(2 * k - len(word)))
    second = _known(word[at:]) or ()
    return _fused(_phones(dictionary()[word[:at]]), tuple("ˌ" if s == "ˈ" else s for s in second if s != "ˌ"))


def _fused(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    same = second[0] == first[-1] and second[0] not in VOWELS
    return (*first, *(second[1:] if same else second))


def _known(word: str) -> tuple[str, ...] | None:
    return _phones(dictionary()[word]) if word in dictionary() else inflected(word)


def guessed(word: str) -> tuple[str, ...]:
    """The network's, one of its vowels stressed."""
    symbols = from_arpabet(guess(word.replace("'", "")))
    if "ˈ" in symbols:
        return symbols
    at = next((k for k, symbol in enumerate(symbols) if symbol in VOWELS), 0)
    at -= bool(at and symbols[at - 1] in STRESS)
    rest = symbols[at + 1 :] if symbols[at : at + 1] == ("ˌ",) else symbols[at:]
    return (*symbols[:at], "ˈ", *rest) if symbols else _letter(word[:1])
