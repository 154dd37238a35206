"""What an utterance is made of: phonemes in the International Phonetic Alphabet, stress, pauses."""

import re
from collections.abc import Iterable, Sequence

from ganvas.core.errors import UserError

PADDING = "_"
MARKS = (" ", ",", ";", ".", "?", "!", "…")
"""That are heard: between words, and between and after clauses."""
STRESS = ("ˈ", "ˌ")
"""Primary and secondary, symbols of their own before the vowel: so a vowel is one symbol however it is
stressed, and is heard often enough in few recordings."""
ARPABET = {
    **{"AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "aʊ", "AY": "aɪ", "EH": "ɛ", "ER": "ɚ", "EY": "eɪ"},
    **{"IH": "ɪ", "IY": "i", "OW": "oʊ", "OY": "ɔɪ", "UH": "ʊ", "UW": "u"},
    **{"B": "b", "CH": "tʃ", "D": "d", "DH": "ð", "F": "f", "G": "ɡ", "HH": "h", "JH": "dʒ", "K": "k"},
    **{"L": "l", "M": "m", "N": "n", "NG": "ŋ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t", "TH": "θ"},
    **{"V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ"},
}
SCHWA = "ə"
"""AH without stress."""
VOWELS = ("ɑ", "æ", "ʌ", "ɔ", "aʊ", "aɪ", "ɛ", "ɚ", "eɪ", "ɪ", "i", "oʊ", "ɔɪ", "ʊ", "u", SCHWA)
ENGLISH = (PADDING, *MARKS, *STRESS, *sorted({*ARPABET.values(), SCHWA}))
IPA = (
    *(PADDING, *MARKS, *STRESS, "ː", "ˑ"),
    *"abcdefghijklmnopqrstuvwxyzæçðøħŋœǀǁǂǃɐɑɒɓɔɕɖɗɘəɚɛɜɝɞɟɠɡɢɣɤɥɦɧɨɪɫɬɭɮɯɰɱɲɳɴɵɶɸɹɺɻɽɾʀʁʂʃʄʈʉʊʋʌʍʎʏʐʑʒʔʕʘʙʛʜʝʟʡʢʦ",
    *"βεθχΦᵻᵝʰʱʲʷˠˤˀˡⁿ",
    *"\u0303\u0308\u030a\u0318\u0319\u031a\u031c\u031d\u031e\u031f\u0320\u0324\u0325\u0327\u0329\u032a\u032c",
    *"\u032f\u0330\u0334\u0339\u033a\u033b\u033d\u0361",
    *"1234567˥˦˧˨˩↗↘",
)
"""Every letter, diacritic and tone that espeak-ng writes; one symbol is one character."""
ALIKE = {
    **{"r": "ɹ", "g": "ɡ", "ɝ": "ɚ", "ɜ": "ɚ", "ʧ": "tʃ", "ʤ": "dʒ", "ɫ": "l", "ɾ": "t", "ɐ": "ə", "ɒ": "ɑ"},
    **{"ᵻ": "ɪ", "ɨ": "ɪ", "y": "j", "a": "ɑ", "e": "eɪ", "o": "oʊ", "əʊ": "oʊ", "'": "ˈ"},
}
"""What others write for a phoneme of English."""
SILENT = re.compile("[\u0361\u035c\u0329\u02d0ː.‿/\\[\\]()]")
ARPA = re.compile(r"[A-Z]{1,2}[012]?")


def from_arpabet(phones: Iterable[str]) -> tuple[str, ...]:
    """`HH AH0 L OW1` is h ə l ˈ oʊ."""
    found: list[str] = []
    for phone in phones:
        name, stress = phone.rstrip("012"), phone[-1]
        if stress in "12":
            found.append(STRESS[int(stress) - 1])
        found.append(SCHWA if name == "AH" and stress == "0" else ARPABET[name])
    return tuple(found)


def read_symbols(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """Phonemes as a person writes them, in ARPAbet or IPA; UserError names what is neither."""
    parts = text.split()
    if parts and all(ARPA.fullmatch(part) and part.rstrip("012") in ARPABET for part in parts):
        return from_arpabet(parts)
    english = tuple(known) == ENGLISH
    text = "".join(parts)
    if english:
        text = SILENT.sub("", text)
    table = (ALIKE if english else {}) | {symbol: symbol for symbol in known if symbol not in (PADDING, " ")}
    longest = max(map(len, table))
    found: list[str] = []
    at = 0
    while at < len(text):
        size = next((n for n in range(longest, 0, -1) if text[at : at + n] in table), 0)
        if not size:
            raise UserError(f"{text!r} holds {text[at]!r}, which is no phoneme here: {' '.join(known[1:])}")
        found.append(table[text[at : at + size]])
        at += size
    return before_vowels(found) if english else tuple(found)


def before_vowels(symbols: Sequence[str]) -> tuple[str, ...]:
    """Stress moved from the beginning of its syllable, where dictionaries have it, to the vowel."""
    found: list[str] = []
    waiting = ""
    for symbol in symbols:
        if symbol in STRESS:
            waiting = waiting or symbol
            continue
        if waiting and symbol in VOWELS:
            found.append(waiting)
            waiting = ""
        found.append(symbol)
    return tuple(found)
