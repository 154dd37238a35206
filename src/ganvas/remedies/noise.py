"""Instance noise: real and made items overlap, so no early critic can be sure (Sonderby et al. 2017)."""

import torch
from pydantic import Field
from torch import Tensor

from ganvas.core.settings import Settings


class NoiseSettings(Settings):
    """Noise added to all that the critic sees, fading out."""

    std: float = Field(default=0.0, ge=0, le=10)
    """Standard deviation at the first step (pictures lie in [-1, 1]). 0: none."""
    until: int = Field(default=1000, ge=1)
    """The step at which it has faded, linearly, to nothing."""

    def at(self, step: int) -> float:
        """The standard deviation at this step."""
        return self.std * max(0.0, 1 - step / self.until)


def add_noise(x: Tensor, std: float) -> Tensor:
    return x + std * torch.randn_like(x) if std > 0 else x
