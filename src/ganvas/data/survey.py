"""What is in a data set, for `ganvas inspect`; it fills the cache, so that training starts at once after."""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

from ganvas.core.errors import UserError
from ganvas.core.settings import each
from ganvas.data import points, sound, speech, text
from ganvas.data.image import ImageSettings
from ganvas.data.load import kind_of
from ganvas.data.points import PointsSettings
from ganvas.data.prepare import prepare
from ganvas.data.sound import SoundSettings
from ganvas.data.sources import open_source
from ganvas.data.speech import SpeechSettings
from ganvas.data.survey_parts import NAMED, Broken, Range, copies, range_of
from ganvas.data.survey_sound import SoundFacts, SpeechFacts, sound_facts, speech_facts
from ganvas.data.text import TextSettings

if TYPE_CHECKING:
    from ganvas.core.settings import Settings

CHUNK = 1024
"""Pictures whose statistics are taken at once."""
FLAT = 2.0
"""A standard deviation, of 255, below which a picture shows next to nothing."""
Scalar = int | float | str | bool


class ChatFacts(BaseModel):
    """What only chats have."""

    turns: int
    roles: dict[str, int]
    """Turns of each."""
    turns_each: Range
    """Of one chat."""
    replies: Range
    """Of a turn of the assistant, in characters."""


class TextFacts(BaseModel):
    """What only text has."""

    characters: int
    distinct_characters: int
    bytes: int
    tokens: int
    bytes_per_token: float
    vocabulary: int
    """Tokens that there are."""
    plain: int
    """Of them, those that text has: not marks of its ends and turns."""
    running: bool
    """One text, and not items."""
    lengths: Range
    """Of items, in characters."""
    longest_lines: list[tuple[int, str]]
    """Characters, and how it begins."""
    scripts: dict[str, int]
    """Letters of each."""
    encodings: dict[str, int]
    """Files of each."""
    chats: ChatFacts | None = None


class Survey(BaseModel):
    """All that `ganvas inspect` says, under the names that `--json` prints."""

    model_config = ConfigDict(frozen=True)

    name: str
    path: str
    kind: str
    count: int
    """Items that can be used."""
    training: int
    held_out: int
    shape: tuple[int, ...]
    """Of one item as a model sees it."""
    fingerprint: str
    mean: list[float]
    """Of each channel in [0, 1], or of each column in its own unit."""
    std: list[float]
    duplicates: int = 0
    """Items that are exact copies of another, by the pixels."""
    duplicate_groups: list[list[str]] = []
    """The names of some that are the same."""
    width: Range | None = None
    height: Range | None = None
    formats: dict[str, int] = {}
    modes: dict[str, int] = {}
    """As Pillow names them: L grey, RGB colour, A with transparency, P palette, I;16 16 bits."""
    transparent: int = 0
    broken: list[Broken] = []
    classes: dict[str, int] = {}
    flat: int = 0
    """Pictures that show next to nothing: of nearly one colour."""
    flat_names: list[str] = []
    columns: list[str] = []
    text: TextFacts | None = None
    sound: SoundFacts | None = None
    speech: SpeechFacts | None = None
    notes: list[str] = []
    settings: dict[str, Scalar] = {}
    """What was chosen unasked, by dotted names."""


def survey(
    path: str, settings: "Settings | None" = None, progress: Callable[[int, int], None] | None = None
) -> Survey:
    """Look at all that is at `path`; UserError where it cannot be used at all."""
    asked = {TextSettings: "text.", SoundSettings: "sound."}.get(type(settings))
    kind = kind_of(str(path), [asked] if asked else ())
    if kind == "points" and isinstance(settings, PointsSettings | None):
        return _of_points(str(path), settings)
    if kind == "image" and isinstance(settings, ImageSettings | None):
        return _of_images(str(path), settings or ImageSettings(), progress)
    if kind == "text" and isinstance(settings, TextSettings | None):
        return _of_text(str(path), settings or TextSettings(), progress)
    if kind == "sound" and isinstance(settings, SoundSettings | None):
        return _of_sound(str(path), settings or SoundSettings(), sound.load(str(path), settings, progress))
    if kind == "speech" and isinstance(settings, SpeechSettings | None):
        return _of_sound(str(path), settings or SpeechSettings(), speech.load(str(path), settings, progress))
    raise UserError(f"{path} holds {kind} data; the settings given are for another kind.")


