"""An invertible network: z for every picture and a picture for every z; likelihood by change of variables."""

import math
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor

from ganvas.core.settings import Settings as Base
from ganvas.core.turns import Batch, Objective, Turn
from ganvas.data.spec import Spec
from ganvas.losses.divergence import log_normal
from ganvas.models.latent import checked, chosen_classes, draw
from ganvas.models.likelihood import figures
from ganvas.models.settings import AdamSettings
from ganvas.nn.flows import Flow as Network
from ganvas.nn.flows import logit, unlogit

if TYPE_CHECKING:
    from ganvas.core.data import Data

Items = Float[Tensor, "batch channel height width"]
Labels = Int[Tensor, " batch"] | None
PerItem = Float[Tensor, " batch"]

STARTING = 512
"""Pictures by which the activation norms start."""


class FlowSettings(AdamSettings):
    """Steps of activation norm, 1 x 1 convolution and affine coupling, over several scales."""

    lr: float = Field(default=1e-3, gt=0, le=1)
    """Adam's learning rate."""
    beta1: float = Field(default=0.9, ge=0, lt=1)
    """Adam's memory of the gradient."""
    scales: int = Field(default=3, ge=1, le=8)
    """How often the picture is squeezed and half of it let go; fewer where its size is not so often even."""
    steps: int = Field(default=8, ge=1, le=64)
    """Couplings at each scale."""
    width: int = Field(default=64, ge=1, le=1024)
    """Channels inside a coupling."""


class Settings(Base):
    """What is inverted, and how pixels come to lie on a line."""

    flow: FlowSettings = FlowSettings()
    """Picture <-> z."""
    margin: float = Field(default=0.05, ge=0, lt=0.5)
    """Pixels go through a logit that keeps so far from 0 and 1 (RealNVP, sec. 4.1); 0: plain scaling."""


class Flow(Objective):
    """log P(x) >= E_u log p(x + u), with u even over a level's width (Theis et al. 2016, eq. 5), and
    log p(x) = log N(z; 0, 1) + log |det dz/dx|, z = f(x) (Dinh et al. 2017, eq. 3)."""

    averaged = ("flow",)

    def __init__(self, config: Settings, spec: Spec):
        super().__init__()
        self.config, self.spec = config, spec
        net = config.flow
        self.flow = Network(spec.shape, net.scales, net.steps, net.width, len(spec.classes))

    @property
    def latent(self) -> int:
        """Numbers in z: those of the picture."""
        return math.prod(self.spec.shape)

    def prepare(self, data: "Data") -> None:
        """The activation norms start from pictures spread over the data."""
        index = np.linspace(0, len(data) - 1, min(STARTING, len(data))).astype(np.int64)
        with torch.random.fork_rng(devices=[]):  # every process and every run begins from the same
            torch.manual_seed(0)
            batch = data.ready(data.fetch(index))
            noise = torch.rand_like(batch["image"])
        device = next(self.flow.parameters()).device
        label = batch["label"].to(device) if self.spec.classes else None
        self.flow.start(self.on_line(batch["image"].to(device), noise.to(device))[0], label)

    def turns(self, batch: Batch, step: int) -> Iterator[Turn]:
        bound = self.log_prob(batch["image"], batch.get("label")).mean()
        yield Turn({"flow": -bound}, figures(bound, self.spec, "bound"))

    def on_line(self, x: Items, noise: Items | float) -> tuple[Items, PerItem]:
        """Levels 0 ... 255, with `noise` in [0, 1) added, to the line; log of its slope, for every item."""
        u = ((x + 1) * 127.5 + noise) / 256
        y, log_slope = logit(u, self.config.margin) if self.config.margin else (u - 0.5, x.new_zeros(len(x)))
        return y, log_slope - self.latent * math.log(256)

    def off_line(self, y: Items) -> Items:
        """The middle of the level in [-1, 1]: back from `on_line` with noise 1/2."""
        u = unlogit(y, self.config.margin) if self.config.margin else y + 0.5
        return (256 * u - 0.5) / 127.5 - 1

    def density(self, x: Items, noise: Items | float, label: Labels = None) -> PerItem:
        """log p(x + noise), exact, for levels of width 1."""
        y, log_slope = self.on_line(x, noise)
        z, log_det = self.flow(y, label)
        return log_normal(z).sum(1) + log_det + log_slope

    def log_prob(self, x: Items, label: Labels = None) -> PerItem:
        """log p(x + u), u drawn from torch: in the mean it bounds log P of the 256-level picture from below.

        In nats; exact but for this uniform dequantisation, which `log_weights` tightens.
        """
        return self.density(x, torch.rand_like(x), label)

    def log_weights(self, x: Items, label: Labels, k: int) -> Float[Tensor, "k batch"]:
        """log p(x + u) at k draws of u: the log of their mean bounds log P(x), the closer the more there are
        (Ho et al. 2019, Flow++, sec. 3.1)."""
        return torch.stack([self.log_prob(x, label) for _ in range(k)])

    @torch.no_grad()
    def encode(self, x: Items, label: Labels = None) -> Float[Tensor, "batch latent"]:
        """z of the picture, at the middle of its levels."""
        return self.flow(self.on_line(x, 0.5)[0], label)[0]

    def decode(self, z: Float[Tensor, "n latent"], label: Labels = None, batch: int = 256) -> Items:
        """The picture of each z, `encode` undone; cut to [-1, 1]. Gradients are kept if z asks for them."""
        weight = next(self.flow.parameters())
        labels = repeat(None) if label is None else label.to(weight.device).split(batch)
        parts = zip(z.to(weight).split(batch), labels, strict=False)
        with torch.set_grad_enabled(z.requires_grad and torch.is_grad_enabled()):
            made = [self.off_line(self.flow.inverse(part, y)).clamp(-1, 1) for part, y in parts]
        return torch.cat(made)

    @torch.no_grad()
    def sample(  # pyright: ignore[reportIncompatibleMethodOverride] (it takes these conditions only)
        self,
        n: int,
        *,
        generator: torch.Generator | None = None,
        label: int | Sequence[int] | Tensor | None = None,
        truncation: float = 1.0,
    ) -> Items:
        """`n` pictures; of the classes in `label`, else of all alike. `truncation` is a temperature: z times
        it (Glow, sec. 6)."""
        z = checked(truncation) * draw(n, self.latent, generator=generator)
        return self.decode(z, chosen_classes(self.spec, n, label, generator))


def build(config: Settings, spec: Spec) -> Flow:
    return Flow(config, spec)
