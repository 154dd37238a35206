"""Nearest neighbours and what lies in balls, against plain sorting and fp64."""

import numpy as np
import pytest
import torch

from ganvas.metrics import neighbours
from ganvas.metrics.distribution import prdc
from ganvas.metrics.neighbours import GROUP, Balls, smallest, squared_distance


@pytest.mark.parametrize("columns", [GROUP * 64, GROUP * 64 + 1, 12])
def test_the_smallest_of_each_row(columns):
    x = torch.randn(50, columns, generator=torch.Generator().manual_seed(0))
    near = smallest(x, 10)
    assert torch.equal(near.values, x.sort(1).values[:, :10])
    assert torch.equal(x.gather(1, near.indices), near.values)


def test_of_equal_values_none_is_lost():
    near = smallest(torch.zeros(3, GROUP * 64), 10)
    assert all(len(row.unique()) == 10 for row in near.indices)


def test_radii_are_those_of_double_precision():
    x = torch.randn(2_100, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    x[:30] = x[30]  # their radii are 0
    balls = Balls(x, 5)
    plain = squared_distance(x, x).sort(1).values[:, 5].clamp(min=0)
    assert torch.allclose(balls.radius(torch.arange(len(x))), plain, rtol=1e-12, atol=1e-12)
    assert (balls.near.values[:, 5] - plain).abs().max() < balls.doubt(balls)


def test_the_doubt_is_more_than_single_precision_errs_by():
    rng = np.random.default_rng(0)
    for dim in (2, 64, 1024):
        x = torch.from_numpy(np.maximum(rng.normal(size=(1_000, dim)), 0) + 1)
        balls = Balls(x, 5)
        error = balls.distances(balls, slice(0, 1_000), slice(0, 1_000)) - squared_distance(x, x)
        assert error.abs().max() < balls.doubt(balls)


def test_all_pairs_in_doubt_or_none_give_the_same_figures(monkeypatch):
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(1_200, 8)), rng.normal(size=(1_100, 8)) * 0.8
    found = prdc(real, fake)
    for doubt, many in ((0.1, 1.0), (1e9, 0.01)):  # pair by pair, and by whole blocks
        monkeypatch.setattr(Balls, "doubt", lambda self, other, d=doubt: d)
        monkeypatch.setattr(neighbours, "MANY", many)
        assert prdc(real, fake) == found
