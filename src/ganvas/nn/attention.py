"""Self-attention over the places of a feature map (Zhang et al. 2019, SAGAN)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from ganvas.nn.spectral import spectral_norm

Maps = Float[Tensor, "batch channel height width"]


class SelfAttention(nn.Module):
    """y = x + gamma * o(attention of x), with gamma 0 at the start (Zhang et al. 2019, eqs. 1 to 3).

    Keys and values are pooled 2 x 2, as in the authors' code.
    """

    def __init__(self, channels: int):
        super().__init__()
        inner, outer = max(1, channels // 8), max(1, channels // 2)
        self.query = spectral_norm(nn.Conv2d(channels, inner, 1, bias=False))
        self.key = spectral_norm(nn.Conv2d(channels, inner, 1, bias=False))
        self.value = spectral_norm(nn.Conv2d(channels, outer, 1, bias=False))
        self.out = spectral_norm(nn.Conv2d(outer, channels, 1, bias=False))
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Maps) -> Maps:
        pooled = F.max_pool2d(x, 2)
        query, key, value = places(self.query(x)), places(self.key(pooled)), places(self.value(pooled))
        with sdpa_kernel(SDPBackend.MATH):  # the only kernel whose derivative can be differentiated, for R1
            y = F.scaled_dot_product_attention(query, key, value, scale=1.0)
        return x + self.gamma * self.out(y.transpose(1, 2).unflatten(2, x.shape[2:]))


def places(x: Maps) -> Float[Tensor, "batch place channel"]:
    return x.flatten(2).transpose(1, 2)
