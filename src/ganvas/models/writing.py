"""How text is written: which of the tokens that a model holds probable comes next, and how it is told."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ganvas.data.vocabulary import Vocabulary
from ganvas.models.manners import Taste, letters, until

LONGEST = 8
"""Windows, beyond which a sample of items is cut where it does not end by itself."""


def up_to_end(text: Int[Tensor, "batch place"], end: int) -> Bool[Tensor, "batch place"]:
    """Which tokens are of the text: all up to its first end, which is."""
    over = text == end
    return over.cumsum(1) - over.long() == 0


class Choice(Taste):
    """A taste, and the tokens that it takes."""

    def law(self, logits: Float[Tensor, "n token"]) -> Float[Tensor, "n token"]:
        """Probabilities of what may be chosen; they sum to 1."""
        if self.temperature == 0:
            return torch.nn.functional.one_hot(logits.argmax(1), logits.shape[1]).to(logits.dtype)
        p = (logits / self.temperature).softmax(1)
        if self.min_p:
            p = p.where(p >= self.min_p * p.amax(1, keepdim=True), 0)
        if self.top_k and self.top_k < p.shape[1]:
            p = _only(p, torch.arange(p.shape[1], device=p.device) < self.top_k)
        if self.top_p < 1:
            p = p / p.sum(1, keepdim=True)
            ordered = p.sort(1, descending=True).values
            p = _only(p, ordered.cumsum(1) - ordered < self.top_p)
        return p / p.sum(1, keepdim=True)

    def draw(self, logits: Float[Tensor, "n token"], generator: torch.Generator | None) -> Int[Tensor, " n"]:
        """A token each, drawn on the CPU, so that a seed means the same on every machine: of events at the
        rates p the first to come, as in `torch.multinomial`, which looks four times whether p is a law."""
        p = self.law(logits.float().cpu())
        times = torch.empty_like(p).exponential_(generator=generator)
        return (p / times).argmax(1).to(logits.device)


def _only(p: Float[Tensor, "n token"], kept: Tensor) -> Float[Tensor, "n token"]:
    """Those of the ranks that are kept, the most probable one first."""
    rank = torch.argsort(p, dim=1, descending=True, stable=True)
    chosen = torch.zeros_like(p, dtype=torch.bool).scatter(1, rank, kept.expand_as(p))
    return p.where(chosen, 0)


class Writer(Protocol):
    """A model that goes on with a text."""

    vocabulary: Vocabulary

    def unroll(
        self, prompt: Int[Tensor, " token"], n: int, choice: Choice, generator: torch.Generator | None
    ) -> Iterator[Int[Tensor, " n"]]: ...


def stream(
    model: Writer,
    prompt: str,
    length: int,
    choice: Choice,
    stop: Sequence[str] = (),
    generator: torch.Generator | None = None,
    label: int | None = None,
) -> Iterator[str]:
    """What comes after the prompt, in pieces as it is made: at most `length` characters, up to the end of the
    item, or up to one of `stop`, which is not given itself. `label`: of the item."""
    words = model.vocabulary
    begun = words.encode(prompt)
    if words.ends or not len(begun):
        begun = np.append(words.begun(label), begun)
    yield from following(model, begun, length, choice, stop, generator)


def following(
    model: Writer,
    begun: Int[np.ndarray, " token"],
    length: int,
    choice: Choice,
    stop: Sequence[str] = (),
    generator: torch.Generator | None = None,
) -> Iterator[str]:
    """What comes after these tokens, as `stream` has it; of a chat up to the end of the turn."""
    tokens = model.unroll(torch.from_numpy(begun), 1, choice, generator)
    pieces = until(letters(model.vocabulary, (int(token) for token in tokens)), stop)
    for piece in pieces:
        yield piece[:length]
        length -= len(piece)
        if length <= 0:
            return


def written(
    model: Any,
    n: int,
    choice: Choice,
    length: int | None,
    generator: torch.Generator | None,
    batch: int = 64,
    label: int | None = None,
) -> Int[Tensor, "n token"]:
    """`n` texts by a `Writer` with a `spec`: items until their end, ends from then on; running text fills a
    window. `length`: tokens at most; left out, items are not cut before the longest training item. `label`:
    of all of them; left out, it chooses."""
    words: Vocabulary = model.vocabulary
    longest = min(model.spec.longest, LONGEST * model.context)
    whole = model.context if words.end is None else longest
    most = min(length or whole, whole)
    begun = torch.tensor(words.begun(label))
    parts = [
        _until_ends(model, begun, min(batch, n - k), most, choice, generator) for k in range(0, n, batch)
    ]
    longest = max(part.shape[1] for part in parts)
    return torch.cat([F.pad(p, (0, longest - p.shape[1]), value=words.end or 0) for p in parts])


def _until_ends(
    model: Any,
    begun: Int[Tensor, " token"],
    n: int,
    most: int,
    choice: Choice,
    generator: torch.Generator | None,
) -> Int[Tensor, "n token"]:
    end, rows, over = model.vocabulary.end, [], None
    for token in model.unroll(begun, n, choice, generator):
        over = torch.zeros_like(token, dtype=torch.bool) if over is None else over
        rows.append(token if end is None else token.masked_fill(over, end))
        over |= rows[-1] == end if end is not None else False
        if over.all() or len(rows) >= most:
            break
    return torch.stack(rows, 1)
