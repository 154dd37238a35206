"""Networks of several parts as graphs have them: a step at a time, with what is known of the steps before."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from ganvas.export.spectra import Frequencies, Spectra, across
from ganvas.models.voice import with_blanks
from ganvas.nn.decoder import Decoder as Transformer
from ganvas.nn.decoder import Layer, angles
from ganvas.nn.sentences import Teller
from ganvas.nn.sequence import Sequence
from ganvas.nn.speaking import Prior
from ganvas.nn.spectrogram import FLOOR, Frames, Mel, Waves
from ganvas.nn.vocos import LOUDEST, Decoder, Encoder

Past = Float[Tensor, "layer 2 batch head place width"]
"""Keys and values of the places so far, of every layer."""
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


class Sounding(nn.Module):
    """z -> sound."""

    def __init__(self, decoder: Decoder):
        super().__init__()
        self.decoder, self.spectra = decoder, Spectra(decoder.inverse)

    def forward(self, z: Frames) -> Waves:
        log_amplitude, phase = across(self.decoder.leave, self.decoder.trunk(z)).chunk(2, 1)
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
        return *prior.law(prior.norm(x)), present


def cache_of(layers: nn.ModuleList, heads: int) -> tuple[int, int, int]:
    """Layers, heads and width of what is known of the places before."""
    first: Any = layers[0]
    return len(layers), heads, first.attention.leave.weight.shape[0] // heads
