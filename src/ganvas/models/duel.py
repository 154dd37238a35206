"""Adversarial learning of text that begins with likelihood, is watched, and goes back where it does harm."""

import copy
from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor, nn

from ganvas.core import distributed
from ganvas.core.data import Data
from ganvas.core.settings import Settings as Base
from ganvas.core.turns import Batch, Turn
from ganvas.data.spec import Spec
from ganvas.models import lm
from ganvas.models.lm import IGNORED, LM
from ganvas.models.settings import check_heads
from ganvas.models.writing import up_to_end
from ganvas.nn.decoder import Decoder
from ganvas.nn.recurrent import OfOneLength, Recurrent

Tokens = Int[Tensor, "batch place"]
Places = Float[Tensor, "batch place"]
Choose = Callable[[Float[Tensor, "batch token"]], Int[Tensor, "batch 1"]]
"""Logits -> a token each."""
NetworkName = Literal["transformer", "lstm"]
WATCHED = 256
"""Held-out items, and samples, of a look."""
TOGETHER = 64
"""Of these that are looked at at once."""
LOOKS = 20
"""In each stage."""
LIKELIHOOD, ADVERSARIAL, UNDONE = range(3)


class NetworkSettings(lm.NetworkSettings):
    """The network that writes."""

    network: NetworkName = "transformer"
    """What it is: a transformer, or an LSTM, whose embedding is as wide as its state."""


class Settings(Base):
    """What the stages share."""

    model: NetworkSettings = NetworkSettings()
    """The generator: it says what comes next."""
    likelihood: float = Field(default=0.6, ge=0, le=1)
    """Share of the training that is likelihood alone, the first stage; 1: all of it."""
    meeting: float = Field(default=0.05, ge=0, le=1)
    """Share of the training that follows, in which the critic learns and the generator waits."""
    slower: float = Field(default=0.1, gt=0, le=1)
    """In the adversarial stage the generator's learning rate is this share of what it was."""
    anchor: float = Field(default=0.0, ge=0)
    """In the adversarial stage: weight of -log P of real items, in nats an item, beside the critic's word."""
    rise: float = Field(default=0.05, ge=0)
    """By this share held-out bits a byte may rise above those of the first stage: beyond, it goes back."""
    fall: float = Field(default=0.25, ge=0, le=1)
    """By this share the entropy of samples may fall below that of the first stage: beyond, it goes back."""


