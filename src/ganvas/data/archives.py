"""Archives: the files of a zip or tar, listed but not unpacked."""

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from ganvas.core.errors import UserError

Read = Callable[[], bytes]
ZIPS = (".zip",)
TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
SUFFIXES = (*ZIPS, *TARS)


@dataclass(frozen=True)
class Archive:
    """What is in one: hidden files are left out."""

    files: dict[str, Read]
    """By name, in its order."""
    sequential: bool
    """Whether they must be read one after the other, and in its order."""
    close: Callable[[], None]
    """To be called when no file is read any more."""


def is_archive(place: Path) -> bool:
    """By its name."""
    return place.name.lower().endswith(SUFFIXES)


def open_archive(place: Path) -> Archive:
    """UserError where it is damaged."""
    return _zip(place) if place.name.lower().endswith(ZIPS) else _tar(place)


def names(place: Path) -> tuple[str, ...]:
    """What files are in it, in its order: read once, since a packed tar must be unpacked for that."""
    facts = place.stat()
    return _names(place, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=4)
def _names(place: Path, changed: int, size: int) -> tuple[str, ...]:
    archive = open_archive(place)
    archive.close()
    return tuple(archive.files)


def visible(name: str) -> bool:
    """Of a file or folder: whether it is one that a person put there."""
    return not name.startswith(".") and name != "__MACOSX"


def _zip(place: Path) -> Archive:
    try:
        archive = zipfile.ZipFile(place)
    except (zipfile.BadZipFile, OSError) as error:
        raise _unreadable(place, "zip", error) from error
    names = [i.filename for i in archive.infolist() if not i.is_dir() and _shown(i.filename)]
    return Archive({n: lambda n=n: archive.read(n) for n in names}, False, archive.close)


def _tar(place: Path) -> Archive:
    archive = None
    try:
        archive = tarfile.open(place)  # noqa: SIM115 (closed with what is made of it)
        members = [m for m in archive if m.isfile() and _shown(m.name)]
    except (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        if archive:
            archive.close()
        raise _unreadable(place, "tar", error) from error

    def read(member: tarfile.TarInfo) -> bytes:
        file = archive.extractfile(member)
        return file.read() if file else b""

    return Archive({m.name: lambda m=m: read(m) for m in members}, True, archive.close)


def _shown(name: str) -> bool:
    return all(map(visible, PurePosixPath(name).parts))


def _unreadable(place: Path, kind: str, error: Exception) -> UserError:
    reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(":")
    return UserError(f"{place} cannot be read as a {kind} archive ({reason}); pack it again.")
