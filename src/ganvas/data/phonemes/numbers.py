"""Numbers in English words."""

from ganvas.data.phonemes.tables import words

SMALL = words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
TENS = words("twenty thirty forty fifty sixty seventy eighty ninety")
SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
ENDS = {
    **{"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth"},
    **{"nine": "ninth", "twelve": "twelfth"},
}
ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}


def cardinal(n: int) -> str:
    """One thousand two hundred thirty four; beyond trillions digit by digit."""
    if n < 20:
        return SMALL[n]
    if n < 100:
        return TENS[n // 10 - 2] + (f" {SMALL[n % 10]}" if n % 10 else "")
    if n >= 10**15:
        return digits(str(n))
    scale, name = next((scale, name) for scale, name in SCALES if n >= scale)
    return f"{cardinal(n // scale)} {name}" + (f" {cardinal(n % scale)}" if n % scale else "")


def ordinal(n: int) -> str:
    *first, last = cardinal(n).split()
    last = ENDS.get(last) or (f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th")
    return " ".join([*first, last])


def digits(text: str) -> str:
    """One by one, as in a telephone number."""
    return " ".join(SMALL[int(c)] for c in text if c.isdecimal())


def year(n: int) -> str:
    """Nineteen ninety nine, twenty oh five, two thousand five."""
    century, rest = divmod(n, 100)
    if not 1100 <= n < 2100 or 2000 <= n < 2010:
        return cardinal(n)
    if not rest:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def decimal(text: str) -> str:
    """`1,234.5` in words; with a zero before it, or beyond trillions, digit by digit."""
    whole, point, part = text.replace(",", "").partition(".")
    leading = len(whole) > 1 and whole.startswith("0")
    words = digits(whole) if leading else cardinal(int(whole or 0))
    return f"{words} point {digits(part)}" if point and part else words


def roman(text: str) -> int:
    """XIV is 14."""
    values = [ROMAN[c] for c in text]
    return sum(-a if a < b else a for a, b in zip(values, [*values[1:], 0], strict=True))
