"""A table of numbers from a CSV file, refused with row and column where a cell is no number."""

import csv
import math
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from ganvas.core.errors import UserError
from ganvas.data.sources import missing

SEPARATORS = (",", ";", "\t", " ")
SUFFIXES = (".csv", ".tsv")


@dataclass(frozen=True)
class Table:
    """The numbers of a file, with its columns' names (`column 1` ... if it has no header)."""

    name: str
    columns: tuple[str, ...]
    values: np.ndarray
    """float64, (rows, columns)"""


def read_table(path: str) -> Table:
    """Separated by comma, semicolon, tab or space; a first row without any number is the header."""
    file = Path(path).expanduser()
    if not file.exists():
        raise missing(path)
    if not file.is_file():
        raise UserError(f"{path} is a folder; expected a CSV file of numbers.")
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            return _parsed(file, lines)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is not a text file of numbers ({error}); expected a CSV file.") from error


def _parsed(file: Path, lines) -> Table:
    start = list(islice(lines, 1))
    separator = next((s for s in SEPARATORS if start and s in start[0].strip()), ",")
    lines.seek(0)
    rows = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    columns: tuple[str, ...] = ()
    values: list[list[float]] = []
    for row in rows:
        cells = [c.strip() for c in row]
        while separator == " " and cells and not cells[-1]:
            cells.pop()
        if not any(cells):
            continue
        if not columns:
            header = not any(_number(c) is not None for c in cells)
            columns = tuple(cells) if header else tuple(f"column {i + 1}" for i in range(len(cells)))
            if header:
                continue
        values.append(_row(cells, columns, f"{file}, row {rows.line_num}"))
    return Table(file.name, columns, np.array(values, np.float64).reshape(len(values), len(columns)))


def _row(cells: list[str], columns: tuple[str, ...], where: str) -> list[float]:
    if len(cells) != len(columns):
        raise UserError(f"{where} has {len(cells)} cells; expected {len(columns)}, as in the first row.")
    numbers = [_number(c) for c in cells]
    for i, number in enumerate(numbers):
        if number is None or not math.isfinite(number):
            name = "" if columns[i] == f"column {i + 1}" else f" ({columns[i]})"
            what = "is no number" if number is None else "is not finite"
            raise UserError(f"{where}, column {i + 1}{name}: {cells[i]!r} {what}.")
    return [n for n in numbers if n is not None]


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
