"""All that is random comes from (seed, what for, process, step): a resumed run draws what it would have."""

import hashlib

import numpy as np
import torch
from jaxtyping import Int


def mixed(*keys: int | str) -> int:
    """A 63-bit seed that differs wherever any key differs."""
    digest = hashlib.blake2b("/".join(map(str, keys)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def reseed(*keys: int | str) -> None:
    """Seed torch's generators, on every device that is in use.

    For a device that may be set up later `torch.manual_seed` keeps a stack trace, which takes as long as a
    small network's layer: too long for every step.
    """
    seed = mixed(*keys)
    torch.default_generator.manual_seed(seed)
    torch.mps.manual_seed(seed)
    for place in (torch.cuda, torch.xpu):
        if place.is_initialized():
            place.manual_seed_all(seed)


class Order:
    """The order in which items are seen: a new permutation each epoch, a pure function of the seed.

    Of items that have lengths, those of a batch are about as long, so that little of it is padding.
    """

    BATCHES = 16
    """Batches that are sorted out among themselves."""

    def __init__(
        self, items: int, seed: int, lengths: Int[np.ndarray, " item"] | None = None, batch: int = 1
    ):
        self.items, self.seed, self.lengths, self.batch = items, seed, lengths, batch
        self._epoch, self._permutation = -1, np.empty(0, np.int64)

    def __call__(self, first: int, count: int) -> np.ndarray:
        """The `count` items from the `first`-th ever drawn on."""
        parts = []
        while count > 0:
            epoch, offset = divmod(first, self.items)
            part = self._of(epoch)[offset : offset + count]
            parts.append(part)
            first, count = first + len(part), count - len(part)
        return np.concatenate(parts)

    def _of(self, epoch: int) -> np.ndarray:
        if epoch != self._epoch:
            rng = np.random.default_rng(mixed(self.seed, "order", epoch))
            drawn = rng.permutation(self.items)
            self._epoch, self._permutation = epoch, self._alike(drawn, rng)
        return self._permutation

    def _alike(self, drawn: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if self.lengths is None:
            return drawn
        batches = []
        for start in range(0, len(drawn), self.BATCHES * self.batch):
            part = drawn[start : start + self.BATCHES * self.batch]
            part = part[np.argsort(self.lengths[part], kind="stable")]
            batches += [part[k : k + self.batch] for k in range(0, len(part), self.batch)]
        return np.concatenate([batches[k] for k in rng.permutation(len(batches))])
