"""Bytes of a file as text: the encoding is found out and said, and what is no text is refused."""

import codecs
from pathlib import Path

from ganvas.core.errors import UserError

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks; those of UTF-32 before those of UTF-16, which they begin with."""
LOOKED_AT = 1 << 18
"""Bytes that the encoding is guessed by."""
CONTROL = 0.01
"""Share of control characters beyond which it is no text."""
PLAIN = {*"\t\n\r\f\v\x1b\x85"}


def decoded(raw: bytes, name: str | Path) -> tuple[str, str]:
    """The text, its lines ended by \\n, and the encoding's name. UserError where it is no text."""
    text, encoding = _decoded(raw, name)
    head = text[:LOOKED_AT]
    odd = sum(c < " " and c not in PLAIN for c in head)
    if odd > CONTROL * len(head):
        raise UserError(f"{name} is not text: {odd / len(head):.0%} of it are control characters")
    return text.replace("\r\n", "\n").replace("\r", "\n"), encoding


def _decoded(raw: bytes, name: str | Path) -> tuple[str, str]:
    for mark, encoding in MARKS:
        if raw.startswith(mark):
            try:
                return raw.decode(encoding), encoding.removesuffix("-sig")
            except UnicodeDecodeError as error:
                begun = encoding.upper().removesuffix("-SIG")
                raise UserError(
                    f"{name} begins as {begun} does, but is none at byte {error.start:,}"
                ) from None
    if b"\0" in raw:
        raise UserError(f"{name} is not text: there are zero bytes in it; expected .txt, .jsonl or .csv")
    try:
        return raw.decode(), "utf-8"
    except UnicodeDecodeError as error:
        return _guessed(raw, name, error.start)


def _guessed(raw: bytes, name: str | Path, wrong: int) -> tuple[str, str]:
    """By charset-normalizer, around the first byte that is no UTF-8; the whole must then be of it."""
    from charset_normalizer import from_bytes

    first = max(0, min(wrong - LOOKED_AT // 2, len(raw) - LOOKED_AT))
    first = raw.rfind(b"\n", 0, first) + 1 if first else 0
    best = from_bytes(raw[first : first + LOOKED_AT]).best()
    try:
        if best is not None:
            return raw.decode(best.encoding), best.encoding
    except UnicodeDecodeError:
        pass
    raise UserError(
        f"{name} is neither UTF-8 (byte {wrong:,} is not) nor any encoding that could be told; "
        f"save it as UTF-8"
    )
