"""Intervals are as wide as figures scatter over fresh draws."""

import numpy as np
import pytest

from ganvas.metrics.distribution import frechet_distance
from ganvas.metrics.intervals import figures, frechet_error, judged

rng = np.random.default_rng(0)


def test_an_error_is_the_scatter_over_fresh_draws():
    """40 draws know a standard deviation to 11 %."""
    found = [judged(rng.normal(size=(200, 4)), rng.normal(size=(200, 4)) * 0.8 + 0.3) for _ in range(40)]
    for name in found[0]:
        scatter = np.std([f[name].value for f in found], ddof=1)
        error = np.mean([f[name].high - f[name].value for f in found]) / 1.96
        if name != "precision":  # so near to 1 here that its interval is cut
            assert 0.65 < error / scatter < 1.5, name


def test_the_error_of_frechet_is_its_jackknifes():
    """Each item left out in turn: their variance, times (n - 1)^2 / n (Efron 1982, eq. 3.6)."""
    a, b = rng.normal(size=(120, 3)) * (1, 2, 3), rng.normal(size=(150, 3)) + 0.5
    variance = 0.0
    for left, n in ((0, len(a)), (1, len(b))):
        without = []
        for i in range(n):
            pair = [np.delete(x, i, 0) if j == left else x for j, x in enumerate((a, b))]
            without.append(frechet_distance(*pair))
        variance += np.var(without) * (n - 1) ** 2 / n
    assert frechet_error(a, b) == pytest.approx(np.sqrt(variance), rel=0.03)


def test_a_constant_feature_does_no_harm():
    a, b = rng.normal(size=(100, 3)), rng.normal(size=(100, 3)) + 1
    still = [np.pad(x, ((0, 0), (0, 1))) for x in (a, b)]
    assert frechet_error(*still) == pytest.approx(frechet_error(a, b), rel=1e-3)


def test_frechet_needs_more_items_than_dimensions():
    a, b = rng.normal(size=(20, 20)), rng.normal(size=(30, 20))
    assert "fd" not in figures(a, b)
    assert "fd" in figures(a[:, :19], b[:, :19])
    assert "fd" not in judged(a, b)
