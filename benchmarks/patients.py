"""Who is in the doctor's ward (ward.py): trainings made ill on purpose, and healthy ones of every recipe."""

import gzip
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ganvas.data.builtin import text_file

COLLAPSE = ("mode collapse", "partial mode collapse")
UNSTABLE = (
    "exploding gradients",
    "oscillation",
    "the critic wins",
    "not a number",
    "samples astray",
    *COLLAPSE,
)
FLAT = ("saturated samples", "blank samples", "the critic is of no use")
POINTS = {"generator.width": 64, "critic.width": 64, "training.batch": 64}
GAN = {"generator.width": 16, "critic.width": 16, "training.batch": 32}
UNBOUND = {"penalty.r1": 0.0, "penalty.r2": 0.0}
MOMENTUM = {"generator.beta1": 0.9, "critic.beta1": 0.9}
VERSES = 50
"""Poems that can be learnt by heart."""
BARE = {"augment.colour": False, "augment.shift": 0.0, "augment.cutout": 0.0}
"""A recipe augments by itself where there are few pictures."""
SENTENCES = {"model__width": 64, "model__depth": 2, "model__heads": 2, "training__batch": 32}
CODER: dict[str, Any] = {
    f"{side}__{name}": value
    for side in ("encoder", "decoder")
    for name, value in (("width", 64), ("depth", 2), ("heads", 2))
} | {"training__batch": 32}
SOUND = {
    "encoder__width": 48,
    "decoder__width": 64,
    "decoder__depth": 4,
    "critic__width": 4,
    "prior__width": 64,
    "prior__heads": 2,
}


def rates(both: float) -> dict[str, float]:
    return {"generator.lr": both, "critic.lr": both}


@dataclass(frozen=True)
class Patient:
    """A run, and which findings it must lead to; none: it is healthy."""

    data: str
    recipe: str
    steps: int
    settings: dict[str, Any] = field(default_factory=dict)
    must: tuple[str, ...] = ()
    like: str = ""
    """The healthy run that a treated one is compared with."""
    kind: str = "pictures"
    after: str = ""
    """The patient that is trained first, from whose networks this one starts."""


def points(data: str, settings: dict[str, Any] | None = None, *must: str, steps: int = 0) -> Patient:
    """Small networks learn the ring; of the grid they lose modes even when nothing is wrong."""
    own, usual = (POINTS, 2_000) if data == "ring" else ({}, 3_000)
    like = data if set(must) & set(UNSTABLE) else ""
    return Patient(data, "points", steps or usual, own | (settings or {}), must, like, "points")


def gan(settings: dict[str, Any] | None = None, *must: str, steps: int = 1_000) -> Patient:
    like = "fashion, dcgan" if set(must) & set(UNSTABLE) else ""
    return Patient("fashion", "dcgan", steps, GAN | (settings or {}), must, like)


def well(recipe: str, steps: int = 1_000, data: str = "fashion", **settings: Any) -> Patient:
    """A healthy run on pictures."""
    return Patient(data, recipe, steps, {"training.batch": 32} | dotted(settings))


def text(
    recipe: str, steps: int, *must: str, data: str = "poems", after: str = "", **settings: Any
) -> Patient:
    """Poems, most of four lines."""
    return Patient(data, recipe, steps, dotted(settings), must, kind="text", after=after)


def sound(recipe: str, steps: int, *must: str, **settings: Any) -> Patient:
    """The recordings that ganvas brings."""
    return Patient("asterisk", recipe, steps, dotted(settings), must, kind="sound")


def dotted(settings: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("__", "."): value for name, value in settings.items()}


