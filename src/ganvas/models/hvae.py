"""Hierarchical VAE: groups of latents from vague to fine, for the best likelihood.

Bidirectional inference as in Sønderby et al. 2016 and Kingma et al. 2016, residual posteriors as in Vahdat &
Kautz 2020 (NVAE), no norm as in Child 2021 (VDVAE).
"""

import math
from collections.abc import Iterator
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor

from ganvas.core.settings import Settings as Base
from ganvas.core.turns import Batch, Turn
from ganvas.data.spec import Spec
from ganvas.losses.divergence import kl_to_standard, log_normal
from ganvas.losses.observation import ObservationName, observation
from ganvas.models.latent import FromLatents, decoded
from ganvas.models.likelihood import black_and_white, charged
from ganvas.models.vae import NetworkSettings
from ganvas.nn.ladder import BottomUp, Law, Maps, Sizes, TopDown, rungs_of

Items = Float[Tensor, "batch channel height width"]
Labels = Int[Tensor, " batch"] | None
Scalar = Float[Tensor, ""]


class Settings(Base):
    """How many latents there are where, and what the bound on the likelihood is made of."""

    encoder: NetworkSettings = NetworkSettings(beta2=0.99)
    """Picture -> what is seen of it at each size, and the law of each group given those above."""
    decoder: NetworkSettings = NetworkSettings(beta2=0.99)
    """Noise of all groups -> law of the picture."""
    width: int = Field(default=32, ge=2, le=1024)
    """Channels of the maps at half the picture's size; smaller maps have up to four times as many."""
    hidden: int = Field(default=256, ge=2, le=4096)
    """Channels of the vector at the top."""
    vectors: int = Field(default=4, ge=1, le=64)
    """Groups of latents of the vector: they cost least, and what is far apart in the picture meets there."""
    groups: int = Field(default=1, ge=0, le=64)
    """Groups at each size of map but the largest."""
    fine: int = Field(default=0, ge=0, le=64)
    """Groups at half the picture's size, where they cost most."""
    depth: int = Field(default=1, ge=0, le=64)
    """Residual blocks after each group, and at each size."""
    top: int = Field(default=16, ge=1, le=1024)
    """Numbers in a group of the vector."""
    maps: int = Field(default=4, ge=1, le=256)
    """Channels of a group of maps."""
    posterior: Literal["residual", "plain"] = "residual"
    """Its law relative to the prior's (NVAE, eq. 2), or by itself."""
    observation: ObservationName = "logistic"
    """The law of a pixel: bernoulli for black and white, logistic (a mixture) or gaussian for other."""
    components: int = Field(default=5, ge=1, le=64)
    """Of the logistic mixture."""
    beta: float = Field(default=1.0, ge=0)
    """Weight of the KL divergence; other than 1 it is no bound any more."""
    warmup: float = Field(default=0.0, ge=0, le=1)
    """Share of the training over which the KL's weight rises, against collapse (Sønderby et al. 2016)."""
    free_bits: float = Field(default=0.0, ge=0)
    """Nats in each group that cost nothing, against collapse (Kingma et al. 2016, eq. 15)."""


class Inferred(NamedTuple):
    """What was drawn for n pictures, all groups side by side, as noise, whose prior is N(0, 1)."""

    params: Float[Tensor, "n out height width"]
    """The law of the picture."""
    noise: Float[Tensor, "n latent"]
    mean: Float[Tensor, "n latent"]
    """Of the noise's law, given the groups above."""
    log_var: Float[Tensor, "n latent"]


