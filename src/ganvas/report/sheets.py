"""Rows of pictures with words beside and below them, as one picture; and walks as an animation."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib import colormaps, get_data_path
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ganvas.core.files import beside
from ganvas.data.spec import Spec
from ganvas.exploration.views import Row, View
from ganvas.report.grids import grid

GAP = 14
"""Pixels between groups of rows, between blocks of columns, and around words."""
INK = (70, 74, 84)
LETTERS = 12
"""Height of the words, in pixels."""
HEAT = 0.8
"""Share of a map where it lies over a picture."""
TICK = 80
"""Milliseconds that a frame is shown."""
ACROSS = 8
"""Pictures in a row of the animation."""


def sheet(view: View, spec: Spec) -> Image.Image:
    """All rows of a view, one below the other."""
    font = ImageFont.truetype(Path(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), LETTERS)
    pen = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    rows = [row for group in view.groups for row in group]
    strips = [_strip(row, view, spec) for row in rows]
    words = [pen.multiline_textbbox((0, 0), row.label, font)[2] for row in rows]
    left = int(max(words)) + GAP if any(row.label for row in rows) else 0
    width = left + max(strip.width for strip in strips)
    drawn, height = [], 0
    for group in view.groups:
        for row in group:
            strip = strips[len(drawn)]
            drawn.append((row, strip, height))
            height += strip.height + (LETTERS + GAP // 2 if row.under else 0) + view.pad
        height += GAP - view.pad
    whole = Image.new("RGB", (width, height - GAP), "white")
    pen = ImageDraw.Draw(whole)
    for row, strip, top in drawn:
        whole.paste(strip, (left, top))
        middle = top + strip.height / 2
        pen.multiline_text((left - GAP // 2, middle), row.label, INK, font, "rm", 2, "right")
        each = len(row.items) // view.blocks
        block = (strip.width + GAP) / view.blocks
        for k, word in enumerate(row.under):
            x = left + k // each * block + (k % each + 0.5) * (block - GAP + view.pad) / each
            pen.text((x, top + strip.height + 3), word, INK, font, "mt")
    return whole


def _strip(row: Row, view: View, spec: Spec) -> Image.Image:
    """One row, in blocks."""
    pixels = pixels_of(row.items, spec)
    if row.heat is not None:
        pixels = heated(pixels, row.heat.numpy())
    blocks = [grid(part, len(part), view.pad).convert("RGB") for part in np.array_split(pixels, view.blocks)]
    whole = Image.new("RGB", (sum(b.width + GAP for b in blocks) - GAP, blocks[0].height), "white")
    for k, block in enumerate(blocks):
        whole.paste(block, (k * (block.width + GAP), 0))
    return whole


def pixels_of(items: Tensor, spec: Spec) -> UInt8[np.ndarray, "n channel height width"]:
    return spec.restore(items.float().cpu().numpy()).transpose(0, 3, 1, 2)


def heated(
    pixels: UInt8[np.ndarray, "n channel height width"], maps: Float[np.ndarray, "n 1 height width"]
) -> UInt8[np.ndarray, "n 3 height width"]:
    """Grey pictures, dimmed, under maps from black by violet and red to yellow."""
    colours = colormaps["inferno"](maps[:, 0])[..., :3].transpose(0, 3, 1, 2)
    grey = pixels[:, :3].mean(1, keepdims=True)
    return np.rint(HEAT * 255 * colours + (1 - HEAT) * grey).astype(np.uint8)


def animate(frames: Float[Tensor, "frame tile channel height width"], spec: Spec, path: Path) -> Path:
    """All walks side by side, for ever, as WebP."""
    images = [grid(pixels_of(frame, spec), ACROSS).convert("RGB") for frame in frames]
    with beside(path) as draft:
        images[0].save(
            draft, "WEBP", save_all=True, append_images=images[1:], duration=TICK, loop=0, quality=85
        )
    return path
