"""A trained model, by what it can do; it knows nothing of how it was trained."""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ganvas.core.device import pick, quicken
from ganvas.core.errors import UserError
from ganvas.core.files import read_json
from ganvas.core.run import Run
from ganvas.core.turns import Objective
from ganvas.data.spec import Spec
from ganvas.recipes.base import find


@dataclass
class Model:
    """What `ganvas.load` gives."""

    objective: Objective
    spec: Spec
    config: dict[str, Any]

    def sample(
        self, n: int, *, seed: int = 0, label: str | int | None = None, truncation: float = 1.0
    ) -> np.ndarray:
        """`n` new items, the same for the same seed on every machine.

        Pictures: uint8, (n, height, width, channels). Points: float, (n, dimensions), in the data's units.
        `label`: a class, by name or number; left out, all classes alike. `truncation` below 1 gives more
        typical and less varied items. Raises UserError where one of these cannot be.
        """
        if not 1 <= n <= 1_000_000:
            raise UserError(f"the number of samples is from 1 to 1,000,000, not {n}")
        if not 0 < truncation <= 1:
            raise UserError(f"truncation is above 0 and at most 1, not {truncation}")
        generator = torch.Generator().manual_seed(seed)
        condition = {} if label is None else {"label": self.label(label)}
        items = self.objective.sample(n, generator=generator, truncation=truncation, **condition)
        return self.spec.restore(items.float().cpu().numpy())

    def label(self, label: str | int) -> int:
        """The number of a class."""
        classes = self.spec.classes
        if not classes:
            raise UserError("this model was trained without labels, so it cannot be asked for one")
        if str(label) in classes:
            return classes.index(str(label))
        if str(label).isdigit() and int(label) < len(classes):
            return int(label)
        near = difflib.get_close_matches(str(label), classes, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"it knows {', '.join(classes[:20])}"
        raise UserError(f"this model has no class {label!r}; {hint}")


def load(path: str | Path, device: str = "auto") -> Model:
    """The model of a run, ready for use. Raises UserError where there is none, or its files are damaged."""
    run = Run.open(Path(path))
    if not (run.model / "config.json").is_file():
        raise UserError(f"{run.path} holds no model yet: its training has not come to its first checkpoint")
    where = pick(device)
    quicken(where)
    try:
        config = read_json(run.model / "config.json")
        spec = Spec.model_validate(config["spec"])
        recipe = type(find(config["recipe"])).model_validate(config["settings"])
        objective = recipe.build(spec)
        objective.load_state_dict(load_file(run.model / "model.safetensors"))
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"the model in {run.model} cannot be read ({reason}); "
            f"`ganvas train --out {run.path} --resume` writes it anew from the last checkpoint"
        ) from None
    objective.to(where).eval().requires_grad_(False)
    return Model(objective, spec, config)
