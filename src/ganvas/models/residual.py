"""A critic that chooses among what another model writes: a residual energy-based model (Deng et al. 2020)."""

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor

from ganvas.core.data import Data
from ganvas.core.errors import UserError
from ganvas.core.settings import Settings as Base
from ganvas.core.transfer import Inheritance
from ganvas.core.turns import Batch, Objective, Turn
from ganvas.data.spec import Spec
from ganvas.models import lm
from ganvas.models.settings import check_heads
from ganvas.models.writing import LONGEST, Choice, up_to_end
from ganvas.nn.sentences import Reader

Tokens = Int[Tensor, "batch place"]
Verdicts = Float[Tensor, " batch"]
SUMMED = 2_048
"""Drafts by which the sum over all texts is estimated."""
JUDGED = 256
"""Texts that the critic sees at once."""


class CriticSettings(lm.NetworkSettings):
    """The network that judges a whole text."""

    lr: float = Field(default=5e-4, gt=0, le=1)
    """Adam's learning rate."""
    depth: int = Field(default=2, ge=1, le=256)
    """Layers."""
    dropout: float = Field(default=0.25, ge=0, lt=1)
    """Share of each layer's outcome that is left out in training."""


class WriterSettings(Base):
    """Whose drafts are judged: the run of --init-from; not to be given."""

    recipe: str = ""
    """That run's recipe."""
    settings: dict[str, Any] = Field(default={})
    """And its settings."""


class Settings(Base):
    """The critic, and how it is asked."""

    critic: CriticSettings = CriticSettings()
    """Text -> whether it is real; it sees all of it."""
    drafts: int = Field(default=16, ge=1, le=1024)
    """Texts that are written for each that is given."""
    writer: WriterSettings = WriterSettings()
    """Whose drafts are judged."""


