"""Speech: recordings and what is said in them, as utterances of sound and symbols."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from ganvas.core.errors import UserError
from ganvas.core.settings import Settings
from ganvas.data import phonemes
from ganvas.data.clips import FULL, Clips, Job, Preparation, prepare
from ganvas.data.phonemes.pronunciation import Pronunciation, inventory
from ganvas.data.recordings import LISTS, Recordings, open_recordings
from ganvas.data.sources import Item, stamp_of
from ganvas.data.spec import Spec
from ganvas.data.spoken import Front, complete, ending, some
from ganvas.data.transcripts import Transcripts, find, rows
from ganvas.data.words import count_of

if TYPE_CHECKING:
    from ganvas.core.turns import Batch

ROOM = "speech"
LITTLE = 5 * 60.0
"""Seconds of speech, below which no voice of its own can be learnt."""
OTHERWISE = "without text: ganvas train vocoder --data {} learns from the sound alone"


class SpeechSettings(Settings):
    """How recordings and their transcripts are prepared before training."""

    rate: int = Field(default=16_000, ge=8_000, le=48_000)
    """Samples a second; every file is brought to it."""
    trim: float = Field(default=40.0, ge=0, le=120)
    """Decibels below the loudest part of a recording, at which it begins and ends; 0 leaves its ends."""
    loudness: float | None = Field(default=-23.0, ge=-60, le=0)
    """Active level (ITU-T P.56) that every recording gets, in decibels below full scale; None leaves it."""
    join: float = Field(default=3.0, ge=0, le=30)
    """Seconds, below which clips of one speaker are joined until they last as long; 0 leaves them."""
    pause: float = Field(default=0.25, ge=0, le=3)
    """Seconds of silence between joined clips."""
    longest: float = Field(default=30.0, gt=0.5, le=60)
    """Seconds; longer clips are left out, since they cannot be cut without knowing what is said where."""
    held_out: float = Field(default=0.05, ge=0, lt=1)
    """Share never trained on, by a hash of what is said: a sentence that is held out is so in every voice."""
    speakers: Literal["auto", "folders", "none"] = "auto"
    """Who speaks. auto: as a column of the list says; folders: each subfolder is one; none: one voice."""
    pronunciation: Pronunciation = Pronunciation()
    """How text becomes symbols."""


class Speech:
    """Training utterances (or held-out ones), fetched by number."""

    kind = "speech"

    def __init__(self, clips: Clips, held_out: bool, name: str, settings: SpeechSettings):
        self.name, self.settings, self.rate = name, settings, settings.rate
        self.clips, self.facts, self.fingerprint = clips, clips.facts, clips.fingerprint
        self.notes: list[str] = list(clips.facts["notes"])
        self.classes: tuple[str, ...] = tuple(clips.facts["classes"])
        self.symbols: tuple[str, ...] = tuple(clips.facts["symbols"])
        self._pause = round(settings.pause * settings.rate)
        self._between = [self.symbols.index(" ")] if " " in self.symbols else []
        both: list[list[int]] = clips.facts["utterances"]
        self._longest = max(map(self._length, both))
        aside = clips.table["held_out"]
        self.parts = [parts for parts in both if aside[parts[0]] == held_out]
        self.lengths = np.array([self._length(parts) for parts in self.parts], np.int64)
        label = clips.table["label"]
        self.labels = label[[parts[0] for parts in self.parts]] if self.classes else None
        self.held_out: Speech | None = None

    @property
    def spec(self) -> Spec:
        return Spec(
            kind=self.kind,
            shape=(self._longest,),
            classes=self.classes,
            rate=self.rate,
            symbols=self.symbols,
            pronunciation=self.settings.pronunciation,
        )

    @property
    def transcripts(self) -> list[str]:
        """What is said in each utterance."""
        return [" ".join(self.facts["texts"][k] for k in parts) for parts in self.parts]

    @property
    def seconds(self) -> float:
        """Of all utterances together."""
        return float(self.lengths.sum() / self.rate)

    def _length(self, parts: Sequence[int]) -> int:
        return int(self.clips.table["length"][parts].sum()) + (len(parts) - 1) * self._pause

    def __len__(self) -> int:
        return len(self.parts)

    def sound(self, k: int) -> np.ndarray:
        """int16: the clips of an utterance, with silence between."""
        found = np.zeros(self.lengths[k], np.int16)
        at = 0
        for clip in map(self.clips.clip, self.parts[k]):
            found[at : at + len(clip)] = clip
            at += len(clip) + self._pause
        return found

    def text(self, k: int) -> list[int]:
        """The numbers of an utterance's symbols."""
        first, *more = (self.facts["numbers"][part] for part in self.parts[k])
        return first + [number for part in more for number in (*self._between, *part)]

    def fetch(self, index: np.ndarray) -> "Batch":
        """The utterances of these numbers on the CPU, int16, each followed by zeros up to the longest."""
        import torch

        texts = [self.text(int(k)) for k in index]
        sound = np.zeros((len(index), int(self.lengths[index].max())), np.int16)
        text = np.zeros((len(index), max(map(len, texts))), np.int64)
        for row, k in enumerate(index):
            sound[row, : self.lengths[k]] = self.sound(int(k))
            text[row, : len(texts[row])] = texts[row]
        batch = {
            "sound": torch.from_numpy(sound),
            "length": torch.from_numpy(self.lengths[index]),
            "text": torch.from_numpy(text),
            "text_length": torch.tensor([len(one) for one in texts]),
        }
        if self.labels is not None:
            batch["label"] = torch.from_numpy(self.labels[index])
        return batch

    def ready(self, batch: "Batch") -> "Batch":
        """The same with sound from -1 to 1."""
        return {**batch, "sound": batch["sound"].float() / FULL}


