"""What a published table is made of: rows, each a run; how a run is judged; how the whole is written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganvas.core.run import Run

Progress = Callable[[int, int], None]
Figures = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One model of a table."""

    name: str
    recipe: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    budget: str | None = None
    """How long it is trained; None: as many steps as its settings say."""
    published: str = ""
    """What the paper has, and where."""
    after: str = ""
    """Another row, whose networks this one starts from; its time counts too."""


@dataclass(frozen=True)
class Question:
    """How a run is to be judged."""

    samples: int
    seed: int
    folder: Path
    """For what all rows need."""
    data: str
    """As the user gave it."""


Judge = Callable[[Run, Question, Progress], Figures]


@dataclass(frozen=True)
class Table:
    """A published comparison and its protocol."""

    title: str
    protocol: str
    data: str
    """What must be given as the data; empty: nothing need be given."""
    common: Mapping[str, Any]
    """Settings of every row."""
    rows: tuple[Row, ...]
    judge: Judge
    text: Callable[["Table", Sequence[Figures]], str]
    """The table as it goes into docs/results/."""
    samples: int = 5_000
    """What a run is judged by: samples, or draws for each item."""
    seeds: int = 1
    """Runs of each row."""
    prepared: Callable[[str, Path], str] = lambda data, folder: data
    """The data to train on, made of those given, kept in a folder."""

    def row(self, name: str) -> Row:
        return next(row for row in self.rows if row.name == name)

    def place(self, out: Path, row: Row, seed: int) -> Path:
        """Where the row's run is."""
        return out / row.name / (f"seed-{seed}" if self.seeds > 1 else "")


def over(found: Sequence[Figures], key: str) -> list[float]:
    """A figure of several runs."""
    return [float(row[key]) for row in found]


def by_row(found: Sequence[Figures]) -> dict[str, list[Figures]]:
    """Runs by row, in order."""
    rows: dict[str, list[Figures]] = {}
    for one in found:
        rows.setdefault(one["row"], []).append(one)
    return rows
