"""What a decoder says of a picture: the law of its pixels. All give log P of whole pixel values, in nats."""

import math
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Items = Float[Tensor, "batch channel height width"]
"""In [-1, 1]: 256 values, 1/127.5 apart."""
Params = Float[Tensor, "batch width height width_of_picture"]
"""What the decoder gives for each place of the picture."""
PerItem = Float[Tensor, " batch"]

LEVEL = 1 / 127.5
"""Between two neighbouring values of a pixel."""


class Observation(Protocol):
    """The law of x given a decoder's output."""

    def width(self, channels: int) -> int:
        """Numbers that a decoder must give for each place."""
        ...

    def observe(self, x: Items) -> Items:
        """What of a picture is modelled; what is random comes from torch."""
        ...

    def log_prob(self, params: Params, x: Items) -> PerItem: ...

    def mean(self, params: Params) -> Items: ...

    def draw(self, params: Params, generator: torch.Generator | None = None) -> Items:
        """Pictures from the law; the randomness comes from a CPU generator."""
        ...


@dataclass(frozen=True)
class Bernoulli:
    """Black or white, each place by itself. A grey value is a probability, drawn anew each time a picture is
    seen (dynamic binarisation: Salakhutdinov & Murray 2008, Burda et al. 2016)."""

    def width(self, channels: int) -> int:
        return channels

    def observe(self, x: Items) -> Items:
        return (2 * torch.rand_like(x) - 1 < x).to(x.dtype) * 2 - 1

    def log_prob(self, params: Params, x: Items) -> PerItem:
        return F.logsigmoid(params * x).flatten(1).sum(1)

    def mean(self, params: Params) -> Items:
        return params.sigmoid() * 2 - 1

    def cooled(self, params: Params, temperature: float) -> Params:
        """P(x)^(1 / temperature), normalised."""
        return params / temperature

    def draw(self, params: Params, generator: torch.Generator | None = None) -> Items:
        u = torch.rand(params.shape, generator=generator).to(params.device)
        return (u < params.sigmoid()).to(params.dtype) * 2 - 1


@dataclass(frozen=True)
class Gaussian:
    """N(mean, var), both learnt for each value of a pixel.

    Noise of one level's width is added to what is seen, so that log p(x + u) + log(level) bounds log P(x)
    from below (Theis et al. 2016, sec. 3.1), and no variance falls below that noise's.
    """

    FLOOR = LEVEL**2 / 12

    def width(self, channels: int) -> int:
        return 2 * channels

    def observe(self, x: Items) -> Items:
        return x + (torch.rand_like(x) - 0.5) * LEVEL

    def log_prob(self, params: Params, x: Items) -> PerItem:
        mean, var = self._law(params)
        density = -((x - mean).square() / var + var.log() + math.log(2 * math.pi)) / 2
        return (density + math.log(LEVEL)).flatten(1).sum(1)

    def mean(self, params: Params) -> Items:
        return self._law(params)[0].clamp(-1, 1)

    def draw(self, params: Params, generator: torch.Generator | None = None) -> Items:
        mean, var = self._law(params)
        noise = torch.randn(mean.shape, generator=generator).to(mean.device)
        return (mean + noise * var.sqrt()).clamp(-1, 1)

    def _law(self, params: Params) -> tuple[Items, Items]:
        mean, log_var = params.chunk(2, 1)
        return mean, log_var.exp() + self.FLOOR


