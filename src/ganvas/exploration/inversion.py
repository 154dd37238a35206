"""The z of a given picture, for models with no encoder: by descent from the best of many draws."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ganvas.exploration.scene import Items, Labels, Latents, Scene
from ganvas.models.latent import draw

DRAWN = 500
"""z looked at before the descent."""
STARTS = 4
"""Of them, those that the descent begins from, for each picture."""
STEPS = 200
RATE = 0.1
"""Adam's learning rate at first; it falls to zero as a cosine."""
SMALLEST = 4
"""Pixels a side, of the coarsest view that is compared."""


class Inverted(NamedTuple):
    """What was found for each picture."""

    z: Latents
    label: Labels
    nearest: Items
    """The best of the draws."""
    found: Items
    error: Float[Tensor, " batch"]
    """Root of the mean squared difference, in levels of 0 to 255."""


def pyramid(x: Items) -> Float[Tensor, "batch numbers"]:
    """The picture, its half, its quarter ... as numbers whose squared distance is the sum of mean squares."""
    views = [x]
    while min(views[-1].shape[2:]) >= 2 * SMALLEST:
        views.append(F.avg_pool2d(views[-1], 2))
    return torch.cat([view.flatten(1) / math.sqrt(view[0].numel()) for view in views], 1)


def levels(x: Items, y: Items) -> Float[Tensor, " batch"]:
    """Root of the mean squared difference of each pair, in levels of 0 to 255."""
    return (x - y).square().flatten(1).mean(1).sqrt() * 127.5


def invert(scene: Scene, x: Items, steps: int = STEPS) -> Inverted:
    """z that minimises the pyramids' squared distance, by Adam (Creswell & Bharath 2018)."""
    generator = scene.generator("inversion")
    z, label = draw(DRAWN, scene.latent, 1.0, generator), scene.labels(DRAWN)
    with torch.no_grad():
        drawn = scene.decode(z, label)
        wanted = pyramid(x.to(drawn.device))
        best = torch.cdist(wanted, pyramid(drawn)).topk(STARTS, largest=False).indices.cpu()
    start = best.flatten()
    label = None if label is None else label[start]
    z = _descend(scene, z[start], label, wanted.repeat_interleave(STARTS, 0), steps)
    with torch.no_grad():
        made = scene.decode(z, label)
        loss = (pyramid(made) - wanted.repeat_interleave(STARTS, 0)).square().sum(1)
    chosen = torch.arange(len(x)) * STARTS + loss.cpu().view(-1, STARTS).argmin(1)
    found = made.cpu()[chosen]
    nearest = drawn.cpu()[best[:, 0]]
    return Inverted(
        z[chosen], None if label is None else label[chosen], nearest, found, levels(x.cpu(), found)
    )


def _descend(
    scene: Scene, z: Latents, label: Labels, wanted: Float[Tensor, "n numbers"], steps: int
) -> Latents:
    z = z.clone().requires_grad_()
    optimiser = torch.optim.Adam([z], RATE)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    advanced = scene.progress("inversion")
    for step in range(steps):
        loss = (pyramid(scene.decode(z, label)) - wanted).square().sum()
        (z.grad,) = torch.autograd.grad(loss, z)
        optimiser.step()
        fall.step()
        advanced(step + 1, steps)
    return z.detach()
