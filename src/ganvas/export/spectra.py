"""Fourier transforms of sound as graphs have them: matrix products, which every runtime does fast."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from ganvas.nn.spectrogram import Fourier, Frames, Inverse, Waves

Frequencies = Float[Tensor, "batch frequency frame"]
Samples = Float[Tensor, "batch sample frame"]
"""Of each frame's window."""


class Spectra(nn.Module):
    """Sound -> frequencies and back, in two steps of small matrix products (Cooley & Tukey 1965):
    size = rows x columns, sample m = columns r + c, frequency k = i + rows j.

    Of i only the lower half is computed; the others are conjugates. The way back is the transposed way there.
    Products are convolutions of width 1, and frames stand last all the way: so, where numbers are put in
    another order, whole rows are moved.
    """

    rows: Tensor
    columns: Tensor
    slots: Tensor
    signs: Tensor
    places: Tensor
    shares: Tensor
    window: Tensor

    def __init__(self, fourier: Fourier | Inverse):
        super().__init__()
        self.size, self.hop = fourier.size, fourier.hop
        self.margin = (self.size - self.hop) // 2
        rows = max(d for d in range(1, math.isqrt(self.size) + 1) if self.size % d == 0)
        columns, kept = self.size // rows, rows // 2 + 1
        self.kept = kept
        i, r, c, j = (torch.arange(n, dtype=torch.float64) for n in (kept, rows, columns, columns))
        first = torch.polar(torch.ones(()).double(), -2 * math.pi * i[:, None] * r / rows)
        self.register_buffer("rows", torch.cat([first.real, first.imag]).float())
        turns = i[:, None, None] * c / self.size + j[:, None] * c / columns
        then = torch.polar(torch.ones(()).double(), -2 * math.pi * turns)
        real, imaginary = torch.cat([then.real, -then.imag], 2), torch.cat([then.imag, then.real], 2)
        self.register_buffer("columns", torch.cat([real, imaginary], 1).float())

        k = torch.arange(self.size // 2 + 1)
        low = k % rows < kept
        at = torch.where(low, k % rows, rows - k % rows) * 2 * columns
        at = at + torch.where(low, k // rows, columns - 1 - k // rows)
        slots = torch.cat([at, at + columns])
        self.register_buffer("slots", slots)
        self.register_buffer("signs", torch.cat([torch.ones(len(k)), low * 2.0 - 1])[:, None])
        places = torch.full((kept * 2 * columns,), len(slots))
        places[slots] = torch.arange(len(slots))
        self.register_buffer("places", places)
        counted = torch.full((len(k),), 2 / self.size)
        counted[0] = 1 / self.size
        counted[self.size - k == k] = 1 / self.size
        self.register_buffer("shares", counted.repeat(2)[:, None])
        self.register_buffer("window", fourier.window.cpu()[:, None])

    def of(self, sound: Waves) -> tuple[Frequencies, Frequencies]:
        """Real and imaginary parts."""
        before, after = sound[:, 1 : self.margin + 1], sound[:, -self.margin - 1 : -1]
        padded = torch.cat([before.flip(1), sound, after.flip(1)], 1)
        hops = padded.unflatten(1, (-1, self.hop)).mT
        count = self.size // self.hop
        frames = hops.shape[2] - count + 1
        x = torch.cat([hops[:, :, k : k + frames] for k in range(count)], 1) * self.window
        x = multiplied(x.unflatten(1, (self.rows.shape[1], -1)).flatten(2), self.rows)
        x = x.unflatten(1, (2, self.kept)).transpose(1, 2).reshape(len(x), -1, frames)
        x = multiplied(x, self.columns.flatten(0, 1), self.kept)
        return (x.index_select(1, self.slots) * self.signs).chunk(2, 1)  # pyright: ignore[reportReturnType] (two)

    def back(self, real: Frequencies, imaginary: Frequencies) -> Waves:
        frames = real.shape[2]
        x = torch.cat([real, imaginary], 1) * (self.shares * self.signs)
        x = F.pad(x, (0, 0, 0, 1)).index_select(1, self.places)
        x = multiplied(x, self.columns.mT.flatten(0, 1), self.kept)
        x = x.unflatten(1, (self.kept, 2, -1)).transpose(1, 2).flatten(1, 2).flatten(2)
        x = multiplied(x, self.rows.T).reshape(len(x), self.size, frames)
        whole = self._added(x * self.window)
        weight = self._added(self.window.square().expand(1, -1, frames))
        return (whole / weight.clamp(min=1e-8))[:, self.margin : self.margin + self.hop * frames]

    def _added(self, pieces: Samples) -> Waves:
        """As `overlapped`, of windows with frames last."""
        count = self.size // self.hop
        parts = pieces.unflatten(1, (count, self.hop)).unbind(1)
        return sum(F.pad(part, (k, count - 1 - k)) for k, part in enumerate(parts)).mT.flatten(1)  # pyright: ignore


def multiplied(
    x: Float[Tensor, "batch into place"], matrix: Float[Tensor, "out some"], groups: int = 1
) -> Float[Tensor, "batch out place"]:
    """The matrix, or one for each group of rows, times what stands at each place."""
    return F.conv1d(x, matrix[:, :, None], groups=groups)


def across(layer: nn.Linear, x: Frames) -> Frequencies:
    """A dense layer, with frames last in what it gives."""
    return F.conv1d(x.mT, layer.weight[:, :, None], layer.bias)
