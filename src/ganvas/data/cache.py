"""Where prepared data lie: one folder a data set, written beside and renamed, so that none is ever half.

    CACHE/index/<stamp and settings>    the fingerprint that unchanged files had the last time
    CACHE/images/<fingerprint>/         facts.json, table.npz, pixels.u8
    CACHE/text/<fingerprint>/           facts.json, tables.npz, tokens

CACHE is $GANVAS_CACHE, else $XDG_CACHE_HOME/ganvas, else ~/.cache/ganvas.
"""

import errno
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ganvas.core.errors import UserError

ABANDONED = 24 * 3600
"""Seconds after which a folder still being written is taken for one whose process was killed."""


@dataclass(frozen=True)
class Prepared:
    """A data set as the cache holds it: pictures in the order of their names, held-out ones among them."""

    fingerprint: str
    pixels: np.ndarray
    """uint8, (pictures, channels, height, width), mapped from the file."""
    table: dict[str, np.ndarray]
    """For each: label (-1: none), held_out, digest (of its full-size pixels), width, height, transparent."""
    facts: dict[str, Any]
    """classes, names, formats, modes, broken, notes."""


def root() -> Path:
    if own := os.environ.get("GANVAS_CACHE"):
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "ganvas"


def digest(*parts: Any) -> str:
    """A hex digest of anything that is JSON."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def recall(key: str) -> str | None:
    """The fingerprint remembered under this key."""
    try:
        return (root() / "index" / key).read_text()
    except OSError:
        return None


def remember(key: str, fingerprint: str) -> None:
    with _told():
        folder = root() / "index"
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "w") as file:
            file.write(fingerprint)
        Path(name).replace(folder / key)


def read(fingerprint: str) -> Prepared | None:
    """The data set of this fingerprint, or None where there is none that is whole."""
    folder = root() / "images" / fingerprint
    try:
        facts = json.loads((folder / "facts.json").read_text())
        shape = tuple(facts["shape"])
        if (folder / "pixels.u8").stat().st_size != int(np.prod(shape)):
            return None
        with np.load(folder / "table.npz") as file:
            table = {name: file[name] for name in file.files}
        pixels = np.memmap(folder / "pixels.u8", np.uint8, "r", shape=shape)
    except (OSError, ValueError, KeyError, EOFError):
        return None
    return Prepared(fingerprint, pixels, table, facts)


@contextmanager
def building(fingerprint: str, room: str = "images", whole: Callable[[str], object] = read) -> Iterator[Path]:
    """A folder to write all files of a data set in, renamed to ROOM/FINGERPRINT once they are written.

    `whole` reads the one that is there already, and gives None where it is damaged.
    """
    with _told():
        sets = root() / room
        sets.mkdir(parents=True, exist_ok=True)
        for left in sets.glob(".building-*"):
            if time.time() - left.stat().st_mtime > ABANDONED:
                shutil.rmtree(left, ignore_errors=True)
        beside = Path(tempfile.mkdtemp(prefix=".building-", dir=sets))
        try:
            yield beside
            target = sets / fingerprint
            if target.exists() and whole(fingerprint) is None:  # damaged: out of the way
                target.rename(beside / "damaged")
            try:
                beside.rename(target)
            except OSError as error:  # another process was faster; its folder holds the same
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
            shutil.rmtree(target / "damaged", ignore_errors=True)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def _told() -> Iterator[None]:
    """Troubles of the disk, as a person can act on them."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UserError(
                f"The disk of {root()} is full; free some, or let GANVAS_CACHE name a folder elsewhere."
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR):
            raise UserError(
                f"Prepared data cannot be written to {root()} ({error.strerror}); "
                "let GANVAS_CACHE name a folder that can be written."
            ) from error
        raise
