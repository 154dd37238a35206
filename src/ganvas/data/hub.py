"""Data sets of the Hugging Face hub, where the extra is installed: hf:NAME or hf:NAME:SPLIT."""

from typing import TYPE_CHECKING, Any

from ganvas.core.errors import UserError
from ganvas.data.sources import Item, Listing, Source

if TYPE_CHECKING:
    from ganvas.data.decode import Payload


def source(path: str) -> Source:
    """The pictures (and labels, where a column of them is) of one split, `train` if none is named."""
    try:
        import datasets  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise UserError(f"{path} needs the package `datasets`: pip install 'ganvas[hub]'.") from error
    name, _, split = path.removeprefix("hf:").partition(":")
    try:
        table = datasets.load_dataset(name, split=split or "train")
    except Exception as error:  # of the network, the hub, or the data set: each has its own
        line = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise UserError(f"{path} cannot be loaded: {line}.") from error
    pictures = [column for column, kind in table.features.items() if isinstance(kind, datasets.Image)]
    if not pictures:
        columns = ", ".join(table.features)
        raise UserError(f"{path} has no column of pictures; its columns are {columns}.")
    labels = [column for column, kind in table.features.items() if isinstance(kind, datasets.ClassLabel)]
    return Source(path, [path, table._fingerprint], lambda: _listing(table, pictures[0], labels[:1]))


def _listing(table: Any, picture: str, labels: list[str]) -> Listing:
    def read(row: int) -> "Payload":
        return table[row][picture]

    numbers = table[labels[0]] if labels else [-1] * len(table)
    classes = tuple(table.features[labels[0]].names) if labels else ()
    items = [Item(f"row {i}", lambda i=i: read(i), int(numbers[i])) for i in range(len(table))]
    return Listing(items, classes, sequential=True)
