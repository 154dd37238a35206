"""Pictures place by place, each by its law given those before: exact log-likelihood, no latents."""

from collections.abc import Iterator, Sequence
from typing import Literal

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor

from ganvas.core.device import precise
from ganvas.core.settings import Settings as Base
from ganvas.core.turns import Batch, Objective, Turn
from ganvas.data.spec import Spec
from ganvas.losses.observation import Bernoulli, Logistic
from ganvas.models.latent import checked, chosen_classes
from ganvas.models.likelihood import black_and_white, figures
from ganvas.models.settings import AdamSettings
from ganvas.nn.pixelcnn import PixelCNN

Items = Float[Tensor, "batch channel height width"]
Labels = Int[Tensor, " batch"] | None


class NetworkSettings(AdamSettings):
    """Gated causal convolutions in two stacks."""

    lr: float = Field(default=1e-3, gt=0, le=1)
    """Adam's learning rate."""
    beta1: float = Field(default=0.9, ge=0, lt=1)
    """Adam's memory of the gradient."""
    width: int = Field(default=32, ge=1, le=1024)
    """Channels of every layer."""
    layers: int = Field(default=7, ge=0, le=100)
    """Gated layers; with dilations of 1, 2, 4, 1, ... they see that much further."""
    reach: int = Field(default=1, ge=1, le=8)
    """Places to either side that one layer sees, times its dilation."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of channels left out at random in training, against learning few pictures by heart."""


class Settings(Base):
    """What a pixel's law is, and what it is read from."""

    network: NetworkSettings = NetworkSettings()
    """Places before -> law of a place."""
    observation: Literal["bernoulli", "logistic"] = "logistic"
    """The law of a pixel: bernoulli for black and white, logistic (a mixture) for grey and colour."""
    components: int = Field(default=5, ge=1, le=64)
    """Of the logistic mixture."""


class Pixel(Objective):
    """log P(x) = sum_i log P(x_i | x_<i), in raster order (van den Oord et al. 2016, eq. 1).

    A place's channels are one factor: the law couples them (Salimans et al. 2017, PixelCNN++, sec. 2.2).
    """

    averaged = ("network",)

    def __init__(self, config: Settings, spec: Spec):
        super().__init__()
        self.config, self.spec = config, spec
        black = config.observation == "bernoulli"
        self.law = Bernoulli() if black else Logistic(config.components)
        self.notes = black_and_white(spec, "logistic") if black else []
        net, out = config.network, self.law.width(spec.shape[0])
        self.network = PixelCNN(
            spec.shape, net.width, net.layers, net.reach, out, len(spec.classes), net.dropout
        )

    def turns(self, batch: Batch, step: int) -> Iterator[Turn]:
        log_prob = self.log_prob(self.law.observe(batch["image"]), batch.get("label")).mean()
        yield Turn({"network": -log_prob}, figures(log_prob, self.spec))

    def log_prob(self, x: Items, label: Labels = None) -> Float[Tensor, " batch"]:
        """log P(x), or log P(x | label) where there are labels: exact, in nats.

        Of the 256-level picture; with Bernoulli pixels of the one in black (-1) and white (1).
        """
        return self.law.log_prob(precise(self.network(x, label)), x)

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

        It takes height x width steps, one after another, each of `layers` small products: with the defaults
        and on one core about a second for 64 pictures of 28 x 28, and little more for 256.
        """
        temperature = checked(truncation)
        labels = chosen_classes(self.spec, n, label, generator)
        device = self.network.position.device
        mode = self.network.training
        self.network.eval()

        def pick(params: Tensor) -> Tensor:
            return self.law.draw(self.law.cooled(precise(params), temperature), generator)

        made = []
        for first in range(0, n, batch):
            count = min(batch, n - first)
            part = None if labels is None else labels[first : first + count].to(device)
            made.append(self.network.generate(count, part, pick))
        self.network.train(mode)
        return torch.cat(made)


def build(config: Settings, spec: Spec) -> Pixel:
    return Pixel(config, spec)
