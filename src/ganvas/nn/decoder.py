"""A decoder-only transformer of today's kind: RMS norm first, rotary, SwiGLU, no biases, tied embedding."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from ganvas.core.device import precise
from ganvas.nn.dropout import dropped

Sequences = Float[Tensor, "batch place width"]
Tokens = Int[Tensor, "batch place"]
INITIAL = 0.02
"""Standard deviation of weights at the start (Radford et al. 2019)."""
BASE = 10_000.0
"""Of the rotary frequencies (Su et al. 2021, sec. 3.3)."""
MULTIPLE = 32
"""Of which the hidden width of SwiGLU is one."""


class Cache:
    """Keys and values of the places so far, of every layer."""

    def __init__(self, layers: int, batch: int, heads: int, places: int, width: int, like: Tensor):
        shape = (layers, 2, batch, heads, places, width)
        self.store = torch.empty(shape, dtype=like.dtype, device=like.device)
        self._of = [layer.unbind() for layer in self.store]
        self.filled = 0

    @property
    def room(self) -> int:
        """Places that are left."""
        return self.store.shape[4] - self.filled

    def extend(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """All keys and values of a layer, these the last ones; `filled` is moved on when all layers are."""
        new, (keys, values) = k.shape[2], self._of[layer]
        keys.narrow(2, self.filled, new).copy_(k)
        values.narrow(2, self.filled, new).copy_(v)
        return keys.narrow(2, 0, self.filled + new), values.narrow(2, 0, self.filled + new)


class Attention(nn.Module):
    """Each place attends to itself and those before (Vaswani et al. 2017), by angles (Su et al. 2021)."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.enter = nn.Linear(width, 3 * width, bias=False)
        self.leave = nn.Linear(width, width, bias=False)

    def forward(
        self,
        x: Sequences,
        turns: tuple[Tensor, Tensor],
        hidden: Tensor | None,
        cache: Cache | None,
        layer: int,
    ) -> Sequences:
        parts = self.enter(x).unflatten(2, (3 * self.heads, -1)).transpose(1, 2)
        return self.leave(self.looked(parts, turns, hidden, cache, layer).transpose(1, 2).flatten(2))

    def looked(
        self,
        parts: Float[Tensor, "batch three_heads place width"],
        turns: tuple[Tensor, Tensor],
        hidden: Tensor | None,
        cache: Cache | None,
        layer: int,
    ) -> Float[Tensor, "batch head place width"]:
        """What each head finds, of queries, keys and values."""
        both, v = parts.split((2 * self.heads, self.heads), 1)
        q, k = turned(both, *turns).chunk(2, 1)
        if cache is not None:
            k, v = cache.extend(layer, k, v)
        return attended(q, k.to(q.dtype), v.to(q.dtype), hidden, self.dropout if self.training else 0.0)


class SwiGLU(nn.Module):
    """W3 (silu(W1 x) * W2 x), two thirds of four times as wide (Shazeer 2020, eq. 6)."""

    def __init__(self, width: int):
        super().__init__()
        hidden = -(-8 * width // 3 // MULTIPLE) * MULTIPLE
        self.enter = nn.Linear(width, 2 * hidden, bias=False)
        self.leave = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Sequences) -> Sequences:
        gate, value = self.enter(x).chunk(2, -1)
        return self.leave(F.silu(gate) * value)


