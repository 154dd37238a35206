"""Variational autoencoders (Kingma & Welling 2014), importance-weighted or with a VampPrior."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn

from ganvas.core.data import Data
from ganvas.core.device import precise
from ganvas.core.errors import UserError
from ganvas.core.settings import Settings as Base
from ganvas.core.turns import Batch, Turn
from ganvas.data.spec import Spec
from ganvas.losses.divergence import kl_to_standard, log_mean_exp, log_mixture, log_normal
from ganvas.losses.observation import ObservationName, observation
from ganvas.models.latent import FromLatents, by_weight, decoded, sampled
from ganvas.models.likelihood import black_and_white, charged
from ganvas.models.settings import AdamSettings
from ganvas.nn.autoencoder import Activation, DenseGrow, DenseShrink, Grow, Shrink

STARTING = 2_000
"""Pictures that a network's start is measured on."""
Items = Float[Tensor, "batch channel height width"]
Labels = Int[Tensor, " batch"] | None
Scalar = Float[Tensor, ""]


class NetworkSettings(AdamSettings):
    """Encoder or decoder."""

    lr: float = Field(default=1e-3, gt=0, le=1)
    """Adam's learning rate."""
    beta1: float = Field(default=0.9, ge=0, lt=1)
    """Adam's memory of the gradient."""


class PriorSettings(NetworkSettings):
    """The law of z before a picture is seen."""

    kind: Literal["normal", "vamp"] = "normal"
    """N(0, 1), or a mixture of what the encoder makes of learnt pictures (Tomczak & Welling 2018)."""
    pictures: int = Field(default=500, ge=1, le=10_000)
    """How many such learnt pictures."""


class Settings(Base):
    """What is encoded how, and what the bound on the likelihood is made of."""

    encoder: NetworkSettings = NetworkSettings()
    """Picture -> law of z."""
    decoder: NetworkSettings = NetworkSettings()
    """z -> law of the picture."""
    network: Literal["conv", "dense"] = "conv"
    """Convolutions of stride 2, or dense layers."""
    width: int = Field(default=32, ge=1, le=1024)
    """Convolutions: channels of the layer nearest to the picture."""
    hidden: int = Field(default=400, ge=1, le=16384)
    """Dense layers: units in each."""
    depth: int = Field(default=1, ge=1, le=16)
    """Dense layers: how many on each side."""
    activation: Activation = "relu"
    """Dense layers: what follows each."""
    latent: int = Field(default=64, ge=1, le=4096)
    """Numbers in z. With 2, the whole of the latent plane can be shown."""
    observation: ObservationName = "logistic"
    """The law of a pixel: bernoulli for black and white, logistic (a mixture) or gaussian for other."""
    components: int = Field(default=5, ge=1, le=64)
    """Of the logistic mixture."""
    beta: float = Field(default=1.0, ge=0)
    """Weight of the KL divergence (beta-VAE, Higgins et al. 2017); other than 1 it is no bound any more."""
    warmup: float = Field(default=0.0, ge=0, le=1)
    """Share of the training over which the KL's weight rises, against collapse (Bowman et al. 2016)."""
    free_bits: float = Field(default=0.0, ge=0)
    """Nats in each dimension of z that cost nothing, against collapse (Kingma et al. 2016)."""
    samples: int = Field(default=1, ge=1, le=1000)
    """Draws of z for each picture in training."""
    bound: Literal["elbo", "iwae"] = "elbo"
    """Of several draws: the mean bound, or the tighter importance-weighted one (Burda et al. 2016)."""
    passed: int = Field(default=0, ge=0, le=1000)
    """iwae: gradients come through so many of the draws, taken by their weights; 0: through all."""
    prior: PriorSettings = PriorSettings()
    """The law of z."""


class Vamp(nn.Module):
    """Learnt pictures, whose encodings mixed are the prior."""

    def __init__(self, count: int, shape: tuple[int, ...]):
        super().__init__()
        self.pictures = nn.Parameter(torch.empty(count, *shape).normal_(0, 0.1))

    def forward(self) -> Items:
        return self.pictures.clamp(-1, 1)


