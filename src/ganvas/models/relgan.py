"""RelGAN (Nie et al. 2019): the critic's gradient reaches the generator through what it chooses."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from ganvas.core.turns import Turn
from ganvas.data.spec import Spec
from ganvas.losses import adversarial
from ganvas.losses.adversarial import GameName
from ganvas.models import duel
from ganvas.models.duel import Duel, Tokens
from ganvas.models.settings import PlayerSettings
from ganvas.nn.verdicts import Representations


class CriticSettings(PlayerSettings):
    """Filters over several embeddings of the text."""

    lr: float = Field(default=5e-4, gt=0, le=1)
    """Adam's learning rate."""
    weight_decay: float = Field(default=0.1, ge=0)
    """Of matrices, apart from the gradient."""
    representations: int = Field(default=16, ge=1, le=1024)
    """Embeddings, each with a verdict of its own."""
    dim: int = Field(default=4, ge=1, le=1024)
    """Numbers in each embedding of a token."""
    width: int = Field(default=64, ge=1, le=4096)
    """Filters of each of four lengths, 2 to 5 tokens."""
    dropout: float = Field(default=0.25, ge=0, lt=1)
    """Share of what the filters found that is left out in training."""


class Settings(duel.Settings):
    """The stages, the critic, the game and the temperature."""

    critic: CriticSettings = CriticSettings()
    """Texts -> whether they are real."""
    game: GameName = "relativistic"
    """What the players minimise."""
    hot: float = Field(default=1.0, gt=0)
    """Temperature of the Gumbel-softmax when the adversarial stage begins."""
    cold: float = Field(default=0.1, gt=0)
    """The same at its end; in between its logarithm falls evenly (ibid., sec. 2.4)."""


class RelGAN(Duel):
    """What is chosen, argmax(log p + g), has the gradient of softmax((log p + g) / tau): straight through
    (Jang et al. 2017, sec. 2.2)."""

    config: Settings

    def __init__(self, config: Settings, spec: Spec):
        super().__init__(config, spec)
        net, self.game = config.critic, adversarial.GAMES[config.game]
        self.critic = Representations(
            self.vocabulary.size, net.representations, net.dim, net.width, net.dropout
        )

    def duel(self, real: Tokens, alone: bool) -> Iterator[Turn]:
        fake, chances = self.noisy(real[:, :1], real.shape[1] - 1)
        for k in range(self.config.critic.steps):
            fake, chances = self.noisy(real[:, :1], real.shape[1] - 1) if k else (fake, chances)
            on_real, on_fake = self.critic(real[:, 1:]).flatten(), self.critic(fake[:, 1:]).flatten()
            means = {"critic/real": on_real.mean().detach(), "critic/fake": on_fake.mean().detach()}
            yield Turn({"critic": self.game.critic(on_real, on_fake)}, means)
        if alone:
            return
        way = self.way(fake, chances)
        with torch.no_grad():
            on_real = self.critic(real[:, 1:]).flatten()
        loss = self.game.generator(self.critic(fake[:, 1:], way).flatten(), on_real)
        tau = torch.tensor(self.temperature)
        yield Turn({"model": self.anchored(loss, real)}, {"temperature": tau})

    def noisy(self, begun: Tokens, places: int) -> tuple[Tokens, list[Tensor]]:
        """So many more tokens, each the largest of log p + g, and this noise (Gumbel 1954)."""
        chances: list[Tensor] = []

        def choose(logits: Tensor) -> Tensor:
            chances.append(-(-torch.rand(logits.shape, device=logits.device).log()).log())
            return (logits + chances[-1]).argmax(1, keepdim=True)

        return self.written(begun, places, choose), chances

    @property
    def temperature(self) -> float:
        """tau by now."""
        start = self.config.likelihood + self.config.meeting
        share = min(1.0, max(0.0, (self.progress - start) / max(1 - start, 1e-9)))
        return self.config.hot ** (1 - share) * self.config.cold**share

    def way(self, fake: Tokens, chances: list[Tensor]) -> Float[Tensor, "batch place dim"]:
        """Embedded shares of each token less themselves, where there is text: 0, with their gradient."""
        logits = self.model(fake[:, :-1]) + torch.stack(chances, 1)
        soft = (logits / self.temperature).softmax(2) @ self.critic.embedding
        return (soft - soft.detach()) * self.real_places(fake)[..., None]


def build(config: Settings, spec: Spec) -> RelGAN:
    return RelGAN(config, spec)