def _of_text(path: str, settings: TextSettings, progress: Callable[[int, int], None] | None) -> Survey:
    data = text.load(path, settings, progress)
    found = data.facts["survey"]
    tokens, size = sum(data.facts["tokens"]), sum(data.facts["bytes"])
    facts = found | {
        "bytes": size,
        "tokens": tokens,
        "bytes_per_token": size / tokens,
        "vocabulary": data.vocabulary.size,
        "plain": data.vocabulary.plain,
        "running": data.running,
        "encodings": data.facts["encodings"],
    }
    return Survey(
        name=data.name,
        path=path,
        kind="text",
        count=sum(data.facts["items"]),
        training=data.facts["items"][0],
        held_out=data.facts["items"][1],
        shape=(data.context,),
        fingerprint=data.fingerprint,
        mean=[],
        std=[],
        duplicates=found["duplicates"],
        duplicate_groups=[[head] for head in found["copied"]],
        text=TextFacts.model_validate(facts),
        notes=data.notes,
        settings=_asked("text", settings),
    )


def _asked(kind: str, settings: "Settings") -> dict[str, Scalar]:
    """What a user has set, by dotted names."""
    return {
        f"{kind}.{named.name}": named.value
        for named in each(settings)
        if named.value != named.field.default and named.name != "held_out" and isinstance(named.value, Scalar)
    }


def _of_points(path: str, settings: PointsSettings | None) -> Survey:
    data = points.load(path, settings)
    values = data.values.astype(np.float64) * data.scale + data.offset
    return Survey(
        name=data.name,
        path=path,
        kind="points",
        count=len(data) + len(data.held_out or ()),
        training=len(data),
        held_out=len(data.held_out or ()),
        shape=data.shape,
        fingerprint=data.fingerprint,
        mean=values.mean(0).tolist(),
        std=values.std(0).tolist(),
        duplicates=len(values) - len(np.unique(values, axis=0)),
        columns=list(data.columns),
        notes=data.notes,
    )


def _of_images(path: str, settings: ImageSettings, progress: Callable[[int, int], None] | None) -> Survey:
    source = open_source(path)
    found = prepare(source, settings, progress)
    table, facts = found.table, found.facts
    aside = int(table["held_out"].sum())
    mean, std, flat = _statistics(found.pixels)
    same, groups = copies(table["digest"], facts["names"])
    labels = Counter(table["label"].tolist())
    proposed = {"image.size": found.pixels.shape[2], "image.channels": found.pixels.shape[1]}
    return Survey(
        name=source.name,
        path=path,
        kind="image",
        count=len(found.pixels),
        training=len(found.pixels) - aside,
        held_out=aside,
        shape=found.pixels.shape[1:],
        fingerprint=found.fingerprint,
        mean=mean,
        std=std,
        duplicates=same,
        duplicate_groups=groups,
        width=range_of(table["width"]),
        height=range_of(table["height"]),
        formats=facts["formats"],
        modes=facts["modes"],
        transparent=int(table["transparent"].sum()),
        broken=[Broken(name=name, reason=reason) for name, reason in facts["broken"]],
        classes={name: labels[i] for i, name in enumerate(facts["classes"])},
        flat=len(flat),
        flat_names=[facts["names"][i] for i in flat[:NAMED]],
        notes=facts["notes"],
        settings=proposed,
    )


def _statistics(pixels: np.ndarray) -> tuple[list[float], list[float], np.ndarray]:
    """Mean and deviation of each channel in [0, 1], and which pictures are flat."""
    total = squares = np.zeros(pixels.shape[1])
    flat = np.zeros(len(pixels), bool)
    for start in range(0, len(pixels), CHUNK):
        part = pixels[start : start + CHUNK].astype(np.float32)
        total = total + part.sum((0, 2, 3), dtype=np.float64)
        squares = squares + np.square(part).sum((0, 2, 3), dtype=np.float64)
        flat[start : start + CHUNK] = part.std((2, 3)).max(1) < FLAT
    count = len(pixels) * pixels.shape[2] * pixels.shape[3]
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0))
    return (mean / 255).tolist(), (std / 255).tolist(), np.flatnonzero(flat)


def _of_sound(path: str, settings: "Settings", data: "sound.Sounds | speech.Speech") -> Survey:
    table, facts, rate = data.clips.table, data.facts, data.rate
    aside = int(table["held_out"].sum())
    used = sum(map(len, facts.get("utterances", table["length"][:, None])))
    labels = Counter(table["label"].tolist())
    same, groups = copies(table["digest"], facts["names"])
    return Survey(
        name=data.name,
        path=path,
        kind=data.kind,
        count=used,
        training=used - aside,
        held_out=aside,
        shape=data.spec.shape,
        fingerprint=data.fingerprint,
        mean=[],
        std=[],
        duplicates=same,
        duplicate_groups=groups,
        broken=[Broken(name=name, reason=reason) for name, reason in facts["broken"]],
        classes={name: labels[k] for k, name in enumerate(data.classes)},
        sound=sound_facts(table, facts["names"], rate),
        speech=speech_facts(data) if isinstance(data, speech.Speech) else None,
        notes=data.notes,
        settings=_asked(data.kind, settings),
    )
