"""A model beside another's curve: what is true is found, within the interval, and what is not is not said."""

import numpy as np
import pytest

from ganvas.metrics.tradeoff import Point, everywhere, match

TEMPERATURES = (0.4, 0.6, 0.8, 1.0, 1.2)


def place(temperature):
    """Of a likelihood model: how alike, and how good."""
    return 0.7 - 0.5 * temperature, 0.8 - 0.3 * temperature - 0.1 * temperature**2


def point(temperature, rng, n=800, better=0.0, warm=1.0):
    alike, quality = place(temperature * warm)
    spread = [[0.04, 0.02], [0.02, 0.05]]
    drawn = rng.multivariate_normal([alike, quality + better], spread, n)
    return Point(temperature, drawn[:, 0], drawn[:, 1])


def curve(rng, **how):
    return [point(t, rng, **how) for t in TEMPERATURES]


def test_a_model_that_is_its_baseline_cooled_is_said_to_be_as_often_as_the_interval_says():
    rng, hits, silent = np.random.default_rng(0), 0, 0
    for _ in range(200):
        found = match(point(1.0, rng, warm=0.9), curve(rng))
        assert found is not None
        hits += found.low <= 0.9 <= found.high
        silent += found.sign == 0
    assert hits >= 180
    assert silent >= 180


@pytest.mark.parametrize("better", [0.08, -0.08])
def test_what_is_better_at_equal_diversity_is_said_to_be(better):
    rng = np.random.default_rng(1)
    found = match(point(1.0, rng, better=better), curve(rng))
    assert found is not None
    assert found.sign == np.sign(better)
    assert found.excess_low <= better <= found.excess_high
    assert found.low <= 1.0 <= found.high


def test_of_equal_models_nothing_is_said_at_any_temperature():
    rng, wrong = np.random.default_rng(2), 0
    for _ in range(100):
        matched = everywhere(curve(rng), curve(rng))
        wrong += any(m.sign for m in matched if m)
    assert wrong <= 10


def test_of_what_is_nowhere_as_diverse_no_temperature_is_named():
    rng = np.random.default_rng(3)
    assert match(point(1.0, rng, warm=3.0), curve(rng)) is None
    assert match(point(1.0, rng, warm=0.01), curve(rng)) is None


def test_between_two_temperatures_the_curve_is_a_straight_line():
    rows = [
        Point(t, np.array([a - 1e-9, a + 1e-9]), np.array([q, q]))
        for t, a, q in ((1.0, 0.2, 0.3), (0.5, 0.6, 0.5))
    ]
    found = match(Point(None, np.array([0.3, 0.3]), np.array([0.4, 0.4])), rows)
    assert found is not None
    assert found.temperature == pytest.approx(0.875)
    assert found.excess == pytest.approx(0.05)
