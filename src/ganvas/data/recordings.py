"""Where recordings come from: the sound files of a folder or zip, and the texts among them."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from ganvas.core.errors import UserError
from ganvas.data import audio
from ganvas.data.sources import PICTURES, ZIPS, missing, stamp_of, walk

Read = Callable[[], bytes]
TEXTS = (".txt", ".lab", ".csv", ".tsv", ".psv", ".list")
"""Of files that may hold transcripts."""
PACKED = ".gz"
PEEK = 1 << 14
"""Bytes of a file that are looked at, to see whether it lists recordings."""
KINDS = ".wav, .flac, .ogg, .mp3, .m4a, .g722 ..."
EXPECTED = f"a folder or zip of sound files ({KINDS}), a .csv that lists them, or the built-in set asterisk"


@dataclass(frozen=True)
class Recordings:
    """What lies at a path. `stamp` (JSON) changes when the files do, and needs no file to be read."""

    name: str
    stamp: Any
    sounds: dict[str, Read]
    """By their names below the path, sorted."""
    texts: dict[str, Read] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    close: Callable[[], None] = lambda: None
    """To be called when no file is read any more."""


def holds_sound(path: str) -> bool:
    """Whether it is a sound file, or a folder or zip with such in it and no picture: by the names alone."""
    place = Path(path).expanduser()
    if place.is_dir():
        names = [file.name for file in walk(place)]
    elif place.suffix.lower() in ZIPS and zipfile.is_zipfile(place):
        with zipfile.ZipFile(place) as archive:
            names = archive.namelist()
    elif place.is_file() and place.suffix.lower() in TEXTS:
        names = _named(place)
    else:
        names = [place.name] if place.is_file() else []
    found = {PurePosixPath(name).suffix.lower() for name in names}
    return bool(found & audio.FILES) and not found & PICTURES


def _named(place: Path) -> list[str]:
    """The files that the first lines of a list name, if they are there."""
    from ganvas.data.transcripts import rows

    with place.open("rb") as file:
        head = file.read(PEEK).rpartition(b"\n")[0]
    return [row.key for row in rows(place.name, head)[:5] if _is_sound(place.parent, row.key)]


def _is_sound(folder: Path, key: str) -> bool:
    return Path(key).suffix.lower() in audio.FILES and (folder / key).is_file()


def open_recordings(path: str) -> Recordings:
    """The recordings at a path, or of a built-in set. UserError where there are none."""
    from ganvas.data import builtin

    place = builtin.sound_file(path) if path in builtin.SOUNDS else Path(path).expanduser()
    if not place.exists():
        raise missing(path)
    if place.is_dir():
        files = {f.relative_to(place).as_posix(): f for f in walk(place)}
        found = _sorted(place.absolute().name, {n: f.read_bytes for n, f in files.items()})
        stamp = stamp_of(files[name] for name in (*found.sounds, *found.texts))
    elif place.suffix.lower() in ZIPS:
        name = path if path in builtin.SOUNDS else place.name
        found = _zip(name, place)
        stamp = [name, place.stat().st_size] if path in builtin.SOUNDS else stamp_of([place])
    elif place.suffix.lower() in audio.FILES:
        found, stamp = Recordings(place.name, None, {place.name: place.read_bytes}), stamp_of([place])
    elif place.suffix.lower() in TEXTS:
        return _listed(place)
    else:
        raise UserError(f"{path} is none of the files that hold recordings; expected {EXPECTED}.")
    if not found.sounds:
        raise UserError(f"There is no sound file in {path}; expected {EXPECTED}.")
    return Recordings(found.name, stamp, found.sounds, found.texts, found.others, found.close)


def _sorted(name: str, files: dict[str, Read]) -> Recordings:
    sounds = {n: files[n] for n in sorted(files) if PurePosixPath(n).suffix.lower() in audio.FILES}
    texts = {n: files[n] for n in sorted(files) if holds_words(n)}
    return Recordings(name, None, sounds, texts, tuple(files.keys() - sounds.keys() - texts.keys()))


def holds_words(name: str) -> bool:
    """Whether it may be transcripts, by its name."""
    return PurePosixPath(name.lower().removesuffix(PACKED)).suffix in TEXTS


def _zip(name: str, place: Path) -> Recordings:
    try:
        archive = zipfile.ZipFile(place)
    except (zipfile.BadZipFile, OSError) as error:
        raise UserError(f"{place} cannot be read as a zip archive ({error}); pack it again.") from None
    names = [i.filename for i in archive.infolist() if not i.is_dir() and _visible(i.filename)]
    found = _sorted(name, {n: lambda n=n: archive.read(n) for n in names})
    return Recordings(name, None, found.sounds, found.texts, found.others, archive.close)


def _visible(name: str) -> bool:
    return not any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def _listed(place: Path) -> Recordings:
    """The sound files that a list names, from the folder it lies in, or by their full paths."""
    from ganvas.data.transcripts import rows

    keys = dict.fromkeys(row.key for row in rows(place.name, place.read_bytes()))
    sounds = {key: place.parent / key for key in keys if _is_sound(place.parent, key)}
    if not sounds:
        some = ", ".join(list(keys)[:3]) or "nothing at all"
        raise UserError(
            f"{place} names no sound file that is there ({some}); expected a path a row, and a text"
        )
    reads = {key: sounds[key].read_bytes for key in sorted(sounds)}
    return Recordings(place.name, stamp_of([place, *sounds.values()]), reads, {place.name: place.read_bytes})