class Residual(Objective):
    """P(x) = W(x) e^c(x) / Z, W being the writer's law and c the critic's logit.

    W rests. The critic tells real texts from drafts, by noise-contrastive estimation (Gutmann & Hyvärinen
    2010): where it is perfect, c = log P - log W up to a constant (Deng et al. 2020, sec. 3.1). Of each
    `drafts` drafts one is given, the i-th with probability e^c_i / sum_j e^c_j (ibid., alg. 1).
    """

    averaged = ("critic",)
    was = "drafts"
    exact = False
    estimated = SUMMED
    log_sum: Float[Tensor, ""]
    lengths: Tensor

    def __init__(self, config: Settings, spec: Spec, writer: Any):
        super().__init__()
        if spec.vocabulary is None or spec.vocabulary.end is None or spec.vocabulary.roles:
            raise ValueError("the critic judges items of text: their vocabulary has an end, and no roles")
        self.config, self.spec, self.vocabulary, net = config, spec, spec.vocabulary, config.critic
        self.end, self.context = spec.vocabulary.end, spec.shape[0]
        check_heads("critic", net.width, net.heads)
        self.writer = writer.requires_grad_(False)
        self.critic = Reader(
            self.vocabulary.size, self.context, net.width, net.depth, net.heads, net.dropout, 1
        )
        self.register_buffer("log_sum", torch.zeros((), dtype=torch.float64))
        self.register_buffer("lengths", torch.from_numpy(self.vocabulary.lengths), persistent=False)

    def train(self, mode: bool = True) -> "Residual":
        """The writer rests, without what dropout makes of it."""
        super().train(mode)
        self.writer.eval()
        return self

    def inherit(self, other: Objective) -> list[Inheritance]:
        """The writer is the other model, whole; it has to know the same tokens."""
        theirs: Spec = other.spec  # pyright: ignore[reportAssignmentType]
        mine, its = (spec.model_dump(include={"vocabulary", "shape"}) for spec in (self.spec, theirs))
        if mine != its:
            raise UserError("it has learnt other tokens; give the --data that it was trained on")
        self.writer.load_state_dict(other.state_dict())
        return [Inheritance("writer", "model", [""]), Inheritance("critic", why="it is learnt here")]

    def turns(self, batch: Batch, step: int) -> Iterator[Turn]:
        real = batch["text"]
        on_real, on_drafts = self.verdicts(real), self.verdicts(self.drafted(len(real)))
        loss = (F.softplus(-on_real) + F.softplus(on_drafts)).mean() / 2
        right = ((on_real > 0).float().mean() + (on_drafts < 0).float().mean()) / 2
        yield Turn({"critic": loss}, {"right/training": right.detach()})

    def drafted(self, n: int, generator: torch.Generator | None = None) -> Tokens:
        """As batches have items: an end, the draft, and ends."""
        made = self.writer.sample(n, generator=generator, length=self.context)
        rows = F.pad(made[:, : self.context].clone(), (1, 0), value=self.end)
        return rows.to(self.lengths.device)

    def verdicts(self, rows: Tokens) -> Verdicts:
        """c of each item; where it is longer than a window, of its beginning."""
        text = rows[:, 1 : self.context + 1]
        return self.critic(text, up_to_end(text, self.end))[:, 0].float()

    @torch.no_grad()
    def _judged(self, rows: Tokens) -> Verdicts:
        """`verdicts`, in parts."""
        return torch.cat([self.verdicts(part) for part in rows.to(self.lengths.device).split(JUDGED)])

    @cached_property
    def stock(self) -> Tokens:
        """Drafts that are written once, for the writer rests; the same for the same writer."""
        return self.drafted(SUMMED, torch.Generator().manual_seed(0))

    def summed(self, verdicts: Verdicts) -> Float[Tensor, ""]:
        """log Z = log E_W e^c by those of drafts; the mean of this is below log Z (ibid., theorem 2)."""
        return verdicts.double().logsumexp(0) - math.log(len(verdicts))

    @torch.no_grad()
    def for_use(self, data: Data) -> dict[str, Tensor]:
        return {"log_sum": self.summed(self._judged(self.stock))}

    @torch.no_grad()
    def figures(self, batch: Batch) -> dict[str, Tensor]:
        """Of items that it is not trained on."""
        rows = batch["text"]
        text = rows[:, 1:]
        real = up_to_end(text, self.end)
        own, drafts = self._judged(rows), self._judged(self.stock)
        above = (own[:, None] > drafts).double().mean()
        more = own - self.summed(drafts)
        size = (self.lengths[text] * real).sum() * math.log(2)
        plain = [row[kept] for row, kept in zip(text, real & (text != self.end), strict=True)]
        before = -sum(part.sum() for part in self.writer.log_prob(plain)) / size
        found = {"bits_per_byte": before - more.sum() / size, "auc": above}
        return {f"{name}/held_out": value for name, value in found.items()}

    def log_prob(self, texts: Sequence[Int[Tensor, " token"]]) -> list[Float[Tensor, " block"]]:
        """log P of each text in nats: the writer's, the critic's verdict, and Z by an estimate."""
        blocks = self.writer.log_prob(texts)
        rows = torch.full((len(texts), self.context + 1), self.end)
        for row, text in zip(rows, texts, strict=True):
            row[1 : len(text) + 1] = text[: self.context]
        more = (self._judged(rows).double() - self.log_sum).cpu()
        return [torch.cat([block.double(), one[None]]) for block, one in zip(blocks, more, strict=True)]

    def chosen(self, rows: Tokens, n: int, generator: torch.Generator | None) -> Int[Tensor, "n token"]:
        """One of each n-th part of the drafts, as the critic has it."""
        chances = self._judged(rows).view(n, -1).softmax(1).cpu()
        picked = torch.multinomial(chances, 1, generator=generator)[:, 0]
        return rows.view(n, chances.shape[1], -1)[torch.arange(n), picked.to(rows.device)]

    @torch.no_grad()
    def sample(self, n: int, *, generator: torch.Generator | None = None, **how: Any) -> Tokens:
        """`n` texts as tokens, of `drafts` each; `how`: as the writer has it."""
        made = self.writer.sample(n * self.config.drafts, generator=generator, **how)
        begun = self.vocabulary.begun(how.get("label"))
        before = torch.tensor(begun, device=made.device).expand(len(made), -1)
        return self.chosen(torch.cat([before, made], 1), n, generator)[:, len(begun) :]

    def before(self) -> Any:
        """The writer by itself."""
        return self.writer


class Choosing(Residual):
    """With a writer that goes on with a text."""

    @torch.no_grad()
    def unroll(
        self,
        prompt: Int[Tensor, " token"],
        n: int,
        choice: Choice,
        generator: torch.Generator | None = None,
    ) -> Iterator[Int[Tensor, " n"]]:
        """What comes after the prompt, n times: drafts up to their ends, of which then one is told."""
        made: list[Tensor] = []
        over = torch.zeros(n * self.config.drafts, dtype=torch.bool)
        for token in self.writer.unroll(prompt, len(over), choice, generator):
            made.append(token.cpu().masked_fill(over, self.end))
            over |= made[-1] == self.end
            if over.all() or len(made) >= LONGEST * self.context:
                break
        begun = prompt.cpu().expand(len(over), -1)
        rows = self.chosen(torch.cat([begun, torch.stack(made, 1)], 1), n, generator)
        yield from rows[:, len(prompt) :].T
        while True:
            yield torch.full((n,), self.end)


def build(config: Settings, spec: Spec, writer: Any) -> Residual:
    return (Choosing if hasattr(writer, "unroll") else Residual)(config, spec, writer)
