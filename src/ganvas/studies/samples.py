"""What a model of text writes, to be judged."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from ganvas.model import Model
from ganvas.models.writing import Choice

AT_ONCE = 64


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
