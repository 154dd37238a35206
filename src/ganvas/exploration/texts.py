"""What a model of text has understood, as text: ways from one to another, what is alike, what comes back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ganvas.core.errors import UserError
from ganvas.core.randomness import mixed
from ganvas.data.documents import open_text
from ganvas.data.load import load
from ganvas.data.spec import Spec
from ganvas.exploration import paths
from ganvas.recipes.base import data_settings

LOOKED_AT = 1_000
"""Held-out texts, at most."""
PAIRS, STEPS = 6, 7
"""Ways, and texts on each, its ends among them."""
ASKED, ALIKE = 8, 4
"""Texts whose neighbours are shown, and how many."""
KEPT = 12
"""Texts that are shown beside what comes back."""
AT_ONCE = 100


@dataclass(frozen=True)
class Told:
    """What one exploration shows: each group has a line on top, and lines below it."""

    groups: list[tuple[str, list[str]]]
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """To read."""
        return "\n\n".join("\n".join([top, *(f"    {line}" for line in rows)]) for top, rows in self.groups)


@dataclass
class Shelf:
    """A model, and texts that it has not learnt from."""

    objective: Any
    spec: Spec
    texts: list[str]
    seed: int
    progress: Callable[[str], Callable[[int, int], None]]

    def encode(self, texts: Sequence[str]) -> Float[Tensor, "n latent"]:
        device, parts = next(self.objective.parameters()).device, []
        for start in range(0, len(texts), AT_ONCE):
            x = torch.from_numpy(self.spec.prepare(np.array(texts[start : start + AT_ONCE], object)))
            parts.append(self.objective.encode(x.to(device)).float().cpu())
        return torch.cat(parts)

    def decode(self, z: Float[Tensor, "n latent"]) -> list[str]:
        """The most probable text of each z, in one line."""
        return [line(text) for text in self.spec.restore(self.objective.decode(z).cpu().numpy())]

    def chosen(self, n: int, what: str) -> list[str]:
        rng = np.random.default_rng(mixed(self.seed, "explore", what))
        return [self.texts[k] for k in rng.permutation(len(self.texts))[:n]]


def line(text: str) -> str:
    return " / ".join(text.split("\n"))


def found(recipe: Any, spec: Spec, source: str, own: bool, progress: Callable[[int, int], None]) -> list[str]:
    """Held-out texts of what the model was trained on, or all of another source; those that it sees whole."""
    settings: Any = data_settings(recipe)
    words = spec.vocabulary
    assert words is not None
    if own:
        data: Any = load(source, settings, progress)
        texts = [words.text(tokens) for tokens in (data.held_out or data).documents()[:LOOKED_AT]]
    else:
        texts = open_text(source, "auto", settings.column).read().documents[:LOOKED_AT]
    whole = [text for text in texts if len(words.encode(text)) < spec.shape[0]]
    if len(whole) < 2:
        raise UserError(f"{source} has {len(whole)} texts that fit into a window, and 2 at least are needed")
    return whole


def interpolation(shelf: Shelf) -> Told:
    """From one held-out text to another, in a straight line."""
    ends = shelf.chosen(2 * PAIRS, "interpolation")
    ends = ends[: len(ends) // 2 * 2]
    z = shelf.encode(ends)
    walks = paths.linear(z[::2], z[1::2], torch.linspace(0, 1, STEPS))
    made = shelf.decode(walks.flatten(0, 1))
    rows = [made[k : k + STEPS] for k in range(0, len(made), STEPS)]
    pairs = zip(ends[::2], ends[1::2], strict=True)
    groups = [(f"{line(a)}  →  {line(b)}", row) for (a, b), row in zip(pairs, rows, strict=True)]
    return Told(groups, {"different": float(np.mean([len(set(row)) / STEPS for row in rows]))})


def neighbours(shelf: Shelf) -> Told:
    """Held-out texts, and those of the others whose z is nearest."""
    z = shelf.encode(shelf.texts)
    rng = np.random.default_rng(mixed(shelf.seed, "explore", "neighbours"))
    asked = rng.permutation(len(z))[:ASKED]
    far = torch.cdist(z[asked], z)
    far[torch.arange(len(asked)), torch.from_numpy(asked)] = torch.inf
    near = far.topk(min(ALIKE, len(z) - 1), largest=False).indices.tolist()
    groups = [
        (line(shelf.texts[k]), [line(shelf.texts[j]) for j in row])
        for k, row in zip(asked, near, strict=True)
    ]
    return Told(groups, {"among": len(z)})


def reconstruction(shelf: Shelf) -> Told:
    """Held-out texts, and what of each comes back."""
    real = [line(text) for text in shelf.texts]
    advanced, again = shelf.progress("reconstruction"), []
    for start in range(0, len(real), AT_ONCE):
        again += shelf.decode(shelf.encode(shelf.texts[start : start + AT_ONCE]))
        advanced(len(again), len(real))
    exact = float(np.mean([a == b for a, b in zip(real, again, strict=True)]))
    words = float(np.mean([kept(a, b) for a, b in zip(real, again, strict=True)]))
    groups = [(a, [b]) for a, b in zip(real[:KEPT], again[:KEPT], strict=True)]
    return Told(groups, {"texts": len(real), "exact": exact, "words_kept": words})


def kept(real: str, again: str) -> float:
    """Share of its words that come back, in their order."""
    words = real.split()
    blocks = SequenceMatcher(None, words, again.split(), autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) / max(1, len(words))


VIEWS: dict[str, Callable[[Shelf], Told]] = {
    "interpolation": interpolation,
    "neighbours": neighbours,
    "reconstruction": reconstruction,
}
