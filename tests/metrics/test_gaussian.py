"""Covariances in single precision where that is enough, and in double where it is not."""

import numpy as np
import pytest
import scipy.linalg

from ganvas.metrics.distribution import frechet_distance
from ganvas.metrics.gaussian import (
    WIDE,
    correlations,
    covariance,
    covariances,
    least_eigenvalue,
    noise,
    rough_covariance,
    trace_of_root,
)

rng = np.random.default_rng(0)
DIM, COUNT = 300, 3_000
MIX = rng.normal(size=(DIM, DIM)) / np.sqrt(np.arange(1, DIM + 1)[:, None] * DIM)


def drawn(scale: float = 1.0, count: int = COUNT) -> np.ndarray:
    """Correlated, skewed and not negative, as pooled activations are."""
    return np.maximum(scale * rng.normal(size=(count, DIM)) @ MIX + 0.1, 0).astype(np.float32)


def by_sqrtm(a: np.ndarray, b: np.ndarray) -> float:
    """torch-fidelity 0.3, pytorch-fid."""
    of_a, of_b = np.cov(a.T), np.cov(b.T)
    root = np.real(scipy.linalg.sqrtm(of_a @ of_b))
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(of_a + of_b - 2 * root)


def by_eigenvalues(a: np.ndarray, b: np.ndarray) -> float:
    """torch-fidelity 0.4."""
    of_a, of_b = np.cov(a.T), np.cov(b.T)
    root = np.sqrt(np.linalg.eigvals(of_a @ of_b).astype("complex128")).real.sum()
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(of_a + of_b) - 2 * root


@pytest.mark.parametrize("reference", [by_sqrtm, by_eigenvalues])
@pytest.mark.parametrize("shift", [0.0, 300.0])
def test_wide_features_in_single_precision_give_the_references_distance(reference, shift):
    a, b = drawn() + np.float32(shift), drawn(0.9) + np.float32(shift)
    rough = covariances(a, b)
    assert not np.array_equal(rough[0], covariance(a))
    assert frechet_distance(a, b) == pytest.approx(reference(a.astype(float), b.astype(float)), rel=1e-6)


@pytest.mark.parametrize("kind", ["activations", "one factor", "apart"])
@pytest.mark.parametrize("count", [1_000, 6_000])
def test_what_single_precision_adds_is_no_more_than_is_counted_on(kind, count):
    x = {
        "activations": lambda: drawn(count=count),
        "one factor": lambda: rng.normal(size=(count, 1)) + 0.1 * rng.normal(size=(count, DIM)),
        "apart": lambda: rng.normal(size=(count, DIM)),
    }[kind]()
    exact = covariance(x)
    scale = np.sqrt(np.diag(exact))
    error = (rough_covariance(x) - exact) / scale / scale[:, None]
    assert np.abs(np.linalg.eigvalsh(error)).max() < noise(correlations(exact), count)


def test_the_least_eigenvalue_of_the_correlations():
    x = drawn()
    found = np.linalg.eigvalsh(np.corrcoef(x.T))[0]
    assert least_eigenvalue(correlations(covariance(x))) == pytest.approx(found, rel=0.5)


@pytest.mark.parametrize("apart", [0.0, 1e-3])
def test_features_that_follow_from_others_are_left_to_double_precision(apart):
    """Where the other set fills the directions that this one lacks, its rounding errors would count."""
    a, b = drawn().astype(np.float64), drawn().astype(np.float64)
    a[:, :50] = a[:, 50:100] + apart * rng.normal(size=(COUNT, 50))
    assert np.array_equal(covariances(a, b)[0], covariance(a))
    assert np.array_equal(covariances(b, a)[1], covariance(a))
    assert frechet_distance(a, b) == pytest.approx(by_sqrtm(a, b), rel=1e-5)


def test_a_trace_of_a_root_written_out():
    """Diagonal covariances commute: the sum of sqrt(a_i b_i); turned alike, it stays."""
    a, b = rng.uniform(0.1, 2, DIM), rng.uniform(0.1, 2, DIM)
    turn = np.linalg.qr(rng.normal(size=(DIM, DIM)))[0]
    for t in (np.eye(DIM), turn):
        found = trace_of_root((t * a) @ t.T, (t * b) @ t.T)
        assert found == pytest.approx(np.sqrt(a * b).sum(), rel=1e-12)


def test_few_features_are_exact():
    a, b = drawn()[:, : WIDE - 1], drawn()[:, : WIDE - 1]
    assert np.array_equal(covariances(a, b)[0], covariance(a))
