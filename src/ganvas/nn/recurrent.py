"""A recurrent network in the place of a `Decoder`: LSTM (Hochreiter & Schmidhuber 1997)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ganvas.core.device import precise
from ganvas.nn.dropout import Dropout

Tokens = Int[Tensor, "batch place"]
INITIAL = 0.1
"""Standard deviation of the embedding at the start (Yu et al. 2017, in their code)."""


class State:
    """What is kept of the places so far. It is never full."""

    room = 1

    def __init__(self) -> None:
        self.filled = 0
        self.kept: tuple[Tensor, Tensor] | None = None


class Recurrent(nn.Module):
    """P(token | those before it) = softmax(W h + b), h of an LSTM; embedding and h are equally wide."""

    def __init__(self, tokens: int, width: int, depth: int, dropout: float, says: bool = True):
        """`says`: whether it has logits, or states only."""
        super().__init__()
        self.embedding = nn.Embedding(tokens, width)
        self.lstm = nn.LSTM(width, width, depth, batch_first=True, dropout=dropout if depth > 1 else 0.0)
        self.drop = Dropout(dropout)
        self.leave = nn.Linear(width, tokens) if says else None
        nn.init.normal_(self.embedding.weight, 0, INITIAL)

    def forward(self, tokens: Tokens, cache: State | None = None) -> Float[Tensor, "batch place tokens"]:
        """Logits of the token after each place; with a cache the tokens go on from those in it."""
        if self.leave is None:
            raise ValueError("this network was built for its states only")
        return precise(self.leave(self.states(tokens, cache)))

    def states(self, tokens: Tokens, cache: State | None = None) -> Float[Tensor, "batch place width"]:
        """h at each place."""
        x = self.drop(self.embedding(tokens))
        with torch.autocast(x.device.type, enabled=False):  # whose LSTM is slower than that of fp32 on CPUs
            found, kept = self.lstm(x.float() if x.element_size() < 4 else x, cache.kept if cache else None)
        if cache:
            cache.kept, cache.filled = kept, cache.filled + tokens.shape[1]
        return self.drop(found)

    def cache(self, batch: int) -> State:
        return State()


class OfOneLength(nn.Module):
    """A network for items that all have so many tokens: an end is impossible before, and certain after."""

    def __init__(self, network: nn.Module, length: int, end: int):
        super().__init__()
        self.inside, self.length, self.end = network, length, end

    def forward(self, tokens: Tokens, cache: State | None = None) -> Float[Tensor, "batch place tokens"]:
        first = cache.filled if cache else 0
        logits = self.inside(tokens, cache)
        over = torch.arange(first, first + tokens.shape[1], device=tokens.device) >= self.length
        logits[..., self.end] = NEVER * (1 - 2 * over.to(logits))
        return logits

    def cache(self, batch: int) -> State:
        return self.inside.cache(batch)  # pyright: ignore


NEVER = -1e4
"""A logit whose probability is 0 in any precision, and by which no sum becomes NaN; less it, it is 1."""
