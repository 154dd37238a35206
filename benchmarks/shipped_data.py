"""Rebuild src/ganvas/data/shipped, and unpack the full sets, from the packages that resources name.

    python benchmarks/shipped_data.py ASSETS

ASSETS holds dataset-fashion-mnist_*.deb and openclipart-png_*.deb of Debian, lobehub-fluent-emoji-3d-*.tgz.
"""

import io
import lzma
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

from ganvas.data.arrays import read_idx
from ganvas.data.builtin import SHIPPED, TILE

TRAINING, HELD_OUT = 1000, 200
"""Garments of each class."""
EMOJI, ACROSS, QUALITY = 2000, 40, 90
TONE = re.compile(r"1f3f[bcdef]")
"""Code points of the skin tones."""


def fashion(assets: Path) -> None:
    """The first of each class, sorted by class: neighbours that look alike compress best."""
    folder = assets / "fashion-mnist"
    if not folder.exists():
        inner = unpacked_deb(assets, "dataset-fashion-mnist_*.deb") / "usr/share/datasets/fashion-mnist"
        inner.rename(folder)
    parts = []
    for name, each in (("train", TRAINING), ("t10k", HELD_OUT)):
        images = read_idx(folder / f"{name}-images-idx3-ubyte.gz")
        labels = read_idx(folder / f"{name}-labels-idx1-ubyte.gz")
        rows = np.concatenate([np.flatnonzero(labels == c)[:each] for c in range(10)])
        parts.append((images[rows], labels[rows], np.full(len(rows), name == "t10k")))
    images, labels, test = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(labels, kind="stable")
    packed = io.BytesIO()
    np.savez(packed, images=images[order], labels=labels[order], test=test[order])
    (SHIPPED / "fashion.npz.xz").write_bytes(lzma.compress(packed.getvalue(), preset=9 | lzma.PRESET_EXTREME))


def emoji(assets: Path) -> None:
    """A sheet of tiles, and their names; all untoned ones also as a folder of PNG files."""
    (package,) = assets.glob("lobehub-fluent-emoji-3d-*.tgz")
    folder, pictures = assets / "emoji", {}
    folder.mkdir(exist_ok=True)
    with tarfile.open(package) as archive:
        for member in sorted(archive, key=lambda m: m.name):
            file = archive.extractfile(member) if member.name.endswith(".webp") else None
            if file:
                picture = Image.open(file).convert("RGBA")
                small = picture.resize((TILE, TILE), Image.Resampling.LANCZOS, reducing_gap=3.0)
                pictures[Path(member.name).stem] = small
    for name in evenly(list(pictures), 3000):
        pictures[name].save(folder / f"{name}.png")
    chosen = evenly([n for n in pictures if not TONE.search(n)], EMOJI)
    down = -(-len(chosen) // ACROSS)
    sheet = Image.new("RGBA", (ACROSS * TILE, down * TILE))
    for i, name in enumerate(chosen):
        sheet.paste(pictures[name], (i % ACROSS * TILE, i // ACROSS * TILE))
    sheet.save(SHIPPED / "emoji.webp", quality=QUALITY, alpha_quality=100, method=6)
    (SHIPPED / "emoji.txt").write_text("\n".join(chosen) + "\n")


def evenly(names: list[str], most: int) -> list[str]:
    """At most so many names, spread evenly over all."""
    return [
        names[i] for i in np.unique(np.linspace(0, len(names) - 1, min(most, len(names))).round().astype(int))
    ]


def openclipart(assets: Path) -> None:
    folder = assets / "openclipart"
    if not folder.exists():
        (unpacked_deb(assets, "openclipart-png_*.deb") / "usr/share/openclipart/png").rename(folder)


def unpacked_deb(assets: Path, pattern: str) -> Path:
    (package,) = assets.glob(pattern)
    folder = assets / ".unpacked" / package.name.split("_")[0]
    subprocess.run(["dpkg", "-x", package, folder], check=True)
    return folder


if __name__ == "__main__":
    assets = Path(sys.argv[1])
    SHIPPED.mkdir(exist_ok=True)
    fashion(assets)
    emoji(assets)
    openclipart(assets)
    for file in sorted(SHIPPED.iterdir()):
        print(f"{file.name:20} {file.stat().st_size:>10,} bytes")
