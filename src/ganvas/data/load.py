"""One way in: whatever kind of data lies at a path."""

from collections.abc import Callable
from pathlib import Path

from ganvas.core.errors import UserError
from ganvas.core.settings import Settings
from ganvas.data import image, points
from ganvas.data.builtin import BUILTIN
from ganvas.data.image import Images, ImageSettings
from ganvas.data.points import Points, PointsSettings
from ganvas.data.table import SUFFIXES

SETTINGS = {"image": ImageSettings, "points": PointsSettings}


def kind_of(path: str) -> str:
    """ "image" or "points", by the name alone; what cannot be read is found out by loading it."""
    if path in BUILTIN:
        return BUILTIN[path].kind
    return "points" if Path(path).suffix.lower() in SUFFIXES else "image"


def load(
    path: str,
    settings: Settings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Images | Points:
    """The data at `path`, prepared as `settings` say; settings of another kind of data are refused."""
    path = str(path)
    kind = kind_of(path)
    settings = settings or SETTINGS[kind]()
    if isinstance(settings, ImageSettings) and kind == "image":
        return image.load(path, settings, progress)
    if isinstance(settings, PointsSettings) and kind == "points":
        return points.load(path, settings)
    wanted = next(k for k, s in SETTINGS.items() if isinstance(settings, s))
    holds = {"image": "pictures", "points": "points"}
    raise UserError(f"{path} holds {holds[kind]}, but the recipe learns {holds[wanted]}; leave it out.")
