"""Sound as frequencies over time, and back."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Complex, Float
from torch import Tensor, nn

Waves = Float[Tensor, "batch sample"]
Frames = Float[Tensor, "batch frame channel"]
FLOOR = 1e-5
"""Amplitude that counts as silence: -100 dB."""


class Fourier(nn.Module):
    """Short-time Fourier transform with one frame for every `hop` samples, each centred on its own."""

    window: Tensor

    def __init__(self, size: int, hop: int):
        """`size`: samples of a window; a multiple of `hop`."""
        super().__init__()
        self.size, self.hop = size, hop
        self.register_buffer("window", torch.hann_window(size), persistent=False)

    def forward(self, sound: Waves) -> Complex[Tensor, "batch frequency frame"]:
        """Of so many whole hops as there are."""
        with torch.autocast(sound.device.type, enabled=False):
            margin = (self.size - self.hop) // 2
            padded = F.pad(sound.float()[:, None], (margin, margin), mode="reflect")[:, 0]
            return torch.stft(
                padded, self.size, self.hop, window=self.window, center=False, return_complex=True
            )


class Mel(nn.Module):
    """Natural logarithms of amplitudes in bands as wide as the ear hears them (Slaney 1998)."""

    bank: Tensor

    def __init__(self, rate: int, size: int, hop: int, bands: int):
        super().__init__()
        self.fourier = Fourier(size, hop)
        self.register_buffer("bank", bank(rate, size, bands), persistent=False)

    def forward(self, sound: Waves) -> Frames:
        with torch.autocast(sound.device.type, enabled=False):
            spectrum = self.fourier(sound)
            amplitude = (spectrum.real.square() + spectrum.imag.square() + 1e-9).sqrt()
            return (amplitude.mT @ self.bank).clamp(min=FLOOR).log()


class Inverse(nn.Module):
    """Sound whose short-time Fourier transform comes nearest to the given one (Griffin & Lim 1984, eq. 6).

    Every sample depends on the frames nearest to it only, so that sound can be made piece by piece.
    """

    window: Tensor

    def __init__(self, size: int, hop: int):
        super().__init__()
        if size % hop or (size // hop) % 2:
            raise ValueError(f"a window of {size} is no even multiple of a hop of {hop}")
        self.size, self.hop = size, hop
        self.register_buffer("window", torch.hann_window(size), persistent=False)

    def forward(self, spectrum: Complex[Tensor, "batch frame frequency"]) -> Waves:
        pieces = torch.fft.irfft(spectrum, self.size) * self.window
        weight = self.window.square().expand(1, pieces.shape[1], -1)
        margin = (self.size - self.hop) // 2
        whole = overlapped(pieces, self.hop) / overlapped(weight, self.hop).clamp(min=1e-8)
        return whole[:, margin : margin + self.hop * pieces.shape[1]]


def overlapped(pieces: Float[Tensor, "batch frame size"], hop: int) -> Waves:
    """Each piece added `hop` samples after the one before."""
    count = pieces.shape[2] // hop
    parts = pieces.unflatten(2, (count, hop)).unbind(2)
    return sum(F.pad(part, (0, 0, k, count - 1 - k)) for k, part in enumerate(parts)).flatten(1)  # pyright: ignore


def bank(rate: int, size: int, bands: int) -> Float[Tensor, "frequency band"]:
    """Triangles evenly spaced in mel, each of area 1 in Hz, from 0 to half the rate."""
    edges = _hertz(torch.linspace(0, _mel(rate / 2), bands + 2, dtype=torch.float64))
    at = torch.linspace(0, rate / 2, size // 2 + 1, dtype=torch.float64)[:, None]
    rising = (at - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - at) / (edges[2:] - edges[1:-1])
    area = 2 / (edges[2:] - edges[:-2])
    return (torch.minimum(rising, falling).clamp(min=0) * area).float()


LINEAR, KNEE, STEP = 200 / 3, 1000.0, math.log(6.4) / 27
"""Slaney's scale: Hz a mel below the knee, and the logarithm of a mel's ratio above it."""


def _mel(hertz: float) -> float:
    return hertz / LINEAR if hertz < KNEE else KNEE / LINEAR + math.log(hertz / KNEE) / STEP


def _hertz(mel: Tensor) -> Tensor:
    knee = KNEE / LINEAR
    return torch.where(mel < knee, mel * LINEAR, KNEE * ((mel - knee) * STEP).exp())
