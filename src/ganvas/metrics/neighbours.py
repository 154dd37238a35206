"""Balls to each item's k-th nearest neighbour, and what lies inside: in fp32, and exactly where in doubt."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

SPARE = 4  # neighbours beyond the k-th that are measured exactly, for fp32 may confuse their order
AT_ONCE = 1024  # rows and columns of a block of distances: its 4 MB stay in the cache
GROUP = 8  # columns of which only the nearest is looked at first
PAIRS_AT_ONCE = 4096
MANY = 0.01  # of all pairs of a block, beyond which all are measured again


class Nearest(NamedTuple):
    """Neighbours, the nearest first."""

    values: Float[Tensor, "n k"]
    indices: Int[Tensor, "n k"]


class Balls:
    """Around each row, to its k-th nearest neighbour (the nearest of all is the row itself)."""

    def __init__(self, x: Float[Tensor, "n dim"], k: int):
        self.x, self.k = x, k
        self.rough = x.float()
        self.size = self.rough.square().sum(1)
        self.largest = float(self.size.max())
        self.near = self._neighbours(min(len(x), k + 1 + SPARE))

    def __len__(self) -> int:
        return len(self.x)

    def distances(self, other: "Balls", mine: slice, theirs: slice) -> Float[Tensor, "mine theirs"]:
        """Squared, in fp32; by numpy, whose products are a fifth faster than torch's on AMD."""
        product = torch.from_numpy(self.rough[mine].numpy() @ other.rough[theirs].numpy().T)
        return product.mul_(-2).add_(other.size[theirs]).add_(self.size[mine, None])

    def doubt(self, other: "Balls") -> float:
        """More than fp32 can be wrong by: rounding errors of a long sum grow as the root of its length."""
        return (self.largest + other.largest) * 2**-22 * max(4.0, self.x.shape[1] ** 0.5 / 4)

    def radius(self, rows: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
        """Squared, in fp64."""
        values, which = (found[rows] for found in self.near)
        parts = zip(rows.split(64), which.split(64), strict=True)
        exact = torch.cat([(self.x[r][:, None] - self.x[w]).square().sum(2) for r, w in parts])
        found = exact.kthvalue(self.k + 1, dim=1).values
        unsure = found + self.doubt(self) >= values[:, -1]  # one that was not measured might be nearer
        for some in torch.nonzero(unsure)[:, 0].split(AT_ONCE) if unsure.any() else ():
            distance = squared_distance(self.x[rows[some]], self.x)
            found[some] = distance.kthvalue(self.k + 1, dim=1).values.clamp(min=0)
        return found

    def _neighbours(self, k: int) -> Nearest:
        """Of each row, itself among them; every pair is measured once."""
        values = torch.full((len(self), k), torch.inf)
        indices = torch.zeros(len(self), k, dtype=torch.int64)

        def merge(rows: slice, distance: Tensor, first: int) -> None:
            near = smallest(distance, min(k, distance.shape[1]))
            both = torch.cat([values[rows], near.values], 1)
            values[rows], at = both.topk(k, dim=1, largest=False)
            indices[rows] = torch.cat([indices[rows], near.indices + first], 1).gather(1, at)

        for mine in blocks(len(self)):
            for theirs in blocks(len(self), mine.start):
                distance = self.distances(self, mine, theirs)
                merge(mine, distance, theirs.start)
                if theirs.start != mine.start:
                    merge(theirs, distance.T.contiguous(), mine.start)
        return Nearest(values, indices)


class Held:
    """Which points lie in which balls, block by block. Inside: strictly nearer than the radius."""

    def __init__(self, balls: Balls, points: Balls):
        self.balls, self.points = balls, points
        self.pairs = 0
        """A point in a ball."""
        self.holds = torch.zeros(len(balls), dtype=torch.bool)
        self.held = torch.zeros(len(points), dtype=torch.bool)
        self.doubt = balls.doubt(balls) + balls.doubt(points)

    def take(self, distance: Float[Tensor, "balls points"], balls: slice, points: slice) -> None:
        """Look at the block of these rough squared distances."""
        beyond = distance - self.balls.near.values[balls, self.balls.k, None]
        sure = np.count_nonzero(beyond.numpy() < -self.doubt)
        unsure = np.count_nonzero(beyond.numpy() <= self.doubt) - sure
        if unsure > MANY * beyond.numel():
            self._again(balls, points)
            return
        self.pairs += sure
        self.holds[balls] |= beyond.amin(1) < -self.doubt
        self.held[points] |= beyond.amin(0) < -self.doubt
        if unsure:
            i, j = torch.nonzero(beyond.abs_() <= self.doubt, as_tuple=True)
            self._exactly(i + balls.start, j + points.start)

    def _exactly(self, balls: Int[Tensor, " pairs"], points: Int[Tensor, " pairs"]) -> None:
        which, place = balls.unique(return_inverse=True)
        reach = self.balls.radius(which)[place]
        for i, j, r in zip(*(x.split(PAIRS_AT_ONCE) for x in (balls, points, reach)), strict=True):
            inside = (self.balls.x[i] - self.points.x[j]).square().sum(1) < r
            self.pairs += int(inside.sum())
            self.holds[i[inside]] = True
            self.held[j[inside]] = True

    def _again(self, balls: slice, points: slice) -> None:
        reach = self.balls.radius(torch.arange(len(self.balls))[balls])
        distance = squared_distance(self.balls.x[balls], self.points.x[points])
        inside: Bool[Tensor, "balls points"] = distance < reach[:, None]
        self.pairs += int(inside.sum())
        self.holds[balls] |= inside.any(1)
        self.held[points] |= inside.any(0)


def blocks(n: int, first: int = 0) -> list[slice]:
    return [slice(start, min(start + AT_ONCE, n)) for start in range(first, n, AT_ONCE)]


def squared_distance(a: Float[Tensor, "n dim"], b: Float[Tensor, "m dim"]) -> Float[Tensor, "n m"]:
    return torch.addmm(b.square().sum(1) + a.square().sum(1, keepdim=True), a, b.T, alpha=-2)


def smallest(x: Float[Tensor, "n m"], k: int) -> Nearest:
    """The k smallest of each row lie in those k groups of columns whose minima are the smallest."""
    rows, columns = x.shape
    groups = columns // GROUP
    if columns % GROUP or groups < 2 * k:
        return Nearest(*x.topk(k, dim=1, largest=False))
    least = x.view(rows, GROUP, groups).amin(1)
    first = least.topk(k, dim=1, largest=False, sorted=False).indices
    which = (first[:, None] + groups * torch.arange(GROUP)[:, None]).flatten(1)
    near = x.gather(1, which).topk(k, dim=1, largest=False)
    return Nearest(near.values, which.gather(1, near.indices))
