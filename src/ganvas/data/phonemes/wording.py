"""English as it is read aloud: what is written in digits, signs and short forms, in words."""

import re
from collections.abc import Callable

from ganvas.data.phonemes.numbers import cardinal, decimal, digits, ordinal, roman, year
from ganvas.data.phonemes.tables import table, words

MONTHS = words("January February March April May June July August September October November December")
SHORT = table(
    "Mr. mister | Mrs. missus | Ms. miz | Prof. professor | Jr. junior | Sr. senior | Gen. general | "
    "Col. colonel | Capt. captain | Lt. lieutenant | Sgt. sergeant | Rev. reverend | Hon. honorable | "
    "Gov. governor | Sen. senator | Rep. representative | vs. versus | etc. etcetera | "
    "e.g. for example, | i.e. that is, | approx. approximately | Inc. incorporated | Ltd. limited | "
    "Co. company | Corp. corporation | Dept. department | Ave. avenue | Rd. road | Blvd. boulevard | "
    "Mt. mount | Ft. fort | ext. extension | est. established | Fig. figure | fig. figure | p. page | "
    "pp. pages | vol. volume | Ph.D. P H D | Apt. apartment | Tues. Tuesday | Thurs. Thursday | "
    "Mon. Monday | Tue. Tuesday | Wed. Wednesday | Thu. Thursday | "
    "Fri. Friday | Jan. January | Feb. February | Mar. March | Apr. April | Jun. June | Jul. July | "
    "Aug. August | Sep. September | Oct. October | Nov. November | Dec. December | Sept. September"
)
"""After which a sentence goes on."""
UNITS = table(
    "km kilometer | m meter | cm centimeter | mm millimeter | kg kilogram | g gram | mg milligram | "
    "lb pound | lbs pound | oz ounce | mi mile | ft foot | l liter | ml milliliter | s second | "
    "ms millisecond | min minute | h hour | hr hour | Hz hertz | kHz kilohertz | MHz megahertz | "
    "GHz gigahertz | kB kilobyte | KB kilobyte | MB megabyte | GB gigabyte | TB terabyte | W watt | "
    "kW kilowatt | V volt | dB decibel | mph mile per hour | km/h kilometer per hour | "
    "m/s meter per second | °C degree Celsius | °F degree Fahrenheit | ° degree | % percent"
)
SAME = (*words("hertz kilohertz megahertz gigahertz percent"), "yen")
"""With no plural."""
MONEY = table("$ dollar cent | € euro cent | £ pound penny | ¥ yen | ₹ rupee paisa | ₽ ruble kopeck")
SIGNS = table(
    "& and | + plus | = equals | @ at | % percent | # hash | * star | / slash | \\ backslash | "
    "< less than | > greater than | ° degrees | × times | ÷ divided by | ± plus or minus | "
    "© copyright | ® registered | ™ trademark | § section | µ micro | ½ one half | ¼ one quarter | "
    "¾ three quarters | √ square root of | ≈ about | ≤ at most | ≥ at least | ≠ is not | "
    "^ to the power of | $ dollars | € euros | £ pounds | ₹ rupees | ₽ rubles | ¥ yen"
)
NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
WHOLE = r"(?:\.(?= [a-z])|(?![\w/]))"
UNIT = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
MONTH = "|".join(f"{month}|{month[:3]}" for month in MONTHS)
DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
YEAR = r"(?:,?\s+(\d{4}))?"
BEFORE_YEARS = "in|since|of|by|until|till|before|after|around|circa|year|spring|summer|autumn|fall|winter|and"
CENTURIES = r"1[1-9]\d\d|20\d\d"
SCALE = "hundred|thousand|million|billion|trillion"

Found = re.Match[str]


def _date(month: str, day: str | None, of: str | None) -> str:
    name = next(full for full in MONTHS if full.startswith(month[:3].title()))
    parts = [name, ordinal(int(day)) if day else "", year(int(of)) if of else ""]
    return " ".join(filter(None, parts))


def _numbered(found: Found, month: int, day: int, of: int) -> str:
    if not (1 <= int(found[month]) <= 12 and 1 <= int(found[day]) <= 31):
        return found[0]
    full = found[of] if len(found[of]) == 4 else ("19" if int(found[of]) > 40 else "20") + found[of]
    return _date(MONTHS[int(found[month]) - 1], found[day], full)


