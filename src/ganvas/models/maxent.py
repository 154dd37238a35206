"""Maximum-entropy language model: log-linear in pairs of the next token and one of those before (Della Pietra
et al. 1997; Rosenfeld 1996)."""

from typing import Any

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn

from ganvas.core.device import precise
from ganvas.core.errors import UserError
from ganvas.core.settings import Settings as Base
from ganvas.data.spec import Spec
from ganvas.models.lm import LM
from ganvas.models.settings import AdamSettings

LARGEST = 100_000_000
"""Weights; with their gradients and Adam's two averages they take 1.6 GB."""
Tokens = Int[Tensor, "batch place"]


class NetworkSettings(AdamSettings):
    """The weights of the features."""

    lr: float = Field(default=2e-2, gt=0, le=1)
    """Adam's learning rate."""
    beta1: float = Field(default=0.9, ge=0, lt=1)
    """Adam's memory of the gradient."""
    order: int = Field(default=5, ge=1, le=64)
    """How many tokens back features look."""


class Settings(Base):
    """One player."""

    model: NetworkSettings = NetworkSettings()
    """The weights of the features."""


class MaxEnt(LM):
    """log P(w | h) = b_w + sum_j W_j[h_j, w] - log Z(h), h_j being the j-th token before w.

    Features are indicators: which token stands j places back, and which one is next. Places before the item,
    or before the window, have none. -log P is convex in the weights, and where it is smallest, every feature
    is as frequent in the model's text as in the training text: among such laws it has the largest entropy.
    """

    def network(self, net: Any) -> Any:
        return Features(self.vocabulary.size, net.order, self.context, self.vocabulary.end)


class Features(nn.Module):
    """Sums of the weights of all features that hold, as logits."""

    def __init__(self, tokens: int, order: int, places: int, end: int | None):
        super().__init__()
        if (count := (order * tokens + 1) * tokens) > LARGEST:
            raise UserError(
                f"pairs of {tokens:,} tokens at {order} places are {count:,} weights, more than {LARGEST:,}: "
                f"take --text.vocabulary 1024, or 256 for bytes, or a smaller --model.order"
            )
        self.tokens, self.order, self.places, self.end = tokens, order, places, end
        self.weight = nn.Parameter(torch.zeros(order * tokens + 1, tokens))
        self.bias = nn.Parameter(torch.zeros(tokens))

    def forward(self, tokens: Tokens, cache: "Cache | None" = None) -> Float[Tensor, "batch place tokens"]:
        """Logits of the token after each place; with a cache the tokens go on from those in it."""
        before = tokens.new_full((len(tokens), self.order - 1), -1) if cache is None else cache.tokens
        whole = torch.cat([before.to(tokens), tokens], 1)
        if cache is not None:
            cache.extend(whole[:, whole.shape[1] - self.order + 1 :], tokens.shape[1])
        views = whole.unfold(1, self.order, 1).flip(2)  # of each place itself and those before it
        if self.end is not None:  # what stands before an end belongs to another item
            ended = (views == self.end).cumsum(2) - (views == self.end).long() > 0
            views = views.masked_fill(ended, -1)
        number = views + self.tokens * torch.arange(self.order, device=views.device)
        number = number.masked_fill(views < 0, self.order * self.tokens)
        rows = nn.functional.embedding_bag(
            number.flatten(0, 1), self.weight, mode="sum", padding_idx=self.order * self.tokens
        )
        return precise(rows + self.bias).unflatten(0, tokens.shape)

    def cache(self, batch: int) -> "Cache":
        return Cache(self.weight.new_full((batch, self.order - 1), -1, dtype=torch.int64))


class Cache:
    """The last few tokens; there is always room."""

    room = 1

    def __init__(self, tokens: Tokens):
        self.tokens, self.filled = tokens, 0

    def extend(self, tokens: Tokens, count: int) -> None:
        self.tokens, self.filled = tokens, self.filled + count


def build(config: Settings, spec: Spec) -> MaxEnt:
    return MaxEnt(config, spec)  # pyright: ignore[reportArgumentType] (its `model` is)
