"""Vocos (Siuzdak 2024): frames in, frames or sound out, by blocks that never change the number of frames."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ganvas.nn.spectrogram import Frames, Inverse, Waves

SPAN = 7
"""Frames that a block sees."""
LOUDEST = 5.0
"""Logarithm of the largest amplitude of a frequency."""


class Block(nn.Module):
    """ConvNeXt (Liu et al. 2022), along time: a filter for each channel, then a dense layer of a frame."""

    def __init__(self, width: int, depth: int):
        """`depth`: of all the network, by which each block's share begins to be divided."""
        super().__init__()
        self.spread = nn.Conv1d(width, width, SPAN, padding=SPAN // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.enter, self.leave = nn.Linear(width, 3 * width), nn.Linear(3 * width, width)
        self.share = nn.Parameter(torch.full((width,), 1 / depth))

    def forward(self, x: Frames) -> Frames:
        y = self.norm(self.spread(x.mT).mT)
        return x + self.share * self.leave(F.gelu(self.enter(y)))


class Trunk(nn.Module):
    """Frames of `inputs` channels -> frames of `width` channels, through `depth` blocks.

    Frames that are hidden by `shown` are silent to all others.
    """

    def __init__(self, inputs: int, width: int, depth: int):
        super().__init__()
        self.enter = nn.Conv1d(inputs, width, SPAN, padding=SPAN // 2)
        self.norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(Block(width, depth) for _ in range(depth))
        self.last = nn.LayerNorm(width)
        self.reach = (depth + 1) * (SPAN // 2)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv1d):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)  # pyright: ignore[reportArgumentType] (it has one)

    def forward(
        self,
        x: Frames,
        shown: Bool[Tensor, "batch frame"] | None = None,
        beside: Float[Tensor, "#batch #frame width"] | None = None,
    ) -> Frames:
        """`beside`: added to what enters the blocks, such as who speaks."""
        keep = None if shown is None else shown[:, :, None].to(x.dtype)
        x = x if keep is None else x * keep
        x = self.norm(self.enter(x.mT).mT)
        x = x if beside is None else x + beside
        for block in self.blocks:
            x = block(x if keep is None else x * keep)
        return self.last(x)


class Encoder(nn.Module):
    """Frames -> mean and log-variance of the latent of each, one after the other: 2 x latent channels."""

    def __init__(self, inputs: int, width: int, depth: int, latent: int):
        super().__init__()
        self.trunk, self.leave = Trunk(inputs, width, depth), nn.Linear(width, 2 * latent)

    def forward(self, x: Frames, shown: Bool[Tensor, "batch frame"] | None = None) -> Frames:
        return self.leave(self.trunk(x, shown))


class Decoder(nn.Module):
    """Frames of latents -> sound, by amplitude and phase of each frequency (ibid., sec. 3.2)."""

    def __init__(self, latent: int, width: int, depth: int, size: int, hop: int):
        super().__init__()
        self.trunk, self.leave = Trunk(latent, width, depth), nn.Linear(width, size + 2)
        self.inverse, self.hop = Inverse(size, hop), hop
        self.reach = self.trunk.reach + size // hop // 2
        """Frames on each side that a sample depends on."""

    def forward(self, z: Frames) -> Waves:
        y = self.leave(self.trunk(z))
        with torch.autocast(z.device.type, enabled=False):
            log_amplitude, phase = y.float().chunk(2, 2)
            return self.inverse(torch.polar(log_amplitude.clamp(max=LOUDEST).exp(), phase))