def _time(found: Found) -> str:
    hour, minute, half = int(found[1]), int(found[2] or 0), found[3]
    if hour > 24 or minute > 59:
        return found[0]
    if minute:
        words = f"{cardinal(hour)} {'oh ' if minute < 10 else ''}{cardinal(minute)}"
    else:
        words = cardinal(hour) if half else f"{cardinal(hour)} o'clock"
    return words + (f" {half[0].upper()} M" if half else "")


def _money(found: Found) -> str:
    sign, amount, scale = found[1], found[2].replace(",", ""), found[3]
    one, _, small = MONEY[sign].partition(" ")
    if scale:
        return f"{decimal(amount)} {scale} {_many(one, 2)}"
    whole, _, part = amount.partition(".")
    words = [f"{cardinal(int(whole))} {_many(one, int(whole))}"] if int(whole or 0) or not part else []
    if part and int(part) and small:
        cents = int(part[:2].ljust(2, "0"))
        words.append(f"{cardinal(cents)} {'pence' if small == 'penny' else _many(small, cents)}")
    return " and ".join(words)


def _many(name: str, n: float) -> str:
    if n == 1 or name in SAME:
        return name
    first, _, rest = name.partition(" ")
    plural = "feet" if first == "foot" else f"{first}s"
    return f"{plural} {rest}".strip()


def _measure(found: Found) -> str:
    value = float(found[1].replace(",", ""))
    return f"{decimal(found[1])} {_many(UNITS[found[2]], value)}"


def _fraction(found: Found) -> str:
    top, bottom = int(found[1]), int(found[2])
    if not 2 <= bottom <= 100 or not 1 <= top < bottom:
        return f"{cardinal(top)} slash {cardinal(bottom)}"
    name = {2: "half", 4: "quarter"}.get(bottom) or ordinal(bottom)
    plural = ("halves" if name == "half" else f"{name}s") if top > 1 else name
    return f"{cardinal(top)} {plural} {_many(UNITS[found[3]], 2) if found[3] else ''}".strip()


def _address(found: Found) -> str:
    """An e-mail address or one of the Web: its parts, and their signs."""
    text = re.sub(r"^(https?|ftp)://|/$", "", found[0])
    for sign, word in ((".", "dot"), ("@", "at"), ("/", "slash"), ("-", "dash"), ("_", "underscore")):
        text = text.replace(sign, f" {word} ")
    return re.sub(r"\bwww\b", "W W W", re.sub(r"[:?=&#%~+]+", " ", text))


def _decade(found: Found) -> str:
    *first, last = year(int(found[1])).split()
    return " ".join([*first, f"{last[:-1]}ies" if last.endswith("y") else f"{last}s"])


