"""How much each number of z carries, by which they are put in order."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ganvas.exploration.inversion import levels
from ganvas.exploration.scene import AT_ONCE, Labels, Latents, Scene
from ganvas.losses.divergence import kl_to_standard

Numbers = Float[Tensor, " latent"]


class Carried(NamedTuple):
    """Of each number of z."""

    amount: Numbers
    name: str
    """What the amount is: "kl_nats" or "effect_levels"."""
    centre: Numbers
    spread: Numbers
    """Mean and standard deviation over held-out pictures."""


def carried(scene: Scene, base: Latents, label: Labels) -> Carried:
    """The KL divergence where there is one, else what a change does to these two pictures."""
    seen = scene.pictures
    mean = scene.encode(seen)
    centre, spread = mean.mean(0), mean.std(0, correction=0)
    if not hasattr(scene.objective, "posterior"):
        return Carried(effect(scene, base, label, spread), "effect_levels", centre, spread)
    log_var = scene.on_device(lambda x, y: scene.objective.posterior(x, y)[1], seen)
    spread = (mean.var(0, correction=0) + log_var.exp().mean(0)).sqrt()
    return Carried(kl_to_standard(mean, log_var).mean(0), "kl_nats", centre, spread)


def effect(scene: Scene, base: Latents, label: Labels, step: Numbers) -> Numbers:
    """By how much each number, by itself one step larger, changes these pictures, in levels of 0 to 255."""
    pictures = scene.decode(base, label)
    each = max(1, AT_ONCE // len(base))
    advanced = scene.progress("traversal")
    found = []
    for numbers in torch.arange(scene.latent).split(each):
        z = base[:, None].repeat(1, len(numbers), 1)
        z[:, torch.arange(len(numbers)), numbers] += step[numbers]
        moved = scene.decode(
            z.flatten(0, 1), None if label is None else label.repeat_interleave(len(numbers))
        )
        change = levels(moved, pictures.repeat_interleave(len(numbers), 0))
        found.append(change.cpu().view(len(base), -1).square().mean(0).sqrt())
        advanced(int(numbers[-1]) + 1, scene.latent)
    return torch.cat(found)
