"""What is explored: a model, known by what it can do, and held-out pictures to show it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ganvas.core.errors import UserError
from ganvas.core.randomness import mixed
from ganvas.data.spec import Spec
from ganvas.models.latent import draw
from ganvas.nn.mixture import Mixture

Items = Float[Tensor, "batch channel height width"]
Labels = Int[Tensor, " batch"] | None
Latents = Float[Tensor, "n latent"]
AT_ONCE = 100
"""Pictures that a network makes or gets at a time."""


class Pictures(NamedTuple):
    """Real ones, in [-1, 1]."""

    x: Items
    label: Labels

    def first(self, n: int) -> "Pictures":
        return Pictures(self.x[:n], None if self.label is None else self.label[:n])


@dataclass
class Scene:
    """A model and what it is asked with."""

    objective: Any
    spec: Spec
    find: Callable[[], Pictures]
    """Gives held-out pictures; raises UserError where there are none."""
    given: Pictures | None = None
    """Pictures of the user's own, to be shown instead."""
    seed: int = 0
    label: int | None = None
    """The one class to show; None: all in turn."""
    progress: Callable[[str], Callable[[int, int], None]] = lambda what: lambda done, total: None
    """Gives, for what takes long, what is to be called with how much of how much is done."""

    @cached_property
    def pictures(self) -> Pictures:
        found = self.find()
        if self.label is None or found.label is None:
            return found
        kept = found.label == self.label
        if not kept.any():
            raise UserError(f"no held-out picture is of the class {self.spec.classes[self.label]!r}")
        return Pictures(found.x[kept], found.label[kept])

    def shown(self, n: int) -> Pictures:
        """The user's own pictures, else the first `n` that were held out."""
        return self.given or self.pictures.first(n)

    @property
    def latent(self) -> int:
        return self.objective.latent

    def generator(self, what: str) -> torch.Generator:
        return torch.Generator().manual_seed(mixed(self.seed, "explore", what))

    def labels(self, n: int) -> Labels:
        """For n items: the class asked for, else from among all, evenly; None where there are none."""
        count = len(self.spec.classes)
        if not count:
            return None
        if self.label is not None:
            return torch.full((n,), self.label)
        return torch.arange(n) * count // n if n < count else torch.arange(n) % count

    def decode(self, z: Latents, label: Labels = None) -> Items:
        """Of several generators the first makes them all, so that only z differs."""
        count = max((len(m) for m in self.objective.modules() if isinstance(m, Mixture)), default=1)
        if count == 1:
            return self.objective.decode(z, label, AT_ONCE)
        many = None if label is None else label.repeat_interleave(count)
        return self.objective.decode(z.repeat_interleave(count, 0), many, AT_ONCE)[::count]

    def encode(self, pictures: Pictures) -> Latents:
        return self.on_device(self.objective.encode, pictures)

    def on_device(self, function: Callable[[Items, Labels], Tensor], pictures: Pictures) -> Tensor:
        """The function of all pictures, a few at a time where the model is; back on the CPU."""
        device = next(chain(self.objective.parameters(), self.objective.buffers())).device
        x = pictures.x.split(AT_ONCE)
        labels = [None] * len(x) if pictures.label is None else pictures.label.to(device).split(AT_ONCE)
        return torch.cat([function(part.to(device), y).cpu() for part, y in zip(x, labels, strict=True)])

    def starts(self, label: Labels, n: int, generator: torch.Generator) -> Latents:
        """n points where pictures are: held-out ones encoded, where that can be, else drawn from N(0, 1)."""
        if not hasattr(self.objective, "encode"):
            return draw(n, self.latent, 1.0, generator)
        try:
            chosen = _of_classes(self.pictures, label, n, generator)
        except UserError:
            return draw(n, self.latent, 1.0, generator)
        return self.encode(chosen)


def _of_classes(pictures: Pictures, label: Labels, n: int, generator: torch.Generator) -> Pictures:
    """n of them at random, of these classes if there are any."""
    order = torch.randperm(len(pictures.x), generator=generator)
    if label is None or pictures.label is None:
        return Pictures(pictures.x[order[torch.arange(n) % len(order)]], None)
    rows = []
    for k, wanted in enumerate(label.tolist()):
        alike = order[pictures.label[order] == wanted]
        if not len(alike):
            raise UserError(f"class {wanted} has no held-out picture")
        rows.append(alike[k % len(alike)])
    return Pictures(pictures.x[torch.stack(rows)], label)
