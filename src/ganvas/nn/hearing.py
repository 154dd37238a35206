"""Networks that judge sound: by its periods (HiFi-GAN, Kong et al. 2020) and its spectra (UnivNet, Jang et
al. 2021; with phase as in EnCodec, Défossez et al. 2022)."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from ganvas.nn.spectrogram import Fourier, Waves

Heard = tuple[list[Tensor], list[list[Tensor]]]
"""Logits of each judge, and what each of its layers sees."""
PERIODS = (2, 3, 5, 7, 11)
SIZES = (256, 512, 1024)
"""Of the windows of the spectra, in samples."""
SLOPE = 0.1
WIDEST = 8
"""Times the first width."""


class Layers(nn.Module):
    """Convolutions, and what each of them gives."""

    def __init__(self, convolutions: Sequence[nn.Module]):
        super().__init__()
        self.convolutions = nn.ModuleList(weight_norm(c) for c in convolutions)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        seen = []
        for convolution in list(self.convolutions)[:-1]:
            x = F.leaky_relu(convolution(x), SLOPE)
            seen.append(x)
        return self.convolutions[-1](x).flatten(1), seen


class Period(nn.Module):
    """Every p-th sample beside the others: what should come again after p does, or not (ibid., sec. 2.3)."""

    def __init__(self, period: int, width: int):
        super().__init__()
        self.period = period
        widths = [1, width, *(min(width * 4 * 2**k, width * WIDEST) for k in range(3))]
        steps = [nn.Conv2d(a, b, (5, 1), (3, 1), (2, 0)) for a, b in pairwise(widths)]
        end = [
            nn.Conv2d(widths[-1], widths[-1], (5, 1), 1, (2, 0)),
            nn.Conv2d(widths[-1], 1, (3, 1), 1, (1, 0)),
        ]
        self.layers = Layers([*steps, *end])

    def forward(self, sound: Waves) -> tuple[Tensor, list[Tensor]]:
        rest = -sound.shape[1] % self.period
        padded = F.pad(sound[:, None], (0, rest), mode="reflect")
        return self.layers(padded.unflatten(2, (-1, self.period)))


class Spectrum(nn.Module):
    """The short-time Fourier transform, as real and imaginary parts."""

    def __init__(self, size: int, width: int):
        super().__init__()
        self.fourier = Fourier(size, size // 4)
        steps = [nn.Conv2d(2, width, (3, 9), (1, 2), (1, 4))]
        steps += [nn.Conv2d(width, width, (3, 9), (1, 2), (1, 4)) for _ in range(3)]
        self.layers = Layers([*steps, nn.Conv2d(width, width, 3, 1, 1), nn.Conv2d(width, 1, 3, 1, 1)])

    def forward(self, sound: Waves) -> tuple[Tensor, list[Tensor]]:
        rest = -sound.shape[1] % self.fourier.hop
        return self.layers(torch.view_as_real(self.fourier(F.pad(sound, (0, rest))).mT).movedim(3, 1))


class Hearing(nn.Module):
    """All judges."""

    def __init__(self, width: int):
        super().__init__()
        periods = [Period(p, width) for p in PERIODS]
        self.judges = nn.ModuleList([*periods, *(Spectrum(size, width) for size in SIZES)])

    def forward(self, sound: Waves) -> Heard:
        found = [judge(sound) for judge in self.judges]
        return [logits for logits, _ in found], [seen for _, seen in found]
