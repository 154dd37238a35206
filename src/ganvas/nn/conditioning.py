"""How a label enters a generator, and how a critic gives its verdict."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from ganvas.core.device import precise
from ganvas.nn.spectral import spectral_norm

Label = Int[Tensor, " batch"] | Int[Tensor, "batch m"]


class LabelledLatent(nn.Module):
    """z with the label's embedding appended (Mirza & Osindero 2014); z alone where there are no classes."""

    def __init__(self, latent: int, classes: int, embedding: int = 64):
        super().__init__()
        self.embed = nn.Embedding(classes, embedding) if classes else None
        if self.embed is not None:  # as loud as z, a label drowns it: one picture a class (docs/notebook.md)
            nn.init.normal_(self.embed.weight, 0, 0.2)
        self.width = latent + (embedding if classes else 0)

    def forward(
        self, z: Float[Tensor, "batch latent"], label: Label | None = None
    ) -> Float[Tensor, "batch width"]:
        if self.embed is None:
            return z
        if label is None:
            raise ValueError("this generator was built for labels: give one for each item")
        return torch.cat([z, self.embed(label).to(z.dtype)], 1)


class Critic(nn.Module):
    """Features, then one logit: D(x, y) = w . h(x) + <v_y, h(x)> (Miyato & Koyama 2018, eq. 3).

    The inner product is divided by sqrt(width), so that it starts no larger than w . h whatever the width.
    A pack's labels are averaged.
    """

    def __init__(self, features: nn.Module, width: int, classes: int = 0, spectral: bool = False):
        super().__init__()
        self.features = features
        self.verdict = nn.Linear(width, 1)
        self.embed = nn.Embedding(classes, width) if classes else None
        if spectral:
            spectral_norm(self.verdict)
            if self.embed is not None:
                spectral_norm(self.embed)

    def forward(self, x: Float[Tensor, "batch ..."], label: Label | None = None) -> Float[Tensor, " batch"]:
        h = self.features(x)
        logit = precise(self.verdict(h)[:, 0])
        if self.embed is None or label is None:
            return logit
        v = self.embed(label)
        v = v.mean(1) if v.ndim == 3 else v
        return logit + (v * precise(h)).sum(1) / h.shape[1] ** 0.5


class Classifier(nn.Module):
    """Features, then a logit for each class."""

    def __init__(self, features: nn.Module, width: int, classes: int):
        super().__init__()
        self.features = features
        self.verdict = nn.Linear(width, classes)

    def forward(self, x: Float[Tensor, "batch ..."]) -> Float[Tensor, "batch classes"]:
        return precise(self.verdict(self.features(x)))

    def loss(self, x: Float[Tensor, "batch ..."], target: Int[Tensor, " batch"]) -> Float[Tensor, ""]:
        return F.cross_entropy(self(x), target)
