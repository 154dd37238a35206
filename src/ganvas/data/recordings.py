"""Where recordings come from: the sound files of a folder or archive, and the texts among them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from ganvas.core.errors import UserError
from ganvas.data import archives, audio, hub
from ganvas.data.archives import Read, is_archive, open_archive
from ganvas.data.sources import PICTURES, missing, stamp_of, walk

LISTS = (".csv", ".tsv", ".psv", ".list")
TEXTS = (".txt", ".lab", *LISTS)
"""Of files that may hold transcripts."""
PACKED = ".gz"
PEEK = 1 << 14
"""Bytes of a file that are looked at, to see whether it lists recordings."""
KINDS = ".wav, .flac, .ogg, .mp3, .m4a, .g722 ..."
EXPECTED = (
    f"a folder, zip or tar of sound files ({KINDS}), a .csv that lists them, hf:NAME, or the built-in set "
    "asterisk"
)


@dataclass(frozen=True)
class Recordings:
    """What lies at a path. `stamp` (JSON) changes when the files do, and needs no file to be read."""

    name: str
    stamp: Any
    sounds: dict[str, Read]
    """By their names below the path: sorted, or in the order in which they must be read."""
    texts: dict[str, Read] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    sequential: bool = False
    """Whether sounds, and texts, must be read one after the other."""
    close: Callable[[], None] = lambda: None
    """To be called when no file is read any more."""


def holds_sound(path: str) -> bool:
    """Whether it is a sound file, or a folder or archive with such in it and no picture, or a list of such:
    by the names alone."""
    place = Path(path).expanduser()
    if path.startswith("hf:"):
        return hub.holds(path, "Audio")
    if place.is_dir():
        names = [file.name for file in walk(place)]
    elif is_archive(place) and place.is_file():
        names = [*archives.names(place)]
    elif place.is_file() and place.suffix.lower() in TEXTS:
        return _lists_sound(place)
    else:
        names = [place.name] if place.is_file() else []
    found = {PurePosixPath(name).suffix.lower() for name in names}
    return bool(found & audio.FILES) and not found & PICTURES


def _lists_sound(place: Path) -> bool:
    """Whether its first lines name sound files, of which one is there or, in a table, all are meant to be."""
    from ganvas.data.transcripts import rows

    with place.open("rb") as file:
        head = file.read(PEEK).rpartition(b"\n")[0]
    keys = [row.key for row in rows(place.name, head)[:5]]
    meant = [Path(key).suffix.lower() in audio.FILES for key in keys]
    table = place.suffix.lower() in LISTS and all(meant)
    return any(meant) and (table or any(_is_sound(place.parent, key) for key in keys))


def _is_sound(folder: Path, key: str) -> bool:
    return Path(key).suffix.lower() in audio.FILES and (folder / key).is_file()


def open_recordings(path: str) -> Recordings:
    """The recordings at a path, or of a built-in set. UserError where there are none."""
    from ganvas.data import builtin

    if path.startswith("hf:"):
        return _of_hub(path)
    place = builtin.sound_file(path) if path in builtin.SOUNDS else Path(path).expanduser()
    if not place.exists():
        raise missing(path)
    if place.is_dir():
        files = {f.relative_to(place).as_posix(): f for f in walk(place)}
        found = _sorted_out(place.absolute().name, {n: f.read_bytes for n, f in files.items()})
        found = replace(found, stamp=stamp_of(files[name] for name in (*found.sounds, *found.texts)))
    elif is_archive(place):
        archive = open_archive(place)
        shipped = path in builtin.SOUNDS
        found = replace(
            _sorted_out(path if shipped else place.name, archive.files, archive.sequential),
            stamp=[path, place.stat().st_size] if shipped else stamp_of([place]),
            close=archive.close,
        )
    elif place.suffix.lower() in audio.FILES:
        found = Recordings(place.name, stamp_of([place]), {place.name: place.read_bytes})
    elif place.suffix.lower() in TEXTS:
        return _listed(place)
    else:
        raise UserError(f"{path} is none of the files that hold recordings; expected {EXPECTED}.")
    if not found.sounds:
        found.close()
        raise UserError(f"There is no sound file in {path}; expected {EXPECTED}.")
    return found


def _of_hub(path: str) -> Recordings:
    """The rows of a data set of the hub, its texts as a table of them."""
    files, stamp = hub.recordings(path)
    return replace(_sorted_out(path, files), stamp=stamp)


def _sorted_out(name: str, files: Mapping[str, Read], sequential: bool = False) -> Recordings:
    """Which of these files are sounds, which texts."""
    names = list(files) if sequential else sorted(files)
    sounds = {n: files[n] for n in names if PurePosixPath(n).suffix.lower() in audio.FILES}
    texts = {n: files[n] for n in names if holds_words(n)}
    others = tuple(files.keys() - sounds.keys() - texts.keys())
    return Recordings(name, None, sounds, texts, others, sequential)


def holds_words(name: str) -> bool:
    """Whether it may be transcripts, by its name."""
    return PurePosixPath(name.lower().removesuffix(PACKED)).suffix in TEXTS


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
