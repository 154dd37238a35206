"""Many pictures, or points, as one picture to look at."""

import io
import math
from itertools import combinations

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

LOOKABLE = 64  # pixels a side; smaller pictures are enlarged by a whole factor
BOARD = (255, 225)  # the two greys of the checkerboard that shows what is transparent
MAX_PLANES = 3  # of points with more than two dimensions


def grid(
    images: UInt8[np.ndarray, "n channel height width"],
    columns: int | None = None,
    pad: int = 2,
    scale: int | None = None,
) -> Image.Image:
    """Pictures of 1, 3 or 4 channels in rows, white between them; transparency lies over a checkerboard.

    Without `columns` it is about square. `scale` enlarges each pixel, by default to a side of at least 64.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3, 4) or not len(images):
        raise ValueError(f"uint8 pictures (n, 1 | 3 | 4, h, w) are needed, not {images.dtype} {images.shape}")
    scale = scale or max(1, math.ceil(LOOKABLE / max(images.shape[2:])))
    tiles = images.transpose(0, 2, 3, 1).repeat(scale, 1).repeat(scale, 2)
    if tiles.shape[3] == 4:
        tiles = _over_board(tiles)
    n, height, width, channels = tiles.shape
    across = min(n, columns or math.ceil(math.sqrt(n)))
    rows = math.ceil(n / across)
    sheet = np.full((rows * (height + pad) - pad, across * (width + pad) - pad, channels), 255, np.uint8)
    for i, tile in enumerate(tiles):
        y, x = i // across * (height + pad), i % across * (width + pad)
        sheet[y : y + height, x : x + width] = tile
    return Image.fromarray(sheet[..., 0] if channels == 1 else sheet)


def _over_board(rgba: UInt8[np.ndarray, "n h w 4"]) -> UInt8[np.ndarray, "n h w 3"]:
    height, width = rgba.shape[1:3]
    cell = max(2, height // 8)
    y, x = np.ogrid[:height, :width]
    board = np.where((y // cell + x // cell) % 2, *BOARD)[..., None]
    alpha = rgba[..., 3:] / 255
    return np.rint(rgba[..., :3] * alpha + board * (1 - alpha)).astype(np.uint8)


def scatter(points: Float[np.ndarray, "n d"], real: Float[np.ndarray, "m d"]) -> Image.Image:
    """Samples over real points, both in the user's units; what lies far outside the real ones is cut off.

    One dimension gives two histograms, more than two the first few pairs of dimensions.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    planes = list(combinations(range(points.shape[1]), 2))[:MAX_PLANES] or [(0, 0)]
    figure = Figure(figsize=(5 * len(planes), 5), dpi=128, layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (i, j) in zip(figure.subplots(1, len(planes), squeeze=False)[0], planes, strict=True):
        if i == j:
            bins = np.histogram_bin_edges(real[:, 0], 60)
            axes.hist(real[:, 0], bins, density=True, color="#b9c0cc", label="real")
            axes.hist(points[:, 0], bins, density=True, histtype="step", color="#3757d8", label="samples")
        else:
            low, high = real[:, [i, j]].min(0), real[:, [i, j]].max(0)
            margin = np.maximum(high - low, 1e-9) * 0.08
            axes.set_xlim(low[0] - margin[0], high[0] + margin[0])
            axes.set_ylim(low[1] - margin[1], high[1] + margin[1])
            axes.scatter(real[:, i], real[:, j], s=16, c="#f2b950", linewidths=0, label="real")
            axes.scatter(
                points[:, i], points[:, j], s=5, c="#3757d8", alpha=0.6, linewidths=0, label="samples"
            )
            axes.set_xlabel(f"dimension {i + 1}")
            axes.set_ylabel(f"dimension {j + 1}")
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(
        *figure.axes[0].get_legend_handles_labels(), loc="outside upper right", ncols=2, markerscale=3
    )
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return Image.open(file).convert("RGB")