@dataclass(frozen=True)
class Logistic:
    """A mixture of logistic laws, cut at the 256 levels (Salimans et al. 2017, PixelCNN++, sec. 2.1 and 2.2).

    The components are shared by a place's channels; each channel's mean depends linearly on those before.
    """

    components: int = 5
    SHARPEST = -7.0  # log of the scale, in units of [-1, 1]

    def width(self, channels: int) -> int:
        return self.components * (1 + 2 * channels + channels * (channels - 1) // 2)

    def observe(self, x: Items) -> Items:
        return x

    def log_prob(self, params: Params, x: Items) -> PerItem:
        logits, mean, log_scale, coupling = self._law(params, x.shape[1])
        mean = mean + self._shift(coupling, x)
        value = x[:, None]
        sharpness = (-log_scale).exp()
        upper = (value + LEVEL / 2 - mean) * sharpness
        lower = (value - LEVEL / 2 - mean) * sharpness
        # s(a) - s(b) = s(a) s(-b) (1 - e^(b - a)), s the sigmoid; the outermost levels reach to infinity.
        below, above = F.logsigmoid(upper), F.logsigmoid(-lower)
        inner = below + above + torch.log(-torch.expm1(lower - upper))
        half = 1 - LEVEL / 2
        log_mass = torch.where(value < -half, below, torch.where(value > half, above, inner))
        joint = log_mass.sum(2) + logits.log_softmax(1)
        return joint.logsumexp(1).flatten(1).sum(1)

    def mean(self, params: Params) -> Items:
        logits, mean, _, coupling = self._law(params, self._channels(params))
        weight = logits.softmax(1)[:, :, None]
        # Earlier channels are the same in all components, so these may be averaged first.
        mean, coupling = (weight * mean).sum(1), (weight * coupling).sum(1)
        found, first = list[Tensor](), 0
        for c in range(mean.shape[1]):
            expected = mean[:, c]
            for k, earlier in enumerate(found):
                expected = expected + coupling[:, first + k] * earlier
            found.append(expected.clamp(-1, 1))
            first += c
        return torch.stack(found, 1)

    def cooled(self, params: Params, temperature: float) -> Params:
        """The likelier components more often, and every scale times the temperature."""
        logits, rest = params[:, : self.components], params[:, self.components :]
        rest = rest.unflatten(1, (self.components, -1)).clone()
        channels = self._channels(params)
        rest[:, :, channels : 2 * channels] += math.log(temperature)
        return torch.cat([logits / temperature, rest.flatten(1, 2)], 1)

    def draw(self, params: Params, generator: torch.Generator | None = None) -> Items:
        channels = self._channels(params)
        logits, mean, log_scale, coupling = self._law(params, channels)
        u = torch.rand(logits.shape, generator=generator).clamp(1e-6, 1 - 1e-6).to(params.device)
        chosen = (logits - (-u.log()).log()).argmax(1)[:, None, None].expand(-1, 1, channels, -1, -1)
        picked = log_scale.gather(1, chosen)[:, 0]
        v = torch.rand(picked.shape, generator=generator).clamp(1e-6, 1 - 1e-6).to(params.device)
        noise = picked.exp() * (v.log() - (-v).log1p())
        x = torch.zeros_like(noise)
        for c in range(channels):
            centre = (mean + self._shift(coupling, x)).gather(1, chosen)[:, 0]
            drawn = ((centre + noise)[:, c : c + 1].clamp(-1, 1) + 1).div(LEVEL).round() * LEVEL - 1
            x = torch.cat([x[:, :c], drawn, x[:, c + 1 :]], 1)
        return x

    def _channels(self, params: Params) -> int:
        return next(c for c in (1, 2, 3, 4) if self.width(c) == params.shape[1])

    def _law(self, params: Params, channels: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Logits (batch, k, h, w); means and log scales (batch, k, channel, h, w); couplings."""
        k, pairs = self.components, channels * (channels - 1) // 2
        logits, rest = params[:, :k], params[:, k:].unflatten(1, (k, 2 * channels + pairs))
        mean, log_scale, coupling = rest.split([channels, channels, pairs], 2)
        return logits, mean, log_scale.clamp(min=self.SHARPEST), coupling.tanh()

    def _shift(self, coupling: Tensor, x: Items) -> Tensor:
        """What earlier channels add to the mean of later ones."""
        rows, first = [], 0
        for c in range(x.shape[1]):
            weights = coupling[:, :, first : first + c]
            rows.append((weights * x[:, None, :c]).sum(2))
            first += c
        return torch.stack(rows, 2)


ObservationName = Literal["bernoulli", "gaussian", "logistic"]


def observation(name: ObservationName, components: int) -> Observation:
    if name == "logistic":
        return Logistic(components)
    return Bernoulli() if name == "bernoulli" else Gaussian()
