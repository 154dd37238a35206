"""Distances between feature sets against closed forms and plain independent versions."""

import numpy as np
import pytest
import scipy.linalg
from scipy.spatial.distance import cdist

from ganvas.metrics.distribution import frechet_distance, kernel_distance, kernel_distance_blocks, prdc

rng = np.random.default_rng(0)
A = rng.normal(size=(300, 12)) @ rng.normal(size=(12, 12)) + 1
B = rng.normal(size=(280, 12)) ** 3


def frechet_by_sqrtm(a: np.ndarray, b: np.ndarray) -> float:
    sa, sb = np.cov(a.T), np.cov(b.T)
    root = scipy.linalg.sqrtm(sa @ sb).real
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(sa + sb - 2 * root)


def kernel_distance_by_loops(a: np.ndarray, b: np.ndarray) -> float:
    def k(x: np.ndarray, y: np.ndarray) -> float:
        return (x @ y / len(x) + 1) ** 3

    aa = np.mean([k(x, y) for i, x in enumerate(a) for j, y in enumerate(a) if i != j])
    bb = np.mean([k(x, y) for i, x in enumerate(b) for j, y in enumerate(b) if i != j])
    return float(aa + bb - 2 * np.mean([k(x, y) for x in a for y in b]))


def prdc_by_scipy(real: np.ndarray, fake: np.ndarray, k: int) -> tuple[float, float, float, float]:
    real_radius, fake_radius = (np.sort(cdist(x, x))[:, k] for x in (real, fake))
    d = cdist(real, fake)
    inside = d < real_radius[:, None]
    return (
        inside.any(0).mean(),
        (d < fake_radius).any(1).mean(),
        inside.sum(0).mean() / k,
        inside.any(1).mean(),
    )


def test_frechet_of_one_dimension_is_the_textbook_formula():
    a, b = A[:, :1], B[:, :1]
    closed = (a.mean() - b.mean()) ** 2 + (a.std(ddof=1) - b.std(ddof=1)) ** 2
    assert frechet_distance(a, b) == pytest.approx(closed, rel=1e-12)


def test_frechet_of_a_shifted_and_stretched_set():
    """b = 3 a + 5 has covariance 9 S, so the distance is |2 mu + 5|^2 + (3 - 1)^2 tr S."""
    closed = ((2 * A.mean(0) + 5) ** 2).sum() + 4 * np.trace(np.cov(A.T))
    assert frechet_distance(A, 3 * A + 5) == pytest.approx(closed, rel=1e-10)
    assert frechet_distance(A, A) == pytest.approx(0, abs=1e-9)


def test_frechet_equals_scipys_matrix_root():
    assert frechet_distance(A, B) == pytest.approx(frechet_by_sqrtm(A, B), rel=1e-9)
    assert frechet_distance(B, A) == pytest.approx(frechet_distance(A, B), rel=1e-9)


def test_frechet_where_the_covariance_is_singular():
    """A dead feature; fewer items than features, where the trace is a nuclear norm of the centred items."""
    a, b = np.pad(A, ((0, 0), (0, 2))), np.pad(B, ((0, 0), (0, 2)))
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(A, B), rel=1e-6)
    few_a, few_b = rng.normal(size=(20, 50)), rng.normal(size=(25, 50)) + 0.3
    ca, cb = few_a - few_a.mean(0), few_b - few_b.mean(0)
    nuclear = np.linalg.svd(ca @ cb.T, compute_uv=False).sum() / np.sqrt(19 * 24)
    offset = ((few_a.mean(0) - few_b.mean(0)) ** 2).sum()
    closed = offset + (ca**2).sum() / 19 + (cb**2).sum() / 24 - 2 * nuclear
    assert frechet_distance(few_a, few_b) == pytest.approx(closed, rel=1e-6)


def test_kernel_distance_equals_its_sums_written_out():
    a, b = A[:40], B[:30]
    assert kernel_distance(a, b) == pytest.approx(kernel_distance_by_loops(a, b), rel=1e-10)
    mean, spread = kernel_distance_blocks(a, b[:30], size=30, blocks=1)
    assert (mean, spread) != (0, 0)
    assert spread == 0


def test_kernel_distance_is_unbiased():
    """Over many pairs of sets of one distribution the mean is zero within its standard error."""
    draws = [kernel_distance(rng.normal(size=(20, 4)), rng.normal(size=(25, 4))) for _ in range(400)]
    assert abs(np.mean(draws)) < 3 * np.std(draws) / 20


@pytest.mark.parametrize("k", [1, 5])
def test_prdc_equals_scipys_distances(k):
    real, fake = rng.normal(size=(1500, 6)), rng.normal(size=(1300, 6)) * 0.8 + 0.4
    assert tuple(prdc(real, fake, k)) == pytest.approx(prdc_by_scipy(real, fake, k), abs=1e-12)


def test_prdc_of_what_cannot_be_mistaken():
    """Far apart, all four are 0; fakes on one real item are precise, dense, and cover next to nothing."""
    assert tuple(prdc(A, A + 1000)) == (0, 0, 0, 0)
    collapsed = prdc(A, A[:1] + rng.normal(size=(300, 12)) * 1e-6)
    assert collapsed.precision == 1
    assert collapsed.recall <= 1 / 300  # the item itself
    assert collapsed.coverage < 0.1


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="equally many columns"):
        frechet_distance(A, B[:, :5])
    with pytest.raises(ValueError, match="NaN"):
        kernel_distance(A, np.full_like(A, np.nan))
    with pytest.raises(ValueError, match="more than 5 items"):
        prdc(A, B[:5])


def test_prdc_is_exact_where_single_precision_would_not_be():
    """Far from the origin, with an outlier, and where most items lie on one spot."""
    real, fake = rng.normal(size=(400, 6)), rng.normal(size=(350, 6)) * 0.8
    for shift in (0.0, 1e4):
        assert tuple(prdc(real + shift, fake + shift)) == pytest.approx(
            prdc_by_scipy(real, fake, 5), abs=1e-12
        )
    far = np.vstack([real, np.full((1, 6), 1e6)])
    assert tuple(prdc(far, fake)) == pytest.approx(prdc_by_scipy(far, fake, 5), abs=1e-12)
    spot = np.vstack([np.zeros((300, 6)), fake])
    assert tuple(prdc(real, spot)) == pytest.approx(prdc_by_scipy(real, spot, 5), abs=1e-12)
