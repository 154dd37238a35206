"""The metric of two-dimensional mixtures, on samplers whose figures are known."""

import math

import numpy as np
import pytest

from ganvas.metrics.points import mixture, perfect_high_quality

rng = np.random.default_rng(0)
ANGLE = np.arange(8) * 2 * np.pi / 8
RING = np.stack([np.cos(ANGLE), np.sin(ANGLE)], 1)


def test_a_perfect_sampler():
    """Its share is 1 - exp(-4.5) and n times twice its KL is chi-squared with 7 degrees of freedom."""
    n = 200_000
    found = mixture(RING[rng.integers(8, size=n)] + rng.normal(size=(n, 2)) * 0.01, RING, 0.01)
    assert perfect_high_quality() == pytest.approx(0.98889, abs=1e-5)
    assert found.high_quality == pytest.approx(perfect_high_quality(), abs=4 * math.sqrt(0.0111 / n))
    assert (found.modes, found.of, found.count) == (8, 8, n)
    assert 0 <= found.reverse_kl < 24 / (2 * n)


def test_a_sampler_of_two_modes_loses_log_four():
    found = mixture(RING[rng.integers(2, size=5000)], RING, 0.01)
    assert found.modes == 2
    assert found.high_quality == 1
    assert found.reverse_kl == pytest.approx(math.log(4), abs=1e-3)


def test_a_mode_counts_with_one_good_sample_and_not_with_poor_ones():
    """3 sigma itself is not nearer than 3 sigma; poor samples leave the histogram alone."""
    on_the_first, inside, outside = np.repeat(RING[:1], 9, 0), RING[1] + (0, 0.0299), RING[2] + (0.031, 0)
    found = mixture(np.vstack([on_the_first, inside, outside]), RING, 0.01)
    assert found.modes == 2
    assert found.high_quality == pytest.approx(10 / 11)
    assert found.reverse_kl == pytest.approx(0.9 * math.log(0.9 * 8) + 0.1 * math.log(0.1 * 8))


def test_nothing_found():
    found = mixture(np.full((10, 2), 50.0), RING, 0.01)
    assert (found.modes, found.high_quality) == (0, 0)
    assert found.reverse_kl == pytest.approx(math.log(8))


def test_samples_of_another_dimension_are_refused():
    with pytest.raises(ValueError, match="do not go with"):
        mixture(np.zeros((5, 3)), RING, 0.01)
