"""Files that are whole or not there: written beside, then renamed."""

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ganvas.core.errors import UserError


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A name to write to: renamed to `path` if all goes well, removed if not. A full disk is a UserError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield draft
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise (full(path) if error.errno in (errno.ENOSPC, errno.EDQUOT) else error) from error
    finally:
        draft.unlink(missing_ok=True)


def full(path: Path) -> UserError:
    return UserError(f"the disk is full: {path} could not be written; what was there before is unharmed")


def write_text(path: Path, text: str) -> None:
    with beside(path) as draft:
        draft.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
