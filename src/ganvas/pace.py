"""How fast a recipe is here."""

import math
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from ganvas.begin import facts, trainer_of
from ganvas.core.device import pick, quicken
from ganvas.core.loop import Trainer
from ganvas.core.run import Run, environment
from ganvas.core.settings import override
from ganvas.data.load import load
from ganvas.recipes.base import data_settings, suited


def pace(data: str, recipe: Any) -> float:
    """Items a second that this recipe goes through here, in all its stages, by a few steps that leave nothing
    behind."""
    where = pick("auto")
    items = load(data, data_settings(recipe))
    recipe = override(recipe, suited(recipe, len(items), items.spec, {}))
    record = {"recipe": "", "settings": {}, "seed": 0, "budget": None, "data": facts(data, items)}
    record |= {"environment": environment(where)}
    trainer = trainer_of(record, recipe, items, Run(Path()), where)
    quicken(where)
    starts = [0.0, *trainer.objective.starts, 1.0]
    steps = 8 if len(starts) == 2 else 4
    mean = 0.0
    for start, end in pairwise(starts):
        if end > start:
            trainer.step = math.ceil(start * trainer.total)
            mean += (end - start) * _step_time(trainer, steps)
    return recipe.training.batch / mean


def _step_time(trainer: Trainer, steps: int) -> float:
    """Seconds a step takes from where it is."""
    for _ in range(2):  # the first steps allocate
        trainer.advance()
    began = time.monotonic()
    for _ in range(steps):
        trainer.advance()
    if trainer.device.type == "cuda":
        torch.cuda.synchronize(trainer.device)
    return (time.monotonic() - began) / steps
