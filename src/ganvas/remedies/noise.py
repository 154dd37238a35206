"""Instance noise: real and made items overlap, so no early critic can be sure (Sonderby et al. 2017)."""

from pydantic import Field
from torch import Tensor

from ganvas.core.settings import Settings
from ganvas.core.stacking import normal_like


class NoiseSettings(Settings):
    """Noise added to all that the critic sees, fading out."""

    std: float = Field(default=0.0, ge=0, le=10)
    """Standard deviation at the first step (pictures lie in [-1, 1]). 0: none."""
    until: float = Field(default=0.5, gt=0, le=1)
    """The share of the training after which it has faded, linearly, to nothing."""

    def at(self, progress: float) -> float:
        """The standard deviation after this share of the training."""
        return self.std * max(0.0, 1 - progress / self.until)


def add_noise(x: Tensor, std: float) -> Tensor:
    return x + std * normal_like(x) if std > 0 else x
