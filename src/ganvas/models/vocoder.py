"""Sound without text: an autoencoder of it, and the law of its latents, of which new sounds are made."""

from collections.abc import Iterator, Sequence
from typing import Self

import torch
from jaxtyping import Float, Int
from pydantic import Field, model_validator
from torch import Tensor

from ganvas.core.errors import UserError
from ganvas.core.turns import Batch, Turn
from ganvas.data.spec import Spec
from ganvas.losses.divergence import log_normal
from ganvas.models import wave
from ganvas.models.latent import checked, chosen_classes
from ganvas.models.settings import AdamSettings, check_heads
from ganvas.models.wave import COPYING, HOP, Autoencoder, drawn
from ganvas.nn.sequence import Sequence as Law
from ganvas.nn.spectrogram import Frames


class PriorSettings(AdamSettings):
    """A transformer over the latents of frames."""

    lr: float = Field(default=1e-3, gt=0, le=1)
    """Adam's learning rate."""
    beta1: float = Field(default=0.9, ge=0, lt=1)
    """Adam's memory of the gradient."""
    beta2: float = Field(default=0.99, ge=0, lt=1)
    """Adam's memory of the squared gradient."""
    width: int = Field(default=192, ge=8, le=4096)
    """Channels."""
    depth: int = Field(default=4, ge=1, le=64)
    """Layers."""
    heads: int = Field(default=3, ge=1, le=64)
    """Of attention; they divide the width into even parts."""
    mixtures: int = Field(default=8, ge=1, le=256)
    """Normal laws that a frame's law is mixed of."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Share of each layer's outcome that is left out in training."""


class Settings(wave.Settings):
    """The autoencoder's, and what makes new sounds."""

    beta: float = Field(default=0.02, ge=0)
    """Weight of the KL divergence, in nats a frame: with a voice's, hardly anything would be in z."""
    prior: PriorSettings = PriorSettings()
    """The law of the latents."""
    composing: float = Field(default=0.75, ge=0, le=1)
    """Share of the training after which the law of the latents is learnt, and all else rests; 1: never."""

    @model_validator(mode="after")
    def _follow(self) -> Self:
        if self.sharpen > self.composing:
            shares = f"--sharpen {self.sharpen:g} and --composing {self.composing:g}"
            raise UserError(f"the stages follow each other, and {shares} do not")
        return self


class Vocoder(Autoencoder):
    """After the autoencoder's stages, maximises log P(latents), frame by frame."""

    averaged = ("encoder", "decoder", "prior")
    config: Settings

    def __init__(self, config: Settings, spec: Spec):
        super().__init__(config, spec)
        p = config.prior
        check_heads("prior", p.width, p.heads)
        classes = len(spec.classes)
        self.prior = Law(self.latent, p.width, p.depth, p.heads, p.mixtures, classes, p.dropout)

    @property
    def starts(self) -> tuple[float, ...]:
        return self.config.sharpen, self.config.composing

    def turns(self, batch: Batch, step: int) -> Iterator[Turn]:
        if self.reached() < COPYING:
            yield from self.copying(batch, sharp=self.reached() > 0)
        else:
            yield self.composing(batch)

    def composing(self, batch: Batch) -> Turn:
        """The prior lowers -log P(latents), in nats a frame."""
        with torch.no_grad():
            mean, log_var = self.posterior(batch["sound"][:, : batch["sound"].shape[1] // HOP * HOP])
            z = drawn(mean, log_var)
        nats = -log_prob(self.prior, z, batch.get("label")).mean()
        return Turn({"prior": nats}, {"kl": nats.detach() + log_normal(z, mean, log_var).sum(2).mean()})

    @torch.no_grad()
    def sample(  # pyright: ignore[reportIncompatibleMethodOverride] (it takes these conditions only)
        self,
        n: int,
        *,
        generator: torch.Generator | None = None,
        label: int | Sequence[int] | Tensor | None = None,
        truncation: float = 1.0,
        batch: int = 16,
    ) -> Float[Tensor, "n sample"]:
        """`n` new sounds, as long as a window; of the classes in `label`, else of all alike."""
        who = chosen_classes(self.spec, n, label, generator)
        found = []
        for k in range(0, n, batch):
            count = min(batch, n - k)
            labels: Int[Tensor, " n"] | None = (
                None if who is None else who[k : k + count].to(self.stage.device)
            )
            frames = self.spec.shape[0] // HOP
            found.append(self.decoder(self.prior.draw(count, frames, labels, checked(truncation), generator)))
        return torch.cat(found)


def log_prob(
    prior: Law, z: Frames, label: Int[Tensor, " batch"] | None = None
) -> Float[Tensor, "batch frame"]:
    """log P of each frame in nats, given those before it."""
    weight, mean, log_dev = prior(z, label)
    return (weight + log_normal(z[:, :, None], mean, 2 * log_dev).sum(3)).logsumexp(2)


def build(config: Settings, spec: Spec) -> Vocoder:
    return Vocoder(config, spec)
