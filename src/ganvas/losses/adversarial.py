"""The game that critic and generator play, as an object. `D` is the critic's logit, `x` real, `G(z)` made."""

from dataclasses import dataclass
from typing import Literal, Protocol

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ganvas.core import distributed

Logits = Float[Tensor, " batch"]
Scalar = Float[Tensor, ""]


class Game(Protocol):
    """What each player minimises."""

    @property
    def paired(self) -> bool:
        """Whether the generator's loss needs the logits of real items too."""
        ...

    def critic(self, real: Logits, fake: Logits) -> Scalar: ...

    def generator(self, fake: Logits, real: Logits | None = None) -> Scalar: ...

    def lead(self, real: Logits, fake: Logits) -> Logits:
        """Positive where the critic tells a real item rightly: what adaptive augmentation watches."""
        ...


@dataclass(frozen=True)
class NonSaturating:
    """Goodfellow et al. 2014, sec. 3.

    min_D E softplus(-D(x)) + E softplus(D(G(z))); min_G E softplus(-D(G(z))).
    """

    paired = False

    def critic(self, real: Logits, fake: Logits) -> Scalar:
        return F.softplus(-real).mean() + F.softplus(fake).mean()

    def generator(self, fake: Logits, real: Logits | None = None) -> Scalar:
        return F.softplus(-fake).mean()

    def lead(self, real: Logits, fake: Logits) -> Logits:
        return real


@dataclass(frozen=True)
class Minimax(NonSaturating):
    """Goodfellow et al. 2014, eq. 1: min_G max_D E log s(D(x)) + E log(1 - s(D(G(z)))), s the sigmoid.

    Its generator's gradient vanishes (saturates) where the critic is sure.
    """

    def generator(self, fake: Logits, real: Logits | None = None) -> Scalar:
        return -F.softplus(fake).mean()


@dataclass(frozen=True)
class LeastSquares:
    """Mao et al. 2017, eq. 9: min_D E (D(x) - 1)^2 / 2 + E D(G(z))^2 / 2; min_G E (D(G(z)) - 1)^2 / 2."""

    paired = False

    def critic(self, real: Logits, fake: Logits) -> Scalar:
        return ((real - 1).square().mean() + fake.square().mean()) / 2

    def generator(self, fake: Logits, real: Logits | None = None) -> Scalar:
        return (fake - 1).square().mean() / 2

    def lead(self, real: Logits, fake: Logits) -> Logits:
        return real - 0.5


@dataclass(frozen=True)
class Wasserstein:
    """Arjovsky et al. 2017, eq. 2: max_D E D(x) - E D(G(z)) over 1-Lipschitz D; min_G -E D(G(z))."""

    paired = False

    def critic(self, real: Logits, fake: Logits) -> Scalar:
        return fake.mean() - real.mean()

    def generator(self, fake: Logits, real: Logits | None = None) -> Scalar:
        return -fake.mean()

    def lead(self, real: Logits, fake: Logits) -> Logits:
        return real - fake.mean()


@dataclass(frozen=True)
class Hinge:
    """Lim & Ye 2017; Miyato et al. 2018, eqs. 16 and 17.

    min_D E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))); min_G -E D(G(z)).
    """

    paired = False

    def critic(self, real: Logits, fake: Logits) -> Scalar:
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()

    def generator(self, fake: Logits, real: Logits | None = None) -> Scalar:
        return -fake.mean()

    def lead(self, real: Logits, fake: Logits) -> Logits:
        return real


@dataclass(frozen=True)
class Relativistic:
    """Jolicoeur-Martineau 2019; Huang et al. 2024 (R3GAN), eq. 2: a fake is judged against a real one.

    min_D E softplus(D(G(z)) - D(x)); min_G E softplus(D(x) - D(G(z))). No mode can be given up unnoticed:
    the critic has to rank every fake below the real item that it is paired with.
    """

    paired = True

    def critic(self, real: Logits, fake: Logits) -> Scalar:
        return F.softplus(fake - real).mean()

    def generator(self, fake: Logits, real: Logits | None = None) -> Scalar:
        if real is None:
            raise ValueError("a relativistic generator's loss needs the logits of real items")
        return F.softplus(real - fake).mean()

    def lead(self, real: Logits, fake: Logits) -> Logits:
        return real - fake


GameName = Literal["minimax", "nonsaturating", "leastsquares", "wasserstein", "hinge", "relativistic"]

GAMES: dict[GameName, Game] = {
    "minimax": Minimax(),
    "nonsaturating": NonSaturating(),
    "leastsquares": LeastSquares(),
    "wasserstein": Wasserstein(),
    "hinge": Hinge(),
    "relativistic": Relativistic(),
}


def hardest(losses: list[Scalar]) -> Scalar:
    """The generator faces the critic it fools least, over all processes (Durugkar et al. 2017, GMAN-max)."""
    stacked = torch.stack(losses)
    return stacked[distributed.average(stacked.detach().clone()).argmax()]


def mean(losses: list[Scalar]) -> Scalar:
    """The generator faces all critics alike (Durugkar et al. 2017, GMAN-0)."""
    return torch.stack(losses).mean(0)
