"""Pictures in arrays: .npy, .npz, and the idx files of MNIST."""

import gzip
import re
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ganvas.core.errors import UserError
from ganvas.data.sources import Item, Listing, Source, stamp_of

IDX = re.compile(r"idx\d-ubyte(\.gz)?$|\.idx\d?(\.gz)?$")
PAIRS = (("x_train", "y_train", False), ("x_test", "y_test", True), ("images", "labels", False))
"""Names in an .npz: of the pictures, of their labels, and whether they are held out."""
Part = tuple[str, np.ndarray, np.ndarray | None, bool]
"""Name, pixels, labels, held out."""
FORMS = "(N, H, W), (N, H, W, C) or (N, C, H, W) with C of 1, 3 or 4"


def is_array(file: Path) -> bool:
    return file.suffix.lower() in (".npy", ".npz") or bool(IDX.search(file.name))


def source(file: Path) -> Source:
    """The pictures of one file; beside idx pictures their labels are looked for."""
    if IDX.search(file.name):
        return idx_source(file.name, [(file, _labels_beside(file))])
    read = _npz if file.suffix.lower() == ".npz" else _npy
    return Source(file.name, stamp_of([file]), lambda: read(file))


def rows(pixels: np.ndarray, labels: np.ndarray | None, name: str, held_out: bool = False) -> list[Item]:
    """An item for every row of (N, H, W, C) uint8."""
    if labels is not None and labels.shape != (len(pixels),):
        raise UserError(
            f"{name.strip()} holds {len(pixels)} pictures but {len(labels)} labels; one each is expected."
        )
    numbers = [-1] * len(pixels) if labels is None else labels.tolist()
    return [Item(f"{name}{i}", lambda i=i: pixels[i], numbers[i], held_out) for i in range(len(pixels))]


def as_pictures(array: np.ndarray, name: str) -> np.ndarray:
    """uint8 (N, H, W, C), whatever of the known forms and kinds of number `array` has."""
    if array.ndim == 3:
        array = array[..., None]
    elif array.ndim == 4 and array.shape[3] not in (1, 3, 4) and array.shape[1] in (1, 3, 4):
        array = array.transpose(0, 2, 3, 1)
    if array.ndim != 4 or array.shape[3] not in (1, 3, 4):
        raise UserError(f"{name} has shape {array.shape}; pictures are expected as {FORMS}.")
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool:
        return array.astype(np.uint8) * 255
    if array.dtype.kind not in "iuf":
        raise UserError(f"{name} holds {array.dtype}; expected uint8, uint16 or floats from 0 to 1.")
    return _scaled(array, name)


def _scaled(array: np.ndarray, name: str) -> np.ndarray:
    if not array.size:
        return np.zeros(array.shape, np.uint8)
    low, high = float(array.min()), float(array.max())
    whole = array.dtype.kind in "iu"
    top = (65535 if array.dtype == np.uint16 else 255) if whole else 1
    if not (low >= 0 and high <= top):  # also where it is not a number
        raise UserError(f"{name} ({array.dtype}) has values from {low:g} to {high:g}; expected 0 to {top}.")
    pixels = np.empty(array.shape, np.uint8)
    for start in range(0, len(array), 1000):
        pixels[start : start + 1000] = np.round(array[start : start + 1000] * (255 / top))
    return pixels


def numbered(labels: np.ndarray | None, name: str) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Labels as numbers from 0, and the classes' names, which are what the file calls them."""
    if labels is None:
        return None, ()
    labels = labels.squeeze()
    if labels.dtype.kind not in "iuUSb" or labels.ndim != 1:
        raise UserError(
            f"{name} has labels of {labels.dtype}, shape {labels.shape}; expected a whole number each."
        )
    names, index = np.unique(labels, return_inverse=True)
    return index.reshape(-1), tuple(str(n.decode() if isinstance(n, bytes) else n) for n in names.tolist())


