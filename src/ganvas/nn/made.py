"""Masked dense layers: every output depends on the inputs before it alone (Germain et al. 2015, MADE)."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from ganvas.nn.autoencoder import ACTIVATIONS, Activation

Labels = Int[Tensor, " batch"] | None


class Masked(nn.Linear):
    """Units know how many of the first inputs they may depend on, and are in rising order of it.

    A unit that may see m inputs reads those below that see no more (ibid., eq. 12 and 13): with that order
    the mask is a staircase, and what sees just m inputs is one block of rows.
    """

    mask: Tensor

    def __init__(self, lower: Int[Tensor, " i"], upper: Int[Tensor, " o"], classes: int = 0):
        super().__init__(len(lower), len(upper))
        self.register_buffer("mask", upper[:, None] >= lower, persistent=False)
        steps = torch.arange(int(upper.max()) + 2)
        self.first: list[int] = torch.searchsorted(upper, steps).tolist()
        self.known: list[int] = torch.searchsorted(lower, steps, right=True).tolist()
        self.embed = nn.Embedding(classes, len(upper)) if classes else None
        if self.embed is not None:
            nn.init.zeros_(self.embed.weight)

    def label(self, label: Labels) -> Tensor | None:
        """What a class adds to each unit."""
        if self.embed is None:
            return None
        if label is None:
            raise ValueError("this model was built for labels: give one for each item")
        return self.embed(label)

    def forward(self, input: Float[Tensor, "batch i"], label: Labels = None) -> Float[Tensor, "batch o"]:
        added = self.label(label)
        y = F.linear(input, self.weight * self.mask, self.bias)
        return y if added is None else y + added

    def seeing(
        self, m: int, below: Float[Tensor, "batch i"], added: Tensor | None
    ) -> Float[Tensor, "batch some"]:
        """The units that see just the first m inputs, of which only what sees no more need be known yet."""
        rows = self.rows(m)
        known = self.known[m]
        y = F.linear(below[:, :known], self.weight[rows, :known], self.bias[rows])
        return y if added is None else y + added[:, rows]

    def rows(self, m: int) -> slice:
        return slice(self.first[m], self.first[m + 1])


class MADE(nn.Module):
    """x (and label) -> `out` numbers for each input, from the inputs before it.

    With no hidden layer they are linear in those inputs; else in those and in hidden units.
    """

    def __init__(
        self, inputs: int, out: int, hidden: Sequence[int], activation: Activation, classes: int = 0,
        direct: bool = True,
    ):  # fmt: skip
        super().__init__()
        self.inputs, self.activation = inputs, ACTIVATIONS[activation]()
        given = torch.arange(inputs) + 1
        asked = torch.arange(inputs).repeat_interleave(out)
        layers, below = [], given
        for units in hidden:
            sees = torch.linspace(min(1, inputs - 1), inputs - 1, units).round().long()
            layers.append(Masked(below, sees, classes))
            below = sees
        self.hidden: list[Masked] = nn.ModuleList(layers)  # pyright: ignore[reportAttributeAccessIssue]
        self.out = Masked(below, asked, classes)
        self.direct = Masked(given, asked) if hidden and direct else None
        for last in (self.out, self.direct):
            if last is not None:
                nn.init.zeros_(last.weight)
                nn.init.zeros_(last.bias)

    def forward(
        self, x: Float[Tensor, "batch inputs"], label: Labels = None
    ) -> Float[Tensor, "batch inputs out"]:
        h = x
        for layer in self.hidden:
            h = self.activation(layer(h, label))
        y = self.out(h, label)
        if self.direct is not None:
            y = y + self.direct(x)
        return y.unflatten(1, (self.inputs, -1))

    @torch.no_grad()
    def generate(
        self, n: int, label: Labels, pick: Callable[[Float[Tensor, "n out"]], Float[Tensor, " n"]]
    ) -> Float[Tensor, "n inputs"]:
        """Input by input; each unit is computed once, when what it sees is known: one pass forward in all."""
        x = self.out.weight.new_zeros(n, self.inputs)
        hidden = [(layer, x.new_zeros(n, layer.out_features), layer.label(label)) for layer in self.hidden]
        added = self.out.label(label)
        for m in range(self.inputs):
            h = x
            for layer, units, of_label in hidden:
                units[:, layer.rows(m)] = self.activation(layer.seeing(m, h, of_label))
                h = units
            y = self.out.seeing(m, h, added)
            if self.direct is not None:
                y = y + self.direct.seeing(m, x, None)
            x[:, m] = pick(y)
        return x


def size(inputs: int, out: int, hidden: Sequence[int], direct: bool = True) -> int:
    """Weights of such a network, the masked ones counted."""
    sizes = [inputs, *hidden, inputs * out]
    between = sum(a * b for a, b in pairwise(sizes))
    return between + (inputs * inputs * out if hidden and direct else 0)
