"""The folder of a run: what was asked, what happened, what came out."""

import importlib.metadata
import json
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from ganvas.core import checkpoint
from ganvas.core.errors import UserError
from ganvas.core.files import DRAFT, beside, read_json, save_tensors, sweep, told, write_json, write_text

PACKAGES = ("ganvas", "torch", "numpy", "safetensors", "pillow", "pydantic")
WATCHED = ("checkups.jsonl", "diary.jsonl")
"""What the doctor saw and said."""
QUALITY = "quality.jsonl"
"""How near samples were to real items, at intervals."""
HELD_OUT = "held_out.jsonl"
"""How held-out items fared, at intervals."""
LOGS = ("log.jsonl", WATCHED[0], QUALITY, HELD_OUT)
"""What tells of every step once, as the training stands."""


class Run:
    """runs/NAME. Nothing in it is ever unpickled."""

    def __init__(self, path: Path):
        self.path = path
        self.checkpoints = path / "checkpoints"
        self.healthy = path / "healthy"
        self.samples = path / "samples"
        self.model = path / "model"
        self.stretch = 0
        """How often the training was set back: lines of the diary tell of which stretch they are."""

    @classmethod
    def create(cls, path: Path, record: dict[str, Any]) -> "Run":
        """A new folder; one that holds anything is left alone."""
        refuse_taken(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UserError(f"{path} cannot be made ({reason}); name another with --out") from None
        write_json(path / "recipe.json", record)
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> "Run":
        """An existing run."""
        if not path.exists():
            raise UserError(f"there is no run at {path}; `ganvas train` makes one")
        if not (path / "recipe.json").is_file():
            raise UserError(f"{path} is no run of ganvas: it holds no recipe.json")
        return cls(path)

    @cached_property
    def record(self) -> dict[str, Any]:
        try:
            return read_json(self.path / "recipe.json")
        except ValueError as error:
            raise UserError(
                f"{self.path / 'recipe.json'} is damaged ({error}); start a new run, with another --out"
            ) from None

    @contextmanager
    def held(self) -> Iterator[None]:
        """No other process may train it meanwhile; the system lets go when this one ends, however it ends."""
        try:
            import fcntl
        except ImportError:  # Windows
            yield
            return
        lock = self.path / ".lock"
        with told(lock):
            file = lock.open("a")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(f"{self.path} is being trained by another process; wait, or end it") from None
            except OSError:  # a file system without locks
                pass
            yield

    def log(self, line: dict[str, Any], file: str = "log.jsonl") -> None:
        path = self.path / file
        with told(path), path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(line) + "\n")

    def lines(self, file: str = "log.jsonl") -> list[dict[str, Any]]:
        """What was logged; a line that a kill cut short is left out."""
        path = self.path / file
        lines = []
        for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
            try:
                lines.append(json.loads(text))
            except ValueError:
                continue
        return lines

    def progress(self) -> dict[str, Any]:
        """How far it has come: what the last checkpoint says."""
        whole = [k for k, path in checkpoint.numbered(self.checkpoints) if (path / "state.json").is_file()]
        if not whole:
            return {"step": 0, "total": None, "seconds": 0.0, "finished": False}
        state = read_json(self.checkpoints / f"step-{max(whole)}" / "state.json")
        step, total = state["step"], state["total"]
        return {"step": step, "total": total, "seconds": state["elapsed"], "finished": step >= total}

    def rewind(self, step: int) -> None:
        """Forget what was logged after `step`, which will happen again, what a kill left half done, and
        checkpoints that come after, which are damaged.
        """
        for folder in (self.path, self.checkpoints, self.healthy, self.model):
            sweep(folder)
        for later in [path for k, path in checkpoint.numbered(self.checkpoints) if k > step]:
            shutil.rmtree(later)
        kept = (name for name in (*WATCHED, QUALITY, HELD_OUT) if (self.path / name).exists())
        for file in ("log.jsonl", *kept):
            now = 0 if file in LOGS else self.stretch
            lines = [x for x in self.lines(file) if (x.get("stretch", 0), x["step"]) <= (now, step)]
            _write_lines(self.path / file, lines)

    def set_back(self, step: int) -> None:
        """A new stretch begins at `step`: what came after it goes to `undone/`, its checkpoints are dropped.

        Done twice, it is done once: a kill in the middle does no harm.
        """
        aside = self.path / "undone" / str(self.stretch - 1)
        for file in LOGS:
            later = [line for line in self.lines(file) if line["step"] > step]
            if later and not (aside / file).exists():
                _write_lines(aside / file, later)
        for path in self.samples.glob("step-*"):
            if int(path.stem.removeprefix("step-")) > step:
                (aside / "samples").mkdir(parents=True, exist_ok=True)
                path.replace(aside / "samples" / path.name)
        self.rewind(step)
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        for number, path in checkpoint.numbered(self.healthy):
            if number > step:
                shutil.rmtree(path)
        best = self.path / "best"
        if (config := best / "model/config.json").exists() and read_json(config)["step"] > step:
            shutil.rmtree(best)

    def save_model(self, state: dict[str, torch.Tensor], config: dict[str, Any]) -> None:
        """The model that load, sample, export and serve read."""
        with beside(self.model / "model.safetensors") as draft:
            save_tensors(draft, state)
        write_json(self.model / "config.json", config)


def _write_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    write_text(path, "".join(json.dumps(line) + "\n" for line in lines))


def refuse_taken(path: Path) -> None:
    """A run is never overwritten."""
    if path.exists() and (not path.is_dir() or any(not DRAFT.fullmatch(p.name) for p in path.iterdir())):
        raise UserError(
            f"{path} exists already and is never overwritten: "
            f"go on with it by --resume, or name another with --out"
        )


def environment(device: torch.device) -> dict[str, Any]:
    """Versions and machine, for the record."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed as a package"
    return {
        "packages": versions,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": torch.get_num_threads(),
    }
