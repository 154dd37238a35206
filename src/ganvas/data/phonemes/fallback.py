"""How a word that no dictionary has is probably said: the network of g2p_en (Park & Kim 2019), in NumPy."""

from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ganvas.data.phonemes.symbols import ARPABET

PATH = Path(__file__).parent / "fallback.safetensors"
LETTERS = ("<pad>", "<unk>", "</s>", *"abcdefghijklmnopqrstuvwxyz")


def _spelt() -> list[str]:
    return [name + stress for name in ARPABET for stress in ("012" if name[0] in "AEIOU" else ("",))]


PHONES = ("<pad>", "<unk>", "<s>", "</s>", *sorted({*_spelt(), "UW"}))
START, END, UNKNOWN = 2, 3, 1
MOST = 20
"""Phonemes of a word."""

Weights = dict[str, np.ndarray]


@lru_cache(maxsize=1)
def weights() -> Weights:
    from safetensors.numpy import load_file

    return {name: value.astype(np.float32) for name, value in load_file(PATH).items()}


@lru_cache(maxsize=4096)
def guess(word: str) -> tuple[str, ...]:
    """ARPAbet phones of a word of the letters a to z."""
    w = weights()
    h = np.zeros(w["enc_w_hh"].shape[1], np.float32)
    for letter in [*word, "</s>"]:
        number = LETTERS.index(letter) if letter in LETTERS else UNKNOWN
        h = _gru(w, "enc", w["enc_emb"][number], h)
    found: list[str] = []
    last = START
    for _ in range(MOST):
        h = _gru(w, "dec", w["dec_emb"][last], h)
        last = int((w["fc_w"] @ h + w["fc_b"]).argmax())
        if last == END:
            break
        if last > END:
            found.append("UW1" if PHONES[last] == "UW" else PHONES[last])
    return tuple(found)


def _gru(
    w: Weights, part: str, x: Float[np.ndarray, " embedding"], h: Float[np.ndarray, " hidden"]
) -> Float[np.ndarray, " hidden"]:
    """One step of a gated recurrent unit (Cho et al. 2014), its gates in the order of torch."""
    of_x = w[f"{part}_w_ih"] @ x + w[f"{part}_b_ih"]
    of_h = w[f"{part}_w_hh"] @ h + w[f"{part}_b_hh"]
    (rx, zx, nx), (rh, zh, nh) = np.split(of_x, 3), np.split(of_h, 3)
    r, z = 1 / (1 + np.exp(-(rx + rh))), 1 / (1 + np.exp(-(zx + zh)))
    return (1 - z) * np.tanh(nx + r * nh) + z * h
