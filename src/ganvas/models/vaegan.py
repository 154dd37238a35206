"""VAE-GAN (Larsen et al. 2016): a VAE that measures its reconstructions in what a critic sees in them."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn

from ganvas.core.device import precise
from ganvas.core.settings import Settings as Base
from ganvas.core.turns import Batch, Turn
from ganvas.data.spec import Spec
from ganvas.losses import adversarial
from ganvas.losses.adversarial import GameName
from ganvas.losses.divergence import kl_to_standard
from ganvas.models import dcgan
from ganvas.models.latent import FromLatents, decoded, sampled
from ganvas.models.settings import AdamSettings, JudgeSettings, MakerSettings
from ganvas.nn.autoencoder import Shrink
from ganvas.nn.conditioning import Critic
from ganvas.nn.norm import NormName
from ganvas.remedies.penalties import GradientSettings, squared_gradient

Items = Float[Tensor, "batch channel height width"]
Labels = Int[Tensor, " batch"] | None
Scalar = Float[Tensor, ""]


class EncoderSettings(AdamSettings):
    """Convolutions of stride 2 with group norm."""

    width: int = Field(default=32, ge=1, le=1024)
    """Channels of the layer nearest to the picture; layers further in have more."""


class CriticSettings(JudgeSettings):
    """DCGAN's convolutions of stride 2."""

    norm: NormName = "none"
    """Of its layers but the first."""


class Settings(Base):
    """L_prior + L_reconstruction + L_GAN, with DCGAN's networks for decoder and critic."""

    encoder: EncoderSettings = EncoderSettings(lr=8e-4, beta1=0.0, beta2=0.99)
    """Picture -> law of z."""
    decoder: MakerSettings = MakerSettings(lr=8e-4, beta1=0.0, beta2=0.99, latent=64)
    """z -> picture: the generator."""
    critic: CriticSettings = CriticSettings(lr=8e-4, beta1=0.0, beta2=0.99)
    """Picture -> verdict, and the features that reconstructions are compared in."""
    game: GameName = "relativistic"
    """What critic and decoder play."""
    penalty: GradientSettings = GradientSettings(r1=0.1, r2=0.1, every=8)
    """What keeps the critic smooth."""
    layer: int = Field(default=2, ge=1, le=8)
    """Of the critic, counted from the picture: the one whose features are compared."""
    noise: float = Field(default=0.3, gt=0)
    """Standard deviation of the features' law: smaller gives truer reconstructions and a rougher z."""
    beta: float = Field(default=1.0, ge=0)
    """Weight of the KL divergence."""
    gamma: float = Field(default=0.01, ge=0)
    """Weight of the reconstruction in the decoder's loss, beside the game's (Larsen et al. 2016, alg. 1)."""


class VAEGAN(FromLatents):
    """The encoder lowers KL and reconstruction, the decoder reconstruction and its loss in the game."""

    averaged = ("encoder", "decoder")

    def __init__(self, config: Settings, spec: Spec):
        super().__init__()
        self.config, self.spec = config, spec
        self.game = adversarial.GAMES[config.game]
        classes = len(spec.classes)
        self.encoder = Shrink(spec.shape, config.encoder.width, 2 * config.decoder.latent, classes)
        self.decoder = dcgan.Generator(config.decoder, spec.shape, classes)
        features = dcgan.Features(config.critic, spec.shape, config.critic.norm)
        self.critic = Critic(features, features.size, classes)

    @property
    def latent(self) -> int:
        """Numbers in z."""
        return self.config.decoder.latent

    def turns(self, batch: Batch, step: int) -> Iterator[Turn]:
        x, label = batch["image"], batch.get("label")
        due = self.config.penalty.due(step)
        for _ in range(self.config.critic.steps - 1):
            with torch.no_grad():
                copies, made = self._both(*self.posterior(x, label), label)
            yield self._critics_turn(x, copies, made, label, due)
        mean, log_var = self.posterior(x, label)
        copies, made = self._both(mean, log_var, label)
        yield self._critics_turn(x, copies.detach(), made.detach(), label, due)
        kl = kl_to_standard(mean, log_var).sum(1).mean()
        rec = self.reconstruction(x, copies)
        with torch.no_grad():
            real = self.critic(x, label) if self.game.paired else None
        fooled = sum(self.game.generator(self.critic(fake, label), real) for fake in (copies, made)) / 2
        yield Turn(
            {"encoder": self.config.beta * kl + rec, "decoder": self.config.gamma * rec + fooled},
            {"kl": kl.detach(), "reconstruction": rec.detach()},
        )

    def _both(self, mean: Tensor, log_var: Tensor, label: Labels) -> tuple[Items, Items]:
        """Copies, from z of these laws, and samples, from z of the prior."""
        z = torch.cat([sampled(mean, log_var, 1)[0], torch.randn_like(mean)])
        copies, made = self.decoder(z, None if label is None else label.repeat(2)).chunk(2)
        return copies, made

    def _critics_turn(self, x: Items, copies: Items, made: Items, label: Labels, due: bool) -> Turn:
        """Real pictures against reconstructions and against samples, half and half."""
        if due:
            x, made = x.detach().requires_grad_(), made.requires_grad_()
        real, on_made = self.critic(x, label), self.critic(made, label)
        loss = (self.game.critic(real, on_made) + self.game.critic(real, self.critic(copies, label))) / 2
        figures = {"critic/real": real.mean().detach(), "critic/fake": on_made.mean().detach()}
        if due:
            penalty = self.config.penalty
            steep = penalty.r1 * squared_gradient(real, x) + penalty.r2 * squared_gradient(on_made, made)
            loss = loss + penalty.every * penalty.share(self.progress) / 2 * steep.mean()
            figures["penalty"] = steep.mean().detach()
        return Turn({"critic": loss}, figures)

    def reconstruction(self, x: Items, copies: Items) -> Scalar:
        """-log N(features of x; features of its copy, noise^2), without the constant, in nats a picture.

        The features' mean square is taken times the picture's dimensions, whatever layer they come from.
        """
        with torch.no_grad():
            seen = self.features(x)
        error = precise(self.features(copies) - seen).square().flatten(1).mean(1)
        return (error * x[0].numel() / (2 * self.config.noise**2)).mean()

    def features(self, x: Items) -> Tensor:
        """What the critic's chosen layer sees."""
        passed = 0
        for module in self.critic.features.children():
            x = module(x)
            passed += isinstance(module, nn.LeakyReLU)
            if passed == self.config.layer:
                break
        return x

    def posterior(self, x: Items, label: Labels = None) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z | x), each (batch, latent)."""
        mean, log_var = precise(self.encoder(x, label)).chunk(2, 1)
        return mean, log_var

    @torch.no_grad()
    def encode(self, x: Items, label: Labels = None) -> Float[Tensor, "batch latent"]:
        """The mean of z."""
        return self.posterior(x, label)[0]

    def decode(self, z: Float[Tensor, "n latent"], label: Labels = None, batch: int = 64) -> Items:
        """The picture of each z."""
        return decoded(self.decoder, z, label, batch)

    def judge(self, x: Items, label: Labels = None) -> Float[Tensor, " batch"]:
        """The critic's logit of each picture."""
        return self.critic(x, label)


def build(config: Settings, spec: Spec) -> VAEGAN:
    return VAEGAN(config, spec)
