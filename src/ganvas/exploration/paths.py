"""Ways through the space of z."""

import torch
from jaxtyping import Float
from torch import Tensor

Ends = Float[Tensor, "n latent"]
Walks = Float[Tensor, "n steps latent"]
Shares = Float[Tensor, " steps"]
"""How far along each step is, from 0 to 1."""


def linear(a: Ends, b: Ends, t: Shares) -> Walks:
    """Straight from a to b: in between, z is shorter than the model is used to."""
    return torch.lerp(a[:, None], b[:, None], t[:, None])


def spherical(a: Ends, b: Ends, t: Shares) -> Walks:
    """Along the great circle (Shoemake 1985, White 2016), while the length changes evenly."""
    lengths = torch.stack([a.norm(dim=1), b.norm(dim=1)])
    u, v = a / lengths[0, :, None].clamp(min=1e-12), b / lengths[1, :, None].clamp(min=1e-12)
    angle = (u * v).sum(1).clamp(-1, 1).acos()[:, None]
    from_u, from_v = torch.sin((1 - t) * angle), torch.sin(t * angle)
    turned = from_u[..., None] * u[:, None] + from_v[..., None] * v[:, None]
    length = torch.lerp(lengths[0, :, None], lengths[1, :, None], t)[..., None]
    flat = angle.sin().abs()[..., None] < 1e-4  # (nearly) parallel: the circle is a line, or any
    return torch.where(flat, linear(a, b, t), turned / angle.sin()[..., None] * length)


def loop(stops: Float[Tensor, "n stops latent"], steps: int) -> Walks:
    """Spherically from stop to stop and back to the first, in `steps` each, a little slower near a stop."""
    t = torch.arange(steps) / steps
    eased = t * t * (3 - 2 * t)
    following = stops.roll(-1, 1)
    parts = [spherical(stops[:, k], following[:, k], eased) for k in range(stops.shape[1])]
    return torch.cat(parts, 1)


def plane(side: int) -> Float[Tensor, "side*side 2"]:
    """A grid over the plane, each cell with the same share of N(0, 1) (Kingma & Welling 2014, app. A).

    The first number grows to the right, the second upwards.
    """
    across = quantiles(side)
    return torch.cartesian_prod(across.flip(0), across).flip(1)


def quantiles(count: int) -> Float[Tensor, " count"]:
    """The middles of so many equal shares of N(0, 1)."""
    return torch.special.ndtri((torch.arange(count, dtype=torch.float64) + 0.5) / count).float()