class VAE(FromLatents):
    """Encoder and decoder raise the same bound on log P(x): E_q log p(x | z) - KL(q(z | x) || p(z))."""

    def __init__(self, config: Settings, spec: Spec):
        super().__init__()
        self.config, self.spec = config, spec
        self.law = observation(config.observation, config.components)
        self.notes = black_and_white(spec, "logistic") if config.observation == "bernoulli" else []
        shape, classes = spec.shape, len(spec.classes)
        out = (self.law.width(shape[0]), *shape[1:])
        if config.network == "dense":
            size = config.hidden, config.depth
            self.encoder = DenseShrink(shape, *size, 2 * config.latent, config.activation, classes)
            self.decoder = DenseGrow(config.latent, *size, out, config.activation, classes)
        else:
            self.encoder = Shrink(shape, config.width, 2 * config.latent, classes)
            self.decoder = Grow(config.latent, config.width, out, classes)
        self.averaged = ("encoder", "decoder")
        if config.prior.kind == "vamp":
            if classes:
                raise UserError("a vamp prior knows no labels: --image.labels false, or --prior.kind normal")
            self.prior = Vamp(config.prior.pictures, shape)
            self.averaged = ("encoder", "decoder", "prior")

    @property
    def latent(self) -> int:
        """Numbers in z."""
        return self.config.latent

    def prepare(self, data: Data) -> None:
        """Dense networks start from the mean of pictures spread over the data: the encoder sees what differs
        from it, and the decoder makes it of every z. Convolutions have no number for each place."""
        if not isinstance(self.encoder, DenseShrink) or not isinstance(self.decoder, DenseGrow):
            return
        index = np.linspace(0, len(data) - 1, min(STARTING, len(data))).astype(np.int64)
        with torch.random.fork_rng(devices=[]):
            seen = data.ready(data.fetch(index))["image"]
        self.encoder.centred.mean.copy_(seen.mean(0))
        self.decoder.begin(self.law.start(seen))

    def turns(self, batch: Batch, step: int) -> Iterator[Turn]:
        x = self.law.observe(batch["image"])
        loss, figures = self.loss(x, batch.get("label"))
        yield Turn(dict.fromkeys(self.averaged, loss), figures)

    def loss(self, x: Items, label: Labels = None) -> tuple[Scalar, dict[str, Tensor]]:
        """What the players minimise, and the figures of the bound itself, in nats a picture."""
        mean, log_var = self.posterior(x, label)
        if self.config.bound == "iwae":
            return self.importance_loss(x, mean, log_var, label)
        z = sampled(mean, log_var, self.config.samples)
        fit = self.log_likelihood(x, z, label)
        kl = self.kl(z, mean, log_var)
        figures = {"reconstruction": -fit.mean().detach(), "kl": kl.sum(-1).mean().detach()}
        figures["bound"] = -(figures["reconstruction"] + figures["kl"])
        price = charged(kl.flatten(0, -2).mean(0), self.config, self.progress)
        return price - fit.mean(), figures

    def importance_loss(
        self, x: Items, mean: Tensor, log_var: Tensor, label: Labels = None
    ) -> tuple[Scalar, dict[str, Tensor]]:
        """-log of the draws' mean weight (Burda et al. 2016, eq. 8). Its gradient is the sum of each draw's
        normalised weight times the gradient of its log weight (eq. 14), or without bias the mean over few
        draws, each taken as often as it weighs: for most of fifty weigh nothing."""
        few = self.config.passed
        with torch.set_grad_enabled(not few and torch.is_grad_enabled()):
            z = sampled(mean, log_var, self.config.samples)
            fit, ratio = self.log_likelihood(x, z, label), self.log_ratio(z, mean, log_var)
            bound = log_mean_exp(fit + ratio).mean()
        found = fit.detach(), ratio.detach(), bound.detach()
        figures = {"reconstruction": -found[0].mean(), "kl": -found[1].mean(), "bound": found[2]}
        if few:
            noise = ((z - mean) * (-log_var / 2).exp()).detach()
            taken = by_weight((fit + ratio).softmax(0), few)
            z = mean + (log_var / 2).exp() * noise.take_along_dim(taken[..., None], 0)
            bound = (self.log_likelihood(x, z, label) + self.log_ratio(z, mean, log_var)).mean()
        return -bound, figures

    def posterior(self, x: Items, label: Labels = None) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z | x), each (batch, latent)."""
        mean, log_var = precise(self.encoder(x, label)).chunk(2, 1)
        return mean, log_var

    def log_likelihood(
        self, x: Items, z: Float[Tensor, "k batch latent"], label: Labels = None
    ) -> Float[Tensor, "k batch"]:
        """log P(x | z) for each draw of z."""
        k = len(z)
        params = self.decoder(z.flatten(0, 1), None if label is None else label.repeat(k))
        return self.law.log_prob(params, x).unflatten(0, (k, -1))

    def kl(
        self, z: Float[Tensor, "k batch latent"], mean: Tensor, log_var: Tensor
    ) -> Float[Tensor, "*k batch latent"]:
        """KL(q || p): in closed form, dimension by dimension, or by these draws, as one dimension."""
        if self.config.prior.kind == "normal":
            return kl_to_standard(mean, log_var)
        return -self.log_ratio(z, mean, log_var)[..., None]

    def log_ratio(
        self, z: Float[Tensor, "k batch latent"], mean: Tensor, log_var: Tensor
    ) -> Float[Tensor, "k batch"]:
        """log p(z) - log q(z | x)."""
        return self.log_prior(z) - log_normal(z, mean, log_var).sum(-1)

    def log_prior(self, z: Float[Tensor, "k batch latent"]) -> Float[Tensor, "k batch"]:
        if self.config.prior.kind == "normal":
            return log_normal(z).sum(-1)
        mean, log_var = self.posterior(self.prior())
        return log_mixture(z, mean, log_var)

    def log_weights(self, x: Items, label: Labels, k: int) -> Float[Tensor, "k batch"]:
        """log p(x, z) - log q(z | x) at k draws from q: the log of their mean bounds log P(x) from below."""
        mean, log_var = self.posterior(x, label)
        z = sampled(mean, log_var, k)
        return self.log_likelihood(x, z, label) + self.log_ratio(z, mean, log_var)

    @torch.no_grad()
    def encode(self, x: Items, label: Labels = None) -> Float[Tensor, "batch latent"]:
        """The mean of z."""
        return self.posterior(x, label)[0]

    def decode(self, z: Float[Tensor, "n latent"], label: Labels = None, batch: int = 256) -> Items:
        """The mean picture of each z."""
        return self.law.mean(decoded(self.decoder, z, label, batch))

    def start(
        self, n: int, truncation: float, generator: torch.Generator | None
    ) -> Float[Tensor, "n latent"]:
        z = super().start(n, truncation, generator)
        if self.config.prior.kind == "normal":
            return z
        mean, log_var = self.posterior(self.prior())
        which = torch.randint(len(mean), (n,), generator=generator)
        return mean.cpu()[which] + (log_var / 2).exp().cpu()[which] * z


def build(config: Settings, spec: Spec) -> VAE:
    return VAE(config, spec)
