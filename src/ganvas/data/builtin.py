"""The data sets that come with ganvas."""

import io
import lzma
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ganvas.data.sources import Item, Listing, Source

SHIPPED = Path(__file__).parent / "shipped"
GARMENTS = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
TILE = 64
"""Side of an emoji on its sheet."""


@dataclass(frozen=True)
class Builtin:
    """What `ganvas recipes --data` says of a data set."""

    kind: str
    about: str
    size: str
    licence: str


BUILTIN = {
    "fashion": Builtin(
        "image",
        "Grey pictures of ten kinds of garment, labelled: a part of Fashion-MNIST.",
        "12,000 pictures, 28x28, grey, 10 classes",
        "MIT, Zalando SE",
    ),
    "emoji": Builtin(
        "image",
        "Fluent Emoji, three-dimensional, on transparent ground; one skin tone of each.",
        "1,871 pictures, 64x64, colour and transparency",
        "MIT, Microsoft Corporation",
    ),
    "ring": Builtin(
        "points",
        "Eight narrow Gaussians on a circle of radius 1: does a generator find all of them?",
        "100,000 points, 2 dimensions",
        "made by a formula",
    ),
    "grid": Builtin(
        "points",
        "Twenty-five narrow Gaussians on a 5x5 grid.",
        "100,000 points, 2 dimensions",
        "made by a formula",
    ),
    "kjv": Builtin(
        "text",
        "The New Testament in the King James Version: running English text, a verse a line.",
        "974,000 characters",
        "public domain",
    ),
    "poems": Builtin(
        "text",
        "Chinese poems of the Tang: regular verse of four or eight lines, of five or seven characters each.",
        "8,000 poems, 348,000 characters",
        "MIT, JackeyGao",
    ),
    "asterisk": Builtin(
        "speech",
        "Prompts of a telephone system in one English voice: to try things out, too little for a voice.",
        "32 recordings with transcripts, 3 minutes, 16,000 Hz",
        "CC BY-SA 3.0, Allison Smith and Digium",
    ),
}
PICTURES, TEXTS, SOUNDS = (
    tuple(name for name, entry in BUILTIN.items() if entry.kind == kind)
    for kind in ("image", "text", "speech")
)


def text_file(name: str) -> Path:
    """The file of a built-in text, packed."""
    return SHIPPED / {"kjv": "kjv.txt.xz", "poems": "poems.jsonl.gz"}[name]


def sound_file(name: str) -> Path:
    """The zip of a built-in set of recordings."""
    return SHIPPED / f"{name}.zip"


def source(name: str) -> Source:
    """The source of a built-in set of pictures."""
    file, listing = {"fashion": ("fashion.npz.xz", _fashion), "emoji": ("emoji.webp", _emoji)}[name]
    place = SHIPPED / file
    return Source(name, [file, place.stat().st_size], partial(listing, place))


def _fashion(place: Path) -> Listing:
    with np.load(io.BytesIO(lzma.decompress(place.read_bytes()))) as arrays:
        images, labels, test = arrays["images"], arrays["labels"].tolist(), arrays["test"].tolist()
    items = [
        Item(f"{GARMENTS[label]} {i}", lambda i=i: images[i], label, held_out)
        for i, (label, held_out) in enumerate(zip(labels, test, strict=True))
    ]
    return Listing(items, GARMENTS, split=True)


def _emoji(place: Path) -> Listing:
    from PIL import Image

    with Image.open(place) as image:
        sheet = np.asarray(image.convert("RGBA"))
    tiles = sheet.reshape(sheet.shape[0] // TILE, TILE, -1, TILE, 4).swapaxes(1, 2).reshape(-1, TILE, TILE, 4)
    names = (SHIPPED / "emoji.txt").read_text().split()
    return Listing([Item(name, lambda i=i: tiles[i]) for i, name in enumerate(names)])
