"""All that resuming needs, in a folder that is whole or not there."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ganvas.core.errors import UserError
from ganvas.core.files import read_json, save_tensors, sha256, told, write_json
from ganvas.core.turns import Player

KEPT = 2  # the last one, and the one before should the last be damaged

State = dict[str, dict[str, Tensor]]
"""Tensors by file and name."""


def of_module(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().contiguous() for name, value in module.state_dict().items()}


def into_module(module: nn.Module, state: dict[str, Tensor]) -> None:
    module.load_state_dict(state)


def of_players(players: dict[str, Player]) -> dict[str, Tensor]:
    """What each optimiser remembers of each of its parameters."""
    return {
        f"{name}/{k}/{key}": torch.as_tensor(value).detach().contiguous()
        for name, player in players.items()
        for k, p in enumerate(player.params)
        for key, value in player.optimiser.state[p].items()
    }


def into_players(players: dict[str, Player], state: dict[str, Tensor]) -> None:
    """Give it back, in the memory layout that the parameter has, so that the same kernels run."""
    for path, value in state.items():
        name, k, key = path.split("/")
        p, optimiser = players[name].params[int(k)], players[name].optimiser
        if key != "step":
            value = torch.empty_like(p).copy_(value) if value.shape == p.shape else value.to(p.device)  # noqa: PLW2901
        elif optimiser.defaults.get("fused"):  # the others count on the CPU
            value = value.to(p.device)  # noqa: PLW2901
        optimiser.state[p][key] = value


def save(folder: Path, step: int, state: State, figures: dict[str, Any]) -> Path:
    """Write `step-N` beside, with the hash of every file, and rename it; then drop all but the last few."""
    target = folder / f"step-{step}"
    draft = folder / f".step-{step}.{os.getpid()}.tmp"
    shutil.rmtree(draft, ignore_errors=True)  # of a killed process that had our number
    try:
        with told(target):
            draft.mkdir(parents=True)
            for name, tensors in state.items():
                save_tensors(draft / f"{name}.safetensors", tensors)
            hashes = {f"{name}.safetensors": sha256(draft / f"{name}.safetensors") for name in state}
            figures = figures | {"step": step, "sha256": hashes}
            write_json(draft / "state.json", figures | {"digest": _digest(figures)})
            _sync(draft)
            if target.exists():  # damaged, or from before a rollback
                shutil.rmtree(target)
            draft.rename(target)
            _sync_names(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    for _, old in sorted(_numbered(folder))[:-KEPT]:
        shutil.rmtree(old)
    return target


def load(folder: Path) -> tuple[State, dict[str, Any], list[str]] | None:
    """The newest whole checkpoint, its figures, and a sentence for each damaged one; None: there is none."""
    damaged: list[str] = []
    for _, path in sorted(_numbered(folder), reverse=True):
        try:
            figures = read_json(path / "state.json")
            if figures.pop("digest") != _digest(figures):
                raise ValueError("state.json is not what was written")
            for name, digest in figures["sha256"].items():
                if sha256(path / name) != digest:
                    raise ValueError(f"{name} is not what was written")
            state = {Path(name).stem: load_file(path / name) for name in figures["sha256"]}
            said = [f"checkpoint {which}; {path.name}, the one before it, is used" for which in damaged]
            return state, figures, said
        except (OSError, ValueError, KeyError, TypeError) as error:
            damaged.append(f"{path.name} is damaged ({_reason(error)})")
    if damaged:
        raise UserError(
            f"no checkpoint in {folder} is whole: {', '.join(damaged)}; start a new run, with another --out"
        )
    return None


def _digest(figures: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(figures, sort_keys=True).encode()).hexdigest()


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{Path(error.filename).name}: {error.strerror}".lower() if error.filename else str(error)
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _numbered(folder: Path) -> Iterator[tuple[int, Path]]:
    for path in folder.glob("step-*"):
        number = path.name.removeprefix("step-")
        if number.isdigit():
            yield int(number), path


def _sync(folder: Path) -> None:
    for path in [*folder.iterdir(), folder]:
        _sync_names(path)


def _sync_names(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
