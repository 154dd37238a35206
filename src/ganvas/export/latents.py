"""Where a model's samples start: found by looking on as it samples, so that no model need say it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganvas.core.turns import Objective
from ganvas.data.spec import Spec
from ganvas.models.latent import chosen_classes, draw

TRIED = 256
"""Samples by which a law is known."""
MOST, NUMBERS = 65_536, 2**18
"""Draws that are kept of a z that follows no simple law, and numbers in all of them."""
HALF = 0.5
"""A truncation, to see what it does."""

LAWS: dict[str, Callable[[int, int, float, torch.Generator], Tensor]] = {
    "cut": draw,
    "scale": lambda n, latent, truncation, generator: truncation * draw(n, latent, 1.0, generator),
}
"""What truncation does to z of N(0, 1): drawn again beyond 2 and multiplied, or multiplied alone."""


def law_of(objective: Any, spec: Spec, tried: int = TRIED) -> dict[str, str | None]:
    """`z`: "normal" or "bank", of which draws have to be kept; `truncation`: "cut", "scale" or None."""

    def same(law: str, truncation: float) -> bool:
        mine, theirs = (torch.Generator().manual_seed(7) for _ in range(2))
        z = LAWS[law](tried, objective.latent, truncation, mine)
        expected = objective.decode(z, chosen_classes(spec, tried, None, mine))
        found = objective.sample(tried, generator=theirs, truncation=truncation)
        return bool(torch.allclose(found, expected, atol=1e-5))

    if not same("cut", 1.0):
        return {"z": "bank", "truncation": None}
    return {"z": "normal", "truncation": next((law for law in LAWS if same(law, HALF)), None)}


def drawn(
    objective: Any, n: int, *, seed: int = 0, truncation: float = 1.0, label: int | None = None
) -> tuple[np.ndarray, np.ndarray] | None:
    """The z of `n` samples, and their labels (else 0); None where `sample` hands no z to `decode`.

    Of all that it decodes on the way, a sample's z is the one whose item it is.
    """
    found: dict[bytes, list[Any]] = {}
    decode = objective.decode

    def seen(z: Tensor, labels: Tensor | None = None, *more: Any, **how: Any) -> Tensor:
        items = decode(z, labels, *more, **how)
        each = [0] * len(z) if labels is None else labels.tolist()
        for item, *pair in zip(items.float().cpu(), z, each, strict=True):
            found[item.numpy().tobytes()] = pair
        return items

    objective.decode = seen
    try:
        asked = {} if label is None else {"label": label}
        items = objective.sample(
            n, generator=torch.Generator().manual_seed(seed), truncation=truncation, **asked
        )
    finally:
        del objective.decode
    keys = [item.numpy().tobytes() for item in items.float().cpu()]
    if any(key not in found for key in keys):
        return None
    z, labels = zip(*(found[key] for key in keys), strict=True)
    return torch.stack(z).float().cpu().numpy(), np.array(labels)


def bank(objective: Objective) -> tuple[np.ndarray, np.ndarray] | None:
    """Draws of z enough to sample from."""
    latent: Any = objective.latent
    return drawn(objective, min(MOST, max(1, NUMBERS // latent)), seed=0)
