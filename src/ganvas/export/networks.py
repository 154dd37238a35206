"""Networks of several parts as graphs have them: a step at a time, with what is known of the steps before."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from ganvas.models.voice import with_blanks
from ganvas.nn.decoder import Decoder as Transformer
from ganvas.nn.decoder import Layer, angles
from ganvas.nn.sentences import Teller
from ganvas.nn.sequence import Sequence
from ganvas.nn.speaking import Prior
from ganvas.nn.spectrogram import FLOOR, Fourier, Frames, Inverse, Mel, Waves, overlapped
from ganvas.nn.vocos import LOUDEST, Decoder, Encoder

Past = Float[Tensor, "layer 2 batch head place width"]
"""Keys and values of the places so far, of every layer."""
Frequencies = Float[Tensor, "batch frequency frame"]
Speaker = Int[Tensor, " batch"] | None


class Reader(nn.Module):
    """(symbols, speaker) -> of each place, with blanks between symbols: mean and log-deviation of its
    latents, mean and log-scale of its log-duration in frames."""

    def __init__(self, prior: Prior):
        super().__init__()
        self.prior = prior

    def forward(self, symbols: Int[Tensor, "batch symbol"], speaker: Speaker = None) -> tuple[Tensor, ...]:
        text, _ = with_blanks(symbols, symbols[:, 0])
        beside, _ = self.prior.voices(speaker)
        return self.prior.read(text, torch.ones_like(text, dtype=torch.bool), beside)


class Moves(nn.Module):
    """(u, speaker) -> z: a voice's flow, from the text's law to latents."""

    def __init__(self, prior: Prior):
        super().__init__()
        self.prior = prior

    def forward(self, u: Frames, speaker: Speaker = None) -> Frames:
        _, tone = self.prior.voices(speaker)
        return self.prior.flow.inverse(u, torch.ones_like(u[:, :, 0], dtype=torch.bool), tone)


class Spectra(nn.Module):
    """Sound -> frequencies and back, in two steps of small matrix products (Cooley & Tukey 1965), which every
    runtime has and does fast: size = rows x columns, sample m = columns r + c, frequency k = i + rows j.

    Of i only the lower half is computed; the others are conjugates. The way back is the transposed way there.
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
        self.shape = rows, columns, kept
        i, r, c, j = (torch.arange(n, dtype=torch.float64) for n in (kept, rows, columns, columns))
        first = torch.polar(torch.ones(()).double(), -2 * math.pi * i[:, None] * r / rows)
        self.register_buffer("rows", torch.cat([first.real, first.imag]).T.float())
        turns = i[:, None, None] * c[:, None] / self.size + c[:, None] * j / columns
        then = torch.polar(torch.ones(()).double(), -2 * math.pi * turns)
        real, imaginary = torch.cat([then.real, then.imag], 2), torch.cat([-then.imag, then.real], 2)
        self.register_buffer("columns", torch.stack([real, imaginary], 1).flatten(1, 2).float())

        k = torch.arange(self.size // 2 + 1)
        low = k % rows < kept
        at = torch.where(low, k % rows, rows - k % rows) * 2 * columns
        at = at + torch.where(low, k // rows, columns - 1 - k // rows)
        slots = torch.cat([at, at + columns])
        self.register_buffer("slots", slots)
        self.register_buffer("signs", torch.cat([torch.ones(len(k)), low * 2.0 - 1]))
        places = torch.full((kept * 2 * columns,), len(slots))
        places[slots] = torch.arange(len(slots))
        self.register_buffer("places", places)
        counted = torch.full((len(k),), 2 / self.size)
        counted[0] = 1 / self.size
        counted[self.size - k == k] = 1 / self.size
        self.register_buffer("shares", counted.repeat(2))
        self.register_buffer("window", fourier.window.cpu())

    def of(self, sound: Waves) -> tuple[Frequencies, Frequencies]:
        """Real and imaginary parts."""
        rows, columns, kept = self.shape
        padded = F.pad(sound[:, None], (self.margin, self.margin), mode="reflect")[:, 0]
        hops = padded.unflatten(1, (-1, self.hop))
        count = self.size // self.hop
        frames = hops.shape[1] - count + 1
        x = torch.cat([hops[:, k : k + frames] for k in range(count)], 2) * self.window
        x = x.flatten(0, 1).unflatten(1, (rows, columns)).mT @ self.rows
        x = x.unflatten(2, (2, kept)).permute(3, 0, 2, 1).flatten(2) @ self.columns
        x = x.transpose(0, 1).flatten(1)[:, self.slots] * self.signs
        return x.unflatten(0, (-1, frames)).mT.chunk(2, 1)  # pyright: ignore[reportReturnType] (two)

    def back(self, real: Frequencies, imaginary: Frequencies) -> Waves:
        _, columns, kept = self.shape
        frames = real.shape[2]
        x = torch.cat([real, imaginary], 1).mT.flatten(0, 1) * (self.shares * self.signs)
        x = F.pad(x, (0, 1))[:, self.places].unflatten(1, (kept, -1)).transpose(0, 1)
        x = (x @ self.columns.mT).unflatten(2, (2, columns)).permute(1, 3, 2, 0).flatten(2)
        x = (x @ self.rows.T).mT.flatten(1) * self.window
        x = overlapped(x.unflatten(0, (-1, frames)), self.hop)
        weight = overlapped(self.window.square().expand(1, frames, -1), self.hop)
        whole = x / weight.clamp(min=1e-8)
        return whole[:, self.margin : self.margin + self.hop * frames]


class Sounding(nn.Module):
    """z -> sound."""

    def __init__(self, decoder: Decoder):
        super().__init__()
        self.decoder, self.spectra = decoder, Spectra(decoder.inverse)

    def forward(self, z: Frames) -> Waves:
        log_amplitude, phase = self.decoder.leave(self.decoder.trunk(z)).mT.chunk(2, 1)
        return self.spectra.back(*polar(log_amplitude, phase))


def polar(log_amplitude: Frequencies, phase: Frequencies) -> tuple[Frequencies, Frequencies]:
    amplitude = log_amplitude.clamp(max=LOUDEST).exp()
    return amplitude * phase.cos(), amplitude * phase.sin()


class Hearing(nn.Module):
    """Sound of whole frames -> the means of its latents."""

    def __init__(self, encoder: Encoder, mel: Mel):
        super().__init__()
        self.encoder, self.mel, self.spectra = encoder, mel, Spectra(mel.fourier)

    def forward(self, x: Waves) -> Frames:
        real, imaginary = self.spectra.of(x)
        amplitude = (real.square() + imaginary.square() + 1e-9).sqrt()
        return self.encoder((amplitude.mT @ self.mel.bank).clamp(min=FLOOR).log()).chunk(2, 2)[0]


class Grown:
    """What a layer's attention takes for a cache: the places so far, and those that are new."""

    def __init__(self, past: Past):
        self.past, self.grown = past, list[Tensor]()

    def extend(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        both = torch.cat([self.past[layer], torch.stack([k, v])], 3)
        self.grown.append(both)
        return both[0], both[1]

    def whole(self) -> Past:
        return torch.stack(self.grown)


def gone_through(
    layers: nn.ModuleList, x: Tensor, heads: int, past: Past, given: Tensor | None = None
) -> tuple[Tensor, Past]:
    """What causal layers make of the places that follow those of the past, and all of them."""
    first, count = past.shape[4], x.shape[1]
    places = torch.arange(first, first + count, device=x.device)
    all_ = torch.arange(first + count, device=x.device)
    hidden = torch.zeros(count, first + count).masked_fill(all_ > places[:, None], -math.inf)[None, None]
    turns, cache = angles(places, x.shape[2] // heads), Grown(past)
    for k, layer in enumerate(layers):
        assert isinstance(layer, Layer)
        x = x if given is None else x + given[k, :, None]
        x = layer(x, turns, hidden, cache, k)  # pyright: ignore[reportArgumentType] (it only extends it)
    return x, cache.whole()


class Writer(nn.Module):
    """(tokens, past) -> (logits of the token after each, present); of a model with latents, z too."""

    def __init__(self, network: Transformer | Teller):
        super().__init__()
        self.network = network

    def forward(self, tokens: Int[Tensor, "batch place"], past: Past, z: Tensor | None = None) -> Any:
        network = self.network
        given = None if z is None or not isinstance(network, Teller) else network.given(z)
        decoder = network.decoder if isinstance(network, Teller) else network
        x, present = gone_through(decoder.layers, decoder.embedding(tokens), decoder.heads, past, given)
        return F.linear(decoder.norm(x), decoder.embedding.weight), present


class Composer(nn.Module):
    """(z of the frames before, past, label) -> of each next frame log-weights, means and log-deviations of a
    mixture of normal laws, and present. What stands for the frame before the first does not matter."""

    def __init__(self, prior: Sequence):
        super().__init__()
        self.prior = prior

    def forward(
        self, z: Frames, past: Past, label: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, ...]:
        prior = self.prior
        places = torch.arange(past.shape[4], past.shape[4] + z.shape[1], device=z.device)
        x = torch.where((places == 0)[None, :, None], prior.first, prior.enter(z))
        if prior.label is not None and label is not None:
            x = x + prior.label(label)[:, None]
        x, present = gone_through(prior.layers, x, prior.heads, past)
        numbers = prior.leave(prior.norm(x)).unflatten(2, (prior.mixtures, -1))
        mean, log_dev = numbers[..., 1:].chunk(2, 3)
        return numbers[..., 0].log_softmax(2), mean, log_dev, present


def cache_of(layers: nn.ModuleList, heads: int) -> tuple[int, int, int]:
    """Layers, heads and width of what is known of the places before."""
    first: Any = layers[0]
    return len(layers), heads, first.attention.leave.weight.shape[0] // heads
