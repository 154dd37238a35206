"""Sound without text: from whatever holds it to windows of one length, at random places."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from ganvas.core.errors import UserError
from ganvas.core.settings import Settings
from ganvas.data.clips import FULL, Clips, Job, Preparation, prepare
from ganvas.data.plan import split
from ganvas.data.recordings import Recordings, open_recordings
from ganvas.data.sources import arranged
from ganvas.data.spec import Spec

if TYPE_CHECKING:
    from ganvas.core.turns import Batch

ROOM = "sound"
SHORT = 2
"""Windows that a recording of one stroke lasts at most."""
PIECE = 30.0
"""Seconds; longer recordings are cut into pieces, so that a part of one can be held out."""


class SoundSettings(Settings):
    """How sound is prepared before training."""

    rate: int = Field(default=16_000, ge=4_000, le=192_000)
    """Samples a second; every file is brought to it."""
    segment: float = Field(default=1.0, gt=0.01, le=60)
    """Seconds of a window, which is what one item is; shorter recordings are followed by silence."""
    onset: bool | None = None
    """Whether a window is the beginning of a recording, and not any part of it. None: if half of the
    recordings are no longer than two windows, as strokes and effects are."""
    trim: float = Field(default=40.0, ge=0, le=120)
    """Decibels below the loudest part of a recording, at which it begins and ends; 0 leaves its ends."""
    loudness: float | None = Field(default=-23.0, ge=-60, le=0)
    """Active level (ITU-T P.56) that every recording gets, in decibels below full scale; None leaves it."""
    held_out: float = Field(default=0.1, ge=0, lt=1)
    """Share never trained on: files, or pieces of long ones, by a hash of their content."""
    labels: bool | None = None
    """Whether subfolders are classes. None: if all files are in one of several."""


class Sounds:
    """Training windows (or held-out ones) of clips in a mapped file, fetched by number.

    A window of a clip begins at a random place near its own; with `onset`, and of a clip that is no longer,
    it is the clip's beginning.
    """

    kind = "sound"

    def __init__(self, clips: Clips, rows: np.ndarray, name: str, settings: SoundSettings, onset: bool):
        self.name, self.rate = name, settings.rate
        self.clips, self.rows = clips, rows
        self.fingerprint = clips.fingerprint
        self.facts = clips.facts
        self.notes: list[str] = list(clips.facts["notes"])
        self.classes: tuple[str, ...] = tuple(clips.facts["classes"])
        self.held_out: Sounds | None = None
        self.segment = round(settings.segment * settings.rate)
        lengths = clips.table["length"][rows]
        lengths = lengths.clip(max=self.segment) if onset else lengths
        self._span = min(2 * self.segment, max(self.segment, int(lengths.max())))
        count = np.maximum(1, lengths // self.segment)
        self._clip = np.repeat(rows, count)
        number = np.arange(count.sum()) - np.repeat(count.cumsum() - count, count)
        latest = np.maximum(0, np.repeat(lengths, count) - self._span)
        self._first = np.minimum(number * self.segment, latest)
        self.labels = clips.table["label"][self._clip] if self.classes else None

    @property
    def spec(self) -> Spec:
        return Spec(kind=self.kind, shape=(self.segment,), classes=self.classes, rate=self.rate)

    @property
    def seconds(self) -> float:
        """Of all clips together."""
        return float(self.clips.table["length"][self.rows].sum() / self.rate)

    def __len__(self) -> int:
        return len(self._clip)

    def fetch(self, index: np.ndarray) -> "Batch":
        """Windows of these numbers with what lies around, int16 on the CPU, and how far each can move."""
        import torch

        sound = np.zeros((len(index), self._span), np.int16)
        room = np.zeros(len(index), np.int64)
        for row, i in enumerate(np.asarray(index)):
            part = self.clips.clip(int(self._clip[i]))[self._first[i] :][: self._span]
            sound[row, : len(part)] = part
            room[row] = max(0, len(part) - self.segment)
        batch = {"sound": torch.from_numpy(sound), "room": torch.from_numpy(room)}
        if self.labels is not None:
            batch["label"] = torch.from_numpy(self.labels[index])
        return batch

    def ready(self, batch: "Batch") -> "Batch":
        """(batch, samples) in [-1, 1], from a random place of each."""
        import torch

        around, room = batch["sound"], batch["room"]
        first = (torch.rand(len(room), device=room.device) * (room + 1)).long().minimum(room)
        places = first[:, None] + torch.arange(self.segment, device=room.device)
        sound = around.gather(1, places).to(torch.float32) / FULL
        return {"sound": sound, **{k: v for k, v in batch.items() if k == "label"}}


def load(
    path: str,
    settings: SoundSettings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Sounds:
    """The sound at `path` (folder, archive, one long file, hf:NAME), decoded unless the cache has it.

    UserError says what cannot work, and what to do.
    """
    settings = settings or SoundSettings()
    source = open_recordings(str(path))
    wanted = settings.model_dump(mode="json", exclude={"segment", "onset"})
    try:
        clips = prepare(ROOM, source.stamp, wanted, lambda: _look(source, settings), progress)
    finally:
        source.close()
    aside = clips.table["held_out"]
    short = clips.table["length"] <= SHORT * settings.segment * settings.rate
    onset = bool(short.mean() >= 0.5) if settings.onset is None else settings.onset
    data = Sounds(clips, np.flatnonzero(~aside), source.name, settings, onset)
    if onset and settings.onset is None:
        data.notes.append(
            f"Most clips are short, so each item is the first {settings.segment:g} s of one "
            f"(--sound.onset false takes them from anywhere)."
        )
    data.notes.append(_amount(data, aside, settings))
    if aside.any():
        data.held_out = Sounds(clips, np.flatnonzero(aside), source.name, settings, onset)
    return data


def _look(source: Recordings, settings: SoundSettings) -> Job:
    """All sound files; what else there is is left aside."""
    listing = arranged([*source.sounds.items()], (), source.sequential)
    if settings.labels and not listing.classes:
        raise UserError(
            f"{source.name} has no labels; put the sounds of each class into a folder of its own, or leave "
            "`labels` unset."
        )
    classes = () if settings.labels is False else listing.classes
    how = Preparation(settings.rate, settings.trim, settings.loudness, PIECE)

    def complete(table: dict[str, np.ndarray], facts: dict) -> None:
        table["held_out"] = split(table, False, settings.held_out, source.name, "clip")
        if not classes:
            table["label"] = np.full(len(table["label"]), -1)
        facts["classes"] = classes

    notes = [*listing.notes]
    if source.texts:
        aside = "1 text is" if len(source.texts) == 1 else f"{len(source.texts):,} texts are"
        notes.append(f"{aside} left aside, as sounds are learnt without; with transcripts: docs/speech.md.")
    return Job(source.name, listing.items, how, classes, complete, notes, source.sequential)


def _amount(data: Sounds, aside: np.ndarray, settings: SoundSettings) -> str:
    start = f"{len(data.rows):,} clips, {data.seconds / 60:.1f} minutes, to train on"
    if not aside.any():
        return f"{start}; nothing is held out."
    rest = data.clips.table["length"][aside].sum() / settings.rate / 60
    return f"{start}; {aside.sum():,}, {rest:.1f} minutes, are held out, by a hash of their content."
