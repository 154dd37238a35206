"""All that a model knows of the data it was trained on."""

from ganvas.core.settings import Settings


class Spec(Settings):
    """What one item is; JSON, saved with the model."""

    kind: str
    """"image" or "points"."""
    shape: tuple[int, ...]
    """Of one item: (channels, height, width) of a picture, (dimensions,) of a point."""
    classes: tuple[str, ...] = ()
    """The names of the labels, in order; empty if there are none."""
    offset: tuple[float, ...] = ()
    """Of points: user's units = item * scale + offset, dimension by dimension."""
    scale: tuple[float, ...] = ()
    """Of points: see `offset`."""
