"""Where samples start, and models that make them of it."""

from collections.abc import Sequence
from itertools import repeat

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ganvas.core.turns import Objective
from ganvas.data.spec import Spec


class FromLatents(Objective):
    """A model that makes an item of a z, whose prior is known."""

    spec: Spec

    @property
    def latent(self) -> int:
        """Numbers in z."""
        raise NotImplementedError

    def decode(
        self, z: Float[Tensor, "n latent"], label: Int[Tensor, " n"] | None = None, batch: int = 64
    ) -> Float[Tensor, "n ..."]:
        """The item of each z, so many at a time."""
        raise NotImplementedError

    def start(
        self, n: int, truncation: float, generator: torch.Generator | None
    ) -> Float[Tensor, "n latent"]:
        """z from the prior."""
        return draw(n, self.latent, truncation, generator)

    @torch.no_grad()
    def sample(  # pyright: ignore[reportIncompatibleMethodOverride] (it takes these conditions only)
        self,
        n: int,
        *,
        generator: torch.Generator | None = None,
        label: int | Sequence[int] | Tensor | None = None,
        truncation: float = 1.0,
    ) -> Float[Tensor, "n ..."]:
        """`n` items, each the mean of its law; of the classes in `label`, else of all alike."""
        z = self.start(n, truncation, generator)
        return self.decode(z, chosen_classes(self.spec, n, label, generator))


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


def by_weight(weight: Float[Tensor, "k batch"], count: int) -> Int[Tensor, "count batch"]:
    """Numbers of draws, each on average `count` times its weight often, and never a whole time off
    (systematic resampling: Carpenter et al. 1999). The weights of an item sum to 1."""
    first = torch.rand(weight.shape[1], 1, device=weight.device, dtype=weight.dtype)
    at = (first + torch.arange(count, device=weight.device)) / count
    found = torch.searchsorted(weight.cumsum(0).T.contiguous(), at.contiguous())
    return found.clamp(max=len(weight) - 1).T


def decoded(
    network: nn.Module, z: Float[Tensor, "n latent"], label: Int[Tensor, " n"] | None = None, batch: int = 64
) -> Tensor:
    """What a network makes of these z, so many at a time, as it is used and not as it is trained.

    Gradients are kept only where z asks for them.
    """
    device = next(network.parameters()).device
    training = [m for m in network.modules() if m.training]
    network.eval()
    labels = repeat(None) if label is None else label.to(device).split(batch)
    parts = zip(z.to(device).split(batch), labels, strict=False)
    with torch.set_grad_enabled(z.requires_grad and torch.is_grad_enabled()):
        made = torch.cat([network(part, y).float() for part, y in parts])
    for module in training:
        module.training = True
    return made
