"""Several models side by side in one: items lie model by model, each model has its share of every batch."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

_streams: Sequence[torch.Generator] = ()


@contextmanager
def side_by_side(streams: Sequence[torch.Generator]) -> Iterator[None]:
    """Meanwhile there are so many models, and each draws from its own stream."""
    global _streams  # noqa: PLW0603
    before, _streams = _streams, streams
    try:
        yield
    finally:
        _streams = before


def normal(*shape: int, **where: Any) -> Tensor:
    """torch.randn; of models side by side, each one's share is from its stream."""
    return _drawn(torch.randn, *shape, **where)


def normal_like(x: Tensor) -> Tensor:
    """torch.randn_like, the same way."""
    return normal(*x.shape, device=x.device, dtype=x.dtype) if _streams else torch.randn_like(x)


def uniform(*shape: int, **where: Any) -> Tensor:
    """torch.rand, the same way."""
    return _drawn(torch.rand, *shape, **where)


def each(figure: Callable[..., Tensor], *items: Tensor) -> Tensor:
    """A figure of the batch; of models side by side that of each, from its share: (models, ...)."""
    if not _streams:
        return figure(*items)
    shares = zip(*(x.chunk(len(_streams)) for x in items), strict=True)
    return torch.stack([figure(*share) for share in shares])


def _drawn(law: Callable[..., Tensor], n: int, *shape: int, **where: Any) -> Tensor:
    if not _streams:
        return law(n, *shape, **where)
    share = n // len(_streams)
    return torch.cat([law(share, *shape, generator=stream, **where) for stream in _streams])
