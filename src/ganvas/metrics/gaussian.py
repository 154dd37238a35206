"""Covariances of features, in fp32 where that is enough, and the trace of the root of their product."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ganvas.core.device import quick_products

Square = Float[np.ndarray, "dim dim"]
Items = Float[np.ndarray, "count dim"]

ROWS = 2_000  # of a product in fp32; such products are added up in fp64
WIDE = 256  # features, below which fp64 takes no time
MARGIN = 30.0
"""How many times the noise of fp32 the least eigenvalue is at least: then a 10,000th of the root is moved."""
BLOCKS = 16


def covariances(a: Items, b: Items) -> tuple[Square, Square]:
    """Unbiased, of both sets: by products in fp32 where neither is near to singular, else in fp64.

    The rounding errors of fp32 are a random matrix; beside eigenvalues that are large against its norm they
    cancel out of the sum of roots to first order, and leave (noise / eigenvalue)^2 / 8 of it.
    """
    if WIDE <= a.shape[1] < min(len(a), len(b)):
        rough = rough_covariance(a), rough_covariance(b)
        seen = [correlations(c) for c in rough]
        if all(least_eigenvalue(r) > MARGIN * noise(r, len(x)) for r, x in zip(seen, (a, b), strict=True)):
            return rough
    return covariance(a), covariance(b)


def covariance(x: Items) -> Square:
    """In fp64. (numpy, unlike torch, knows that x'x is symmetric.)"""
    away = x.astype(np.float64)
    away -= away.mean(0)
    return away.T @ away / (len(x) - 1)


def rough_covariance(x: Items) -> Square:
    mean = x.mean(0, dtype=np.float64)
    near = mean.astype(x.dtype)  # the difference to the mean itself is taken off at the end
    total = torch.zeros(x.shape[1], x.shape[1], dtype=torch.float64)
    with quick_products():
        for start in range(0, len(x), ROWS):
            away = (x[start : start + ROWS] - near).astype(np.float32, copy=False)
            _add_square(total, torch.from_numpy(away))
    for i, j in _blocks(len(total)):
        total[:i, i:j] = total[i:j, :i].T
    total = total.numpy()
    left = mean - near
    total -= len(x) * np.outer(left, left)
    total /= len(x) - 1
    return total


def _add_square(total: Tensor, x: Tensor) -> None:
    """Add the lower triangle of x'x, which is symmetric, by blocks."""
    for i, j in _blocks(len(total)):
        total[i:j, :j] += x[:, i:j].T @ x[:, :j]


def correlations(covariance: Square) -> Square:
    """In fp32; of a constant feature all are 0."""
    scale = np.sqrt(np.diag(covariance))
    scale = np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0).astype(np.float32)
    found = covariance.astype(np.float32)
    found *= scale
    found *= scale[:, None]
    return found


def noise(correlations: Square, count: int) -> float:
    """More than the norm of what fp32 adds to them: the errors of a sum grow as the root of its length and as
    what it adds up to, and those of the blocks average out; 2 sqrt(dim) entries make the norm."""
    dim = len(correlations)
    along = (min(ROWS, count) ** 2 / count) ** 0.5 * float(np.linalg.norm(correlations)) / dim**0.5
    return 2 * 2.0**-24 * (along + dim**0.5)


def least_eigenvalue(correlations: Square, rounds: int = 4) -> float:
    """By inverse iteration, in fp32; 0 where they are singular as far as that can tell."""
    root, failed = torch.linalg.cholesky_ex(torch.from_numpy(correlations))
    if failed:
        return 0.0
    v = torch.randn(len(correlations), 1, generator=torch.Generator().manual_seed(0))
    for _ in range(rounds):
        v = torch.cholesky_solve(v / v.norm(), root)
    return 1 / float(v.norm())


def trace_of_root(a: Square, b: Square) -> float:
    """tr (a b)^(1/2) of two covariances: a b has the eigenvalues of r' b r for any root r r' = a."""
    try:
        product = _between(b, np.linalg.cholesky(a))
    except np.linalg.LinAlgError:  # fewer items than dimensions, or a constant feature
        values, vectors = np.linalg.eigh(a)
        root = vectors * np.sqrt(values.clip(min=0))
        product = root.T @ b @ root
    values = torch.linalg.eigvalsh(torch.from_numpy(product))  # reads the lower triangle only
    return float(values.clamp(min=0).sqrt().sum())


def _between(b: Square, root: Square) -> Square:
    """The lower triangle of r' b r for a lower triangle r: half of the work that zeros would make."""
    right, product = np.empty_like(b), np.empty_like(b)
    for i, j in _blocks(len(b)):
        right[:, i:j] = b[:, i:] @ root[i:, i:j]
    for i, j in _blocks(len(b)):
        product[i:j, :j] = root[i:, i:j].T @ right[i:, :j]
    return product


def _blocks(count: int) -> Iterator[tuple[int, int]]:
    """Where each of so many blocks of rows or columns starts and ends."""
    return pairwise(np.linspace(0, count, BLOCKS + 1).astype(int).tolist())
