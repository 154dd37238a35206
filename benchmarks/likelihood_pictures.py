"""One sheet of samples of every model of the table fashion-bits and its kin: docs/pictures/likelihood.png.

    ganvas reproduce fashion-bits --data FOLDER --out runs/bits
    python benchmarks/likelihood_pictures.py FOLDER runs/bits 20m

Trains what is not in that table, each for that long, into the same folder. Samples are those of seed 0,
unselected.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import ganvas
from ganvas.data.image import ImageSettings
from ganvas.data.load import load
from ganvas.studies.tables.likelihoods import FASHION_BITS

SHEET = Path(__file__).parents[1] / "docs" / "pictures" / "likelihood.png"
BESIDES = ("vqvae", "vaegan", "template")
ORDER = ("random", "parametric", "template", "loglinear", "vae", "vaegan", "hvae", "vqvae", "flow", "pixel")
COUNT, SIDE, ZOOM, MARGIN = 16, 28, 2, 120


def main() -> None:
    data, folder, budget = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    for name in BESIDES:
        if not (folder / name).exists():
            long = None if name == "template" else budget
            ganvas.train(data, name, out=folder / name, budget=long, settings=dict(FASHION_BITS.common))
    held_out = load(data, ImageSettings(size=SIDE, labels=False)).held_out
    if held_out is None:
        raise SystemExit(f"{data} has nothing held out")
    real = held_out.fetch(np.arange(COUNT))["image"].numpy()[:, 0]
    rows = {"held out": real} | {
        name: ganvas.load(folder / name).sample(COUNT, seed=0)[..., 0]
        for name in ORDER
        if (folder / name).exists()
    }
    height = SIDE * ZOOM + 4
    sheet = Image.new("L", (MARGIN + COUNT * SIDE * ZOOM, len(rows) * height), 255)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(16)
    for place, (name, pictures) in enumerate(rows.items()):
        draw.text((4, place * height + height // 2), name, 0, font, "lm")
        strip = Image.fromarray(np.concatenate(list(pictures), 1).astype(np.uint8))
        sheet.paste(strip.resize((strip.width * ZOOM, strip.height * ZOOM), 0), (MARGIN, place * height))
    sheet.quantize(64).save(SHEET, optimize=True)
    print(f"{len(rows)} rows in {SHEET}")


if __name__ == "__main__":
    main()
