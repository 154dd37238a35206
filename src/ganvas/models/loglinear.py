"""A masked network whose conditionals are log-linear in features: of what came before, and of the value."""

import math
from collections.abc import Iterator, Sequence
from typing import Literal

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor

from ganvas.core.device import precise
from ganvas.core.errors import UserError
from ganvas.core.settings import Settings as Base
from ganvas.core.turns import Batch, Objective, Turn
from ganvas.data.spec import Spec
from ganvas.losses.levels import Levels
from ganvas.losses.observation import Bernoulli
from ganvas.models.latent import checked, chosen_classes
from ganvas.models.likelihood import black_and_white, figures
from ganvas.models.settings import AdamSettings
from ganvas.nn.autoencoder import Activation
from ganvas.nn.made import MADE, size

Items = Float[Tensor, "batch channel height width"]
Labels = Int[Tensor, " batch"] | None

LARGEST = 100_000_000
"""Weights; with their gradients and Adam's two averages they take 1.6 GB."""


class NetworkSettings(AdamSettings):
    """Masked dense layers."""

    lr: float = Field(default=1e-3, gt=0, le=1)
    """Adam's learning rate."""
    beta1: float = Field(default=0.9, ge=0, lt=1)
    """Adam's memory of the gradient."""
    depth: int = Field(default=0, ge=0, le=16)
    """Hidden layers. 0: the features are the pixels before, and learning is a convex problem."""
    hidden: int = Field(default=500, ge=1, le=16384)
    """Units in each hidden layer."""
    activation: Activation = "relu"
    """What follows each hidden layer."""
    direct: bool = True
    """With hidden layers: whether the pixels before are features too."""


class Settings(Base):
    """What a pixel's law is, and of what it is log-linear."""

    network: NetworkSettings = NetworkSettings()
    """Pixels before -> law of a pixel."""
    observation: Literal["bernoulli", "levels"] = "levels"
    """The law of a pixel: bernoulli for black and white, levels (an exponential family) for all else."""
    features: int = Field(default=14, ge=1, le=64)
    """Levels: cosines of the pixel's value that its law is log-linear in, beside one for each end."""


class LogLinear(Objective):
    """log P(x) = sum_i theta(x_<i) . phi(x_i) - log Z_i, values in raster order, channels inside a place.

    theta is linear in features of what came before: with no hidden layer and Bernoulli pixels, a fully
    visible sigmoid belief network (Frey et al. 1996; Neal 1992); else MADE (Germain et al. 2015).
    """

    averaged = ("network",)

    def __init__(self, config: Settings, spec: Spec):
        super().__init__()
        self.config, self.spec = config, spec
        black = config.observation == "bernoulli"
        self.notes = black_and_white(spec, "levels") if black else []
        self.law = Bernoulli() if black else Levels(config.features)
        net, inputs, out = config.network, math.prod(spec.shape), self.law.width(1)
        layers = [net.hidden] * net.depth
        refuse_large(size(inputs, out, layers, net.direct), spec)
        self.network = MADE(inputs, out, layers, net.activation, len(spec.classes), net.direct)

    def turns(self, batch: Batch, step: int) -> Iterator[Turn]:
        log_prob = self.log_prob(self.law.observe(batch["image"]), batch.get("label")).mean()
        yield Turn({"network": -log_prob}, figures(log_prob, self.spec))

    def params(self, x: Items, label: Labels = None) -> Float[Tensor, "batch width height width_of_picture"]:
        """What the law of each place takes, from the places before."""
        channels, height, wide = self.spec.shape
        theta = precise(self.network(x.permute(0, 2, 3, 1).flatten(1), label))
        return theta.unflatten(1, (height, wide, channels)).permute(0, 3, 4, 1, 2).flatten(1, 2)

    def log_prob(self, x: Items, label: Labels = None) -> Float[Tensor, " batch"]:
        """log P(x), or log P(x | label) where there are labels: exact, in nats.

        Of the 256-level picture; with Bernoulli pixels of the one in black (-1) and white (1).
        """
        return self.law.log_prob(self.params(x, label), x)

    @torch.no_grad()
    def sample(  # pyright: ignore[reportIncompatibleMethodOverride] (it takes these conditions only)
        self,
        n: int,
        *,
        generator: torch.Generator | None = None,
        label: int | Sequence[int] | Tensor | None = None,
        truncation: float = 1.0,
        batch: int = 256,
    ) -> Items:
        """`n` pictures; of the classes in `label`, else of all alike. `truncation` is a temperature.

        It takes one small step for each value of the picture, in all the arithmetic of one pass forward.
        """
        temperature = checked(truncation)
        labels = chosen_classes(self.spec, n, label, generator)
        device = self.network.out.weight.device

        def pick(theta: Tensor) -> Tensor:
            params = self.law.cooled(precise(theta)[:, :, None, None], temperature)
            return self.law.draw(params, generator).flatten()

        channels, height, wide = self.spec.shape
        made = []
        for first in range(0, n, batch):
            count = min(batch, n - first)
            part = None if labels is None else labels[first : first + count].to(device)
            made.append(self.network.generate(count, part, pick))
        return torch.cat(made).unflatten(1, (height, wide, channels)).permute(0, 3, 1, 2).contiguous()


def refuse_large(weights: int, spec: Spec) -> None:
    if weights > LARGEST:
        _, height, width = spec.shape
        raise UserError(
            f"every pixel beside every other one, for pictures of {height} x {width} these are {weights:,} "
            f"weights, more than {LARGEST:,}: take a smaller --image.size, --image.channels 1, "
            f"--network.depth 1 with --network.direct false, or the recipe pixel"
        )


def build(config: Settings, spec: Spec) -> LogLinear:
    return LogLinear(config, spec)
