"""Several generators as one."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class Mixture(nn.ModuleList):
    """Item i is made by generator i modulo their number (an even mixture, Hoang et al. 2018, MGAN)."""

    def __init__(self, members: Sequence[nn.Module]):
        super().__init__(members)

    def forward(
        self, z: Float[Tensor, "batch latent"], label: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch ..."]:
        count = len(self)
        if torch.compiler.is_exporting():  # a graph for any number of items: all make all
            mine, made = self.maker(len(z), z.device), self[0](z, label)
            for k, make in enumerate(self):
                chosen = (mine == k).view(-1, *[1] * (made.ndim - 1))
                made = torch.where(chosen, make(z, label), made) if k else made
            return made
        parts = [
            make(z[k::count], None if label is None else label[k::count])
            for k, make in enumerate(self)
            if k < len(z)
        ]
        order = torch.cat([torch.arange(k, len(z), count, device=z.device) for k in range(count)])
        return torch.cat(parts)[order.argsort()]

    def maker(self, n: int, device: torch.device) -> Int[Tensor, " n"]:
        """Which member made each of n items."""
        return torch.arange(n, device=device) % len(self)
