"""Fréchet distance and PRDC beside plain implementations, in turn: figures agree to 1e-4, times are compared.

    OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/metrics_speed.py --rounds 5

Fréchet: 2,048 features of `--items`, against numpy's covariances and the root of their product: by
scipy.linalg.sqrtm, as torch-fidelity 0.3 and pytorch-fid have it, or by eigenvalues, as torch-fidelity 0.4.
PRDC: `--items` of 1,024 features, against the package prdc where it is installed, else against its arithmetic
written out here (scikit-learn's pairwise distances, numpy's argpartition). Nothing is kept from call to call.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout

import numpy as np

from ganvas.metrics.distribution import frechet_distance, prdc

K = 5
AGREED = 1e-4


def plain_frechet(a: np.ndarray, b: np.ndarray, trace_of_root: Callable[[np.ndarray], float]) -> float:
    of_a, of_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    offset = a.mean(0, dtype=np.float64) - b.mean(0, dtype=np.float64)
    return float(offset @ offset + np.trace(of_a) + np.trace(of_b) - 2 * trace_of_root(of_a.dot(of_b)))


def by_sqrtm(product: np.ndarray) -> float:
    from scipy.linalg import sqrtm

    return float(np.trace(np.real(sqrtm(product))))


def by_eigenvalues(product: np.ndarray) -> float:
    return float(np.sum(np.sqrt(np.linalg.eigvals(product).astype("complex128")).real))


def plain_prdc(real: np.ndarray, fake: np.ndarray) -> Sequence[float]:
    try:
        from prdc import compute_prdc
    except ImportError:
        return written_out(real, fake)
    with redirect_stdout(sys.stderr):
        found = compute_prdc(real_features=real, fake_features=fake, nearest_k=K)
    return [float(found[name]) for name in ("precision", "recall", "density", "coverage")]


def written_out(real: np.ndarray, fake: np.ndarray) -> Sequence[float]:
    from sklearn.metrics import pairwise_distances

    def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return pairwise_distances(a, b, metric="euclidean", n_jobs=os.cpu_count())

    def radii(x: np.ndarray) -> np.ndarray:
        distance = apart(x, x)
        near = np.argpartition(distance, K + 1, axis=-1)[..., : K + 1]
        return np.take_along_axis(distance, near, axis=-1).max(axis=-1)

    of_real, of_fake, across = radii(real), radii(fake), apart(real, fake)
    inside = across < of_real[:, None]
    return [
        float(inside.any(axis=0).mean()),
        float((across < of_fake[None]).any(axis=1).mean()),
        float(inside.sum(axis=0).mean() / K),
        float((across.min(axis=1) < of_real).mean()),
    ]


def in_turn(
    ours: Callable[[], Sequence[float]], theirs: Callable[[], Sequence[float]], rounds: int
) -> dict[str, object]:
    """Medians of both times, their ratio, and the largest difference of the figures."""
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    found: dict[str, Sequence[float]] = {}
    for _ in range(rounds):
        for name, work in (("ours", ours), ("theirs", theirs)):
            began = time.perf_counter()
            found[name] = work()
            times[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    apart = max(abs(a - b) / max(1.0, abs(b)) for a, b in zip(found["ours"], found["theirs"], strict=True))
    assert apart < AGREED, f"figures differ by {apart}"
    return {
        "figures": [round(value, 4) for value in found["ours"]],
        "ours, seconds": round(medians["ours"], 2),
        "theirs, seconds": round(medians["theirs"], 2),
        "times": round(medians["theirs"] / medians["ours"], 2),
        "figures differ by": apart,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--dimensions", type=int, default=2_048, help="of Fréchet's features")
    parser.add_argument("--rounds", type=int, default=3)
    ask = parser.parse_args()
    rng = np.random.default_rng(0)

    def features(dim: int) -> list[np.ndarray]:
        """Correlated, skewed and not negative, as pooled activations are; the second a little weaker."""
        mix = rng.normal(size=(dim, dim)) / dim**0.5 / np.arange(1, dim + 1)[:, None] ** 0.5
        law = [(rng.normal(size=(ask.items, dim)) @ mix) * scale for scale in (1.0, 0.9)]
        return [np.maximum(x + 0.1, 0).astype(np.float32) for x in law]

    a, b = features(ask.dimensions)
    size = {"items": ask.items, "threads": os.environ.get("OMP_NUM_THREADS", "all")}
    for name, root in {"frechet beside sqrtm": by_sqrtm, "frechet beside eigvals": by_eigenvalues}.items():
        found = in_turn(
            lambda: [frechet_distance(a, b)], lambda root=root: [plain_frechet(a, b, root)], ask.rounds
        )
        print(json.dumps({name: found | size | {"dimensions": ask.dimensions}}), flush=True)
    a, b = features(1_024)
    balls = in_turn(lambda: prdc(a, b, K), lambda: plain_prdc(a, b), ask.rounds)
    print(json.dumps({"prdc": balls | size | {"dimensions": 1_024}}))


if __name__ == "__main__":
    main()
