"""What a decoder says of a picture: the law of its pixels. All give log P of whole pixel values, in nats."""

import math
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from ganvas.core.device import precise

Items = Float[Tensor, "batch channel height width"]
"""In [-1, 1]: 256 values, 1/127.5 apart."""
Params = Float[Tensor, "batch width height width_of_picture"]
"""What the decoder gives for each place of the picture."""
PerItem = Float[Tensor, " batch"]

LEVEL = 1 / 127.5
"""Between two neighbouring values of a pixel."""
HALF = 1 << 15
"""The numbers of 16 bits go from minus this on to one less than this."""
CACHED = 1 << 17
"""Numbers that a core's own cache holds, with what is made of them."""


class Observation(Protocol):
    """The law of x given a decoder's output."""

    def width(self, channels: int) -> int:
        """Numbers that a decoder must give for each place."""
        ...

    def observe(self, x: Items) -> Items:
        """What of a picture is modelled; what is random comes from torch."""
        ...

    def start(self, x: Items) -> Params:
        """What a decoder says at first, while it ignores z: each place by itself, as these pictures have it.

        Of one picture, without the axis of the batch.
        """
        ...

    def log_prob(self, params: Params, x: Items) -> PerItem:
        """Of each of `params`: first those of one draw of z for each picture, then those of the next; or
        there is one for all pictures."""
        ...

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
        # Below 0 whatever is drawn where x is -1, above 0 where it is 1.
        away = (x * HALF).sub_(0.5).sub_(_sixteen_bits(x))
        return x.new_ones(()).copysign(away)

    def start(self, x: Items) -> Params:
        white = (x + 1).sum(0) / 2
        return torch.log((white + 1) / (len(x) - white + 1))  # seen never is not impossible (Laplace)

    def log_prob(self, params: Params, x: Items) -> PerItem:
        params = params.flatten(1).expand(max(len(params), len(x)), -1)
        draws = params.unflatten(0, (-1, len(x)))
        return _OfSigns.apply(draws, x.flatten(1)).flatten()  # pyright: ignore[reportReturnType]

    def mean(self, params: Params) -> Items:
        return params.sigmoid() * 2 - 1

    def cooled(self, params: Params, temperature: float) -> Params:
        """P(x)^(1 / temperature), normalised."""
        return params / temperature

    def draw(self, params: Params, generator: torch.Generator | None = None) -> Items:
        u = torch.rand(params.shape, generator=generator).to(params.device)
        return (u < params.sigmoid()).to(params.dtype) * 2 - 1


def _sixteen_bits(x: Items) -> Tensor:
    """A random whole number of [-2^15, 2^15) for each of x: enough for 256 greys, and four of them come at
    once, in a third of the time that as many uniform numbers take."""
    drawn = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device).random_(-(2**63), None)
    return drawn.view(torch.int16)[: x.numel()].view(x.shape)


class _OfSigns(torch.autograd.Function):
    """sum over places of log sigmoid(x logit), x being -1 or 1: (draw, batch).

    For the way back only the logits are kept, in the precision they came in, and on a CPU so few draws are
    worked on at a time that these stay in its cache: many draws cost half as much as by autograd.
    """

    @staticmethod
    def forward(
        ctx: Any, logits: Float[Tensor, "draw batch place"], x: Float[Tensor, "batch place"]
    ) -> Float[Tensor, "draw batch"]:
        ctx.save_for_backward(logits, x)
        return torch.cat([_log_sigmoid(precise(part) * x).sum(-1) for part in logits.split(_at_once(logits))])

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, grad: Float[Tensor, "draw batch"]
    ) -> tuple[Float[Tensor, "draw batch place"], None]:
        logits, x = ctx.saved_tensors
        against, found, count = -x, torch.empty_like(logits), _at_once(logits)
        for part, weight, out in zip(*(t.split(count) for t in (logits, grad, found)), strict=True):
            slope = (precise(part) * against).sigmoid_()
            out.copy_(slope.mul_(x).mul_(weight[..., None]))
        return found, None


def _log_sigmoid(x: Tensor) -> Tensor:
    """In the place of x. As fast as torch's, and ten times as fast where log1p goes number by number: on CPUs
    in torch 2.14."""
    small = x.abs().sigmoid_().log_()
    return small.add_(x.clamp_(max=0))


def _at_once(logits: Float[Tensor, "draw batch place"]) -> int:
    """Draws that fit into a CPU's cache; a GPU takes all."""
    return max(1, CACHED // logits[0].numel()) if logits.device.type == "cpu" else len(logits)


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

    def start(self, x: Items) -> Params:
        return torch.cat([x.mean(0), (x.var(0, correction=0) + self.FLOOR).log()])

    def log_prob(self, params: Params, x: Items) -> PerItem:
        x = _each_draw(x, params)
        mean, var = self._law(precise(params))
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
    SHARPEST, BROADEST = -7.0, 10.0  # log of the scale, in units of [-1, 1]

    def width(self, channels: int) -> int:
        return self.components * (1 + 2 * channels + channels * (channels - 1) // 2)

    def observe(self, x: Items) -> Items:
        return x

    def start(self, x: Items) -> Params:
        """The components lie evenly among the values seen."""
        k, channels = self.components, x.shape[1]
        among = ((torch.arange(k) + 0.5) / k * len(x)).long()
        mean = x.sort(0).values[among]
        log_scale = (x.std(0, correction=0) / k).clamp(min=LEVEL).log().expand_as(mean)
        coupling = x.new_zeros(k, channels * (channels - 1) // 2, *x.shape[2:])
        return torch.cat(
            [torch.zeros_like(mean[:, 0]), torch.cat([mean, log_scale, coupling], 1).flatten(0, 1)]
        )

    def log_prob(self, params: Params, x: Items) -> PerItem:
        x = _each_draw(x, params)
        logits, mean, log_scale, coupling = self._law(precise(params), x.shape[1])
        mean = mean + self._shift(coupling, x)
        value = x[:, None]
        sharpness = (-log_scale).exp()
        upper = (value + LEVEL / 2 - mean) * sharpness
        lower = (value - LEVEL / 2 - mean) * sharpness
        # s(a) - s(b) = s(a) s(-b) (1 - e^(b - a)), s the sigmoid; the outermost levels reach to infinity.
        # b - a is not worked out from b and a: it would be 0 of a component that is far away.
        below, above = F.logsigmoid(upper), F.logsigmoid(-lower)
        inner = below + above + torch.log(-torch.expm1(-LEVEL * sharpness))
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
        return logits, mean, log_scale.clamp(self.SHARPEST, self.BROADEST), coupling.tanh()

    def _shift(self, coupling: Tensor, x: Items) -> Tensor:
        """What earlier channels add to the mean of later ones."""
        rows, first = [], 0
        for c in range(x.shape[1]):
            weights = coupling[:, :, first : first + c]
            rows.append((weights * x[:, None, :c]).sum(2))
            first += c
        return torch.stack(rows, 2)


def _each_draw(x: Items, params: Params) -> Items:
    """The pictures once for each draw of z."""
    return x.repeat(len(params) // len(x), 1, 1, 1) if len(params) > len(x) else x


ObservationName = Literal["bernoulli", "gaussian", "logistic"]


def observation(name: ObservationName, components: int) -> Observation:
    if name == "logistic":
        return Logistic(components)
    return Bernoulli() if name == "bernoulli" else Gaussian()
