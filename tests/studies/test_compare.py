"""Statistics over seeds: intervals cover as often as they say, tests agree with counting and with scipy."""

import numpy as np
import pytest
from scipy import stats

from ganvas.studies.compare import (
    holm,
    interval,
    normal_cdf,
    paired,
    seeds_needed,
    sign_flip,
    student_quantile,
    wilson,
)


def test_quantiles_are_those_of_scipy():
    for df in (1, 2, 5, 9, 30):
        assert student_quantile(0.975, df) == pytest.approx(stats.t.ppf(0.975, df), rel=1e-6)
    assert normal_cdf(-1.3) == pytest.approx(stats.norm.cdf(-1.3), rel=1e-12)


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_few_values_give_their_range_and_say_how_often_that_holds_the_mean(n):
    x = np.random.default_rng(0).normal(size=(20_000, n))
    held = ((x.min(1) < 0) & (x.max(1) > 0)).mean()
    found = interval(x[0])
    assert (found.low, found.high) == (x[0].min(), x[0].max())
    assert held == pytest.approx(found.level, abs=4 * np.sqrt(0.25 / 20_000))


@pytest.mark.parametrize("n", [6, 10, 20])
def test_more_values_are_held_as_often_as_the_level_says(n):
    draws = np.random.default_rng(1).normal(3.0, 2.0, (400, n))
    found = [interval(x) for x in draws]
    held = np.mean([f.low < 3.0 < f.high for f in found])
    assert held == pytest.approx(0.95, abs=3.5 * np.sqrt(0.95 * 0.05 / 400))
    assert {f.level for f in found} == {0.95}


def test_one_value_has_no_interval():
    assert interval([1.0]) is None


def test_sign_flips_are_counted():
    assert sign_flip([1.0, 2.0, 3.0, 4.0, 5.0]) == 2 / 32
    assert sign_flip([1.0, -1.0]) == 1.0
    x = np.random.default_rng(2).normal(0.4, 1, 9)
    exact = stats.permutation_test(
        (x,), np.mean, permutation_type="samples", alternative="two-sided", n_resamples=np.inf
    )
    assert sign_flip(x) == pytest.approx(exact.pvalue)
    many = np.random.default_rng(3).normal(0.3, 1, 30)
    assert sign_flip(many) == pytest.approx(stats.ttest_1samp(many, 0).pvalue, abs=0.02)


def test_holms_correction_is_that_of_the_textbook():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_the_seeds_that_a_correction_needs():
    for comparisons in (1, 3, 10):
        n = seeds_needed(comparisons)
        assert comparisons * sign_flip([1.0] * n) <= 0.05 < comparisons * sign_flip([1.0] * (n - 1))


def test_failure_rates_have_wilsons_interval():
    for failed, of in ((0, 5), (2, 10), (5, 5)):
        low, high = stats.binomtest(failed, of).proportion_ci(method="wilson")
        assert wilson(failed, of) == pytest.approx((low, high), abs=1e-6)


def test_pairs_are_compared_at_the_seeds_that_both_have_and_in_the_better_direction():
    a, b = {s: 10.0 + s for s in range(6)}, {s: 12.0 + 1.1 * s for s in range(1, 7)}
    pair = paired("a", "b", "fd", a, b)
    assert pair.seeds == (1, 2, 3, 4, 5)
    assert pair.difference == pytest.approx(2 + 0.1 * 3)
    assert (pair.wins, pair.differs, pair.p) == (5, True, 2 / 32)
    other = paired("a", "b", "recall", a, b)
    assert (other.difference, other.wins) == (pytest.approx(-2.3), 0)
    assert paired("a", "b", "fd", a, {9: 1.0}) is None


def test_four_seeds_are_too_few_to_say_that_anything_differs():
    pair = paired("a", "b", "fd", dict.fromkeys(range(4), 1.0), dict.fromkeys(range(4), 2.0))
    assert pair.wins == 4
    assert not pair.differs
