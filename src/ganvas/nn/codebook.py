"""Vector quantisation: the nearest of a book of vectors, which follow what is mapped to them."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ganvas.core import distributed

Vectors = Float[Tensor, "n dim"]
Codes = Int[Tensor, " n"]


class Codebook(nn.Module):
    """Each vector is the running mean of what is nearest to it (van den Oord et al. 2017, app. A.1).

    It is kept in buffers: no gradient moves it, a checkpoint holds it, and processes update it alike.
    """

    usage: Tensor
    """(codes,) Running count of vectors a step."""
    total: Tensor
    """(codes, dim) Running sum of them."""

    def __init__(self, codes: int, dim: int, decay: float, restart: float):
        super().__init__()
        self.decay, self.restart = decay, restart
        self.register_buffer("usage", torch.ones(codes))
        self.register_buffer("total", torch.randn(codes, dim))

    @property
    def vectors(self) -> Float[Tensor, "codes dim"]:
        return self.total / self.usage[:, None]

    def nearest(self, z: Vectors) -> Codes:
        """The code of each vector, by Euclidean distance."""
        book = self.vectors
        return (book.square().sum(1) - 2 * z @ book.T).argmin(1)

    @torch.no_grad()
    def begin(self, z: Vectors) -> None:
        """Start at some of these vectors, drawn at random."""
        at = torch.randint(len(z), (len(self.usage),), device=z.device)
        self.total.copy_(self._agreed(z[at]))
        self.usage.fill_(1.0)

    @torch.no_grad()
    def follow(self, z: Vectors, codes: Codes, share: float = 1.0) -> None:
        """Take in a step's batch, or a share of it; a code that is hardly used starts anew in it."""
        world = distributed.world()
        counts = torch.bincount(codes, minlength=len(self.usage)).to(z.dtype)
        sums = torch.zeros_like(self.total).index_add_(0, codes, z)
        found = distributed.average(torch.cat([counts[:, None], sums], 1)) * (world / share)
        keep = self.decay**share
        self.usage.lerp_(found[:, 0], 1 - keep)
        self.total.lerp_(found[:, 1:], 1 - keep)
        at = torch.randint(len(z), (len(self.usage),), device=z.device)
        fresh = self._agreed(z[at])
        mean = self.usage.mean()
        idle = self.usage < self.restart * mean
        self.total.copy_(torch.where(idle[:, None], fresh * mean, self.total))
        self.usage.copy_(torch.where(idle, mean, self.usage))

    def perplexity(self) -> Float[Tensor, ""]:
        """How many codes are in use: e to the entropy of their usage."""
        p = self.usage / self.usage.sum()
        return torch.special.entr(p).sum().exp()

    def _agreed(self, proposed: Tensor) -> Tensor:
        """The first process' proposal, on each."""
        mine = proposed if distributed.rank() == 0 else torch.zeros_like(proposed)
        return distributed.average(mine.clone()) * distributed.world()
