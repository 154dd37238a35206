"""The models that are served, by name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganvas.core.run import Run
from ganvas.export.latents import LAWS, law_of
from ganvas.model import Model, load, run_of
from ganvas.models.latent import chosen_classes
from ganvas.serve.problems import Refusal

TRIED = 8
"""Samples by which a law of z is known."""
LATENT = ("image", "points")
"""Kinds of which z goes in and out."""
NOUNS = {"images": "pictures", "write": "text", "chat": "chat", "speak": "speech"}
"""What a model may be asked for, in words."""


@dataclass(frozen=True)
class Served:
    """A model that is loaded."""

    name: str
    run: Run
    model: Model

    @property
    def kind(self) -> str:
        return self.model.spec.kind

    @cached_property
    def can(self) -> tuple[str, ...]:
        """images, write, chat, speak, decode, encode."""
        has = {
            "images": self.kind == "image",
            "write": self._writes and not self._chats,
            "chat": self._writes and self._chats,
            "speak": bool(getattr(self.model.spec, "symbols", ())),
            "decode": self.latent > 0,
            "encode": self.latent > 0 and hasattr(self.model.objective, "encode"),
        }
        return tuple(name for name, able in has.items() if able)

    @property
    def _writes(self) -> bool:
        return hasattr(self.model.objective, "unroll")

    @property
    def _chats(self) -> bool:
        return bool(getattr(self.model, "chats", False))

    @property
    def latent(self) -> int:
        """Numbers in z; 0 where there is none."""
        objective: Any = self.model.objective
        decodes = self.kind in LATENT and hasattr(objective, "decode")
        return int(objective.latent) if decodes else 0

    @cached_property
    def created(self) -> int:
        """When the model was written, in seconds of Unix."""
        places = (self.run.model / "model.safetensors", self.run.path / "model.safetensors")
        return next((int(path.stat().st_mtime) for path in places if path.is_file()), 0)

    @cached_property
    def law(self) -> dict[str, str | None]:
        """Of z, as exports know it."""
        return law_of(self.model.objective, self.model.spec, TRIED)

    @cached_property
    def apart(self) -> bool:
        """Whether an item depends on its place among others, as with several generators."""
        z = torch.randn(TRIED, self.latent, generator=torch.Generator().manual_seed(0)).numpy()
        label = 0 if self.model.spec.classes else None
        there, back = self.model.decode(z, label=label), self.model.decode(z[::-1].copy(), label=label)
        return not np.allclose(there.astype(float), back[::-1].astype(float), atol=1.001)

    def start(
        self, n: int, seed: int, label: str | int | None, truncation: float
    ) -> tuple[np.ndarray, np.ndarray | None] | None:
        """z and labels of what `sample` makes of this seed; None where they follow no simple law."""
        if not self.latent or self.law["z"] != "normal":
            return None
        law = "cut" if truncation == 1 else self.law["truncation"]
        if law is None:
            return None
        spec = self.model.spec
        generator = torch.Generator().manual_seed(seed)
        z = LAWS[law](n, self.latent, truncation, generator)
        number = None if label is None else spec.number(label)
        labels = chosen_classes(spec, n, number, generator)
        return z.numpy(), None if labels is None else labels.numpy()


class Shelf:
    """All of them."""

    def __init__(self, served: Sequence[Served]):
        self._by_name = {one.name: one for one in served}

    def __iter__(self) -> Iterator[Served]:
        return iter(self._by_name.values())

    def names(self, able: str | None = None) -> list[str]:
        """Of those that can do this."""
        return [one.name for one in self if able is None or able in one.can]

    def find(self, name: str | None, able: str | None = None) -> Served:
        """By its name; left out, the first that is able. Refusal: there is none."""
        fit = self.names(able)
        if name is None and not fit:
            raise Refusal(404, f"no model here makes {NOUNS.get(able or '', able)}", code="model_not_found")
        chosen = fit[0] if name is None else name
        if chosen not in self._by_name:
            there = ", ".join(self.names()[:20])
            raise Refusal(
                404,
                f"there is no model of this name; there are: {there}",
                param="model",
                code="model_not_found",
            )
        if able is not None and chosen not in fit:
            what = {"decode": "has no latents", "encode": "has no encoder"}
            lacks = what.get(able, f"does not make {NOUNS.get(able, able)}")
            others = f"; those that can: {', '.join(fit[:20])}" if fit else ""
            raise Refusal(400, f"the model {chosen} {lacks}{others}", param="model", code="model_not_able")
        return self._by_name[chosen]


def fill(paths: Sequence[Path | str], device: str = "auto") -> Shelf:
    """Load them, named by their folders; the second of a name gets -2. UserError as of `load`."""
    found: dict[str, Served] = {}
    for path in paths:
        run = run_of(path)
        model = load(run.path, device)
        folder = run.path.resolve().name
        name = folder
        count = 1
        while name in found:
            count += 1
            name = f"{folder}-{count}"
        one = Served(name, run, model)
        if one.latent:
            _ = one.law, one.apart  # looked at once, before the first request
        found[name] = one
    return Shelf(list(found.values()))