PATIENTS = {
    "ring": points("ring"),
    "grid": points("grid"),
    "ring, critic's rate x 20": points("ring", {"critic.lr": 0.02}, *UNSTABLE),
    "grid, critic's rate x 20": points("grid", {"critic.lr": 0.02}, *UNSTABLE),
    "ring, rates 0.1": points("ring", rates(0.1), *UNSTABLE),
    "grid, rates 0.1": points("grid", rates(0.1), *UNSTABLE),
    "ring, no penalty, momentum": points("ring", {"game": "nonsaturating"} | MOMENTUM | UNBOUND, *UNSTABLE),
    "grid, no penalty, minimax": points("grid", {"game": "minimax"} | UNBOUND, *UNSTABLE),
    "grid, latent of 1": points("grid", {"generator.latent": 1}, *COLLAPSE, "oscillation"),
    "ring, generator stands": points("ring", {"generator.lr": 1e-7}, "stalled", steps=1_000),
    "ring, critic stands": points("ring", {"critic.lr": 1e-7}, "the critic is of no use", *COLLAPSE),
    "fashion, dcgan": gan(),
    "fashion, gan": well("gan", 3_000, generator__width=64, critic__width=64),
    "fashion, wgan": well("wgan", generator__width=16, critic__width=16),
    "fashion, sagan": well("sagan", 600, training__batch=64, generator__width=16, critic__width=16),
    "fashion, r3gan": well("r3gan", 500, generator__width=8, critic__width=8),
    "fashion, vae": well("vae", width=16),
    "fashion, vaegan": well("vaegan", encoder__width=8, decoder__width=16, critic__width=16),
    "fashion, hvae": well("hvae", 300, width=8, hidden=32),
    "fashion, vqvae": well("vqvae", 500, width=16, prior__width=48),
    "fashion, pixel": well("pixel", 300, network__width=16),
    "fashion, flow": well("flow", 300, flow__width=16),
    "fashion, loglinear": well("loglinear", 150),
    "emoji, dcgan": well("dcgan", data="emoji", image__size=32, generator__width=16, critic__width=16),
    "100 garments": well("dcgan", 2_000, data="few", generator__width=16, critic__width=16),
    "fashion, critic's rate x 20": gan({"critic.lr": 0.016}, *UNSTABLE),
    "fashion, critic's rate x 20, no clip": gan({"critic.lr": 0.016, "training.clip": 0.0}, *UNSTABLE),
    "fashion, critic's rate x 200": gan({"critic.lr": 0.16}, *UNSTABLE),
    "fashion, generator's rate x 20": gan({"generator.lr": 0.016}, *UNSTABLE, *FLAT),
    "fashion, rates 0.1": gan(rates(0.1), *UNSTABLE, *FLAT),
    "fashion, no penalty, momentum": gan({"game": "nonsaturating"} | MOMENTUM | UNBOUND, *UNSTABLE),
    "fashion, no penalty, minimax": gan({"game": "minimax"} | UNBOUND, *UNSTABLE),
    "fashion, latent of 1": gan({"generator.latent": 1}, *COLLAPSE, "oscillation"),
    "fashion, generator stands": gan({"generator.lr": 1e-7}, "stalled", "the critic wins"),
    "fashion, critic stands": gan({"critic.lr": 1e-7}, "the critic is of no use", *COLLAPSE),
    "fashion, beta of 100": Patient(
        "fashion", "vae", 500, {"width": 16, "beta": 100.0}, ("posterior collapse",)
    ),
    "100 garments, no augmentation": Patient(
        "few", "dcgan", 2_000, GAN | BARE, ("the critic overfits", "memorisation")
    ),
    "dark pictures": Patient("dark", "vae", 200, {"width": 16}, ("wrong data range",)),
    "ring, pacgan": Patient("ring", "pacgan", 2_000, {"packing": 2}, kind="points"),
    "poems, lm": text("lm", 400, model__width=64, model__depth=2, model__heads=2, text__context=64),
    "poems, maxent": text("maxent", 300, text__context=64),
    "poems, textvae": text("textvae", 1_000, **CODER, pretraining=0.5),
    "poems, seqgan": text("seqgan", 400, **SENTENCES, critic__width=64, critic__depth=2, critic__heads=2),
    "poems, relgan": text("relgan", 400, **SENTENCES),
    "poems, residual": text("residual", 100, after="poems, seqgan", critic__width=64, critic__heads=2),
    "asterisk, vocoder": sound("vocoder", 300, **SOUND),
    "asterisk, voice": sound("voice", 150, **SOUND),
    "poems, textvae, no pretraining": text("textvae", 1_000, "posterior collapse", **CODER, pretraining=0.0),
    "50 poems, lm": text(
        "lm", 600, "overfitting", data="verses", model__width=64, model__heads=2, text__context=64
    ),
}


def made(name: str, folder: Path) -> str:
    """Data sets of the ward's own; others by their name."""
    if name == "verses":
        path = folder / "verses.jsonl"
        with gzip.open(text_file("poems"), "rt", encoding="utf-8") as poems:
            path.write_text("".join(islice(poems, VERSES)), encoding="utf-8")
        return str(path)
    if name not in ("few", "dark"):
        return name
    from ganvas.data.load import load

    fashion: Any = load("fashion")
    index = np.arange(100 if name == "few" else 1_000)
    array = fashion.fetch(index)["image"].numpy().transpose(0, 2, 3, 1)
    path = folder / f"{name}.npy"
    np.save(path, array if name == "few" else array // 64)
    return str(path)
