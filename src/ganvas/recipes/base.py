"""What a recipe is: a model's settings, the data's and the training's, as a published method has them."""

import difflib
import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import torch
from torch import nn

import ganvas.recipes
from ganvas.core.errors import UserError
from ganvas.core.loop import MakeOptimiser, Training
from ganvas.core.settings import Settings
from ganvas.core.turns import Objective
from ganvas.data.spec import Spec
from ganvas.models.settings import AdamSettings

DEFAULTS = {"image": "dcgan", "points": "points", "text": "lm", "sound": "vocoder", "speech": "voice"}
"""The recipe for each kind of data: docs/results/default-recipe.md says why."""


class Recipe(Protocol):
    """A frozen tree of settings, every one documented; its docstring says what it is for."""

    kind: ClassVar[str]
    """Of data: image, points, text, sound or speech."""
    paper: ClassVar[str]
    cost: ClassVar[str]
    """What it takes to get something worth looking at, as measured."""
    training: Training

    def build(self, spec: Spec) -> Objective: ...


def names() -> list[str]:
    """Every file of this room but this one is a recipe."""
    return [m.name for m in pkgutil.iter_modules(ganvas.recipes.__path__) if m.name != "base"]


def find(name: str) -> Any:
    """A recipe with its defaults: both a `Recipe` and a `Settings`."""
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names())}"
        raise UserError(f"there is no recipe {name!r}; {hint}")
    return importlib.import_module(f"ganvas.recipes.{name}").Recipe()


def of_kind(name: str, kind: str) -> str:
    """What this name stands for where data are of this kind: some baselines have a form for each."""
    return getattr(find(name), "forms", {}).get(kind, name)


def data_settings(recipe: Any) -> Settings:
    """The settings of its kind of data."""
    return getattr(recipe, recipe.kind)


def suited(recipe: Any, items: int, spec: Spec, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What a recipe changes for so many items of this kind, unless settings of that kind were asked for."""
    changes = recipe.suited(items, spec) if hasattr(recipe, "suited") else {}
    return {
        name: value
        for start, change in changes.items()
        if not any(given.startswith(start) for given in asked)
        for name, value in change.items()
    }


def adam(recipe: Any) -> MakeOptimiser:
    """Each player's Adam, as the settings of its name say; matrices decay where these have a weight decay."""

    def make(name: str, params: list[nn.Parameter]) -> torch.optim.Optimizer:
        player: AdamSettings = getattr(recipe, name)
        betas, decay = (player.beta1, player.beta2), getattr(player, "weight_decay", 0.0)
        if not decay:
            return torch.optim.Adam(params, player.lr, betas, fused=True)
        matrices, others = ([p for p in params if (p.ndim > 1) == wanted] for wanted in (True, False))
        groups = [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, player.lr, betas, weight_decay=decay, fused=True)

    return make