def load(
    path: str,
    settings: SpeechSettings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Speech:
    """The recordings and transcripts at `path` (folder, archive, list, built-in, hf:NAME), unless the cache
    has them.

    UserError says what cannot work, and what to do.
    """
    settings = settings or SpeechSettings()
    source = open_recordings(str(path))
    wanted = settings.model_dump(mode="json")
    try:
        stamp = [source.stamp, stamp_of(sorted(Path(phonemes.__path__[0]).glob("*.*")))]
        clips = prepare(ROOM, stamp, wanted, lambda: _look(source, settings, str(path)), progress)
    finally:
        source.close()
    data = Speech(clips, False, source.name, settings)
    if clips.table["held_out"].any():
        data.held_out = Speech(clips, True, source.name, settings)
    data.notes += _amount(data)
    return data


def _look(source: Recordings, settings: SpeechSettings, path: str) -> Job:
    """The recordings that have a transcript; the others are named."""
    found = find(source)
    if not found.rows:
        count = f"{len(source.sounds):,} recording{'s' * (len(source.sounds) != 1)}"
        raise UserError(
            f"There is no transcript in {source.name} for its {count}{_named_instead(source)}; give "
            f"metadata.csv (name|text) or a .txt beside each, or train {OTHERWISE.format(path)}."
        )
    _in_its_language(found, source.name, settings)
    speakers = {name: _speaker(name, row.speaker, settings) for name, row in found.rows.items()}
    classes = tuple(sorted({*speakers.values()})) if len({*speakers.values()}) > 1 else ()
    number = {speaker: k for k, speaker in enumerate(classes)}
    items = [Item(n, source.sounds[n], number.get(speakers[n], -1)) for n in source.sounds if n in found.rows]
    how = Preparation(settings.rate, settings.trim, settings.loudness)
    symbols = inventory(settings.pronunciation)
    texts = {item.name: ending(found.rows[item.name].text) for item in items}
    place = {symbol: k for k, symbol in enumerate(symbols)}
    front = Front(settings.pronunciation)
    numbers = {name: [place[s] for s in front.symbols(text)] for name, text in texts.items()}
    content = [symbols, classes, texts, numbers]

    def finish(table: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
        facts |= {"classes": classes, "symbols": symbols, "guessed": front.guessed, "unsaid": front.unsaid}
        facts["texts"] = [texts[name] for name in facts["names"]]
        facts["numbers"] = [numbers[name] for name in facts["names"]]
        complete(table, facts, source.name, settings)

    return Job(source.name, items, how, content, finish, [*_unfit(source, found)], source.sequential)


def _named_instead(source: Recordings) -> str:
    """What a list that is there names, where that is none of the recordings."""
    for name, read in source.texts.items():
        if PurePosixPath(name).suffix.lower() in LISTS and (keys := [row.key for row in rows(name, read())]):
            return f", and none of them is named in {name} ({some(keys, 3)})"
    return ""


def _speaker(name: str, given: str, settings: SpeechSettings) -> str:
    if settings.speakers == "folders":
        return name.rpartition("/")[0].partition("/")[0]
    return given if settings.speakers == "auto" else ""


def _in_its_language(found: Transcripts, name: str, settings: SpeechSettings) -> None:
    """Leave out what the list says is in another language than the one to be learnt."""
    wanted = settings.pronunciation.language
    other = {
        n: row for n, row in found.rows.items() if _language(row.language) not in ("", _language(wanted))
    }
    for sound in other:
        del found.rows[sound]
    if other and not found.rows:
        theirs = next(iter(other.values())).language
        raise UserError(
            f"The transcripts of {name} are in {theirs}, as their list says, and {wanted} is to be learnt; "
            f"set --speech.pronunciation.language {theirs}."
        )
    found.foreign = [*other]


def _language(code: str) -> str:
    """en, of en-US or en_gb."""
    return code.lower().replace("_", "-").partition("-")[0]


def _unfit(source: Recordings, found: Transcripts) -> Iterator[str]:
    """What is left out for want of its other half."""
    known = {*found.rows, *found.wordless, *found.foreign}
    silent = [name for name in source.sounds if name not in known]
    for names, noun, lack in (
        (silent, "recording", "without a transcript"),
        (found.wordless, "recording", "of no words, as the transcript has it"),
        (found.foreign, "recording", "in another language, as the list has it"),
        (found.lost, "transcript", "without a recording"),
    ):
        if names:
            yield f"{count_of(len(names), noun)} {lack}, and left out ({some(names)})."


def _amount(data: Speech) -> Iterator[str]:
    clips = sum(map(len, data.parts))
    start = f"{clips:,} clips, {data.seconds / 60:.1f} minutes, to train on, as {len(data):,} utterances"
    rest = data.held_out
    if rest is None:
        yield f"{start}; nothing is held out."
    else:
        yield (
            f"{start}; {sum(map(len, rest.parts)):,}, {rest.seconds / 60:.1f} minutes, are held out, by "
            "a hash of what is said."
        )
    if data.seconds < LITTLE:
        yield (
            f"{data.seconds / 60:.1f} minutes are little: a voice of its own takes some 20, and 5 if it "
            "starts from another one (--init-from)."
        )
