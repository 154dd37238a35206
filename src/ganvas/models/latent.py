"""Where samples start."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ganvas.data.spec import Spec


def draw(
    n: int, latent: int, truncation: float = 1.0, generator: torch.Generator | None = None
) -> Float[Tensor, "n latent"]:
    """z from the normal law, on the CPU, so that a seed means the same on every machine.

    Truncation below 1 (Brock et al. 2019, sec. 3.1, as in their code): drawn again where |z| > 2, then
    multiplied by it. Samples grow more typical and less varied.
    """
    z = torch.empty(n, latent)
    if checked(truncation) == 1:
        return z.normal_(generator=generator)
    return truncation * nn.init.trunc_normal_(z, a=-2, b=2, generator=generator)


def checked(truncation: float) -> float:
    """It, or ValueError."""
    if not 0 < truncation <= 1:
        raise ValueError(f"truncation is above 0 and at most 1, not {truncation}")
    return truncation


def chosen_classes(
    spec: Spec,
    n: int,
    label: int | Sequence[int] | Tensor | None,
    generator: torch.Generator | None,
) -> Int[Tensor, " n"] | None:
    """Labels for n items: the one asked for, those asked for, or any; None where there are no classes."""
    if label is not None:
        return torch.as_tensor(label).expand(n)
    return torch.randint(len(spec.classes), (n,), generator=generator) if spec.classes else None


def sampled(mean: Tensor, log_var: Tensor, k: int) -> Float[Tensor, "k batch latent"]:
    """k draws of z, through which gradients flow (Kingma & Welling 2014, sec. 2.4)."""
    return mean + (log_var / 2).exp() * torch.randn(k, *mean.shape, device=mean.device, dtype=mean.dtype)


def decoded(
    network: nn.Module, z: Float[Tensor, "n latent"], label: Int[Tensor, " n"] | None = None, batch: int = 64
) -> Tensor:
    """What a network makes of these z, so many at a time, as it is used and not as it is trained.

    Gradients are kept only where z asks for them.
    """
    device = next(network.parameters()).device
    training = [m for m in network.modules() if m.training]
    network.eval()
    labels = [None] * len(z) if label is None else label.to(device).split(batch)
    parts = zip(z.to(device).split(batch), labels, strict=False)
    with torch.set_grad_enabled(z.requires_grad and torch.is_grad_enabled()):
        made = torch.cat([network(part, y).float() for part, y in parts])
    for module in training:
        module.training = True
    return made
