"""How a model's text is pronounced: language, engine, a user's own words; saved with the model."""

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from ganvas.core.errors import UserError
from ganvas.core.settings import Settings
from ganvas.data.decoding import decoded
from ganvas.data.phonemes import mandarin
from ganvas.data.phonemes.symbols import ENGLISH, IPA, read_symbols

Engine = Literal["auto", "english", "mandarin", "espeak"]


class Pronunciation(Settings):
    """How text becomes phonemes."""

    language: str = "en-us"
    """As in en-us, de, fr-fr, cmn: `espeak-ng --voices` lists those beyond English and Mandarin."""
    engine: Engine = "auto"
    """english: CMU's dictionary and a network for other words. mandarin: pypinyin. espeak: the program
    espeak-ng. auto: english for en and en-us, mandarin for zh and cmn, else espeak."""
    lexicon: dict[str, str] = Field(default_factory=dict)
    """Words and their phonemes, which go before all else: in a file, one a line, `word<TAB>phonemes`, in IPA
    or ARPAbet."""

    @field_validator("language")
    @classmethod
    def _code(cls, value: str) -> str:
        if not re.fullmatch("[A-Za-z]{2,3}(-[A-Za-z0-9]+)*", value):
            raise ValueError("is no code of a language, such as en-us, de or cmn")
        return value

    @field_validator("lexicon", mode="before")
    @classmethod
    def _from_file(cls, value: Any) -> Any:
        entries = read_lexicon(value) if isinstance(value, str) else value
        return (
            {word.lower(): said for word, said in entries.items()} if isinstance(entries, dict) else entries
        )

    @model_validator(mode="after")
    def _said(self) -> "Pronunciation":
        for word, phonemes in self.lexicon.items():
            try:
                read_symbols(phonemes, inventory(self))
            except UserError as error:
                raise UserError(f"the lexicon's {word!r} cannot be said: {error}") from None
        return self

    def entry(self, word: str) -> tuple[str, ...] | None:
        """The user's symbols for a word, in lower case."""
        phonemes = self.lexicon.get(word)
        return None if phonemes is None else read_symbols(phonemes, inventory(self))


def engine_of(how: Pronunciation) -> Engine:
    """The engine that speaks this language."""
    if how.engine != "auto":
        return how.engine
    language = how.language.lower()
    if language in ("en", "en-us"):
        return "english"
    return "mandarin" if language.split("-")[0] in ("zh", "cmn") else "espeak"


def inventory(how: Pronunciation) -> tuple[str, ...]:
    """Every symbol that this language can have, in a fixed order; "_", which pads, is the first."""
    return {"english": ENGLISH, "mandarin": mandarin.SYMBOLS, "espeak": IPA}[engine_of(how)]


def read_lexicon(path: str) -> dict[str, str]:
    """The words of a lexicon file: `word<TAB>phonemes`, or two blanks between; # begins a comment."""
    place = Path(path).expanduser()
    if not place.is_file():
        raise UserError(f"there is no lexicon {path}")
    found: dict[str, str] = {}
    lines = map(str.strip, decoded(place.read_bytes(), path)[0].splitlines())
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        word, _, phonemes = line.partition("\t" if "\t" in line else "  ")
        if not phonemes.strip():
            raise UserError(f"{path}, line {number}: expected a word, a tab and its phonemes, found {line!r}")
        found[word.strip().lower()] = phonemes.strip()
    return found
