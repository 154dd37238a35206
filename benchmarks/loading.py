"""How fast batches come: from the mapped cache, beside decoding PNG files with Pillow, in turn.

python benchmarks/loading.py
"""

import io
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image

from ganvas.data.image import Images, load

BATCH, BATCHES, ROUNDS = 64, 200, 7


def rate(draw: Callable[[np.ndarray], torch.Tensor], count: int, batches: int) -> float:
    """Pictures a second over random batches."""
    random = np.random.default_rng(0)
    indices = [random.integers(count, size=BATCH) for _ in range(batches)]
    start = time.perf_counter()
    for index in indices:
        draw(index)
    return batches * BATCH / (time.perf_counter() - start)


def encoded(data: Images) -> list[bytes]:
    """Every picture as a PNG file in memory, so that the disk does not count against Pillow."""
    files = []
    for row in data.rows:
        file = io.BytesIO()
        Image.fromarray(data.pixels[row].transpose(1, 2, 0).squeeze()).save(file, "png")
        files.append(file.getvalue())
    return files


def main() -> None:
    torch.set_num_threads(1)
    for name in ("fashion", "emoji"):
        data = load(name)
        files = encoded(data)

        def decoded(index: np.ndarray, files: list[bytes] = files) -> torch.Tensor:
            return torch.from_numpy(np.stack([np.asarray(Image.open(io.BytesIO(files[i]))) for i in index]))

        def fetched(index: np.ndarray, data: Images = data) -> torch.Tensor:
            return data.fetch(index)["image"]

        def floats(index: np.ndarray, data: Images = data) -> torch.Tensor:
            return data.ready(data.fetch(index))["image"]

        sides = {"cache, uint8": fetched, "cache, floats": floats, "Pillow, PNG": decoded}
        rates = {side: [] for side in sides}
        for _ in range(ROUNDS):
            for side, draw in sides.items():
                rates[side].append(rate(draw, len(data), BATCHES if side != "Pillow, PNG" else BATCHES // 10))
        for side, found in rates.items():
            low, high = min(found), max(found)
            print(
                f"{name:8} {'x'.join(map(str, data.shape)):8} {side:14} "
                f"{statistics.median(found):>10,.0f} pictures/s   ({low:,.0f} to {high:,.0f})"
            )


if __name__ == "__main__":
    main()