class HVAE(FromLatents):
    """Encoder and decoder raise the bound E_q log p(x | z) - sum_l E_q KL(q(z_l | x, z_<l) || p(z_l | z_<l)).

    The latents are taken as noise: z_l = mean + sigma * noise_l, mean and sigma being the prior's given z_<l.
    So the prior of all noise together is N(0, 1), and the divergence between the laws of z_l is that between
    those of the noise.
    """

    averaged = ("encoder", "decoder")

    def __init__(self, config: Settings, spec: Spec):
        super().__init__()
        self.config, self.spec = config, spec
        self.law = observation(config.observation, config.components)
        self.notes = black_and_white(spec, "logistic") if config.observation == "bernoulli" else []
        groups = config.vectors, config.groups, config.fine
        rungs = rungs_of(spec.shape, Sizes(config.width, config.hidden, groups, (config.top, config.maps)))
        channels = spec.shape[0]
        self.encoder = BottomUp(channels, rungs, config.depth)
        self.decoder = TopDown(rungs, config.depth, self.law.width(channels), len(spec.classes))

    @property
    def latent(self) -> int:
        """Numbers in all groups together."""
        return sum(self.decoder.sizes)

    def turns(self, batch: Batch, step: int) -> Iterator[Turn]:
        x = self.law.observe(batch["image"])
        loss, figures = self.loss(x, batch.get("label"))
        yield Turn(dict.fromkeys(self.averaged, loss), figures)

    def loss(self, x: Items, label: Labels = None) -> tuple[Scalar, dict[str, Tensor]]:
        """What the players minimise, and the figures of the bound itself, in nats a picture."""
        found = self.infer(x, label)
        reconstruction = -self.law.log_prob(found.params, x).mean()
        kl = self.kl(found).mean(1)
        bound = -(reconstruction + kl.sum()).detach()
        figures = {"bound": bound, "kl": kl.sum().detach(), "reconstruction": reconstruction.detach()}
        figures["bits_per_dim"] = -bound / (x[0].numel() * math.log(2))
        figures |= {f"kl/{group}": value for group, value in enumerate(kl.detach())}
        return reconstruction + charged(kl, self.config, self.progress), figures

    def infer(self, x: Items, label: Labels = None, k: int = 1, spread: float = 1.0) -> Inferred:
        """k draws for each picture, from the top group down; with no spread, the means."""
        seen = self.encoder(x)
        drawn: list[tuple[Maps, Maps, Maps]] = []

        def choose(group: int, h: Maps, prior: Law) -> Maps:
            mean, log_var = self.encoder.posteriors[group](seen[group], h)
            if self.config.posterior == "plain":
                mean, log_var = (mean - prior[0]) * (-prior[1] / 2).exp(), log_var - prior[1]
            noise = mean + spread * (log_var / 2).exp() * torch.randn_like(mean) if spread else mean
            drawn.append((noise, mean, log_var))
            return noise

        params = self.decoder.descend(k * len(x), None if label is None else label.repeat(k), choose)
        return Inferred(
            params, *(torch.cat([t.flatten(1) for t in part], 1) for part in zip(*drawn, strict=True))
        )

    def kl(self, found: Inferred) -> Float[Tensor, "group n"]:
        """Of each group, given what was drawn above it."""
        each = kl_to_standard(found.mean, found.log_var).split(self.decoder.sizes, 1)
        return torch.stack([group.sum(1) for group in each])

    def log_weights(self, x: Items, label: Labels, k: int) -> Float[Tensor, "k batch"]:
        """log p(x, z) - log q(z | x) at k draws of all groups from q."""
        found = self.infer(x, label, k)
        fit = self.law.log_prob(found.params, x)
        ratio = log_normal(found.noise) - log_normal(found.noise, found.mean, found.log_var)
        return (fit + ratio.sum(1)).unflatten(0, (k, -1))

    def posterior(self, x: Items, label: Labels = None) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the noise of all groups, each (batch, latent); those above as drawn."""
        found = self.infer(x, label)
        return found.mean, found.log_var

    @torch.no_grad()
    def encode(self, x: Items, label: Labels = None) -> Float[Tensor, "batch latent"]:
        """The noise of all groups, topmost first, each at its mean given the means above."""
        return self.infer(x, label, spread=0.0).noise

    def decode(self, z: Float[Tensor, "n latent"], label: Labels = None, batch: int = 64) -> Items:
        """The mean picture of each z, which is the noise of all groups."""
        return self.law.mean(decoded(self.decoder, z, label, batch))


def build(config: Settings, spec: Spec) -> HVAE:
    return HVAE(config, spec)
