"""Decoders that sound by pulses and a hiss, as graphs: the pulses are made outside, in double precision."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ganvas.export.networks import polar
from ganvas.export.pieces import Piece, Trial
from ganvas.export.spectra import Spectra, across
from ganvas.models.wave import HOP, Autoencoder
from ganvas.nn.pitch import HIGHEST, LOWEST
from ganvas.nn.spectrogram import Frames, Waves
from ganvas.nn.vocos import HISS, LOUDEST, MIDDLE, Voiced

RANGE = (MIDDLE, LOWEST, HIGHEST)
"""Hz from which pitch is counted, and between which it is."""


def pieces(objective: Autoencoder) -> Sequence[Piece]:
    """z -> pitch; z, pulses of that pitch, and where the hiss begins -> sound."""
    decoder: Any = objective.decoder

    def pitching() -> Iterator[Trial]:
        for n, count in ((3, 9), (1, 2), (96, 40)):
            z = torch.randn(n, count, objective.latent, generator=torch.Generator().manual_seed(0))
            yield {"z": z}, decoder.pitch(z)

    def singing() -> Iterator[Trial]:
        for n, count in ((3, 9), (1, 2), (96, 40)):
            z = torch.randn(n, count, objective.latent, generator=torch.Generator().manual_seed(0))
            hertz = (200 + 50 * z[:, :, 0]).clamp(LOWEST, HIGHEST) * (z[:, :, 1] > -1)
            excited = decoder.sounded(hertz, start=HISS - 1000)
            given = {
                "z": z,
                "pulses": excited[:, 0].unflatten(1, (-1, HOP)),
                "start": torch.tensor([HISS - 1000]),
            }
            yield given, (decoder(z, excited),)

    frames = {0: "n", 1: "frames"}
    free = {"z": frames, "pulses": frames, "start": {}}
    return [
        Piece("pitch", "pitch.onnx", Pitched(decoder), ("height", "voiced"), {"z": frames}, pitching),
        Piece(
            "decoder", "decoder.onnx", Singing(decoder), ("sound",), free, singing, {"frames": (2, 65_536)}
        ),
    ]


class Pitched(nn.Module):
    """z -> of each frame ln (Hz / MIDDLE) of its pitch, and the logit of its having one: of decoders that
    sound by pulses and a hiss."""

    def __init__(self, decoder: Voiced):
        super().__init__()
        self.decoder = decoder

    def forward(self, z: Frames) -> tuple[Tensor, Tensor]:
        return self.decoder.pitch(z)


class Singing(nn.Module):
    """(z, pulses frame by frame, the number of the first sample) -> sound; the hiss is known here."""

    def __init__(self, decoder: Voiced):
        super().__init__()
        self.decoder, self.spectra = decoder, Spectra(decoder.inverse)

    def forward(self, z: Frames, pulses: Float[Tensor, "batch frame hop"], start: Int[Tensor, " 1"]) -> Waves:
        folds, hiss = pulses.flatten(1), self.decoder.hiss
        at = (start + torch.arange(folds.shape[1], device=z.device)) % len(hiss)
        unit = self.decoder.fourier.window.square().sum().sqrt()
        pulse, breath = self.spectra.of(folds), self.spectra.of(hiss.index_select(0, at)[None])
        tonal, noisy, loud, turned, phase = across(self.decoder.leave, self.decoder.trunk(z)).chunk(5, 1)
        (a, b), (c, d) = polar(tonal, turned), polar(loud, phase)
        breathed = noisy.clamp(max=LOUDEST).exp()
        real = (pulse[0] * a - pulse[1] * b + breath[0] * breathed) / unit + c
        imaginary = (pulse[0] * b + pulse[1] * a + breath[1] * breathed) / unit + d
        return self.spectra.back(real, imaginary)
