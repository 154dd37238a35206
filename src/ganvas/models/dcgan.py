"""DCGAN: convolutions of stride 2 (Radford et al. 2016)."""

from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from ganvas.data.spec import Spec
from ganvas.losses.adversarial import GameName
from ganvas.models import settings
from ganvas.models.adversarial import GAN
from ganvas.nn.conditioning import LabelledLatent
from ganvas.nn.grid import halvings
from ganvas.nn.norm import BatchNorm, NormName, normed
from ganvas.remedies.penalties import PenaltySettings

WIDEST = 8  # the innermost layers have 8 x width channels, as in the paper


class GeneratorSettings(settings.GeneratorSettings):
    """Transposed convolutions with batch norm."""


class CriticSettings(settings.CriticSettings):
    """The generator's mirror, with leaky ReLU."""

    norm: NormName = "none"
    """The paper has batch norm; with R1 the critic learns better with none."""


class Settings(settings.PictureRules):
    """DCGAN's networks in R3GAN's game: relativistic, with R1 and R2 at every 8th step."""

    generator: GeneratorSettings = GeneratorSettings(lr=8e-4, beta1=0.0, beta2=0.99)
    """Transposed convolutions with batch norm."""
    critic: CriticSettings = CriticSettings(lr=8e-4, beta1=0.0, beta2=0.99)
    """The generator's mirror, with leaky ReLU."""
    game: GameName = "relativistic"
    """What the players minimise."""
    penalty: PenaltySettings = PenaltySettings(r1=0.1, r2=0.1, every=8)
    """What keeps the critic smooth."""


class Generator(nn.Module):
    """z -> 4 x 4 map, doubled until it is the picture; tanh at the end."""

    def __init__(self, config: settings.MakerSettings, shape: tuple[int, ...], classes: int = 0):
        super().__init__()
        channels, height, width = shape
        count, self.height, self.width = halvings(height, width)
        self.latent = LabelledLatent(config.latent, classes)
        inner = [config.width * min(WIDEST, 2**k) for k in reversed(range(count))]
        self.start = nn.Linear(self.latent.width, inner[0] * self.height * self.width, bias=False)
        self.norm = nn.Sequential(BatchNorm(inner[0]), nn.ReLU())
        layers: list[nn.Module] = []
        for i, o in pairwise(inner):
            layers += [nn.ConvTranspose2d(i, o, 4, 2, 1, bias=False), BatchNorm(o), nn.ReLU()]
        self.grow = nn.Sequential(*layers, nn.ConvTranspose2d(inner[-1], channels, 4, 2, 1), nn.Tanh())
        self.apply(init)

    def forward(
        self, z: Float[Tensor, "batch latent"], label: Tensor | None = None
    ) -> Float[Tensor, "batch channel height width"]:
        h = self.start(self.latent(z, label))
        # In memory (batch, height, width, channel): channels last from the first map on.
        h = h.view(len(z), self.height, self.width, -1).permute(0, 3, 1, 2)
        return self.grow(self.norm(h))


class Features(nn.Sequential):
    """Picture -> vector, by convolutions of stride 2."""

    def __init__(self, config: settings.JudgeSettings, shape: tuple[int, ...], norm: NormName = "none"):
        channels, height, width = shape
        count, h, w = halvings(height, width)
        outer = [config.width * min(WIDEST, 2**k) for k in range(count)]
        first = nn.Conv2d(channels, outer[0], 4, 2, 1)  # the paper normalises neither end
        layers = normed("spectral" if norm == "spectral" else "none", first, outer[0])
        layers.append(nn.LeakyReLU(0.2))
        for i, o in pairwise(outer):
            layers += [*normed(norm, nn.Conv2d(i, o, 4, 2, 1, bias=norm != "batch"), o), nn.LeakyReLU(0.2)]
        super().__init__(*layers, nn.Flatten())
        self.apply(init if norm == "batch" else he)
        self.size = outer[-1] * h * w


def init(module: nn.Module) -> None:
    """Weights from N(0, 0.02), batch norm's scale from N(1, 0.02) (Radford et al. 2016, sec. 4)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0, 0.02)
    elif isinstance(module, BatchNorm):
        nn.init.normal_(module.weight, 1, 0.02)


def he(module: nn.Module) -> None:
    """Weights that keep the size of what passes (He et al. 2015): N(0, 0.02) counts on batch norm."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, 0.2)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def convolutional(maker: GeneratorSettings, judge: CriticSettings, rules: settings.Rules, spec: Spec) -> GAN:
    """Any game on these networks."""

    def generator() -> nn.Module:
        return Generator(maker, spec.shape, len(spec.classes))

    def features(shape: tuple[int, ...]) -> tuple[nn.Module, int]:
        net = Features(judge, shape, judge.norm)
        return net, net.size

    spectral = judge.norm == "spectral"
    return GAN(
        generator, features, generator=maker, critic=judge, rules=rules, spec=spec, spectral_verdict=spectral
    )


def build(config: Settings, spec: Spec) -> GAN:
    return convolutional(config.generator, config.critic, config, spec)
