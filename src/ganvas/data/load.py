"""One way in: whatever kind of data lies at a path."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganvas.core.errors import UserError
from ganvas.core.settings import Settings
from ganvas.data import image, points, sound, speech, text
from ganvas.data.builtin import BUILTIN
from ganvas.data.documents import TABLES, holds_text
from ganvas.data.image import Images, ImageSettings
from ganvas.data.points import Points, PointsSettings
from ganvas.data.recordings import holds_sound, open_recordings
from ganvas.data.sound import Sounds, SoundSettings
from ganvas.data.sources import holds_pictures
from ganvas.data.speech import Speech, SpeechSettings
from ganvas.data.text import Texts, TextSettings
from ganvas.data.transcripts import find

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Kind:
    """One kind of data."""

    items: str
    """What people call them."""
    settings: type[Settings]
    load: Callable[[str, Any, Progress | None], Any]


KINDS = {
    "image": Kind("pictures", ImageSettings, image.load),
    "points": Kind("points", PointsSettings, lambda path, settings, _: points.load(path, settings)),
    "text": Kind("text", TextSettings, text.load),
    "sound": Kind("sounds", SoundSettings, sound.load),
    "speech": Kind("speech", SpeechSettings, speech.load),
}


def kind_of(path: str, asked: Iterable[str] = ()) -> str:
    """A key of `KINDS`, by the names alone; what cannot be read is found out by loading it.

    `asked`: settings that were given, by dotted name: a table is text where one of these is of text,
    recordings with transcripts are sound where one is of sound, and what is nothing known is what they
    are of.
    """
    path, rooms = str(path), {name.partition(".")[0] for name in asked}
    if path in BUILTIN and BUILTIN[path].kind != "speech":
        return BUILTIN[path].kind
    table = Path(path).suffix.lower() in TABLES
    if "text" in rooms and (table or path.startswith("hf:")):
        return "text"
    if path in BUILTIN or holds_sound(path):
        return _of_recordings(path, rooms)
    if table:
        return "points"
    if holds_text(path):
        return "text"
    wanted = next((kind for kind in KINDS if kind in rooms), "image")
    return "image" if holds_pictures(path) else wanted


def _of_recordings(path: str, rooms: set[str]) -> str:
    """Speech, if that is asked for or there are transcripts."""
    if rooms & {"sound", "speech"}:
        return "speech" if "speech" in rooms else "sound"
    source = open_recordings(path)
    try:
        return "speech" if find(source).rows else "sound"
    finally:
        source.close()


def load(
    path: str, settings: Settings | None = None, progress: Progress | None = None
) -> Images | Points | Texts | Sounds | Speech:
    """The data at `path`, prepared as `settings` say; settings of another kind of data are refused."""
    path = str(path)
    wanted = next((k for k, kind in KINDS.items() if isinstance(settings, kind.settings)), None)
    kind = kind_of(path, [f"{wanted}."])
    settings = settings or KINDS[kind].settings()
    if not isinstance(settings, KINDS[kind].settings):
        has, learns = KINDS[kind].items, KINDS[wanted or kind].items
        raise UserError(f"{path} holds {has}, but the recipe learns {learns}; leave it out.")
    return KINDS[kind].load(path, settings, progress)
