"""Sounds as pictures: frequencies upwards as the ear hears them, time to the right, loudness as colour."""

import numpy as np
from jaxtyping import Float
from PIL import Image

BANDS = 80
FRAME = 0.01
"""Seconds from one column to the next, before it is stretched."""
WINDOW = 4
"""Frames that one spectrum spans."""
WIDTH, HEIGHT, PAD = 640, 96, 4
"""Pixels, of the longest sound and of each; and between them."""
MANY = 8
"""Sounds, beyond which there are two columns."""
DEPTH = 8.0
"""From the loudest to black, as a natural logarithm of the amplitude: 70 decibels."""


def sheet(items: Float[np.ndarray, "n sample"], rate: int) -> Image.Image:
    """A row for each, all on one scale of time and of loudness; zeros at the end are left out."""
    from matplotlib import colormaps

    spectra = [spectrum(item, rate) for item in items]
    longest = max(len(s) for s in spectra)
    top = max(float(np.percentile(s, 99.9)) for s in spectra)
    columns = 2 if len(items) > MANY else 1
    rows = -(-len(items) // columns)
    size = (columns * (WIDTH + PAD) - PAD, rows * (HEIGHT + PAD) - PAD)
    page = Image.new("RGB", size, "white")
    for k, found in enumerate(spectra):
        shown = np.rint(((found.T[::-1] - top) / DEPTH + 1).clip(0, 1) * 255).astype(np.uint8)
        width = max(1, round(WIDTH * len(found) / longest))
        row = Image.fromarray(shown).resize((width, HEIGHT), Image.Resampling.BILINEAR)
        coloured = (colormaps["magma"](np.asarray(row))[..., :3] * 255).astype(np.uint8)
        page.paste(Image.fromarray(coloured), (k % columns * (WIDTH + PAD), k // columns * (HEIGHT + PAD)))
    return page


def spectrum(item: Float[np.ndarray, " sample"], rate: int) -> Float[np.ndarray, "frame band"]:
    """The logarithm of its amplitude in each band."""
    import torch

    from ganvas.nn.spectrogram import Mel

    hop = max(1, round(FRAME * rate))
    sound = torch.zeros(max(len(cut(item)), WINDOW * hop))
    sound[: len(cut(item))] = torch.from_numpy(np.ascontiguousarray(cut(item), np.float32))
    return Mel(rate, WINDOW * hop, hop, BANDS)(sound[None])[0].numpy()


def cut(item: Float[np.ndarray, " sample"]) -> Float[np.ndarray, " sample"]:
    """Without the zeros that make it as long as others."""
    return np.trim_zeros(item, "b")
