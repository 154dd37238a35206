"""Mandarin as initials, finals and tones, by pypinyin."""

import re
from collections.abc import Iterator
from typing import Any

from ganvas.core.errors import UserError
from ganvas.data.phonemes.symbols import MARKS, PADDING
from ganvas.data.phonemes.tables import words

INITIALS = words("b p m f d t n l g k h j q x zh ch sh r z c s")
FINALS = words(
    "a o e ê ai ei ao ou an en ang eng er ong i ia io ie iai iao iou ian in iang ing iong u ua uo uai "
    "uei uan uen uang ueng v ve van vn m n ng hm hng"
)
TONES = "12345"
SYMBOLS = tuple(dict.fromkeys((PADDING, *MARKS, *INITIALS, *FINALS, *TONES)))
HANZI = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")


def needed() -> tuple[Any, Any]:
    try:
        import cn2an
        import pypinyin
    except ImportError:
        raise UserError("Mandarin needs the package pypinyin: pip install 'ganvas[mandarin]'") from None
    return pypinyin, cn2an


def spoken(text: str) -> str:
    """Numbers, dates and shares in characters."""
    if not re.search(r"\d", text):
        return text
    return needed()[1].transform(text, "an2cn")


def syllables(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each character of a run of them, with its symbols; none where pypinyin knows none."""
    pypinyin, _ = needed()
    style = pypinyin.Style
    initials = pypinyin.lazy_pinyin(text, style.INITIALS, errors=_apart, strict=True)
    finals = pypinyin.lazy_pinyin(
        text, style.FINALS_TONE3, errors=_apart, strict=True, neutral_tone_with_five=True
    )
    for character, initial, final in zip(text, initials, finals, strict=True):
        symbols = tuple(part for part in (initial, final[:-1], final[-1:]) if part)
        yield character, symbols if all(symbol in SYMBOLS for symbol in symbols) else ()


def _apart(run: str) -> list[str]:
    return [""] * len(run)
