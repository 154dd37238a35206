"""Points in a few dimensions: mixtures whose modes are known, or a user's CSV; standardised for training."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from ganvas.core.errors import UserError
from ganvas.core.settings import Settings
from ganvas.data.spec import Spec
from ganvas.data.table import read_table

if TYPE_CHECKING:
    from ganvas.core.turns import Batch

FEWEST = 10
"""Rows, below which there is nothing to learn from."""


class PointsSettings(Settings):
    """How points are prepared before training."""

    held_out: float = Field(default=0.1, ge=0, lt=1)
    """Share of the rows never trained on, by a hash of their values; of ring and grid it is always 10,000."""


@dataclass(frozen=True)
class Mixture:
    """Gaussians of equal weight and width (PacGAN, Lin et al. 2018, section 4.1)."""

    modes: np.ndarray
    """(modes, dimensions)"""
    sigma: float

    def draw(self, count: int, seed: int) -> np.ndarray:
        random = np.random.default_rng(seed)
        which = random.integers(len(self.modes), size=count)
        return self.modes[which] + self.sigma * random.standard_normal((count, self.modes.shape[1]))


def _ring() -> Mixture:
    angle = 2 * np.pi * np.arange(8) / 8
    return Mixture(np.stack([np.cos(angle), np.sin(angle)], 1), 0.01)


def _grid() -> Mixture:
    x, y = np.meshgrid(np.arange(-4, 5, 2.0), np.arange(-4, 5, 2.0), indexing="ij")
    return Mixture(np.stack([x.ravel(), y.ravel()], 1), 0.05)


MIXTURES = {"ring": _ring(), "grid": _grid()}
TRAINING, HELD_OUT = 100_000, 10_000
"""Points drawn of a mixture."""


class Points:
    """Training points (or held-out ones), standardised: user's units = point * scale + offset."""

    kind = "points"

    def __init__(
        self, name: str, fingerprint: str, values: np.ndarray, offset: np.ndarray, scale: np.ndarray
    ):
        self.name, self.fingerprint = name, fingerprint
        self.values = ((values - offset) / scale).astype(np.float32)
        self.offset, self.scale = offset, scale
        self.columns: tuple[str, ...] = ()
        self.classes: tuple[str, ...] = ()
        self.notes: list[str] = []
        self.modes: np.ndarray | None = None
        self.sigma: float | None = None
        self.held_out: Points | None = None

    @property
    def shape(self) -> tuple[int]:
        return (self.values.shape[1],)

    @property
    def spec(self) -> Spec:
        offset, scale = tuple(self.offset.tolist()), tuple(self.scale.tolist())
        return Spec(kind=self.kind, shape=self.shape, offset=offset, scale=scale)

    def __len__(self) -> int:
        return len(self.values)

    def fetch(self, index: np.ndarray) -> "Batch":
        import torch

        return {"point": torch.from_numpy(self.values[index])}

    def ready(self, batch: "Batch") -> "Batch":
        return batch


def load(path: str, settings: PointsSettings | None = None) -> Points:
    """`ring`, `grid`, or the rows of a CSV file of numbers."""
    path, settings = str(path), settings or PointsSettings()
    return _mixture(path) if path in MIXTURES else _csv(path, settings)


def _mixture(name: str) -> Points:
    mixture = MIXTURES[name]
    training, aside = mixture.draw(TRAINING, seed=0), mixture.draw(HELD_OUT, seed=1)
    offset = np.zeros(training.shape[1])
    scale = np.full(training.shape[1], np.sqrt(np.mean(training**2)))  # one for all, so that angles stay
    fingerprint = _digest(training)
    parts = [Points(name, fingerprint, values, offset, scale) for values in (training, aside)]
    for part in parts:
        part.modes, part.sigma = mixture.modes, mixture.sigma
    parts[0].held_out = parts[1]
    return parts[0]


def _csv(path: str, settings: PointsSettings) -> Points:
    table = read_table(path)
    count = len(table.values)
    if count < FEWEST:
        raise UserError(f"{path} holds {count} rows of numbers; at least {FEWEST} are needed.")
    aside = _aside(table.values, settings.held_out)
    if aside.all() or (settings.held_out and not aside.any()):
        raise UserError(f"No row of {path} can be held out: its {count} rows are nearly all the same.")
    offset, spread = table.values[~aside].mean(0), table.values[~aside].std(0)
    scale = np.where(spread > 0, spread, 1.0)
    fingerprint = _digest(table.values, settings.held_out)
    data = Points(table.name, fingerprint, table.values[~aside], offset, scale)
    data.columns = table.columns
    constant = np.flatnonzero(spread == 0)
    data.notes = [f"Column {table.columns[i]} always has the value {offset[i]:g}." for i in constant]
    if aside.any():
        data.held_out = Points(table.name, fingerprint, table.values[aside], offset, scale)
        data.held_out.columns = table.columns
    return data


def _aside(values: np.ndarray, share: float) -> np.ndarray:
    """Rows whose hash falls below the share, at least those of the lowest hash: order does not matter."""
    if not share:
        return np.zeros(len(values), bool)
    hashes = [hashlib.sha256(row.tobytes()).digest()[:8] for row in values]
    place = np.array([int.from_bytes(h) % 10_000 for h in hashes])
    return place < max(share * 10_000, place.min() + 1)


def _digest(values: np.ndarray, *more: float) -> str:
    return hashlib.sha256(repr((values.shape, more)).encode() + values.tobytes()).hexdigest()[:32]
