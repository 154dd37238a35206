"""Where pictures come from: what lies at a path, listed but not yet decoded."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from ganvas.core.errors import UserError
from ganvas.data import archives
from ganvas.data.archives import SUFFIXES as ARCHIVES
from ganvas.data.archives import is_archive, open_archive, visible

if TYPE_CHECKING:
    from ganvas.data.decode import Payload

PICTURES = frozenset(
    f".{suffix}"
    for suffix in (
        *("png", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "bmp", "dib", "tif", "tiff"),
        *("ppm", "pgm", "pbm", "pnm", "tga", "ico", "avif", "jp2"),
    )
)
COMMON = (".png", ".jpg", ".webp", "...")
PARTS = frozenset({"train", "training", "test", "testing", "val", "valid", "validation", "dev"})
"""Folder names that say what a part is used for, not what is on its pictures."""
EXPECTED = (
    "a folder, zip or tar of pictures or of sound files, a folder or file of text (.txt, "
    ".jsonl), an .npy, .npz or MNIST idx file, hf:NAME, or a built-in"
)


@dataclass(frozen=True, slots=True)
class Item:
    """One picture: its name as a person would give it, and how to get at it."""

    name: str
    read: "Callable[[], Payload]"
    label: int = -1
    held_out: bool = False


@dataclass(frozen=True)
class Listing:
    """The pictures of a source, in an order that depends on their names only."""

    items: list[Item]
    classes: tuple[str, ...] = ()
    split: bool = False
    """Whether the source says itself which pictures are held out."""
    notes: tuple[str, ...] = ()
    sequential: bool = False
    """Whether items must be read one after the other."""
    close: Callable[[], None] = lambda: None
    """To be called when no item is read any more."""


@dataclass(frozen=True)
class Source:
    """What lies at a path. `stamp` (JSON) changes when the files do, and needs no file to be read."""

    name: str
    stamp: Any
    listing: Callable[[], Listing]


def open_source(path: str) -> Source:
    """The pictures at a path, in an archive, in an array, under a built-in name or at the hub."""
    from ganvas.data import arrays, builtin, hub

    if path in builtin.PICTURES:
        return builtin.source(path)
    if path.startswith("hf:"):
        return hub.source(path)
    place = Path(path).expanduser()
    if not place.exists():
        raise missing(path)
    if place.is_dir():
        return _folder(place)
    if is_archive(place):
        return Source(place.name, stamp_of([place]), lambda: _archived(place))
    if arrays.is_array(place):
        return arrays.source(place)
    if place.suffix.lower() in PICTURES:
        raise UserError(f"{path} is a single picture; a training needs a folder of many of its kind.")
    raise UserError(f"{path} is none of the files that hold pictures; expected {EXPECTED}.")


def holds_pictures(path: str) -> bool:
    """Whether there are some, by the names alone."""
    from ganvas.data import arrays, builtin, hub

    place = Path(path).expanduser()
    if path in builtin.PICTURES or path.startswith("hf:"):
        return path in builtin.PICTURES or hub.holds(path, "Image")
    if place.is_dir():
        files = [*walk(place)]
        return _pictured(f.name for f in files) or bool(arrays.idx_pairs(files))
    if is_archive(place) and place.is_file():
        return _pictured(archives.names(place))
    return place.exists() and (_pictured([place.name]) or arrays.is_array(place))


def _pictured(names: Iterable[str]) -> bool:
    return any(Path(name).suffix.lower() in PICTURES for name in names)


def missing(path: str) -> UserError:
    """There is nothing at a path: propose what there is."""
    from ganvas.data import builtin

    parent = Path(path).expanduser().parent
    beside = [p.name for p in parent.iterdir() if not p.name.startswith(".")] if parent.is_dir() else []
    shipped = builtin.BUILTIN if parent == Path() else {}
    near = get_close_matches(Path(path).name, [*shipped, *beside], 3, 0.6)
    names = [n if n in shipped else str(parent / n) for n in near]
    hint = (
        f"did you mean {' or '.join(names)}?"
        if names
        else f"expected {EXPECTED} ({', '.join(builtin.BUILTIN)})."
    )
    return UserError(f"There is nothing at {path}; {hint}")


def stamp_of(files: Iterable[Path]) -> list:
    """Absolute name, size and time of change of every file."""
    stats = [(str(f.absolute()), f.stat()) for f in files]
    return [[name, s.st_size, s.st_mtime_ns] for name, s in stats]


def _folder(place: Path) -> Source:
    from ganvas.data import arrays

    files = {f.relative_to(place).as_posix(): f for f in walk(place)}
    if not files:
        raise UserError(f"{place} is an empty folder; expected pictures, sounds or text in it, at any depth.")
    pictures = [name for name in files if Path(name).suffix.lower() in PICTURES]
    if not pictures:
        if pairs := arrays.idx_pairs(files.values()):
            return arrays.idx_source(place.name, pairs)
        holders = [n for n in files if n.lower().endswith((*ARCHIVES, ".npz", ".npy"))]
        hint = f"give {place / holders[0]} itself" if holders else f"expected {_some(COMMON)} files"
        raise UserError(f"There is no picture in {place}, only {_kinds(files)}; {hint}.")

    def listing() -> Listing:
        return arranged([(n, files[n].read_bytes) for n in pictures], _ignored(files.keys() - set(pictures)))

    return Source(place.absolute().name, stamp_of(files[n] for n in pictures), listing)


def walk(place: Path) -> Iterable[Path]:
    """Every file below a folder, hidden ones left out, links followed but no folder entered twice."""
    entered = set()
    for folder, inner, files in os.walk(place, followlinks=True):
        real = os.path.realpath(folder)
        if real in entered:
            inner.clear()
            continue
        entered.add(real)
        inner[:] = sorted(n for n in inner if visible(n))
        yield from (Path(folder, n) for n in files if visible(n) and os.path.isfile(os.path.join(folder, n)))


def _archived(place: Path) -> Listing:
    archive = open_archive(place)
    pictures = [n for n in archive.files if Path(n).suffix.lower() in PICTURES]
    if not pictures:
        archive.close()
        raise UserError(
            f"There is no picture in {place}, only {_kinds(archive.files)}; expected {_some(COMMON)} files."
        )
    ignored = _ignored(archive.files.keys() - set(pictures))
    listing = arranged([(n, archive.files[n]) for n in pictures], ignored, archive.sequential)
    return replace(listing, close=archive.close)


def at_hand(items: Iterable[Item], sequential: bool) -> Iterator[Item]:
    """Those that must be read in turn are read now; a large archive never lies in memory whole."""
    for item in items:
        yield replace(item, read=_read(item)) if sequential else item


def _read(item: Item) -> "Callable[[], Payload]":
    """Read now; what goes wrong is raised where the rest of what is wrong with an item is."""
    try:
        payload = item.read()
    except Exception as error:  # damaged archives raise anything
        found = error

        def fail() -> "Payload":
            raise found

        return fail
    return lambda: payload


def arranged(
    files: list[tuple[str, Callable[[], bytes]]], notes: tuple[str, ...], sequential: bool = False
) -> Listing:
    """Pictures by name; first-level folders are labels, if all are in one and two hold two or more."""
    if not sequential:
        files = sorted(files, key=lambda file: file[0])
    paths = [PurePosixPath(name).parts for name, _ in files]
    shared = _shared([p[:-1] for p in paths])
    groups = [p[shared] if len(p) > shared + 1 else "" for p in paths]
    counts = Counter(groups)
    classes: tuple[str, ...] = ()
    if "" not in counts and sum(n >= 2 for n in counts.values()) >= 2:
        if {g.lower() for g in counts} <= PARTS:
            notes = (*notes, f"The folders {_some(counts)} were taken for parts of one set, not for labels.")
        else:
            classes = tuple(sorted(counts))
    number = {name: i for i, name in enumerate(classes)}
    items = [Item(name, read, number.get(g, -1)) for (name, read), g in zip(files, groups, strict=True)]
    return Listing(items, classes, notes=notes, sequential=sequential)


def _shared(folders: list[tuple[str, ...]]) -> int:
    """How many outer folders all have in common."""
    first, last = min(folders), max(folders)
    pairs = enumerate(zip(first, last, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(first), len(last)))


def _ignored(names: Iterable[str]) -> tuple[str, ...]:
    names = list(names)
    return (f"{_kinds(names)} that are no pictures were left aside.",) if names else ()


def _kinds(names: Iterable[str]) -> str:
    """As in: 14 files (.txt, .json)."""
    names = list(names)
    counts = sorted(Counter(Path(n).suffix.lower() for n in names).items(), key=lambda c: (-c[1], c[0]))
    kinds = [k or "without suffix" for k, _ in counts]
    return f"{len(names):,} file{'s' * (len(names) != 1)} ({_some(kinds)})" if names else "folders"


def _some(names: Iterable[str], most: int = 4) -> str:
    names = list(names) if not isinstance(names, frozenset) else sorted(names)
    return ", ".join(names[:most]) + (" ..." if len(names) > most else "")
