"""All that resuming needs, in a folder that is whole or not there."""

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Iterator
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


def fitted(module: nn.Module, state: dict[str, Tensor]) -> tuple[dict[str, Tensor], set[str]]:
    """The state with the module's own tensors in the place of those of other shapes; whose these are."""
    own = of_module(module)
    left = {name for name, value in own.items() if name not in state or state[name].shape != value.shape}
    taken = {name: value if name in left else state[name] for name, value in own.items()}
    return taken, {name.partition(".")[0] for name in left}


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


def save(
    folder: Path,
    step: int,
    state: State,
    figures: dict[str, Any],
    kept: int = KEPT,
    spared: Collection[int] = (),
) -> Path:
    """Write `step-N` beside, with the hash of every file, and rename it; then drop all but the last few, and
    those of the steps in `spared`.
    """
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
    for number, old in sorted(numbered(folder))[:-kept]:
        if number not in spared:
            shutil.rmtree(old)
    return target


def load(folder: Path) -> tuple[State, dict[str, Any], list[str]] | None:
    """The newest whole checkpoint, its figures, and a sentence for each damaged one; None: there is none."""
    damaged: list[str] = []
    for _, path in sorted(numbered(folder), reverse=True):
        try:
            state, figures = read(path)
        except ValueError as error:
            damaged.append(str(error))
            continue
        said = [f"checkpoint {which}; {path.name}, the one before it, is used" for which in damaged]
        return state, figures, said
    if damaged:
        raise UserError(
            f"no checkpoint in {folder} is whole: {', '.join(damaged)}; start a new run, with another --out"
        )
    return None


def read(path: Path) -> tuple[State, dict[str, Any]]:
    """One checkpoint and its figures; ValueError says how it is damaged."""
    try:
        figures = read_json(path / "state.json")
        if figures.pop("digest") != _digest(figures):
            raise ValueError("state.json is not what was written")
        for name, digest in figures["sha256"].items():
            if sha256(path / name) != digest:
                raise ValueError(f"{name} is not what was written")
        return {Path(name).stem: load_file(path / name) for name in figures["sha256"]}, figures
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path.name} is damaged ({_reason(error)})") from error


def _digest(figures: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(figures, sort_keys=True).encode()).hexdigest()


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{Path(error.filename).name}: {error.strerror}".lower() if error.filename else str(error)
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def numbered(folder: Path) -> Iterator[tuple[int, Path]]:
    """Steps, and the checkpoint of each."""
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
