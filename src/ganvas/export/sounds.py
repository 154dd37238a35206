"""Voices and vocoders as graphs."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ganvas.export.networks import Composer, Hearing, Moves, Reader, Sounding, cache_of
from ganvas.export.pieces import Piece, Trial
from ganvas.models.manners import FIRST, MOST
from ganvas.models.vocoder import Vocoder
from ganvas.models.voice import BLANK, LONGEST, Voice, with_blanks
from ganvas.models.wave import HOP, Autoencoder
from ganvas.nn.decoder import Cache

SIZES = ((3, 9), (1, 1), (96, 40))
"""Rows and places of what graphs are tried on: 100 rows in all."""
SOUND = {"samples": (4, 2**18, HOP)}
"""Samples that an encoder takes at least, and at most."""


def known(objective: Autoencoder) -> dict[str, Any]:
    """What sounds are made by, beyond the graphs."""
    found: dict[str, Any] = {
        "latent": objective.latent,
        "hop": HOP,
        "reach": objective.decoder.reach,
        "pieces": [FIRST, MOST],
        "voiced": None,
    }
    if hasattr(objective.decoder, "pitch"):
        from ganvas.export import singing

        found["voiced"] = singing.RANGE
    if isinstance(objective, Voice):
        texts = [text[text != BLANK].tolist() for text in objective.examples if text.any()]
        return found | {"longest": LONGEST, "examples": texts}
    prior: Any = objective.prior
    cache = cache_of(prior.layers, prior.heads)
    return found | {
        "frames": objective.spec.shape[0] // HOP,
        "cache": cache,
        "law": {"z": "frames", "truncation": "scale"},
    }


def of_voice(objective: Voice) -> Sequence[Piece]:
    """Text -> law of the latents (model.onnx), the flow, the decoder and the encoder of sound."""
    prior, speakers, symbols = objective.prior, len(objective.spec.classes), len(objective.spec.symbols)
    who = _labels(speakers if prior.speaker is not None else 0, "speaker")

    def reading() -> Iterator[Trial]:
        for n, count in SIZES:
            text = torch.randint(1, symbols, (n, count), generator=_chance())
            spaced, _ = with_blanks(text, text[:, 0])
            said = who(n)
            beside, _ = prior.voices(said.get("speaker"))
            read = torch.ones_like(spaced, dtype=torch.bool)
            yield {"symbols": text} | said, prior.read(spaced, read, beside)

    def moving() -> Iterator[Trial]:
        for n, count in SIZES:
            u, said = torch.randn(n, count, objective.latent, generator=_chance()), who(n)
            _, tone = prior.voices(said.get("speaker"))
            shown = torch.ones(n, count, dtype=torch.bool)
            yield {"u": u} | said, (prior.flow.inverse(u, shown, tone),)

    free = {name: {0: "n"} for name in who(1)}
    law = ("z_mean", "z_log_deviation", "log_frames", "log_frames_scale")
    return [
        Piece(
            "reader", "model.onnx", Reader(prior), law, {"symbols": {0: "n", 1: "symbols"}} | free, reading
        ),
        Piece("flow", "flow.onnx", Moves(prior), ("z",), {"u": {0: "n", 1: "frames"}} | free, moving),
        *_both_ways(objective),
    ]


def of_vocoder(objective: Autoencoder) -> Sequence[Piece]:
    """The law of the next frame of latents (model.onnx), the decoder and the encoder of sound."""
    assert isinstance(objective, Vocoder)
    prior, heads = objective.prior, objective.prior.heads
    who = _labels(len(objective.spec.classes), "label")
    layers, _, width = cache_of(prior.layers, heads)

    def composing() -> Iterator[Trial]:
        """What the frames from a place on follow, given what is known of those before it."""
        for n, count in ((3, 5), (1, 1), (96, 7)):
            z, said = torch.randn(n, count, objective.latent, generator=_chance()), who(n)
            label, past = said.get("label"), count // 2
            before = torch.cat([prior.first.expand(n, -1, -1), prior.enter(z[:, :-1])], 1)
            cache = Cache(layers, n, heads, count, width, prior.first)
            states = []
            for t in range(count):
                states.append(prior._states(before[:, t : t + 1], label, t, cache))
                cache.filled += 1
            law = prior.law(torch.cat(states[past:], 1))
            shifted = torch.cat([z[:, :1], z[:, :-1]], 1)[:, past:]
            stored = cache.store.detach().clone()
            yield {"z": shifted, "past": stored[..., :past, :]} | said, (*law, stored)

    free = {"z": {0: "n", 1: "new"}, "past": {2: "n", 4: "past"}} | {name: {0: "n"} for name in who(1)}
    law = ("log_weight", "z_mean", "z_log_deviation", "present")
    return [
        Piece("composer", "model.onnx", Composer(prior), law, free, composing),
        *_both_ways(objective),
    ]


def _both_ways(objective: Autoencoder) -> Sequence[Piece]:
    """z -> sound, and back."""

    def hearing() -> Iterator[Trial]:
        for n, count in ((3, 9), (1, 4), (96, 40)):
            x = torch.randn(n, count * HOP, generator=_chance()) / 10
            yield {"x": x}, (objective.posterior(x)[0],)

    encoder = Hearing(objective.encoder, objective.mel)
    return [
        *_decoder(objective),
        Piece("encoder", "encoder.onnx", encoder, ("z",), {"x": {0: "n", 1: "samples"}}, hearing, SOUND),
    ]


def _decoder(objective: Autoencoder) -> Sequence[Piece]:
    """Of a voice it sounds by pulses and a hiss."""
    if not hasattr(objective.decoder, "pitch"):
        return _plain(objective)
    from ganvas.export import singing

    return singing.pieces(objective)


def _plain(objective: Autoencoder) -> Sequence[Piece]:
    """z -> sound."""

    def sounding() -> Iterator[Trial]:
        for n, count in SIZES:
            z = torch.randn(n, count, objective.latent, generator=_chance())
            yield {"z": z}, (objective.decoder(z),)

    free = {"z": {0: "n", 1: "frames"}}
    return [Piece("decoder", "decoder.onnx", Sounding(objective.decoder), ("sound",), free, sounding)]


def _labels(count: int, name: str) -> Callable[[int], dict[str, Tensor]]:
    """As an input of that name, for so many rows; none where there is nothing to choose."""
    return lambda n: {name: torch.arange(n) % count} if count else {}


def _chance() -> torch.Generator:
    return torch.Generator().manual_seed(0)
