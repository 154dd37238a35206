"""What a model of text writes, to be judged."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from ganvas.data.text import Texts
from ganvas.model import Model
from ganvas.models.writing import Choice
from ganvas.recipes.base import find

AT_ONCE = 64


def fitted(recipe: str, model: Model, training: Texts) -> Model:
    """A baseline of what another model has learnt, with its tokens."""
    objective = find(recipe).build(model.spec)
    objective.prepare(training)
    return Model(objective.eval(), model.spec, {"recipe": recipe})


def samples_of(
    model: Model,
    count: int,
    seed: int,
    progress: Callable[[int, int], None],
    choice: Choice | None = None,
    asked: Sequence[np.ndarray] = (),
) -> list[str]:
    """Samples; of chats, replies to what held-out ones ask."""
    generator, found = torch.Generator().manual_seed(seed), []
    objective: Any = model.objective
    choice = choice or Choice()
    for begun in asked[:count]:
        said = objective.reply(torch.from_numpy(begun), model.spec.shape[0], choice, generator)
        found.append(model.spec.restore([said[:-1].numpy()])[0])
        progress(len(found), count)
    while len(found) < count:
        tokens = objective.sample(min(AT_ONCE, count - len(found)), generator=generator, choice=choice)
        found += model.spec.restore(tokens.cpu().numpy()).tolist()
        progress(len(found), count)
    return found