class Duel(LM):
    """First -log P of items, then what a critic says of samples.

    In each stage held-out items and samples are looked at 20 times. Where the first one has learnt its items
    by heart, the second begins from the best look. Where bits a byte rise or entropy falls too far in the
    second, the generator is again what it was at the best look, and training ends. What it was at the end of
    the first stage is kept, to be compared with: `before`.
    """

    was = "likelihood stage"
    reached: int = 0
    """Looks that are due by now."""
    stage: Tensor
    looks: Tensor
    watched: Tensor
    marks: Float[Tensor, "when 2"]
    """Held-out bits a byte and nats a token of samples: at the end of likelihood, at the best look, now."""

    def __init__(self, config: Settings, spec: Spec):
        self.config = config
        if spec.vocabulary is None or spec.vocabulary.end is None:
            raise ValueError("a critic of text judges items: their vocabulary has an end")
        super().__init__(config, spec)  # pyright: ignore[reportArgumentType] (its `model` is)
        self.end = spec.vocabulary.end
        self.first, self.best = (copy.deepcopy(self.model).requires_grad_(False) for _ in range(2))
        self.register_buffer("stage", torch.tensor(LIKELIHOOD))
        self.register_buffer("looks", torch.tensor(0))
        self.register_buffer("marks", torch.zeros(3, 2, dtype=torch.float64))
        self.register_buffer("watched", torch.full((WATCHED, self.context + 1), self.end, dtype=torch.int32))

    def network(self, net: NetworkSettings) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        found = body(net, "model", self.vocabulary.size, self.context)
        longest = self.spec.longest
        if self.vocabulary.numbers and self.spec.shortest == longest:
            return OfOneLength(found, longest - 1, self.vocabulary.start)
        return found

    def prepare(self, data: Data) -> None:
        """Keeps the held-out items that are watched."""
        held_out: Any = getattr(data, "held_out", None)
        if held_out is None:
            if self.config.likelihood < 1:
                self.news = ("nothing is held out, so that only the entropy of samples is watched",)
            return
        index = np.unique(np.linspace(0, len(held_out) - 1, WATCHED).astype(int))
        rows = held_out.ready(held_out.fetch(index))["text"]
        self.watched[: len(rows), : rows.shape[1]] = rows.to(self.watched)

    def pace(self, player: str) -> float:
        return self.config.slower if player == "model" and self.stage else 1.0

    @property
    def over(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return int(self.stage) == UNDONE

    def turns(self, batch: Batch, step: int) -> Iterator[Turn]:
        if int(self.stage) == LIKELIHOOD:
            yield from super().turns(batch, step)
            return
        alone = self.progress < self.config.likelihood + self.config.meeting
        for turn in self.duel(batch["text"], alone):
            turn.stats |= {"watched/bits_per_byte": self.marks[2, 0], "watched/entropy": self.marks[2, 1]}
            yield turn

    def duel(self, real: Tokens, alone: bool) -> Iterator[Turn]:
        """The critic's turn, and unless it learns alone the generator's."""
        raise NotImplementedError

    def anchored(self, loss: Tensor, real: Tokens) -> Tensor:
        """With the weight of likelihood, an item."""
        if not self.config.anchor:
            return loss
        return loss + self.config.anchor * self._nats(real)[0] / len(real)

    @torch.no_grad()
    def written(self, begun: Tokens, places: int, choose: Choose | None = None) -> Tokens:
        """So many more tokens, ends after the first one, by the network as it is."""
        cache, token, rows = self.model.cache(len(begun)), begun, [begun]
        over = (begun[:, 1:] == self.end).any(1, keepdim=True)
        for _ in range(places):
            token = (choose or chosen)(self.model(token, cache)[:, -1]).masked_fill(over, self.end)
            over |= token == self.end
            rows.append(token)
        return torch.cat(rows, 1)

    def real_places(self, x: Tokens) -> Bool[Tensor, "batch place"]:
        """Which of the tokens after the first one are text or its end."""
        return up_to_end(x[:, 1:], self.end)

    def _counted(self, tokens: Tokens) -> Tokens:
        return tokens.masked_fill(~F.pad(self.real_places(tokens), (1, 0), value=True), IGNORED)

    def due(self, progress: float) -> bool:
        first, stage = self.config.likelihood, int(self.stage)
        begun, end = (0.0, first) if stage == LIKELIHOOD else (first, 1.0)
        self.reached = int((progress - begun) / max(end - begun, 1e-9) * LOOKS + 1e-9)
        return stage != UNDONE and self.reached > int(self.looks)

    def look(self) -> dict[str, Tensor] | None:
        self.marks[2] = self.fares()
        first = not int(self.looks)
        self.looks.fill_(self.reached)  # a budget's steps are counted anew: some may be passed over
        (bits, entropy), (best, _), (now, varied) = self.marks.tolist()
        if int(self.stage) == LIKELIHOOD:
            if first or now < best:
                self._mark()
            return self._met() if self.reached >= LOOKS else None
        if now > bits * (1 + self.config.rise) or varied < entropy * (1 - self.config.fall):
            return self._back()
        if now < best:
            self._mark()
        return None

    def _mark(self) -> None:
        """This look is the best one."""
        self.marks[1] = self.marks[2]
        self.best.load_state_dict(self.model.state_dict())

    def _met(self) -> dict[str, Tensor]:
        """The first stage ends: as it is, or as it was at its best look, if much is learnt by heart since."""
        (best, _), (now, _) = self.marks[1:].tolist()
        if now > best * (1 + self.config.rise):
            self.news = (
                f"likelihood stage: held-out {now:.3f} bits a byte at its end against {best:.3f} at best: "
                f"it learnt by heart, and goes on from the best",
            )
        else:
            self._mark()
        self.marks[0] = self.marks[2] = self.marks[1]
        self.first.load_state_dict(self.best.state_dict())
        self.stage.fill_(ADVERSARIAL)
        self.looks.fill_(0)
        return self._weights(self.first)

    def _back(self) -> dict[str, Tensor]:
        """To the best look, and no further."""
        (bits, entropy), (best, _), (now, varied) = self.marks.tolist()
        where = "the best look in between" if best < bits else "the end of the likelihood stage"
        self.news = (
            f"adversarial stage undone: held-out {now:.3f} bits a byte against {bits:.3f}, entropy of "
            f"samples {varied:.2f} nats a token against {entropy:.2f}; back to {where}",
        )
        self.stage.fill_(UNDONE)
        return self._weights(self.best)

    def _weights(self, network: nn.Module) -> dict[str, Tensor]:
        return {f"model.{name}": value for name, value in network.state_dict().items()}

    def fares(self) -> Float[Tensor, " 2"]:
        """Bits a byte of what is watched, and nats a token in the law of samples: the same ones at each look,
        as far as the law is the same."""
        nats, size, spread, places = torch.zeros(4, dtype=torch.float64, device=self.marks.device)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            for rows in self.watched.long().split(TOGETHER):
                texts = rows[(rows[:, 1:] != self.end).any(1)]
                if len(texts):
                    total, _, length = self._nats(texts)
                    nats, size = nats + total.double(), size + length
                made = self.written(rows[:, :1], self.context)
                log_law = self.model(made[:, :-1]).log_softmax(2)
                real = self.real_places(made)
                spread = spread - ((log_law.exp() * log_law).sum(2) * real).sum(dtype=torch.float64)
                places = places + real.sum()
        bits = nats / (size * np.log(2)).clamp(min=1)
        return distributed.average(torch.stack([bits, spread / places]))

    def before(self) -> "Duel":
        """What it was at the end of the likelihood stage, with `log_prob`, `sample` and `unroll`."""
        if int(self.stage) == LIKELIHOOD:
            return self
        view = copy.copy(self)
        view._modules = self._modules | {"model": self.first}
        return view


def chosen(logits: Float[Tensor, "batch token"]) -> Int[Tensor, "batch 1"]:
    """A token each, where the running sum of the law passes an even number."""
    sums = logits.softmax(1).cumsum(1)
    chance = torch.rand(len(logits), 1, device=logits.device) * sums[:, -1:]
    return torch.searchsorted(sums, chance, right=True).clamp(max=logits.shape[1] - 1)


def body(net: Any, player: str, tokens: int, places: int, says: bool = True) -> Decoder | Recurrent:
    """The network that settings name."""
    if net.network == "lstm":
        return Recurrent(tokens, net.width, net.depth, net.dropout, says)
    check_heads(player, net.width, net.heads)
    return Decoder(tokens, places, net.width, net.depth, net.heads, net.dropout, None)
