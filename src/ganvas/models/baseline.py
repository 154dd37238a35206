"""Simple generators, which every learned one has to beat: what they know they find in the data at once."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from ganvas.core.data import Data
from ganvas.core.errors import UserError
from ganvas.core.turns import Batch, Objective, Turn
from ganvas.data.spec import Spec
from ganvas.losses.divergence import log_mean_exp
from ganvas.models.latent import chosen_classes

Items = Float[Tensor, "batch channel height width"]
Labels = Int[Tensor, " batch"]
PerItem = Float[Tensor, " batch"]

AT_ONCE = 4_000_000
"""Values of pictures that are looked at together."""
LARGEST = 4 * 2**30
"""Bytes that a baseline may keep."""


class Baseline(Objective):
    """No player moves: `prepare` finds in the data all that is to be known, and keeps it in buffers.

    With labels there is a law for each class; a class that has no picture takes that of all.
    """

    notes: Sequence[str] = ("A baseline learns at once, with no steps to follow: there are no curves.",)
    exact: bool = True
    """Whether `log_prob` is log P(x) itself, and not a bound on it from below."""

    def __init__(self, spec: Spec):
        super().__init__()
        self.spec = spec
        self.classes = max(1, len(spec.classes))
        self.dims = math.prod(spec.shape)

    def turns(self, batch: Batch, step: int) -> Iterator[Turn]:
        yield from ()

    def given(self, x: Items, label: Labels) -> PerItem:
        """log P(x | label); without classes all labels are 0."""
        raise NotImplementedError

    def make(self, label: Labels, truncation: float, generator: torch.Generator | None) -> Items:
        """A picture for each label."""
        raise NotImplementedError

    @torch.no_grad()
    def log_prob(self, x: Items, label: Labels | None = None) -> PerItem:
        """log P(x), in nats; without a label that of the even mixture of all classes, as in `sample`."""
        labels = range(self.classes) if label is None else [label]
        each = [self.given(x, torch.as_tensor(k, device=x.device).expand(len(x))) for k in labels]
        return log_mean_exp(torch.stack(each))

    @torch.no_grad()
    def sample(  # pyright: ignore[reportIncompatibleMethodOverride] (it takes these conditions only)
        self,
        n: int,
        *,
        generator: torch.Generator | None = None,
        label: int | Sequence[int] | Tensor | None = None,
        truncation: float = 1.0,
    ) -> Items:
        """`n` pictures; of the classes in `label`, else of all alike."""
        chosen = chosen_classes(self.spec, n, label, generator)
        chosen = torch.zeros(n, dtype=torch.int64) if chosen is None else chosen.cpu()
        return self.make(chosen, truncation, generator).float()


def pictures(
    data: Data, most: int | None = None
) -> Iterator[tuple[UInt8[Tensor, "n channel height width"], Int[Tensor, " n"]]]:
    """Training pictures on their 256 levels, and their labels (else 0): all, or `most` drawn at random."""
    index = torch.randperm(len(data))[:most].sort().values.numpy()
    size = data.fetch(index[:1])["image"].numel()
    for part in np.array_split(index, math.ceil(len(index) * size / AT_ONCE)):
        batch = data.ready(data.fetch(part))
        label = batch.get("label", torch.zeros(len(part), dtype=torch.int64))
        yield levels(batch["image"]).to(torch.uint8), label.long()


def levels(x: Items, top: int = 255) -> Items:
    """[-1, 1] -> 0, 1 … top."""
    return ((x + 1) * (top / 2)).round()


def items(levels: Tensor, top: int = 255) -> Items:
    """0, 1 … top -> [-1, 1]."""
    return levels * (2 / top) - 1


def refuse_large(numbers: int, what: str, advice: str) -> None:
    """Before memory is asked for."""
    if 4 * numbers > LARGEST:
        raise UserError(f"{what} would take {4 * numbers / 2**30:.0f} GiB: {advice}")
