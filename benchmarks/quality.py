"""Quality of pictures beside held-out ones: `python benchmarks/quality.py SAMPLES.npy [--reference R.npy]`.

SAMPLES are uint8 (n, c, h, w). The reference is a .npy like it, or else Fashion-MNIST's first test pictures,
padded to 32 x 32, read from the idx file that --fashion names (by default where Debian's package
dataset-fashion-mnist puts it). Prints one JSON object; both sides are prepared in the same way.
"""

import argparse
import gzip
import json
import time
from pathlib import Path

import numpy as np

from ganvas.metrics.distribution import frechet_distance, kernel_distance, prdc
from ganvas.metrics.features import NAME, opennsfw

K = 5
FASHION = Path("/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz")


def fashion(path: Path, count: int, offset: int = 0) -> np.ndarray:
    """`count` pictures of an idx file, as uint8 (n, 1, 32, 32) with a border of two black pixels."""
    with gzip.open(path) as file:
        pictures = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    return np.pad(pictures[offset : offset + count], ((0, 0), (0, 0), (2, 2), (2, 2)))


def features(images: np.ndarray, threads: int, cache: Path | None = None) -> np.ndarray:
    """Features, read from `cache` where that exists, else computed and left there."""
    if cache and cache.exists():
        return np.load(cache)
    found = opennsfw(images, threads=threads)
    if cache:
        np.save(cache, found)
    return found


def quality(fake: np.ndarray, real: np.ndarray) -> dict[str, float | int | str]:
    """All figures of a table of fake features beside one of real ones, under the names that users know."""
    return {
        "features": NAME,
        "fd": round(frechet_distance(real, fake), 3),
        "kd": round(kernel_distance(real, fake), 6),
        **{name: round(value, 4) for name, value in prdc(real, fake, K)._asdict().items()},
        "k": K,
        "samples": len(fake),
        "reference": len(real),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("samples", type=Path)
    parser.add_argument(
        "--reference", type=Path, help=".npy of uint8 pictures instead of Fashion-MNIST's test part"
    )
    parser.add_argument("--fashion", type=Path, default=FASHION, help="t10k-images-idx3-ubyte.gz")
    parser.add_argument("--count", type=int, default=5000, help="pictures of each side, at most")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cache", type=Path, help=".npy to keep the reference's features in")
    args = parser.parse_args()
    real = np.load(args.reference)[: args.count] if args.reference else fashion(args.fashion, args.count)
    start = time.monotonic()
    real_features = features(real, args.threads, args.cache)
    fake_features = features(np.load(args.samples)[: args.count], args.threads)
    print(json.dumps(quality(fake_features, real_features) | {"seconds": round(time.monotonic() - start, 1)}))


if __name__ == "__main__":
    main()
