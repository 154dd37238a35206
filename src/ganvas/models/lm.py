"""Language model: P(text) = prod_i P(token_i | those before it), exactly, by a transformer."""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ganvas.core import distributed
from ganvas.core.data import Data
from ganvas.core.settings import Settings as Base
from ganvas.core.turns import Batch, Objective, Turn
from ganvas.data.chats import REPLY
from ganvas.data.spec import Spec
from ganvas.models.chatting import replies
from ganvas.models.settings import AdamSettings, check_heads
from ganvas.models.writing import Choice, written
from ganvas.nn.decoder import Decoder

IGNORED = -100
Scalar = Float[Tensor, ""]
TOGETHER = 16_384
"""Tokens that are scored at once."""
OPENINGS = 64
"""Beginnings of chats that are kept, to be replied to in samples."""


class NetworkSettings(AdamSettings):
    """The transformer."""

    lr: float = Field(default=2e-3, gt=0, le=1)
    """Adam's learning rate."""
    beta1: float = Field(default=0.9, ge=0, lt=1)
    """Adam's memory of the gradient."""
    beta2: float = Field(default=0.99, ge=0, lt=1)
    """Adam's memory of the squared gradient."""
    weight_decay: float = Field(default=0.1, ge=0)
    """Of matrices, apart from the gradient (AdamW, Loshchilov & Hutter 2019)."""
    width: int = Field(default=192, ge=8, le=16_384)
    """Numbers for each place."""
    depth: int = Field(default=4, ge=1, le=256)
    """Layers."""
    heads: int = Field(default=3, ge=1, le=256)
    """Of attention; they divide the width into even parts."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of each layer's outcome that is left out in training: for text that is gone through often."""


class Settings(Base):
    """One player: the transformer."""

    model: NetworkSettings = NetworkSettings()
    """The transformer that says what comes next."""


