"""Variational autoencoder of text (Bowman et al. 2016), z at every layer (Li et al. 2020)."""

import math
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from pydantic import Field
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ganvas.core.device import precise
from ganvas.core.settings import Settings as Base
from ganvas.core.turns import Batch, Turn
from ganvas.data.spec import Spec
from ganvas.losses.divergence import kl_to_standard, log_normal
from ganvas.metrics.likelihood import importance_bound
from ganvas.models.latent import FromLatents, sampled
from ganvas.models.likelihood import charged
from ganvas.models.lm import NetworkSettings, batches
from ganvas.models.settings import check_heads
from ganvas.models.writing import Choice, up_to_end
from ganvas.nn.sentences import Reader, Teller

Tokens = Int[Tensor, "batch place"]
Scalar = Float[Tensor, ""]
HIDDEN = 0
"""Stands for a token that the decoder is not shown: a zero byte, which text does not have."""
TOGETHER = 16_384
"""Tokens that are scored at once."""
DRAWS = 100
"""Importance samples of the bound on log P."""
MOVES = 0.01
"""Variance over items of the mean of an active unit (Burda et al. 2016, sec. 5.2)."""


class Settings(Base):
    """What is encoded how, and how z is kept in use."""

    encoder: NetworkSettings = NetworkSettings(lr=1e-3)
    """Text -> law of z; it sees all of the text."""
    decoder: NetworkSettings = NetworkSettings(lr=1e-3)
    """z, and the tokens so far -> law of the next one."""
    latent: int = Field(default=32, ge=1, le=4096)
    """Numbers in z."""
    pretraining: float = Field(default=0.4, ge=0, lt=1)
    """Share of the training in which it is an autoencoder, z being its mean, without KL (Li et al. 2019)."""
    beta: float = Field(default=1.0, ge=0)
    """Weight of the KL divergence; other than 1 it is no bound any more."""
    warmup: float = Field(default=0.4, ge=0, le=1)
    """Share of what follows over which the KL's weight rises, against collapse (Bowman et al. 2016)."""
    free_bits: float = Field(default=0.25, ge=0)
    """Nats in each dimension of z that cost nothing, against collapse (Kingma et al. 2016)."""
    word_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of tokens that the decoder is not shown in training, so that it needs z (Bowman et al. 2016)."""


class TextVAE(FromLatents):
    """Maximises a bound on log P(x) = log int P(x | z) p(z) dz, of items of text.

    Items are rows of tokens (batch, place): an end, the item, and ends.
    """

    averaged = ("encoder", "decoder")
    draws = DRAWS
    lengths: Tensor

    def __init__(self, config: Settings, spec: Spec):
        super().__init__()
        if spec.vocabulary is None or spec.vocabulary.end is None:
            raise ValueError("an autoencoder of text learns items: their vocabulary has an end")
        self.config, self.spec, self.vocabulary = config, spec, spec.vocabulary
        self.end, places = spec.vocabulary.end, spec.shape[0] + 1
        for name, net in (("encoder", config.encoder), ("decoder", config.decoder)):
            check_heads(name, net.width, net.heads)
        tokens, one, other = self.vocabulary.size, config.encoder, config.decoder
        self.encoder = Reader(tokens, places, one.width, one.depth, one.heads, one.dropout, 2 * config.latent)
        self.decoder = Teller(
            tokens, places, other.width, other.depth, other.heads, other.dropout, config.latent
        )
        self.register_buffer("lengths", torch.from_numpy(self.vocabulary.lengths), persistent=False)

    @property
    def latent(self) -> int:
        """Numbers in z."""
        return self.config.latent

    def turns(self, batch: Batch, step: int) -> Iterator[Turn]:
        x = batch["text"]
        mean, log_var = self.posterior(x)
        config, after = self.config, self.progress - self.config.pretraining
        z = mean[None] if after < 0 else sampled(mean, log_var, 1)
        fit = self.log_likelihood(x, z).mean()
        kl = kl_to_standard(mean, log_var).mean(0)
        price = 0.0 if after < 0 else charged(kl, config, after / (1 - config.pretraining))
        loss = price - fit
        bound = fit.detach() - kl.sum().detach()
        figures = {"reconstruction": -fit.detach(), "kl": kl.sum().detach(), "bound": bound}
        yield Turn({"encoder": loss, "decoder": loss}, figures)

    def posterior(self, x: Tokens, label: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z | x), each (batch, latent)."""
        mean, log_var = precise(self.encoder(x[:, 1:], self._real(x))).chunk(2, 1)
        return mean, log_var

    def _real(self, x: Tokens) -> Bool[Tensor, "batch place"]:
        """Which of the tokens that are foretold count: up to the first end, which does."""
        return up_to_end(x[:, 1:], self.end)

    def log_likelihood(self, x: Tokens, z: Float[Tensor, "k batch latent"]) -> Float[Tensor, "k batch"]:
        """log P(x | z) for each draw of z."""
        k, seen = len(z), x[:, :-1]
        if self.training and self.config.word_dropout:
            lost = torch.rand(seen.shape, device=x.device) < self.config.word_dropout
            lost[:, 0] = False
            seen = seen.masked_fill(lost, HIDDEN)
        logits = self.decoder(seen.repeat(k, 1), self.decoder.given(z.flatten(0, 1)))
        nats = F.cross_entropy(logits.mT, x[:, 1:].repeat(k, 1), reduction="none").unflatten(0, (k, -1))
        return -(nats * self._real(x)).sum(2)

    def log_weights(self, x: Tokens, label: Tensor | None, k: int) -> Float[Tensor, "k batch"]:
        """log p(x, z) - log q(z | x) at k draws from q: the log of their mean bounds log P(x) from below."""
        mean, log_var = self.posterior(x)
        z = sampled(mean, log_var, k)
        fit = torch.cat([self.log_likelihood(x, part) for part in z.split(max(1, TOGETHER // x.numel()))])
        return fit + log_normal(z).sum(-1) - log_normal(z, mean, log_var).sum(-1)

    def log_prob(self, texts: Sequence[Int[Tensor, " token"]]) -> list[Float[Tensor, " one"]]:
        """A lower bound on log P of each item and its end in nats, by `DRAWS` importance samples; of items
        longer than the context, of their beginning."""
        found = torch.empty(len(texts), dtype=torch.float64)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for rows in batches(order, [len(text) + 2 for text in texts]):
            x = self.padded([texts[i] for i in rows])
            found[rows] = importance_bound(self, x, None, DRAWS).double().cpu()
        return [*found[:, None]]

    def padded(self, texts: Sequence[Int[Tensor, " token"]]) -> Tokens:
        """As the model sees them."""
        ends = torch.tensor([self.end])
        rows = [torch.cat([ends, text.long().cpu(), ends])[: self.spec.shape[0] + 1] for text in texts]
        return pad_sequence(rows, batch_first=True, padding_value=self.end).to(self.lengths.device)

    @torch.no_grad()
    def figures(self, batch: Batch) -> dict[str, Tensor]:
        """Of items that it is not trained on."""
        x = batch["text"]
        found = self.use_of_latents(x)
        size = (self.lengths[x[:, 1:]] * self._real(x)).sum(1).float()
        bits = (found["reconstruction"] + found["kl"]).sum() / size.sum() / math.log(2)
        active, _ = found.pop("mean").var(0) > MOVES, found.pop("log_var")
        rows = {name: value.mean() for name, value in found.items()}
        rows |= {"active_units": active.sum().float(), "bits_per_byte": bits}
        return {f"{name}/held_out": value for name, value in rows.items()}

    def use_of_latents(self, x: Tokens) -> dict[str, Tensor]:
        """Of each item, in nats: what z leaves to be said (reconstruction), the KL, and by how much more is
        to be said with another item's z (shuffled_gap); and the law of z."""
        mean, log_var = self.posterior(x)
        z = sampled(mean, log_var, 1)
        own, other = self.log_likelihood(x, z)[0], self.log_likelihood(x, z.roll(1, 1))[0]
        kl = kl_to_standard(mean, log_var).sum(1)
        law = {"mean": mean, "log_var": log_var}
        return {"reconstruction": -own, "kl": kl, "shuffled_gap": own - other} | law

    @torch.no_grad()
    def encode(self, x: Tokens, label: Tensor | None = None) -> Float[Tensor, "batch latent"]:
        """The mean of z."""
        return self.posterior(x)[0]

    @torch.no_grad()
    def decode(  # pyright: ignore[reportIncompatibleMethodOverride] (there are no labels)
        self,
        z: Float[Tensor, "n latent"],
        label: Tensor | None = None,
        batch: int = 64,
        *,
        choice: Choice | None = None,
        generator: torch.Generator | None = None,
        length: int | None = None,
    ) -> Int[Tensor, "n token"]:
        """The item of each z, token by token the most probable one, unless a `choice` is given."""
        choice, most = choice or Choice(temperature=0), min(length or self.spec.shape[0], self.spec.shape[0])
        parts = [self._told(part, most, choice, generator) for part in z.to(self.lengths.device).split(batch)]
        longest = max(part.shape[1] for part in parts)
        return torch.cat([F.pad(p, (0, longest - p.shape[1]), value=self.end) for p in parts])

    def _told(
        self,
        z: Float[Tensor, "n latent"],
        most: int,
        choice: Choice,
        generator: torch.Generator | None,
    ) -> Int[Tensor, "n token"]:
        given, cache = self.decoder.given(z), self.decoder.decoder.cache(len(z))
        token = torch.full((len(z),), self.end, device=z.device)
        over, rows = torch.zeros(len(z), dtype=torch.bool, device=z.device), []
        while len(rows) < most and not over.all():
            logits = self.decoder(token[:, None], given, cache)[:, -1]
            token = choice.draw(logits, generator).masked_fill(over, self.end)
            over |= token == self.end
            rows.append(token)
        return torch.stack(rows, 1)

    @torch.no_grad()
    def sample(  # pyright: ignore[reportIncompatibleMethodOverride] (it takes these conditions only)
        self,
        n: int,
        *,
        generator: torch.Generator | None = None,
        truncation: float = 1.0,
        choice: Choice | None = None,
        length: int | None = None,
    ) -> Int[Tensor, "n token"]:
        """`n` items: z from its prior, tokens from their law. `truncation` is one of z, and the temperature
        of tokens unless a `choice` is given."""
        z = self.start(n, truncation, generator)
        choice = choice or Choice(temperature=truncation)
        return self.decode(z, choice=choice, generator=generator, length=length)


def build(config: Settings, spec: Spec) -> TextVAE:
    return TextVAE(config, spec)
