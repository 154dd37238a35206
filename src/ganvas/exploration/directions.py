"""Directions in z that change something, found without labels."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ganvas.core.errors import UserError
from ganvas.exploration.scene import AT_ONCE, Labels, Latents, Scene
from ganvas.models.latent import draw

SAMPLES = 2_000
"""z whose activations are analysed."""


class Directions(NamedTuple):
    """Unit vectors in z, the most important first."""

    vectors: Float[Tensor, "k latent"]
    weights: Float[Tensor, " k"]
    """How important: a share of the variance, or a singular value."""


class Layers(NamedTuple):
    """The two that z meets first."""

    first: nn.Linear
    second: nn.Module


class Reached(Exception):
    """The activations asked for: what lies behind need not be computed."""

    def __init__(self, activations: Tensor):
        self.activations = activations


def layers(scene: Scene) -> Layers:
    """Found by looking at what a decoding calls; UserError where its first layer does not see all of z."""
    met: list[tuple[nn.Module, Any]] = []
    weighted = [m for m in scene.objective.modules() if _weight(m) is not None]
    hooks = [m.register_forward_pre_hook(lambda m, seen: met.append((m, seen[0]))) for m in weighted]
    z = torch.randn(1, scene.latent, generator=scene.generator("layers"))
    try:
        scene.decode(z, scene.labels(1))
    finally:
        for hook in hooks:
            hook.remove()
    if len(met) > 1:
        (first, seen), (second, _) = met[:2]
        if isinstance(first, nn.Linear) and torch.equal(seen[:, : scene.latent].cpu(), z):
            return Layers(first, second)
    raise UserError(
        "directions are found in the weights that z meets first, and in this model they do not see all of z"
    )


def _weight(module: nn.Module) -> Tensor | None:
    weight = getattr(module, "weight", None)
    if isinstance(module, nn.Embedding) or not isinstance(weight, Tensor) or weight.ndim < 2:
        return None
    return weight


def sefa(weight: Float[Tensor, "out latent"], k: int) -> Directions:
    """What the first weights stretch most: their right singular vectors (Shen & Zhou 2021, SeFa)."""
    _, values, vectors = torch.linalg.svd(weight.detach().double().cpu(), full_matrices=False)
    return Directions(_signed(vectors[:k]).float(), values[:k].float())


def ganspace(activations: Float[Tensor, "n width"], z: Latents, k: int) -> Directions:
    """Principal components of the activations, each brought back to z by least squares.

    Härkönen et al. 2020 (GANSpace), sec. 2.3. Their weights are shares of the variance. Far fewer samples
    than activations are expected, so the components come from the samples' inner products.
    """
    centred = activations - activations.mean(0)
    values, scores = torch.linalg.eigh((centred @ centred.T).double())
    scores = scores[:, -k:].flip(1)
    vectors = scores.T @ (z.double() - z.double().mean(0))
    vectors = vectors / vectors.norm(dim=1, keepdim=True)
    return Directions(_signed(vectors).float(), (values[-k:].flip(0) / values.sum()).float())


def _signed(vectors: Float[Tensor, "k latent"]) -> Float[Tensor, "k latent"]:
    """The largest number of each is positive."""
    return vectors * vectors.gather(1, vectors.abs().argmax(1, keepdim=True)).sign()


def activations(scene: Scene, layer: nn.Module, z: Latents, label: Labels) -> Float[Tensor, "n width"]:
    """What the layer sees of these z, less the mean of each class."""

    def reached(_: nn.Module, seen: tuple[Tensor, ...]) -> None:
        raise Reached(seen[0].flatten(1).float().cpu())

    parts = []
    labels = [None] * len(z) if label is None else label.split(AT_ONCE)
    with layer.register_forward_pre_hook(reached):
        for part, y in zip(z.split(AT_ONCE), labels, strict=False):
            try:
                scene.decode(part, y)
            except Reached as found:
                parts.append(found.activations)
    found = torch.cat(parts)
    for c in [] if label is None else label.unique():
        found[label == c] -= found[label == c].mean(0)
    return found


def both(scene: Scene, k: int) -> tuple[Directions, Directions]:
    """By the activations of the first hidden layer, and by the first weights."""
    first, second = layers(scene)
    z = draw(SAMPLES, scene.latent, 1.0, scene.generator("directions"))
    seen = activations(scene, second, z, scene.labels(SAMPLES))
    return ganspace(seen, z, k), sefa(first.weight[:, : scene.latent], k)
