"""Policy gradient: what is written is rewarded by a critic (Yu et al. 2017), of every beginning of it
(de Masson d'Autume et al. 2019) or of how it may go on."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from ganvas.core import distributed
from ganvas.core.turns import Turn
from ganvas.data.spec import Spec
from ganvas.losses import policy
from ganvas.models import duel
from ganvas.models.duel import Duel, NetworkSettings, Places, Tokens, body
from ganvas.models.settings import PlayerSettings
from ganvas.nn.verdicts import Prefixes


class CriticSettings(NetworkSettings, PlayerSettings):
    """The network that judges every beginning of a text."""

    lr: float = Field(default=1e-3, gt=0, le=1)
    """Adam's learning rate."""
    dropout: float = Field(default=0.25, ge=0, lt=1)
    """Share of each layer's outcome that is left out in training."""


class Settings(duel.Settings):
    """The stages, the critic, and what its word is worth."""

    critic: CriticSettings = CriticSettings()
    """Beginnings of texts -> whether they are real."""
    rollouts: int = Field(default=0, ge=0, le=256)
    """0: each token is rewarded by what the critic says of the beginnings that it is in. Else: by what it
    says of so many ways to go on from it, to the end (Yu et al. 2017, eq. 4), which takes longer."""
    discount: float = Field(default=0.5, ge=0, le=1)
    """Without rollouts: what the reward of the next token is worth."""


class SeqGAN(Duel):
    """The generator raises E sum_t r_t; r_t = 2 D(x_1..t) - 1, D the critic's probability of real."""

    config: Settings

    def __init__(self, config: Settings, spec: Spec):
        super().__init__(config, spec)
        net = config.critic
        inside = body(net, "critic", self.vocabulary.size, self.context + 1, says=False)
        self.critic = Prefixes(inside, net.width)

    def duel(self, real: Tokens, alone: bool) -> Iterator[Turn]:
        fake = self.written(real[:, :1], real.shape[1] - 1)
        for k in range(self.config.critic.steps):
            fake = self.written(real[:, :1], real.shape[1] - 1) if k else fake
            yield self._critics_turn(real, fake)
        if alone:
            return
        written = self.real_places(fake)
        with torch.no_grad():
            self.critic.eval()  # its word is its own, without what dropout makes of it
            values = self.values(fake, written)
            self.critic.train(self.training)
        log_law = self.model(fake[:, :-1]).log_softmax(2)
        log_prob = log_law.gather(2, fake[:, 1:, None])[..., 0]
        loss = policy.loss(log_prob, policy.advantages(values, written))
        figures = {"reward": values[written].mean()}
        yield Turn({"model": self.anchored(loss, real)}, figures)

    def _critics_turn(self, real: Tokens, fake: Tokens) -> Turn:
        sides = [(self.critic(x), self.real_places(x)) for x in (real, fake)]
        (on_real, a), (on_fake, b) = sides
        loss = mean(F.softplus(-on_real), a) + mean(F.softplus(on_fake), b)
        means = {
            f"critic/{k}": mean(x, m).detach() for k, (x, m) in zip(("real", "fake"), sides, strict=True)
        }
        return Turn({"critic": loss}, means)

    def values(self, fake: Tokens, written: Bool[Tensor, "batch place"]) -> Places:
        """What each token is worth: the rewards from it on, or the mean verdict on where it may lead."""
        verdicts = self.critic(fake)
        if not self.config.rollouts:
            return policy.returns(2 * verdicts.sigmoid() - 1, written, self.config.discount)
        last = self.whole(verdicts, written)
        places = [self.led_to(fake[:, : t + 2], fake.shape[1]) for t in range(fake.shape[1] - 2)]
        return torch.stack([*places, last], 1).where(written, 0)

    def led_to(self, begun: Tokens, width: int) -> Float[Tensor, " batch"]:
        """Mean verdict on ways to go on, each until its end or this width."""
        count = self.config.rollouts
        made = self.written(begun.repeat_interleave(count, 0), width - begun.shape[1])
        return self.whole(self.critic(made), self.real_places(made)).unflatten(0, (-1, count)).mean(1)

    def whole(self, verdicts: Places, written: Bool[Tensor, "batch place"]) -> Float[Tensor, " batch"]:
        """Of the text up to its end, or where it is cut."""
        last = written.sum(1, keepdim=True) - 1
        return (2 * verdicts.gather(1, last).sigmoid() - 1)[:, 0]


def mean(values: Places, counted: Bool[Tensor, "batch place"]) -> Float[Tensor, ""]:
    """Over places that count, of all processes when their gradients are averaged."""
    return (values * counted).sum() / distributed.average(counted.sum().float())


def build(config: Settings, spec: Spec) -> SeqGAN:
    return SeqGAN(config, spec)
