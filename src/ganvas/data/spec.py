"""All that a model knows of the data it was trained on."""

import numpy as np

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

    def restore(self, items: np.ndarray) -> np.ndarray:
        """As a user knows it: pictures as uint8 (n, height, width, channels), points in their units."""
        if self.kind == "image":
            pixels = np.rint((items.clip(-1, 1) + 1) * 127.5).astype(np.uint8)
            return np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
        return items * np.asarray(self.scale or 1.0) + np.asarray(self.offset or 0.0)

    def prepare(self, items: np.ndarray) -> np.ndarray:
        """The way back: from what `restore` gives to what a model sees, float32."""
        if self.kind == "image":
            pixels = items.transpose(0, 3, 1, 2).astype(np.float32)
            return np.ascontiguousarray(pixels / np.float32(127.5) - 1)
        values = (items - np.asarray(self.offset or 0.0)) / np.asarray(self.scale or 1.0)
        return values.astype(np.float32)
