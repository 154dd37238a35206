"""Data sets of the Hugging Face hub, where the extra is installed: hf:NAME or hf:NAME:SPLIT."""

import csv
import io
import json
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganvas.core.errors import UserError
from ganvas.data.archives import Read
from ganvas.data.sources import Item, Listing, Source

if TYPE_CHECKING:
    from ganvas.data.decode import Payload

LIST = "metadata.csv"
"""What the columns beside sounds become."""


def holds(path: str, kind: str) -> bool:
    """Whether a column is of this kind, in the words of `datasets`: Image, Audio."""
    return bool(_columns(_table(path), kind))


def source(path: str) -> Source:
    """The pictures (and labels, where a column of them is) of one split, `train` if none is named."""
    table = _table(path)
    picture = _first(path, table, "Image", "pictures")
    labels = _columns(table, "ClassLabel")[:1]
    return Source(path, [path, table._fingerprint], lambda: _listing(table, picture, labels))


def recordings(path: str) -> tuple[dict[str, Read], Any]:
    """The sounds of one split as files, in folders by their label where there is one, with a list of what is
    said in them and by whom, where columns hold it; and what changes when they do."""
    import datasets  # pyright: ignore[reportMissingImports]

    from ganvas.data.transcripts import COLUMNS

    table = _table(path)
    sound = _first(path, table, "Audio", "sounds")
    table = table.cast_column(sound, datasets.Audio(decode=False))
    label = next(iter(_columns(table, "ClassLabel")), None)
    known = {name for names in COLUMNS.values() for name in names}
    words = [name for name in _columns(table, "Value") if name.lower() in known]
    kinds = [table.features[label].int2str(number) for number in table[label]] if label else []
    names = [f"{kinds[k]}/{k:06}.wav" if label else f"{k:06}.wav" for k in range(len(table))]
    files: dict[str, Read] = {name: lambda k=k: _bytes(table[k][sound]) for k, name in enumerate(names)}
    if {word.lower() for word in words} & {*COLUMNS["text"]}:
        text = io.StringIO()
        csv.writer(text).writerows(
            [["path", *words], *zip(names, *(table[word] for word in words), strict=True)]
        )
        files[LIST] = text.getvalue().encode
    return files, [path, table._fingerprint]


def holds_text(path: str, columns: Collection[str]) -> bool:
    """Whether one of these columns is there, and neither pictures nor sounds."""
    table = _table(path)
    return bool({*table.features} & {*columns}) and not _columns(table, "Image") + _columns(table, "Audio")


def rows(path: str) -> tuple[Read, Any]:
    """The rows of one split as lines of JSON, classes by name, without pictures and sounds; and what changes
    when they do."""
    table = _table(path)
    table = table.remove_columns(_columns(table, "Image") + _columns(table, "Audio"))
    names = {label: table.features[label].int2str for label in _columns(table, "ClassLabel")}

    def read() -> bytes:
        named = (row | {label: name(row[label]) for label, name in names.items()} for row in table)
        return "\n".join(json.dumps(row, ensure_ascii=False, default=str) for row in named).encode()

    return read, [path, table._fingerprint]


@lru_cache(maxsize=1)
def _table(path: str) -> Any:
    """One split, with its files where they are on this machine."""
    try:
        import datasets  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise UserError(f"{path} needs the package `datasets`: pip install 'ganvas[hub]'.") from error
    name, _, split = path.removeprefix("hf:").partition(":")
    try:
        return datasets.load_dataset(name, split=split or "train")
    except Exception as error:  # of the network, the hub, or the data set: each has its own
        inside = error.__cause__ if isinstance(error, datasets.exceptions.DatasetGenerationError) else None
        line = (str(inside or error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise UserError(f"{path} cannot be loaded: {line}.") from error


def _columns(table: Any, kind: str) -> list[str]:
    return [column for column, feature in table.features.items() if type(feature).__name__ == kind]


def _first(path: str, table: Any, kind: str, what: str) -> str:
    found = _columns(table, kind)
    if not found:
        raise UserError(f"{path} has no column of {what}; its columns are {', '.join(table.features)}.")
    return found[0]


def _bytes(sound: dict[str, Any]) -> bytes:
    """Of a file, as the hub has it or where it lies."""
    return Path(sound["path"]).read_bytes() if sound["bytes"] is None else sound["bytes"]


def _listing(table: Any, picture: str, labels: list[str]) -> Listing:
    def read(row: int) -> "Payload":
        return table[row][picture]

    numbers = table[labels[0]] if labels else [-1] * len(table)
    classes = tuple(table.features[labels[0]].names) if labels else ()
    items = [Item(f"row {i}", lambda i=i: read(i), int(numbers[i])) for i in range(len(table))]
    return Listing(items, classes, sequential=True)
