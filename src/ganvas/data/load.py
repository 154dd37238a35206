"""One way in: whatever kind of data lies at a path."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganvas.core.errors import UserError
from ganvas.core.settings import Settings
from ganvas.data import image, points, text
from ganvas.data.builtin import BUILTIN
from ganvas.data.documents import TABLES, holds_text
from ganvas.data.image import Images, ImageSettings
from ganvas.data.points import Points, PointsSettings
from ganvas.data.text import Texts, TextSettings

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
}


def kind_of(path: str, asked: Iterable[str] = ()) -> str:
    """ "image", "points" or "text", by the names alone; what cannot be read is found out by loading it.

    `asked`: settings that were given, by dotted name: a table is text where one of these is of text.
    """
    path = str(path)
    if path in BUILTIN:
        return BUILTIN[path].kind
    if Path(path).suffix.lower() in TABLES:
        return "text" if any(name.startswith("text.") for name in asked) else "points"
    return "text" if holds_text(path) else "image"


def load(
    path: str, settings: Settings | None = None, progress: Progress | None = None
) -> Images | Points | Texts:
    """The data at `path`, prepared as `settings` say; settings of another kind of data are refused."""
    path = str(path)
    wanted = next((k for k, kind in KINDS.items() if isinstance(settings, kind.settings)), None)
    kind = kind_of(path, [f"{wanted}."])
    settings = settings or KINDS[kind].settings()
    if not isinstance(settings, KINDS[kind].settings):
        has, learns = KINDS[kind].items, KINDS[wanted or kind].items
        raise UserError(f"{path} holds {has}, but the recipe learns {learns}; leave it out.")
    return KINDS[kind].load(path, settings, progress)
