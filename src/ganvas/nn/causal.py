"""A causal transformer over sequences of codes (Vaswani et al. 2017), layer norm first."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ganvas.core.device import precise

Sequences = Float[Tensor, "batch place width"]
Codes = Int[Tensor, "batch place"]
Labels = Int[Tensor, " batch"] | None
Cache = list[Tensor]
"""Keys and values of the places so far; empty at first."""
INITIAL = 0.02
"""Standard deviation of embeddings at the start (Radford et al. 2018)."""


class Attention(nn.Module):
    """Each place attends to itself and those before."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.enter, self.leave = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Sequences, cache: Cache | None = None) -> Sequences:
        """With a cache, x goes on from the places in it, one place at a time."""
        q, k, v = self.enter(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        if cache is not None:
            k, v = (
                torch.cat([old, new], 2)
                for old, new in zip(cache or (k[:, :, :0], v[:, :, :0]), (k, v), strict=True)
            )
            cache[:] = k, v
        match = q @ (k * k.shape[3] ** -0.5).mT  # the fused kernel is slow on CPUs
        if cache is None:
            future = torch.ones(match.shape[2:], dtype=torch.bool, device=x.device).triu(1)
            match = match.masked_fill(future, -math.inf)
        return self.leave((match.softmax(3).to(v.dtype) @ v).transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """Attention, then a dense layer four times as wide, each added to its input."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.dense = nn.Sequential(nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, width))

    def forward(self, x: Sequences, cache: Cache | None = None) -> Sequences:
        x = x + self.attention(self.norm1(x), cache)
        return x + self.dense(self.norm2(x))


class Causal(nn.Module):
    """P(codes) = prod_i P(code_i | those before, label)."""

    def __init__(self, codes: int, places: int, width: int, depth: int, heads: int, classes: int = 0):
        super().__init__()
        self.start = nn.Embedding(max(1, classes), width)
        self.labelled = classes > 0
        self.code, self.place = nn.Embedding(codes, width), nn.Embedding(places, width)
        for table in (self.start, self.code, self.place):
            nn.init.normal_(table.weight, 0, INITIAL)
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(depth))
        self.end = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, codes))

    def forward(self, codes: Codes, label: Labels = None) -> Float[Tensor, "batch place codes"]:
        """Log-probabilities of each place's code given those before."""
        x = torch.cat([self._first(len(codes), label), self.code(codes[:, :-1])], 1) + self.place.weight
        for layer in self.layers:
            x = layer(x)
        return precise(self.end(x)).log_softmax(2)

    def log_prob(self, codes: Codes, label: Labels = None) -> Float[Tensor, " batch"]:
        """In nats."""
        return self(codes, label).gather(2, codes[..., None]).sum((1, 2))

    def unroll(
        self, n: int, label: Labels, choose: Callable[[int, Float[Tensor, "n codes"]], Int[Tensor, " n"]]
    ) -> Codes:
        """n sequences, place by place: `choose` is given the place and its log-probabilities."""
        caches: list[Cache] = [[] for _ in self.layers]
        x, chosen = self._first(n, label), []
        for place in range(len(self.place.weight)):
            x = x + self.place.weight[place]
            for layer, cache in zip(self.layers, caches, strict=True):
                x = layer(x, cache)
            chosen.append(choose(place, precise(self.end(x)[:, 0]).log_softmax(1)))
            x = self.code(chosen[-1])[:, None]
        return torch.stack(chosen, 1)

    def _first(self, n: int, label: Labels) -> Sequences:
        if self.labelled and label is None:
            raise ValueError("this prior was built for labels: give one for each item")
        none = torch.zeros(n, dtype=torch.int64, device=self.start.weight.device)
        return self.start(label if self.labelled else none)[:, None]
