"""How a text is said: sentence by sentence, and each of them piece by piece."""

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ganvas.models.manners import FIRST, GROWTH, MOST, Manner
from ganvas.nn.spectrogram import Frames, Waves
from ganvas.nn.vocos import Decoder, padded


class Speaker(Protocol):
    """A model that can say something."""

    decoder: Decoder

    def latents(
        self,
        text: Int[Tensor, " symbol"],
        *,
        speaker: int | None = None,
        variation: float = 0.0,
        rhythm: float = 0.0,
        speed: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "1 frame latent"]: ...


def said(
    model: Speaker,
    sentences: Iterable[Int[Tensor, " symbol"]],
    rate: int,
    manner: Manner,
    speaker: int | None,
    generator: torch.Generator,
    first: int = FIRST,
) -> Iterator[Float[np.ndarray, " sample"]]:
    """Sentence after sentence, in pieces as they are made, the first of `first` frames; all the same."""
    for k, text in enumerate(sentences):
        if k and manner.pause:
            yield np.zeros(round(manner.pause * rate), np.float32)
        how = manner.model_dump(exclude={"pause"})
        z = model.latents(text, speaker=speaker, generator=generator, **how)
        for piece in pieces(model.decoder, z, first):
            yield piece[0].clamp(-1, 1).cpu().numpy()


@torch.no_grad()
def pieces(decoder: Decoder, z: Frames, first: int = FIRST) -> Iterator[Waves]:
    """What the decoder makes of latents, piece by piece, each with all the frames that it depends on."""
    start, count, total = 0, first, z.shape[1]
    excited, hop = decoder.excited(z), decoder.hop
    while start < total:
        end = min(start + count, total)
        left, right = max(0, start - decoder.reach), min(total, end + decoder.reach)
        spectra = decoder.spectra(*padded(z[:, left:right]))[:, : right - left]
        sound = decoder.sound(spectra, None if excited is None else excited[:, :, left * hop : right * hop])
        yield sound[:, (start - left) * hop : (end - left) * hop]
        start, count = end, max(first, min(GROWTH * count, MOST))
