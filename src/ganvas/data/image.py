"""Pictures: from whatever holds them to batches of uint8, and on the device to floats in [-1, 1]."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from ganvas.core.settings import Settings
from ganvas.data.spec import Spec

if TYPE_CHECKING:
    from ganvas.core.turns import Batch
    from ganvas.data.cache import Prepared


class ImageSettings(Settings):
    """How pictures are prepared before training."""

    size: int | None = Field(default=None, ge=8, le=1024)
    """Side in pixels. None: 16, 32 or 64, whichever is nearest to the shorter side of most pictures."""
    channels: Literal[1, 3, 4] | None = None
    """1: grey, 3: colour, 4: with transparency, premultiplied. None: 1 if all are grey, else 3, on white."""
    fit: Literal["auto", "crop", "pad"] = "auto"
    """How an oblong picture becomes a square. auto: padded if it is transparent, else cut to its middle."""
    flip: bool = False
    """Mirror half of the pictures at random, left to right; not for letters, or whatever has a side."""
    held_out: float = Field(default=0.1, ge=0, lt=1)
    """Share of the pictures never trained on, by a hash of their pixels; its own test part goes before."""
    labels: bool | None = None
    """Whether subfolders, or labels in the file, are classes. None: if there are any."""


class Images:
    """Training pictures (or held-out ones) in a mapped file, fetched by number."""

    kind = "image"

    def __init__(self, prepared: "Prepared", rows: np.ndarray, name: str, settings: ImageSettings):
        self.name = name
        self.fingerprint = prepared.fingerprint
        self.classes: tuple[str, ...] = tuple(prepared.facts["classes"])
        self.notes: list[str] = list(prepared.facts["notes"])
        self.pixels, self.rows = prepared.pixels, rows
        self.labels = prepared.table["label"][rows] if self.classes else None
        self.flip = settings.flip
        self.held_out: Images | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width)"""
        _, channels, height, width = self.pixels.shape
        return channels, height, width

    @property
    def spec(self) -> Spec:
        return Spec(kind=self.kind, shape=self.shape, classes=self.classes)

    def __len__(self) -> int:
        return len(self.rows)

    def fetch(self, index: np.ndarray) -> "Batch":
        """The pictures of these numbers, uint8 on the CPU, with their labels if there are any."""
        import torch

        batch = {"image": torch.from_numpy(self.pixels[self.rows[index]])}
        if self.labels is not None:
            batch["label"] = torch.from_numpy(self.labels[index])
        return batch

    def ready(self, batch: "Batch") -> "Batch":
        """On the device: floats in [-1, 1], half of them mirrored if that is set."""
        import torch

        image = batch["image"].to(torch.float32).div_(127.5).sub_(1)
        if self.flip:
            mirror = torch.rand(len(image), 1, 1, 1, device=image.device) < 0.5
            image = torch.where(mirror, image.flip(-1), image)
        return {**batch, "image": image}


def load(
    path: str,
    settings: ImageSettings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Images:
    """The pictures at `path` (folder, archive, array, hf:NAME, built-in), decoded unless the cache has them.

    `progress` is told how much of how much is done. UserError says what cannot work, and what to do.
    """
    from ganvas.data.prepare import prepare
    from ganvas.data.sources import open_source

    settings = settings or ImageSettings()
    source = open_source(str(path))
    prepared = prepare(source, settings, progress)
    aside = prepared.table["held_out"]
    data = Images(prepared, np.flatnonzero(~aside), source.name, settings)
    if aside.any():
        still = settings.model_copy(update={"flip": False})
        data.held_out = Images(prepared, np.flatnonzero(aside), source.name, still)
    return data
