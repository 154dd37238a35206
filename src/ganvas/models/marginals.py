"""Independent pixels, each from its own histogram."""

from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from ganvas.core.data import Data
from ganvas.core.settings import Settings as Base
from ganvas.data.spec import Spec
from ganvas.losses.observation import Bernoulli
from ganvas.models.baseline import Baseline, Items, Labels, PerItem, items, levels, pictures, refuse_large
from ganvas.models.latent import draw
from ganvas.models.likelihood import black_and_white


class Settings(Base):
    """What is counted."""

    observation: Literal["histogram", "bernoulli"] = "histogram"
    """All 256 values of a pixel, or black and white, a grey one being a probability."""
    smoothing: float = Field(default=1.0, gt=0)
    """So many pictures are added in which every value is as frequent as any other."""


class Marginals(Baseline):
    """P(x) = prod_i P(x_i), with P(x_i = v) = (n_iv + s / K) / (n + s).

    Of n pictures n_iv have the value v, of K, at place i (a colour of a pixel). The smoothing s leaves none
    impossible: s = K adds one to every count (Laplace), s = 1 is Perks's (1947). `log_prob` is exact.
    """

    counts: Float[Tensor, "class place value"]

    def __init__(self, config: Settings, spec: Spec):
        super().__init__(spec)
        self.config = config
        self.values = 256
        if config.observation == "bernoulli":
            self.law, self.values = Bernoulli(), 2
            self.notes = [*self.notes, *black_and_white(spec, "histogram")]
        refuse_large(
            self.classes * self.dims * self.values,
            f"the histograms of {self.classes} classes and {self.dims:,} values a picture",
            "take --image.labels false, or a smaller --image.size",
        )
        self.register_buffer("counts", torch.zeros(self.classes, self.dims, self.values))

    def prepare(self, data: Data) -> None:
        self.counts.zero_()
        flat = self.counts.view(-1)  # fp32 counts exactly up to 16 million
        place = torch.arange(self.dims)
        for x, label in pictures(data):
            cell = (label[:, None] * self.dims + place) * self.values
            for value, weight in self._seen(x.flatten(1)):
                flat.scatter_add_(0, (cell + value).view(-1).to(flat.device), weight.view(-1).to(flat.device))
        empty = self.counts[:, 0].sum(-1) == 0
        self.counts[empty] = self.counts.sum(0)

    def _seen(self, x: Tensor) -> list[tuple[Tensor | int, Tensor]]:
        """Values, and how often."""
        if self.values > 2:
            return [(x.long(), torch.ones(x.shape))]
        white = x / 255
        return [(0, 1 - white), (1, white)]

    def given(self, x: Items, label: Labels) -> PerItem:
        value = levels(x, self.values - 1).long().flatten(1)
        place = torch.arange(self.dims, device=x.device)
        n, s = self.counts[:, 0].sum(-1)[label], self.config.smoothing
        found = self.counts[label[:, None], place, value]
        return (found + s / self.values).log().sum(1) - self.dims * (n + s).log()

    def make(self, label: Labels, truncation: float, generator: torch.Generator | None) -> Items:
        """By inversion of each cumulative histogram at Phi(z); truncated, nearer to the medians."""
        u = torch.special.ndtr(draw(len(label), self.dims, truncation, generator).double())
        made = torch.empty(u.shape, device=self.counts.device)
        for k in label.unique():
            mine = (label == k).to(made.device)
            below = (self.counts[k].double() + self.config.smoothing / self.values).cumsum(-1)
            at = u.to(made.device)[mine].T * below[:, -1:]
            made[mine] = torch.searchsorted(below, at.contiguous()).T.float()
        return items(made, self.values - 1).unflatten(1, self.spec.shape)


def build(config: Settings, spec: Spec) -> Marginals:
    return Marginals(config, spec)