RULES: tuple[tuple[str, Callable[[Found], str]], ...] = (
    (r"(?<![\d,.])\d{10,}", lambda f: f" {digits(f[0])} "),
    (
        r"\b(?:https?://|www\.)[^\s()<>\"]*[^\s,;!?.()<>\"]|\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]+)+",
        _address,
    ),
    (r"\b[a-z0-9-]{2,63}\.(?:com|org|net|edu|gov|io|info|co\.uk)\b(?:/\w+)*", _address),
    (r"\b([A-Z]{1,3})&([A-Z]{1,3})\b", lambda f: f"{' '.join(f[1])} and {' '.join(f[2])}"),
    (r"(?<=[a-z]\s)(?:US|IT)\b", lambda f: " ".join(f[0])),
    (r"\b[A-Z]{2,4}(?=\d)", lambda f: " ".join(f[0])),
    (r"\b([A-Z])\.\s+(?=[A-Z])", lambda f: f"{f[1]} "),
    (r"\b(?:[A-Z]\.){2,}", lambda f: " ".join(f[0].replace(".", "")) + " "),
    (r"\bDr\.\s+(?=[A-Z])", lambda f: "doctor "),
    (r"\bSt\.\s+(?=[A-Z])", lambda f: "saint "),
    (r"\bDr\.", lambda f: "drive"),
    (r"\bSt\.", lambda f: "street"),
    (r"\bNo\.\s*(?=\d)|#\s*(?=\d)", lambda f: "number "),
    (r"(?<!\w)(?:" + "|".join(map(re.escape, SHORT)) + r")(?!\w)", lambda f: SHORT[f[0]]),
    (r"\b(\d{4})-(\d\d)-(\d\d)\b", lambda f: _numbered(f, 2, 3, 1)),
    (r"\b(\d\d?)/(\d\d?)/(\d{4}|\d\d)\b", lambda f: _numbered(f, 1, 2, 3)),
    (rf"\b({MONTH})\s+{DAY}\b{YEAR}", lambda f: _date(f[1], f[2], f[3])),
    (rf"\b{DAY}\s+(?:of\s+)?({MONTH})\b{YEAR}", lambda f: _date(f[2], f[1], f[3])),
    (rf"\b({MONTH})\s+(\d{{4}})\b", lambda f: _date(f[1], None, f[2])),
    (r"\b(\d\d?):(\d\d)(?::\d\d)?(?:\s*([ap])\.?m\b\.?)?", _time),
    (r"\b(\d\d?)()\s*([ap])\.?m\b\.?", _time),
    (r"\b([ap])\.m\.", lambda f: f"{f[1].upper()} M"),
    (rf"([$€£¥₹₽])\s?({NUMBER})(?:\s+({SCALE}))?\b", _money),
    (r"(?<!\w)(?:\+?\d[ -])?(?:\(?\d{3}\)?[ -])?\d{3}-\d{4}\b", lambda f: _telephone(f[0])),
    (
        r"\b(Chapter|Part|Act|Volume|Book|Section|War)\s+([IVXLC]+)\b",
        lambda f: f"{f[1]} {cardinal(roman(f[2]))}",
    ),
    (r"\b([A-Z][a-z]+)\s+(I[IVX]+|[VX]+I*)\b", lambda f: f"{f[1]} the {ordinal(roman(f[2]))}"),
    (r"\b(\d{3}0)'?s\b", _decade),
    (r"'(\d0)'?s\b", _decade),
    (rf"\b({CENTURIES})\s*[-–]\s*({CENTURIES})\b", lambda f: f"{year(int(f[1]))} to {year(int(f[2]))}"),
    (r"(\d)'\s?(?=\d)", lambda f: f"{f[1]} foot "),
    (r"\b(\d+)\s+(?=\d/\d\b)", lambda f: f"{f[1]} and "),
    (r"\b(\d[\d,]*)(?:st|nd|rd|th)\b", lambda f: ordinal(int(f[1].replace(",", "")))),
    (rf"(?<![\d/])(\d{{1,3}})/(\d{{1,3}})(?![\d/])(?:\s?({UNIT}){WHOLE})?", _fraction),
    (r"(?<![\w.])[-−](?=\.?\d)", lambda f: "minus "),
    (rf"({NUMBER})\s?({UNIT}){WHOLE}", _measure),
    (r"(?<=\d)\s*[-–]\s*(?=\d)", lambda f: " to "),
    (r"(?<=\d)\s*[x×]\s*(?=\d)", lambda f: " by "),
    (rf"(?i)\b({BEFORE_YEARS})\s+({CENTURIES})\b(?![\d.,]\d)", lambda f: f"{f[1]} {year(int(f[2]))}"),
    (rf"(?<![\d.])(?:{NUMBER})", lambda f: f" {decimal(f[0])} "),
    (r"\d+", lambda f: f" {digits(f[0])} "),
    (r"(?<=[A-Za-z])/(?=[A-Za-z])", lambda f: " "),
    (r"[" + re.escape("".join(SIGNS)) + "]", lambda f: f" {SIGNS[f[0]]} "),
)
"""In this order: the more particular first."""
_COMPILED = [(re.compile(pattern), spoken) for pattern, spoken in RULES]


def _telephone(text: str) -> str:
    return ", ".join(digits(part) for part in re.split(r"\D+", text) if part)


def in_words(text: str) -> str:
    """A sentence without digits and signs."""
    for pattern, spoken in _COMPILED:
        text = pattern.sub(spoken, text)
    return text
