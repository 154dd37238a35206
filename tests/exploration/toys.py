"""Models so simple that what they have understood is known, and scenes of them."""

import torch
from torch import nn

from ganvas.core.settings import override
from ganvas.data.spec import Spec
from ganvas.exploration.scene import Pictures, Scene
from ganvas.recipes.base import find


class Linear(nn.Module):
    """x = W z, as pictures of 4 x 4."""

    def __init__(self, latent, seed=0):
        super().__init__()
        self.latent = latent
        self.first = nn.Linear(latent, 16, bias=False)
        self.second = nn.Conv2d(1, 1, 1, bias=False)
        weight = torch.randn(16, latent, generator=torch.Generator().manual_seed(seed))
        self.first.weight.data.copy_(weight / 8)
        self.second.weight.data.fill_(1)
        self.requires_grad_(False)

    def decode(self, z, label=None, batch=64):
        return self.second(self.first(z).view(-1, 1, 4, 4))


class Encoding(Linear):
    """With z = W^+ x."""

    def encode(self, x, label=None):
        return x.flatten(1) @ torch.linalg.pinv(self.first.weight).T


class Bayesian(Encoding):
    """With a law of z, as a VAE has it."""

    log_var = torch.tensor([-2.0, 0.0, -5.0, 1.0], dtype=torch.float64)

    def posterior(self, x, label=None):
        mean = self.encode(x)
        return mean, self.log_var.expand_as(mean)


def nothing():
    raise AssertionError("no pictures are needed for this")


def scene(objective, pictures=None, spec=None, **more):
    find_them = nothing if pictures is None else lambda: pictures
    return Scene(objective, spec or Spec(kind="image", shape=(1, 4, 4)), find_them, **more)


def made(objective, n, scale=1.0, seed=3):
    """Pictures of z ~ N(0, scale^2), and these z."""
    z = scale * torch.randn(n, objective.latent, generator=torch.Generator().manual_seed(seed))
    return z, Pictures(objective.decode(z), None)


def untrained(recipe, shape=(1, 16, 16), classes=(), **changes):
    torch.manual_seed(0)
    spec = Spec(kind="image", shape=shape, classes=classes)
    return override(find(recipe), changes).build(spec).eval().requires_grad_(False), spec