class Layer(nn.Module):
    """Attention, then a dense layer, each of the normed input (Zhang & Sennrich 2019) and added to it."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.norm1, self.norm2 = nn.RMSNorm(width), nn.RMSNorm(width)
        self.attention, self.dense = Attention(width, heads, dropout), SwiGLU(width)
        self.dropout = dropout

    def forward(
        self,
        x: Sequences,
        turns: tuple[Tensor, Tensor],
        hidden: Tensor | None,
        cache: Cache | None,
        layer: int,
    ) -> Sequences:
        x = x + self._kept(self.attention(self.norm1(x), turns, hidden, cache, layer))
        return x + self._kept(self.dense(self.norm2(x)))

    def onward(
        self, x: Float[Tensor, "batch width"], turns: tuple[Tensor, Tensor], cache: Cache, layer: int
    ) -> Float[Tensor, "batch width"]:
        """`forward` of one place after those in the cache, in fewer operations: with one place it is their
        number that takes the time."""
        look, dense, width = self.attention, self.dense, x.shape[1:]
        parts = F.linear(torch.rms_norm(x, width, self.norm1.weight), look.enter.weight)
        y = look.looked(parts.view(len(x), 3 * look.heads, 1, -1), turns, None, cache, layer)
        x = x + self._kept(F.linear(y.flatten(1), look.leave.weight))
        gate, value = F.linear(torch.rms_norm(x, width, self.norm2.weight), dense.enter.weight).chunk(2, 1)
        return x + self._kept(F.linear(F.silu(gate) * value, dense.leave.weight))

    def _kept(self, x: Tensor) -> Tensor:
        return dropped(x, self.dropout) if self.training and self.dropout else x


class Decoder(nn.Module):
    """P(token | those before it in the window); a token `end` hides all that stands before it."""

    cosines: Tensor
    sines: Tensor

    def __init__(
        self, tokens: int, places: int, width: int, depth: int, heads: int, dropout: float, end: int | None
    ):
        super().__init__()
        self.heads, self.places, self.end = heads, places, end
        self.embedding = nn.Embedding(tokens, width)
        self.layers = nn.ModuleList(Layer(width, heads, dropout) for _ in range(depth))
        self.norm = nn.RMSNorm(width)
        cosines, sines = angles(torch.arange(places), width // heads)
        self.register_buffer("cosines", cosines, persistent=False)
        self.register_buffer("sines", sines, persistent=False)
        begin(self, depth)

    def forward(
        self,
        tokens: Tokens,
        cache: Cache | None = None,
        given: Float[Tensor, "layer batch width"] | None = None,
    ) -> Float[Tensor, "batch place tokens"]:
        """Logits of the token after each place; with a cache the tokens go on from those in it. What is given
        is added to all places before each layer."""
        return precise(F.linear(self.states(tokens, cache, given), self.embedding.weight))

    def states(
        self,
        tokens: Tokens,
        cache: Cache | None = None,
        given: Float[Tensor, "layer batch width"] | None = None,
    ) -> Sequences:
        """What is known at each place of those up to it."""
        first = cache.filled if cache else 0
        last = first + tokens.shape[1]
        turns = self.cosines[first:last], self.sines[first:last]
        if cache and last == first + 1:
            return self._onward(tokens[:, 0], turns, cache, given)[:, None]
        if first == 0:
            hidden = self._hidden(tokens) if cache is None else None
        else:
            hidden = future(last - first, last, tokens.device)
        x = self.embedding(tokens)
        for k, layer in enumerate(self.layers):
            x = x if given is None else x + given[k, :, None]
            x = layer(x, turns, hidden, cache, k)
        if cache:
            cache.filled = last
        return self.norm(x)

    def _onward(
        self,
        token: Int[Tensor, " batch"],
        turns: tuple[Tensor, Tensor],
        cache: Cache,
        given: Float[Tensor, "layer batch width"] | None,
    ) -> Float[Tensor, "batch width"]:
        """`states` of one place after those in the cache."""
        x = self.embedding(token)
        for k, layer in enumerate(self.layers):
            x = layer.onward(x if given is None else x + given[k], turns, cache, k)  # pyright: ignore
        cache.filled += 1
        return self.norm(x)

    def _hidden(self, tokens: Tokens) -> Float[Tensor, "batch 1 place place"] | None:
        """-inf at what each place must not look at, where that is more than what comes after it."""
        if self.end is None:
            return None
        item = (tokens == self.end).cumsum(1)
        after = future(tokens.shape[1], tokens.shape[1], tokens.device)
        return after.masked_fill((item[:, :, None] != item[:, None])[:, None], -math.inf)

    def cache(self, batch: int) -> Cache:
        width = self.embedding.weight.shape[1] // self.heads
        return Cache(len(self.layers), batch, self.heads, self.places, width, self.embedding.weight)


def begin(network: nn.Module, depth: int) -> None:
    """First weights; those that lead back into the sum over layers are smaller (Radford et al. 2019)."""
    for name, weight in network.named_parameters():
        if weight.ndim > 1:
            nn.init.normal_(weight, 0, INITIAL / (2 * depth) ** 0.5 if "leave" in name else INITIAL)


def future(places: int, all_: int, device: torch.device) -> Float[Tensor, "1 1 place all"]:
    """-inf at what comes after each of the last places."""
    return torch.full((1, 1, places, all_), -math.inf, device=device).triu(all_ - places + 1)


def attended(
    q: Float[Tensor, "batch head place width"],
    k: Float[Tensor, "batch head all width"],
    v: Float[Tensor, "batch head all width"],
    hidden: Float[Tensor, "#batch 1 place all"] | None,
    dropout: float,
) -> Float[Tensor, "batch head place width"]:
    """softmax(q k^T / sqrt(width) + hidden) v; where nothing is given as hidden, that is what comes after.

    The fused kernel is 2 to 3 times slower for bf16 on CPUs.
    """
    places = q.shape[2]
    if q.device.type != "cpu" or q.dtype != torch.bfloat16:
        causal, hidden = hidden is None and places > 1, None if hidden is None else hidden.to(q.dtype)
        return F.scaled_dot_product_attention(q, k, v, hidden, dropout, is_causal=causal)
    with torch.autocast("cpu", enabled=False):  # which would take the softmax in fp32
        hidden = future(places, k.shape[2], q.device) if hidden is None else hidden
        share = (q @ (k * q.shape[3] ** -0.5).mT + hidden.to(q.dtype)).softmax(3)
        return (dropped(share, dropout) if dropout else share) @ v


def angles(places: Int[Tensor, " place"], width: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines, (place, width), by which a head of this width turns what is at these places: of
    each pair of numbers, half a width apart, the first takes the sine with a minus."""
    half = width // 2
    turns = places[:, None] * BASE ** (-torch.arange(half, device=places.device) / half)
    return turns.cos().repeat(1, 2), torch.cat([-turns.sin(), turns.sin()], 1)


def turned(
    x: Float[Tensor, "batch head place width"], cosines: Tensor, sines: Tensor
) -> Float[Tensor, "batch head place width"]:
    """Pairs of numbers turned by an angle that grows with the place, so that products know distances."""
    return x * cosines.to(x.dtype) + x.roll(x.shape[3] // 2, 3) * sines.to(x.dtype)