class LM(Objective):
    """Minimises -log P(token | those before it in its window, of the same item), in nats a token; of chats
    only the tokens of replies count."""

    averaged = ("model",)
    lengths: Tensor
    openings: Tensor

    def __init__(self, config: Settings, spec: Spec):
        super().__init__()
        net, self.spec = config.model, spec
        if spec.vocabulary is None:
            raise ValueError("a language model is of text: its data have a vocabulary")
        self.vocabulary = spec.vocabulary
        self.context: int = spec.shape[0]
        self.model = self.network(net)
        self.register_buffer("lengths", torch.from_numpy(self.vocabulary.lengths), persistent=False)

        if self.vocabulary.roles:
            self.register_buffer("openings", torch.full((OPENINGS, self.context), self.vocabulary.start))
            self.openings[:, 1] = self.vocabulary.role(REPLY)

    def network(self, net: NetworkSettings) -> Any:
        """What says which token comes next."""
        check_heads("model", net.width, net.heads)
        words, places = self.vocabulary, self.context
        return Decoder(words.size, places, net.width, net.depth, net.heads, net.dropout, words.end)

    def prepare(self, data: Data) -> None:
        """Of chats, beginnings of some are kept up to where the first reply begins, or their ends."""
        if not self.vocabulary.roles:
            return
        found = data.documents()  # pyright: ignore[reportAttributeAccessIssue]
        reply = self.vocabulary.role(REPLY)
        for row, k in zip(self.openings, torch.linspace(0, len(found) - 1, OPENINGS).long(), strict=True):
            before = found[k][: int((found[k] == reply).argmax()) + 1][-self.context // 2 :]
            row[1 : len(before) + 1] = torch.from_numpy(before.astype("int64"))

    def turns(self, batch: Batch, step: int) -> Iterator[Turn]:
        total, count, size = self._nats(batch["text"])
        loss = total / distributed.average(count.clone()).clamp(min=1)
        bits = total.detach() / (size * math.log(2)).clamp(min=1)
        yield Turn({"model": loss}, {"bits_per_byte/training": bits})

    @torch.no_grad()
    def figures(self, batch: Batch) -> dict[str, Tensor]:
        """Of windows that it is not trained on."""
        total, _, size = self._nats(batch["text"])
        return {"bits_per_byte/held_out": total / (size * math.log(2))}

    def _nats(self, tokens: Int[Tensor, "batch place"]) -> tuple[Scalar, Scalar, Scalar]:
        """-log P of all tokens that count, how many these are, and their bytes."""
        counted = self._counted(tokens)[:, 1:]
        logits = self.model(tokens[:, :-1]).flatten(0, 1)
        nats = F.cross_entropy(logits, counted.flatten(), ignore_index=IGNORED, reduction="sum")
        known = counted != IGNORED
        size = self.lengths[counted.clamp(min=0)].masked_fill(~known, 0)
        return nats, known.sum().float(), size.sum().float()

    def _counted(self, tokens: Int[Tensor, "batch place"]) -> Int[Tensor, "batch place"]:
        """The tokens, in chats all but replies ignored."""
        if not self.vocabulary.roles:
            return tokens
        return tokens.masked_fill(~replies(tokens, self.vocabulary), IGNORED)

    def log_prob(
        self, texts: Sequence[Int[Tensor, " token"]], temperature: float = 1.0
    ) -> list[Float[Tensor, " block"]]:
        """log P of each text in nats, block by block, with logits divided by the temperature.

        Its tokens are cut into blocks as long as a window, and each is foretold from those before it in its
        block. An item begins after an end token and is followed by one, which counts; running text begins
        after its own first token, which does not. Of a chat only the replies count.
        """
        end = self.vocabulary.end
        whole = [F.pad(text.cpu(), (1, 1), value=end) if end is not None else text.cpu() for text in texts]
        both = [torch.stack([text.long(), self._counted(text[None].long())[0]], 1) for text in whole]
        blocks = [(k, part) for k, text in enumerate(both) for part in overlapping(text, self.context)]
        values: list[list[Tensor]] = [[] for _ in texts]
        order = sorted(range(len(blocks)), key=lambda i: len(blocks[i][1]))
        found = torch.empty(len(blocks), dtype=torch.float64)
        for rows in batches(order, [len(part) for _, part in blocks]):
            found[rows] = self._blocks([blocks[i][1] for i in rows], temperature)
        for (k, _), value in zip(blocks, found, strict=True):
            values[k].append(value)
        return [torch.stack(one) if one else torch.zeros(0) for one in values]

    @torch.no_grad()
    def _blocks(self, parts: Sequence[Int[Tensor, "token 2"]], temperature: float) -> Float[Tensor, " part"]:
        """log P of what counts (second column) but the first, given the tokens before (first column)."""
        rows = pad_sequence([*parts], batch_first=True, padding_value=IGNORED).to(self.lengths.device)
        logits = self.model(rows[:, :-1, 0].clamp(min=0)) / temperature
        nats = F.cross_entropy(logits.mT, rows[:, 1:, 1], ignore_index=IGNORED, reduction="none")
        return -nats.double().sum(1).cpu()

    @torch.inference_mode()
    def unroll(
        self,
        prompt: Int[Tensor, " token"],
        n: int,
        choice: Choice,
        generator: torch.Generator | None = None,
    ) -> Iterator[Int[Tensor, " n"]]:
        """What comes after the prompt, n times, token by token without end.

        Keys and values of all places are kept. When the window is full, its second half is read anew as the
        first half of another.
        """
        device = self.lengths.device
        new = prompt[-self.context :].to(device).expand(n, -1)
        seen = deque(new.split(1, 1), max(1, self.context // 2))
        cache = self.model.cache(n)
        while True:
            token = choice.draw(self.model(new, cache)[:, -1], generator)
            yield token
            new = token[:, None]
            seen.append(new)
            if not cache.room:
                cache, new = self.model.cache(n), torch.cat([*seen], 1)

    @torch.no_grad()
    def sample(  # pyright: ignore[reportIncompatibleMethodOverride] (it takes these conditions only)
        self,
        n: int,
        *,
        generator: torch.Generator | None = None,
        truncation: float = 1.0,
        choice: Choice | None = None,
        length: int | None = None,
        batch: int = 64,
        label: int | None = None,
    ) -> Int[Tensor, "n token"]:
        """`n` texts as tokens: items until their end, and ends from then on; running text fills a window.

        `truncation` is a temperature, unless a `choice` is given. `length`: tokens at most; left out, items
        are not cut before the longest training item would be. `label`: of items of that kind; left out, each
        kind is as frequent as it is in the data. Of chats: beginnings of some that it has learnt, each with a
        reply.
        """
        choice = choice or Choice(temperature=truncation)
        if self.vocabulary.roles:
            return self._replied(n, length or self.context, choice, generator)
        return written(self, n, choice, length, generator, batch, label)

    def _replied(
        self, n: int, most: int, choice: Choice, generator: torch.Generator | None
    ) -> Int[Tensor, "n token"]:
        end, rows = self.vocabulary.start, []
        for k in torch.randint(OPENINGS, (n,), generator=generator).tolist():
            asked = self.openings[k].cpu()
            asked = asked[: int((asked == self.vocabulary.role(REPLY)).nonzero().max()) + 1]
            rows.append(torch.cat([asked[1:], self.reply(asked, most, choice, generator)]))
        return pad_sequence(rows, batch_first=True, padding_value=end)

    def reply(
        self,
        asked: Int[Tensor, " token"],
        most: int,
        choice: Choice,
        generator: torch.Generator | None = None,
    ) -> Int[Tensor, " token"]:
        """At most so many tokens that follow, the end of the turn the last one."""
        said: list[int] = []
        for token in self.unroll(asked, 1, choice, generator):
            if int(token) >= self.vocabulary.plain or len(said) >= most:
                break
            said.append(int(token))
        return torch.tensor([*said, self.vocabulary.turn_end])


def overlapping(text: Int[Tensor, "token *"], context: int) -> Iterator[Int[Tensor, "part *"]]:
    """Blocks of at most context + 1 tokens, each beginning with the last one of the block before."""
    for start in range(0, len(text) - 1, context):
        yield text[start : start + context + 1]


def batches(order: Sequence[int], lengths: Sequence[int]) -> Iterator[list[int]]:
    """Neighbours in this order, about as long, so many that they fit into memory."""
    part: list[int] = []
    for i in order:
        if part and lengths[i] * (len(part) + 1) > TOGETHER:
            yield part
            part = []
        part.append(i)
    if part:
        yield part


def build(config: Settings, spec: Spec) -> LM:
    return LM(config, spec)
