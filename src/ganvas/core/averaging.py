"""The average of a network's weights over its training: it makes better things than the last weights do."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from ganvas.core.turns import Objective

Place = tuple[nn.Module, nn.Module, str]
"""A module of the average, the same one of the objective, and the name of what they hold."""


def exponent(width: float) -> float:
    """gamma of the power-function average whose profile has this relative width (Karras et al. 2024)."""
    return float(np.roots([1, 7, 16 - width**-2, 12 - width**-2]).real.max())


class Average(nn.Module):
    """Power-function average (Karras et al. 2024, sec. 3.1): it covers the same share of the steps so far.

    Unlike an exponential average it needs no half-life fitted to the length of the training.
    """

    def __init__(self, objective: Objective, names: tuple[str, ...], width: float):
        super().__init__()
        self.gamma = exponent(width) if width else None
        self.networks = nn.ModuleDict({name: copy.deepcopy(getattr(objective, name)) for name in names})
        self.requires_grad_(False)
        self._places: tuple[list[Place], list[Place]] | None = None

    def restart(self, objective: Objective) -> None:
        """Begin from what the objective is now."""
        for name, mine in self.networks.items():
            mine.load_state_dict(getattr(objective, name).state_dict())

    @torch.no_grad()
    def update(self, objective: Objective, step: int) -> None:
        """Take in the weights after `step` steps, counted from 1."""
        keep = 0.0 if self.gamma is None else (1 - 1 / step) ** (self.gamma + 1)
        if self._places is None:
            self._places = self._found(objective)
        averaged, copied = self._places
        for a, b, key in copied:
            getattr(a, key).copy_(getattr(b, key))
        mine = [getattr(a, key) for a, _, key in averaged]
        theirs = [getattr(b, key) for _, b, key in averaged]
        if mine:  # a baseline may learn nothing but counts
            torch._foreach_lerp_(mine, theirs, 1 - keep)

    def _found(self, objective: Objective) -> tuple[list[Place], list[Place]]:
        """What is averaged, and what is copied: a count, or a direction that must keep its length.

        Once: to walk through the modules of a small network takes as long as to average it.
        """
        averaged, copied = [], []
        for name, network in self.networks.items():
            theirs = getattr(objective, name)
            named = [*network.named_parameters(), *network.named_buffers()]
            for path, value in named:
                at, _, key = path.rpartition(".")
                weighs = isinstance(value, nn.Parameter) or key in ("running_mean", "running_var")
                place = network.get_submodule(at), theirs.get_submodule(at), key
                (averaged if weighs else copied).append(place)
        return averaged, copied

    @contextmanager
    def worn_by(self, objective: Objective) -> Iterator[Objective]:
        """The objective with the averaged networks in the place of its own."""
        own = {name: getattr(objective, name) for name in self.networks}
        try:
            for name, network in self.networks.items():
                setattr(objective, name, network)
            yield objective
        finally:
            for name, network in own.items():
                setattr(objective, name, network)
