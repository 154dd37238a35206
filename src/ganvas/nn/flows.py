"""Invertible layers: each gives y and log |det dy/dx| of every item, and `inverse` undoes it."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from ganvas.core.errors import UserError

Maps = Float[Tensor, "batch channel height width"]
PerItem = Float[Tensor, " batch"]
Labels = Int[Tensor, " batch"] | None

BOUND = 2.0
"""No coupling scales by more than e^BOUND, or by less than its inverse: what makes inverting stable."""


class ActNorm(nn.Module):
    """(x + shift) e^log_scale, channel by channel; starts at mean 0 and variance 1 of some data
    (Kingma & Dhariwal 2018, Glow, sec. 3.1)."""

    def __init__(self, channels: int):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.log_scale = nn.Parameter(torch.zeros(1, channels, 1, 1))

    @torch.no_grad()
    def start(self, x: Maps) -> None:
        var, mean = torch.var_mean(x, (0, 2, 3), keepdim=True)
        self.shift.copy_(-mean)
        self.log_scale.copy_(-var.clamp(min=1e-6).log() / 2)

    def forward(self, x: Maps, label: Labels = None) -> tuple[Maps, PerItem]:
        log_det = self.log_scale.sum() * (x.shape[2] * x.shape[3])
        return (x + self.shift) * self.log_scale.exp(), log_det.expand(len(x))

    def inverse(self, y: Maps, label: Labels = None) -> Maps:
        return y * (-self.log_scale).exp() - self.shift


class Mix(nn.Module):
    """Invertible 1 x 1 convolution P L (U + diag(+-e^log_s)), a rotation at the start (ibid., sec. 3.2)."""

    permutation: Tensor
    sign: Tensor

    def __init__(self, channels: int):
        super().__init__()
        p, lower, upper = torch.linalg.lu(torch.linalg.qr(torch.randn(channels, channels))[0])
        self.register_buffer("permutation", p)
        self.register_buffer("sign", upper.diag().sign())
        self.lower = nn.Parameter(lower.tril(-1))
        self.upper = nn.Parameter(upper.triu(1))
        self.log_s = nn.Parameter(upper.diag().abs().log())

    def weight(self) -> Float[Tensor, "channel channel"]:
        eye = torch.eye(len(self.sign), dtype=self.sign.dtype, device=self.sign.device)
        diagonal = torch.diag(self.sign * self.log_s.exp())
        return self.permutation @ (self.lower.tril(-1) + eye) @ (self.upper.triu(1) + diagonal)

    def forward(self, x: Maps, label: Labels = None) -> tuple[Maps, PerItem]:
        with torch.autocast(x.device.type, enabled=False):
            y = F.conv2d(x, self.weight()[:, :, None, None])
        return y, (self.log_s.sum() * (x.shape[2] * x.shape[3])).expand(len(x))

    def inverse(self, y: Maps, label: Labels = None) -> Maps:
        with torch.autocast(y.device.type, enabled=False):
            return F.conv2d(y, torch.linalg.inv(self.weight().double()).to(y.dtype)[:, :, None, None])


class Coupling(nn.Module):
    """The first half says how the second one is moved and scaled (Dinh et al. 2017, RealNVP, eq. 7).

    The identity at the start. The scale is e^(b tanh(s / b)), with b = BOUND.
    """

    def __init__(self, channels: int, width: int, classes: int = 0):
        super().__init__()
        half = channels // 2
        self.enter = nn.Conv2d(half, width, 3, padding=1)
        self.embed = nn.Embedding(classes, width) if classes else None
        self.between = nn.Conv2d(width, width, 1)
        self.leave = nn.Conv2d(width, 2 * half, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # pyright: ignore[reportArgumentType] (it has one)

    def law(self, a: Maps, label: Labels) -> tuple[Maps, Maps]:
        """Shift and log scale."""
        h = self.enter(a)
        if self.embed is not None:
            if label is None:
                raise ValueError("this model was built for labels: give one for each item")
            h = h + self.embed(label)[:, :, None, None]
        shift, s = self.leave(F.relu(self.between(F.relu(h)))).to(a.dtype).chunk(2, 1)
        return shift, BOUND * torch.tanh(s / BOUND)

    def forward(self, x: Maps, label: Labels = None) -> tuple[Maps, PerItem]:
        a, b = x.chunk(2, 1)
        shift, log_scale = self.law(a, label)
        return torch.cat([a, (b + shift) * log_scale.exp()], 1), log_scale.flatten(1).sum(1)

    def inverse(self, y: Maps, label: Labels = None) -> Maps:
        a, b = y.chunk(2, 1)
        shift, log_scale = self.law(a, label)
        return torch.cat([a, b * (-log_scale).exp() - shift], 1)


class Chain(nn.ModuleList):
    """One after another."""

    def forward(self, x: Maps, label: Labels = None) -> tuple[Maps, PerItem]:
        total = x.new_zeros(len(x))
        for layer in self.children():
            x, log_det = layer(x, label)
            total = total + log_det
        return x, total

    def inverse(self, y: Maps, label: Labels = None) -> Maps:
        for layer in reversed(self):
            y = layer.inverse(y, label)  # pyright: ignore[reportCallIssue] (each layer has one)
        return y


class Flow(nn.Module):
    """Picture <-> z of as many numbers, over several scales (RealNVP, sec. 3.6; Glow, fig. 2).

    At each scale the picture is squeezed, 2 x 2 places into one, and goes through steps of ActNorm, Mix and
    Coupling. Then half of it becomes part of z, as it differs from what the other half lets expect: one more
    coupling, so that z is standard normal at all scales alike. The finest scale's part comes first.
    """

    def __init__(self, shape: tuple[int, ...], scales: int, steps: int, width: int, classes: int = 0):
        super().__init__()
        self.shapes: list[tuple[int, int, int]] = []
        chains = []
        channels, height, wide = shape
        scales = min(scales, squeezes(height, wide))
        for k in range(scales):
            channels, height, wide = 4 * channels, height // 2, wide // 2
            layers: list[nn.Module] = []
            for _ in range(steps):
                layers += [ActNorm(channels), Mix(channels), Coupling(channels, width, classes)]
            if k < scales - 1:
                layers.append(Coupling(channels, width, classes))
                channels //= 2
            chains.append(Chain(layers))
            self.shapes.append((channels, height, wide))
        self.chains: list[Chain] = nn.ModuleList(chains)  # pyright: ignore[reportAttributeAccessIssue]

    @torch.no_grad()
    def start(self, x: Maps, label: Labels = None) -> None:
        """Let every ActNorm see these data first."""

        def see(norm: ActNorm, args: tuple[Maps]) -> None:
            norm.start(args[0])

        norms = [m for m in self.modules() if isinstance(m, ActNorm)]
        hooks = [norm.register_forward_pre_hook(see) for norm in norms]
        self(x, label)
        for hook in hooks:
            hook.remove()

    def forward(self, x: Maps, label: Labels = None) -> tuple[Float[Tensor, "batch latent"], PerItem]:
        parts, total = [], x.new_zeros(len(x))
        for k, chain in enumerate(self.chains):
            x, log_det = chain(F.pixel_unshuffle(x, 2), label)
            total = total + log_det
            if k < len(self.chains) - 1:
                x, part = x.chunk(2, 1)
                parts.append(part.flatten(1))
        return torch.cat([*parts, x.flatten(1)], 1), total

    def inverse(self, z: Float[Tensor, "batch latent"], label: Labels = None) -> Maps:
        *parts, last = z.split([math.prod(shape) for shape in self.shapes], 1)
        x = last.unflatten(1, self.shapes[-1])
        for k in reversed(range(len(self.chains))):
            if k < len(parts):
                x = torch.cat([x, parts[k].unflatten(1, self.shapes[k])], 1)
            x = F.pixel_shuffle(self.chains[k].inverse(x, label), 2)
        return x


def squeezes(height: int, width: int) -> int:
    """How often a picture can be squeezed."""
    count = 0
    while height % 2 == 0 and width % 2 == 0:
        height, width, count = height // 2, width // 2, count + 1
    if count == 0:
        raise UserError(
            f"pictures of {height} x {width} cannot be squeezed 2 x 2 into one; "
            f"take --image.size with an even number, best a power of two"
        )
    return count


def logit(u: Maps, margin: float) -> tuple[Maps, PerItem]:
    """(0, 1) to the whole line: log q/(1-q) of q = margin + (1 - 2 margin) u (RealNVP, sec. 4.1)."""
    q = margin + (1 - 2 * margin) * u
    slope = math.log(1 - 2 * margin) - q.log() - (-q).log1p()
    return q.log() - (-q).log1p(), slope.flatten(1).sum(1)


def unlogit(y: Maps, margin: float) -> Maps:
    """Back from `logit`."""
    return (y.sigmoid() - margin) / (1 - 2 * margin)
