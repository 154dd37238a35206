"""Pictures to show a model: held-out ones of its data, or files of the user's own."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganvas.core.errors import UserError
from ganvas.core.randomness import mixed
from ganvas.core.settings import override
from ganvas.data.decode import Plan, border, decode, full, header, quiet
from ganvas.data.load import load
from ganvas.data.plan import NEARLY
from ganvas.data.spec import Spec
from ganvas.exploration.scene import Pictures
from ganvas.recipes.base import data_settings

LOOKED_AT = 1_000
"""Held-out pictures, at most."""


def held_out(
    recipe: Any, spec: Spec, source: str, own: bool, seed: int, progress: Callable[[int, int], None]
) -> Pictures:
    """Some of a source's held-out pictures, or of all of it where nothing was held out.

    `own`: the source is what the model was trained on, and is prepared as it was then; any other is made
    to fit the model.
    """
    settings = data_settings(recipe)
    if not own:
        channels, height, _ = spec.shape
        fitting = {"size": height, "channels": channels, "labels": None if spec.classes else False}
        settings = override(settings, fitting)
    data: Any = load(source, settings, progress)
    data = data.held_out or data
    if data.spec.shape != spec.shape:
        raise UserError(
            f"{source} holds pictures of {data.spec.shape}, and the model's are {spec.shape}: "
            f"(channels, height, width)"
        )
    rng = np.random.default_rng(mixed(seed, "explore", "held out"))
    index = rng.permutation(len(data))[:LOOKED_AT]
    with torch.random.fork_rng(devices=[]):  # some are mirrored by chance
        torch.manual_seed(mixed(seed, "explore", "mirrored"))
        batch = data.ready(data.fetch(index))
    if not spec.classes:
        return Pictures(batch["image"], None)
    return Pictures(batch["image"], _translated(data.classes, spec, source)[batch["label"].long()])


def _translated(classes: Sequence[str], spec: Spec, source: str) -> torch.Tensor:
    """The model's number for each of the data's classes."""
    unknown = [c for c in classes if c not in spec.classes]
    if unknown or not classes:
        found = f"the class {unknown[0]!r}" if unknown else "no classes"
        raise UserError(
            f"{source} has {found}, and this model was trained with {', '.join(spec.classes[:20])}"
        )
    return torch.tensor([spec.classes.index(c) for c in classes])


def of_files(files: Sequence[Path], recipe: Any, spec: Spec, label: int | None, labelled: bool) -> Pictures:
    """The user's own pictures, as the model sees pictures; `labelled` where it must know the class."""
    if labelled and spec.classes and label is None:
        raise UserError(
            f"this model must be told the class of a picture: --label with one of "
            f"{', '.join(spec.classes[:20])}"
        )
    channels, size, _ = spec.shape
    plan = Plan(size, channels, recipe.image.fit)  # pyright: ignore[reportArgumentType] (a spec has 1, 3 or 4)
    with quiet():
        pixels = np.stack([_fitted(file, plan) for file in files])
    x = torch.from_numpy(pixels).float() / 127.5 - 1
    return Pictures(x, None if label is None else torch.full((len(x),), label))


def _fitted(file: Path, plan: Plan) -> np.ndarray:
    """One that is nearly of the size gets a margin, as it would in training."""
    try:
        payload = file.read_bytes()
    except OSError as error:
        raise UserError(f"{file} cannot be read ({(error.strerror or str(error)).lower()})") from None
    found = header(lambda: payload)
    if not found.error and NEARLY * plan.size <= min(found.width, found.height) < plan.size:
        plan = Plan(plan.size, plan.channels, plan.fit, border(full(payload)))
    decoded = decode(lambda: payload, plan)
    if decoded.pixels is None:
        raise UserError(f"{file} is no picture that can be shown to the model ({decoded.error})")
    return decoded.pixels
