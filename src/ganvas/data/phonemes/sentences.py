"""From any text to sentences that can be said, and what in it cannot."""

import html
import re
import unicodedata
from collections.abc import Callable, Iterator

from ganvas.data.phonemes.wording import SHORT, SIGNS

TAG = re.compile(r"</?[A-Za-z][^<>]*>|<[!?][^<>]*>")
REPLACED = str.maketrans(
    {
        **dict.fromkeys("’‘ʼ`´", "'"),
        **dict.fromkeys('“”„«»"‹›', " "),
        **dict.fromkeys("()[]{}", ","),
        **dict.fromkeys("—―", ","),
        **dict.fromkeys("‐‑", "-"),
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff\ufe0f", None),
        **{
            "ß": "ss",
            "æ": "ae",
            "Æ": "AE",
            "ø": "o",
            "Ø": "O",
            "œ": "oe",
            "ł": "l",
            "Ł": "L",
            "đ": "d",
            "þ": "th",
        },
        **{"•": ",", "·": " ", "~": " ", "_": " "},
    }
)
END = re.compile(r"(?<=[.?!…])['\")\]]*\s+(?=[^\sa-z])|(?<=[。！？])|(?<=[؟।])\s+|\n\s*\n")
INITIAL = re.compile(r"(?:^|[\s.])[A-Z]\.$")


def without_tags(text: str) -> tuple[str, list[str]]:
    """The text, and the tags that were in it."""
    return html.unescape(TAG.sub(" ", text)), TAG.findall(text)


def split(text: str) -> Iterator[str]:
    """Sentences, not cut after `Dr.` or an initial."""
    begun = ""
    for part in END.split(text):
        begun = f"{begun} {part}".strip()
        last = begun.rsplit(None, 1)[-1] if begun else ""
        if last in SHORT or last in ("Dr.", "St.", "No.") or INITIAL.search(begun):
            continue
        if begun:
            yield " ".join(begun.split())
        begun = ""
    if begun:
        yield " ".join(begun.split())


def kept(text: str, sayable: Callable[[str], bool]) -> tuple[str, list[str]]:
    """The text without what cannot be said, and that, as it stood there."""
    found: list[str] = []
    lost: list[str] = []
    before = ""
    for c in unicodedata.normalize("NFC", text).translate(REPLACED):
        if sayable(c):
            found.append(c)
            before = ""
            continue
        lost[-1:] = [before + c] if before else [*lost[-1:], c]
        before = lost[-1]
        found.append(" ")
    return "".join(found), lost


def english(c: str) -> bool:
    return c.isascii() or c in SIGNS or c in "…–−"


def folded(text: str) -> str:
    """Letters without accents; signs such as ½ as they are."""
    return "".join(c if c in SIGNS or c == "…" else _plain(c) for c in unicodedata.normalize("NFC", text))


def _plain(c: str) -> str:
    return "".join(part for part in unicodedata.normalize("NFKD", c) if not unicodedata.combining(part)) or c


def lettered(c: str) -> bool:
    """What belongs to any language's writing: no emoji, no private characters."""
    return c.isascii() or c in SIGNS or unicodedata.category(c)[0] in "LMNPZ"
