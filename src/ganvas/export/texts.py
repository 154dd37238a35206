"""Models that write text token by token, as graphs."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from ganvas.core.turns import Objective
from ganvas.export.networks import Writer, cache_of
from ganvas.export.pieces import Piece, Trial
from ganvas.nn.decoder import Decoder
from ganvas.nn.sentences import Teller

SIZES = ((3, 2, 5), (1, 0, 1), (96, 5, 3))
"""Rows, places that are known and new ones, of what graphs are tried on."""


def network(objective: Any) -> Decoder | Teller | None:
    """What writes, of a model of text that is one of these, among the networks that samples are made with."""
    if getattr(objective, "vocabulary", None) is None:
        return None
    found = [getattr(objective, name) for name in objective.averaged]
    return next((part for part in found if isinstance(part, Decoder | Teller)), None)


def known(objective: Any, network: Decoder | Teller) -> dict[str, Any]:
    decoder = network.decoder if isinstance(network, Teller) else network
    return {
        "latent": objective.latent if isinstance(network, Teller) else 0,
        "cache": cache_of(decoder.layers, decoder.heads),
        "law": {"z": "normal", "truncation": "cut"},
    }


def of_writer(objective: Any, network: Decoder | Teller) -> Sequence[Piece]:
    """Logits of the next token (model.onnx), and of an autoencoder the way back to z."""
    told = isinstance(network, Teller)

    def writing() -> Iterator[Trial]:
        for n, past, new in SIZES:
            chance = torch.Generator().manual_seed(0)
            tokens = torch.randint(objective.vocabulary.size, (n, past + new), generator=chance)
            z = {"z": torch.randn(n, objective.latent, generator=chance)} if told else {}
            decoder = network.decoder if isinstance(network, Teller) else network
            given = network.given(z["z"]) if isinstance(network, Teller) else None
            cache = decoder.cache(n)
            logits = decoder(tokens, cache, given)[:, past:]
            present = cache.store[..., : past + new, :].detach().clone()
            yield {"tokens": tokens[:, past:], "past": present[..., :past, :]} | z, (logits, present)

    def reading() -> Iterator[Trial]:
        for n, count in ((3, 6), (1, 3), (96, 9)):
            tokens = torch.randint(objective.vocabulary.plain, (n, count))
            tokens[:, 0] = tokens[:, -1] = objective.end
            yield {"tokens": tokens}, (objective.encode(tokens),)

    free = {"tokens": {0: "n", 1: "new"}, "past": {2: "n", 4: "past"}} | ({"z": {0: "n"}} if told else {})
    written = Piece("writer", "model.onnx", Writer(network), ("logits", "present"), free, writing)
    if not told:
        return [written]
    free, sizes = {"tokens": {0: "n", 1: "tokens"}}, {"tokens": (3, objective.spec.shape[0] + 1)}
    return [written, Piece("encoder", "encoder.onnx", Reader(objective), ("z",), free, reading, sizes)]


class Reader(torch.nn.Module):
    """Tokens, with ends -> the mean of z."""

    def __init__(self, objective: Objective):
        super().__init__()
        self.objective = objective

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        model: Any = self.objective
        return model.encode(tokens)
