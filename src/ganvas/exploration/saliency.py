"""Where a critic looks."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ganvas.exploration.scene import Items, Labels

Maps = Float[Tensor, "batch 1 height width"]
BLUR = 1 / 20
"""Standard deviation of the blur, as a share of the picture's side."""


def saliency(judge: Callable[[Items, Labels], Tensor], x: Items, label: Labels) -> Maps:
    """|d logit / d pixel|, the largest over channels (Simonyan et al. 2014, sec. 3.1)."""
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(judge(x, label).sum(), x)
    return slope.abs().amax(1, keepdim=True)


def blurred(maps: Maps) -> Maps:
    """By a normal kernel: a gradient jumps from pixel to pixel, and where it is large is to be seen."""
    sigma = BLUR * min(maps.shape[2:])
    reach = round(2 * sigma) or 1
    kernel = torch.exp(-torch.arange(-reach, reach + 1, device=maps.device).square() / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).to(maps.dtype)
    maps = F.conv2d(F.pad(maps, [reach] * 4, "replicate"), kernel.view(1, 1, -1, 1))
    return F.conv2d(maps, kernel.view(1, 1, 1, -1))


def stretched(maps: Maps) -> Maps:
    """Each from 0, its smallest, to 1, its largest."""
    low, high = maps.amin((1, 2, 3), keepdim=True), maps.amax((1, 2, 3), keepdim=True)
    return (maps - low) / (high - low).clamp(min=1e-12)