def _npy(file: Path) -> Listing:
    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"{file} cannot be read as an .npy of numbers ({error}).") from error
    return Listing(rows(as_pictures(array, file.name), None, "row "))


def _npz(file: Path) -> Listing:
    try:
        with np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{file} cannot be read as an .npz of numbers ({error}).") from error
    parts = [(x, y, out) for x, y, out in PAIRS if x in arrays]
    if not parts:
        big = [name for name, array in arrays.items() if array.ndim >= 3]
        if len(big) != 1:
            held = ", ".join(f"{name} {array.shape}" for name, array in arrays.items()) or "nothing"
            raise UserError(f"{file} holds {held}; expected one array of pictures, or one named 'images'.")
        others = [name for name, array in arrays.items() if array.squeeze().shape == (len(arrays[big[0]]),)]
        parts = [(big[0], others[0] if len(others) == 1 else "", False)]
    return together(
        [(f"{x} ", as_pictures(arrays[x], f"{file.name}: {x}"), arrays.get(y), out) for x, y, out in parts]
    )


def together(parts: list[Part]) -> Listing:
    """Several parts as one listing; labels count only if every part has them."""
    given = [np.atleast_1d(labels.squeeze()) for _, _, labels, _ in parts if labels is not None]
    labelled = len(given) == len(parts)
    numbers, classes = numbered(np.concatenate(given) if labelled else None, parts[0][0])
    items, start = [], 0
    for i, (name, pixels, _, held_out) in enumerate(parts):
        count = len(given[i]) if labelled else len(pixels)
        items += rows(pixels, None if numbers is None else numbers[start : start + count], name, held_out)
        start += count
    split = {held_out for *_, held_out in parts} == {True, False}
    return Listing(items, classes, split, ("Its own test pictures are held out.",) if split else ())


def idx_pairs(files: Iterable[Path]) -> list[tuple[Path, Path | None]]:
    """The idx files of pictures, each with its labels if they lie beside; t10k and test files come last."""
    images = [f for f in files if IDX.search(f.name) and "label" not in f.name]
    return [(f, _labels_beside(f)) for f in sorted(images, key=lambda f: (_is_test(f), f.name))]


def idx_source(name: str, pairs: list[tuple[Path, Path | None]]) -> Source:
    def part(images: Path, labels: Path | None) -> Part:
        held_out = len(pairs) > 1 and _is_test(images)
        pixels = as_pictures(read_idx(images), images.name)
        return f"{images.name} ", pixels, read_idx(labels) if labels else None, held_out

    def listing() -> Listing:
        return together([part(images, labels) for images, labels in pairs])

    return Source(name, stamp_of(f for pair in pairs for f in pair if f), listing)


def read_idx(file: Path) -> np.ndarray:
    """Two zeros, the kind of number, the count of axes, their lengths, the values (MNIST's own page)."""
    try:
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{file} cannot be unpacked ({error}).") from error
    axes = data[3] if len(data) > 3 else 0
    if data[:3] != b"\0\0\x08" or len(data) < 4 + 4 * axes:
        raise UserError(f"{file} does not begin as an idx file of bytes does (0, 0, 8, number of axes).")
    shape = tuple(np.frombuffer(data, ">u4", axes, 4).tolist())
    if len(data) - 4 - 4 * axes != int(np.prod(shape)):
        found = len(data) - 4 - 4 * axes
        raise UserError(f"{file} says it has shape {shape} but holds {found:,} bytes; it may be cut short.")
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)


def _labels_beside(images: Path) -> Path | None:
    name = images.name.replace("images", "labels").replace("idx3", "idx1")
    for candidate in (name, f"{name}.gz", name.removesuffix(".gz")):
        if candidate != images.name and (images.parent / candidate).is_file():
            return images.parent / candidate
    return None


def _is_test(file: Path) -> bool:
    return file.name.startswith(("t10k", "test"))
