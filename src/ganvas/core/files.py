"""Files that are whole or not there: written beside, then renamed."""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganvas.core.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

FULL = (errno.ENOSPC, errno.EDQUOT)
DRAFT = re.compile(r"\..+\.(\d+)\.tmp|\.tmp\w+")
"""Names of what is not finished: ours, and those of safetensors."""


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Troubles of the disk, as a person can act on them."""
    try:
        yield
    except OSError as error:
        raise trouble(error, path) from error


def trouble(error: OSError, path: Path) -> UserError:
    if error.errno in FULL:
        return UserError(f"the disk is full: {path} could not be written; what was there before is unharmed")
    reason = (error.strerror or str(error)).lower()
    return UserError(f"{path} could not be written ({reason}); name a place that can be")


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A name to write to; renamed to `path` when all went well, removed when not."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield draft
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what a killed process left unfinished."""
    for path in folder.iterdir() if folder.is_dir() else []:
        if not DRAFT.fullmatch(path.name):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


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


def save_tensors(path: Path, tensors: "dict[str, Tensor]") -> None:
    """As safetensors, readable like any other file; a trouble of the disk is an OSError, as elsewhere."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        save_file(tensors, path)
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error
