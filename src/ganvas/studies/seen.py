"""Items as metrics look at them, and their features, which are kept by hash."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ganvas.core.files import beside
from ganvas.core.turns import Objective
from ganvas.data import cache
from ganvas.data.spec import Spec, straight
from ganvas.metrics.extractors import Extractor

Progress = Callable[[int, int], None]
AT_ONCE = 64
"""Items that features are made of between two looks at the clock."""
MADE_AT_ONCE = 250
"""Samples that are made together."""
VALUES = Extractor("values", "", "none", lambda items: items.astype(np.float32))
"""Points are features of themselves."""


@dataclass(frozen=True)
class Items:
    """Of one kind: pictures uint8 (n, channel, height, width), points (n, dim), standardised."""

    values: np.ndarray
    labels: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.values)

    def of(self, label: int) -> np.ndarray:
        """The rows of a class."""
        return np.zeros(0, int) if self.labels is None else np.flatnonzero(self.labels == label)


def some(data: Any, most: int) -> Items:
    """All items of a data set, or as many drawn at random, always the same."""
    index = np.arange(len(data))
    if len(data) > most:
        index = np.sort(np.random.default_rng(0).permutation(len(data))[:most])
    batch = data.fetch(index)
    values = straight(batch["image"].numpy()) if data.kind == "image" else batch["point"].numpy()
    return Items(values, None if "label" not in batch else batch["label"].numpy())


def made(
    objective: Objective, spec: Spec, n: int, labels: np.ndarray | None, seed: int, progress: Progress
) -> Items:
    """`n` samples, of these classes in turn where there are any."""
    generator = torch.Generator().manual_seed(seed)
    wanted = None if labels is None else torch.from_numpy(np.resize(labels, n)).long()
    parts = []
    for start in range(0, n, MADE_AT_ONCE):
        count = min(MADE_AT_ONCE, n - start)
        condition = {} if wanted is None else {"label": wanted[start : start + count]}
        with torch.no_grad():
            drawn = objective.sample(count, generator=generator, **condition).float().cpu().numpy()
        parts.append(spec.restore(drawn).transpose(0, 3, 1, 2) if spec.kind == "image" else drawn)
        progress(start + count, n)
    return Items(np.concatenate(parts), None if wanted is None else wanted.numpy())


def features(extractor: Extractor, items: Items, progress: Progress) -> np.ndarray:
    """Of the items, from the cache where the same were looked at before."""
    values = np.ascontiguousarray(items.values)
    if extractor is VALUES:
        return VALUES.extract(values)
    content = hashlib.sha256(repr((values.shape, str(values.dtype))).encode() + values.tobytes()).hexdigest()
    path = cache.root() / "features" / f"{extractor.hash}-{content[:24]}.npy"
    try:
        return np.load(path)
    except (OSError, ValueError, EOFError):
        pass
    parts = []
    for start in range(0, len(values), AT_ONCE):
        parts.append(extractor.extract(values[start : start + AT_ONCE]))
        progress(min(start + AT_ONCE, len(values)), len(values))
    found = np.concatenate(parts)
    with beside(path) as draft, draft.open("wb") as file:
        np.save(file, found)
    return found
