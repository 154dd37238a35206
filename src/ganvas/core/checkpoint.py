"""All that resuming needs, in a folder that is whole or not there."""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ganvas.core.errors import UserError
from ganvas.core.files import full, read_json, sha256, write_json
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
        p = players[name].params[int(k)]
        if value.shape == p.shape:
            value = torch.empty_like(p).copy_(value)  # noqa: PLW2901
        players[name].optimiser.state[p][key] = value


def save(folder: Path, step: int, state: State, figures: dict[str, Any]) -> Path:
    """Write `step-N` beside, with the hash of every file, and rename it; then drop all but the last few."""
    target = folder / f"step-{step}"
    draft = folder / f".step-{step}.{os.getpid()}.tmp"
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(parents=True)
        for name, tensors in state.items():
            save_file(tensors, draft / f"{name}.safetensors")
        hashes = {f"{name}.safetensors": sha256(draft / f"{name}.safetensors") for name in state}
        write_json(draft / "state.json", figures | {"step": step, "sha256": hashes})
        _sync(draft)
        if target.exists():  # damaged, or from before a rollback
            shutil.rmtree(target)
        draft.rename(target)
    except (OSError, RuntimeError) as error:  # safetensors raises its own kind for a full disk
        shutil.rmtree(draft, ignore_errors=True)
        if getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error):
            raise full(target) from error
        raise
    for _, old in sorted(_numbered(folder))[:-KEPT]:
        shutil.rmtree(old)
    return target


def load(folder: Path) -> tuple[State, dict[str, Any], list[str]] | None:
    """The newest whole checkpoint, its figures, and a sentence for each damaged one; None: there is none."""
    said = []
    for _, path in sorted(_numbered(folder), reverse=True):
        try:
            figures = read_json(path / "state.json")
            for name, digest in figures["sha256"].items():
                if sha256(path / name) != digest:
                    raise ValueError(f"{name} is not what was written")
            state = {Path(name).stem: load_file(path / name) for name in figures["sha256"]}
            return state, figures, said
        except (OSError, ValueError, KeyError) as error:
            said.append(f"checkpoint {path.name} is damaged ({error}); the one before it is used")
    if said:
        raise UserError(f"no checkpoint in {folder} is whole: {'; '.join(said)}")
    return None


def _numbered(folder: Path) -> Iterator[tuple[int, Path]]:
    for path in folder.glob("step-*"):
        number = path.name.removeprefix("step-")
        if number.isdigit():
            yield int(number), path


def _sync(folder: Path) -> None:
    for path in [*folder.iterdir(), folder]:
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
