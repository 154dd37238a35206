"""All that a model knows of the data it was trained on."""

import difflib
from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from ganvas.core.errors import UserError
from ganvas.core.settings import Settings
from ganvas.data.phonemes.pronunciation import Pronunciation
from ganvas.data.vocabulary import Vocabulary

Pixels = UInt8[np.ndarray, "n channel height width"]

Label = str | int | Sequence[str | int] | np.ndarray | None
"""A class, by name or number, or one for each item."""


class Spec(Settings):
    """What one item is; JSON, saved with the model."""

    kind: str
    """"image", "points", "text", "sound" or "speech"."""
    shape: tuple[int, ...]
    """Of one item: (channels, height, width) of a picture, (dimensions,) of a point, (tokens,) of a window of
    text, (samples,) of a window of sound or of the longest utterance."""
    classes: tuple[str, ...] = ()
    """The names of the labels, in order; empty if there are none."""
    offset: tuple[float, ...] = ()
    """Of points: user's units = item * scale + offset, dimension by dimension."""
    scale: tuple[float, ...] = ()
    """Of points: see `offset`."""
    vocabulary: Vocabulary | None = None
    """Of text."""
    longest: int = 0
    """Of text: tokens of the longest item, its end among them."""
    shortest: int = 0
    """Of numbers: tokens of the shortest item."""
    rate: int = 0
    """Of sound and speech: samples a second."""
    symbols: tuple[str, ...] = ()
    """Of speech: what text is made of, by number; 0 is what fills up shorter ones."""
    pronunciation: Pronunciation | None = None
    """Of speech: how text becomes symbols."""

    @property
    def key(self) -> str:
        """Under which batches hold the items."""
        return {"points": "point", "speech": "sound"}.get(self.kind, self.kind)

    def restore(self, items: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        """As a user knows it: pictures as uint8 (n, height, width, channels), points in their units, text as
        strings (n,), sound as float32 (n, samples) from -1 to 1.

        Models see transparent pictures premultiplied; a user gets the colours themselves, as in a file.
        """
        if self.vocabulary is not None:
            return np.array([self.vocabulary.text(row) for row in items], object)
        items = np.asarray(items)
        if self.kind == "image":
            pixels = np.rint((items.clip(-1, 1) + 1) * 127.5).astype(np.uint8)
            return np.ascontiguousarray(straight(pixels).transpose(0, 2, 3, 1))
        if self.rate:
            return items.clip(-1, 1).astype(np.float32)
        return items * np.asarray(self.scale or 1.0) + np.asarray(self.offset or 0.0)

    def prepare(self, items: np.ndarray) -> np.ndarray:
        """The way back: from what `restore` gives to what a model sees, float32; of text tokens, int64, an
        end, an item and ends, in the length of a window."""
        if self.vocabulary is not None:
            return self._tokens([self.vocabulary.encode(text)[: self.shape[0]] for text in items])
        if self.kind == "image":
            pixels = premultiplied(items.transpose(0, 3, 1, 2)).astype(np.float32)
            return np.ascontiguousarray(pixels / np.float32(127.5) - 1)
        values = (items - np.asarray(self.offset or 0.0)) / np.asarray(self.scale or 1.0)
        return values.astype(np.float32)

    def _tokens(self, texts: Sequence[np.ndarray]) -> np.ndarray:
        assert self.vocabulary is not None
        rows = np.full((len(texts), 2 + max(map(len, texts), default=0)), self.vocabulary.start)
        for row, tokens in zip(rows, texts, strict=True):
            row[1 : 1 + len(tokens)] = tokens
        return rows[:, : self.shape[0] + 1]

    def checked(self, items: np.ndarray) -> np.ndarray:
        """The items, if their shape is as `restore` gives it; else UserError."""
        if self.vocabulary is not None:
            return np.asarray(items, object)
        expected = self.restore(np.zeros((1, *self.shape), np.float32)).shape[1:]
        if items.shape[1:] != expected:
            raise UserError(f"this model takes items of shape {expected}, not {items.shape[1:]}")
        return items

    def number(self, label: str | int) -> int:
        """The number of a class."""
        known = self.classes or (self.vocabulary.labels if self.vocabulary else ())
        if not known:
            raise UserError("this model was trained without labels, so it cannot be asked for one")
        if str(label) in known:
            return known.index(str(label))
        if str(label).isdigit() and int(label) < len(known):
            return int(label)
        near = difflib.get_close_matches(str(label), known, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"it knows {', '.join(known[:20])}"
        raise UserError(f"this model has no class {label!r}; {hint}")

    def numbers(self, label: Label, n: int) -> np.ndarray | None:
        """The number of the class of each of n items; None where there are no classes."""
        if not self.classes:
            return None
        if label is None:
            raise UserError("this model was trained with labels: say which class, or one for each item")
        each = [self.number(label)] * n if isinstance(label, str | int) else [self.number(y) for y in label]
        if len(each) != n:
            raise UserError(f"there are {n} items and {len(each)} labels")
        return np.array(each, np.int64)


def straight(pixels: Pixels) -> Pixels:
    """Premultiplied colours with what hides them taken off; pictures without transparency as they are."""
    if pixels.shape[1] != 4:
        return pixels
    colour, alpha = pixels[:, :3], pixels[:, 3:]
    whole = np.minimum(colour, alpha) * (255 / np.maximum(alpha, 1))
    return np.concatenate([np.rint(whole).astype(np.uint8), alpha], 1)


def premultiplied(pixels: Pixels) -> Pixels:
    """`straight` undone, but for rounding."""
    if pixels.shape[1] != 4:
        return pixels
    colour, alpha = pixels[:, :3], pixels[:, 3:]
    return np.concatenate([np.rint(colour * (alpha / 255)).astype(np.uint8), alpha], 1)
