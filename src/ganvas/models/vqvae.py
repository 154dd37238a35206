"""VQ-VAE (van den Oord et al. 2017): a picture as a few codes, and a learnt prior over them."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise, repeat

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn

from ganvas.core.data import Data
from ganvas.core.device import precise
from ganvas.core.errors import UserError
from ganvas.core.settings import Settings as Base
from ganvas.core.turns import Batch, Objective, Turn
from ganvas.data.spec import Spec
from ganvas.losses.observation import ObservationName, observation
from ganvas.models.latent import chosen_classes, draw
from ganvas.models.likelihood import black_and_white
from ganvas.models.vae import NetworkSettings
from ganvas.nn.autoencoder import WIDEST
from ganvas.nn.causal import Causal
from ganvas.nn.codebook import Codebook
from ganvas.nn.ladder import blocks, kept

Items = Float[Tensor, "batch channel height width"]
Labels = Int[Tensor, " batch"] | None
Codes = Int[Tensor, "batch place"]
Scalar = Float[Tensor, ""]
FIRST = 256
"""Pictures whose vectors the codes start at."""
EPSILON = 1e-6


class PriorSettings(NetworkSettings):
    """The transformer that learns which codes follow which."""

    width: int = Field(default=96, ge=1, le=4096)
    """Numbers for each place."""
    depth: int = Field(default=3, ge=1, le=64)
    """Layers."""
    heads: int = Field(default=4, ge=1, le=64)
    """Of attention; they divide the width."""


class Settings(Base):
    """How many codes of what kind, and the networks around them."""

    encoder: NetworkSettings = NetworkSettings()
    """Picture -> a vector for each place."""
    decoder: NetworkSettings = NetworkSettings()
    """The codes' vectors -> law of the picture."""
    prior: PriorSettings = PriorSettings()
    """P(codes); it learns beside the others and does not disturb them."""
    width: int = Field(default=32, ge=2, le=1024)
    """Channels of the maps at half the picture's size; smaller maps have up to four times as many."""
    depth: int = Field(default=2, ge=0, le=64)
    """Residual blocks on each side of the codes."""
    halvings: int = Field(default=2, ge=1, le=6)
    """There is a code for each square of 2 ** halvings pixels a side."""
    codes: int = Field(default=256, ge=2, le=65_536)
    """In the book."""
    dim: int = Field(default=32, ge=1, le=1024)
    """Numbers in a code's vector."""
    commitment: float = Field(default=0.25, ge=0)
    """Weight of the squared distance from the encoder's vectors to their codes' (eq. 3, beta)."""
    decay: float = Field(default=0.99, ge=0, lt=1)
    """Memory of the codes, which are running means of what is mapped to them (app. A.1)."""
    restart: float = Field(default=0.03, ge=0, lt=1)
    """A code starts anew at a vector of the batch when it is used less than this share of the average."""
    observation: ObservationName = "logistic"
    """The law of a pixel: bernoulli for black and white, logistic (a mixture) or gaussian for other."""
    components: int = Field(default=5, ge=1, le=64)
    """Of the logistic mixture."""


class VQVAE(Objective):
    """Encoder and decoder lower -log p(x | codes(x)) + commitment (eq. 3), the prior -log P(codes(x)).

    Since the codes of a picture are certain, log p(x | codes) + log P(codes) bounds log P(x) from below.
    """

    averaged = ("encoder", "decoder", "prior")

    def __init__(self, config: Settings, spec: Spec):
        super().__init__()
        self.config, self.spec = config, spec
        self.law = observation(config.observation, config.components)
        self.notes = black_and_white(spec, "logistic") if config.observation == "bernoulli" else []
        if config.prior.width % config.prior.heads:
            raise UserError(
                f"{config.prior.heads} heads cannot share a width of {config.prior.width} alike; "
                f"take a --prior.heads that divides --prior.width"
            )
        channels, height, width = spec.shape
        side = 2**config.halvings
        if height % side or width % side:
            raise UserError(
                f"pictures of {height} x {width} cannot be cut into squares of {side} pixels; take a smaller "
                f"--halvings, or an --image.size that is a multiple of {side}"
            )
        self.grid = height // side, width // side
        self.encoder = encoder(channels, config)
        self.codebook = Codebook(config.codes, config.dim, config.decay, config.restart)
        self.decoder = decoder(self.law.width(channels), config)
        p = config.prior
        self.prior = Causal(config.codes, self.latent, p.width, p.depth, p.heads, len(spec.classes))

    @property
    def latent(self) -> int:
        """Codes in a picture."""
        return math.prod(self.grid)

    def prepare(self, data: Data) -> None:
        """The codes start where pictures are."""
        index = torch.randint(len(data), (FIRST,)).numpy()
        device = self.codebook.usage.device
        batch = data.ready({k: v.to(device) for k, v in data.fetch(index).items()})
        with torch.no_grad():
            self.codebook.begin(flat(self.see(self.law.observe(batch["image"]))))

    def turns(self, batch: Batch, step: int) -> Iterator[Turn]:
        x, label = self.law.observe(batch["image"]), batch.get("label")
        z = self.see(x)
        vectors = flat(z.detach())
        codes = self.codebook.nearest(vectors)
        found = self.lay(self.codebook.vectors[codes])
        commitment = (z - found).square().flatten(1).sum(1).mean()
        through = z + (found - z).detach()  # the straight-through estimate: gradients pass as if z were found
        reconstruction = -self.law.log_prob(precise(self.decoder(through)), x).mean()
        kl = -self.prior.log_prob(codes.unflatten(0, (len(x), -1)), label).mean()
        loss = reconstruction + self.config.commitment * commitment
        bound = -(reconstruction + kl).detach()
        figures = {
            "bound": bound,
            "kl": kl.detach(),
            "reconstruction": reconstruction.detach(),
            "bits_per_dim": -bound / (x[0].numel() * math.log(2)),
            "commitment": commitment.detach(),
            "codes_used": self.codebook.perplexity(),
        }
        yield Turn({"encoder": loss, "decoder": loss, "prior": kl}, figures)
        self.codebook.follow(vectors, codes, 1 / self.parts)

    def see(self, x: Items) -> Float[Tensor, "batch dim height width"]:
        """A vector for each place, of length sqrt(dim): so the encoder cannot outrun the codes."""
        z = precise(self.encoder(x))
        return z * (z.square().mean(1, keepdim=True) + EPSILON).rsqrt()

    def codes(self, x: Items) -> Codes:
        """Of each place, row by row."""
        return self.codebook.nearest(flat(self.see(x))).unflatten(0, (len(x), -1))

    def params(self, codes: Codes) -> Tensor:
        """The law of the picture that these codes stand for."""
        return precise(self.decoder(self.lay(self.codebook.vectors[codes.flatten()])))

    def lay(self, vectors: Float[Tensor, "n dim"]) -> Float[Tensor, "batch dim height width"]:
        """Vectors of the places, row by row, as maps."""
        return vectors.unflatten(0, (-1, *self.grid)).permute(0, 3, 1, 2)

    def log_weights(self, x: Items, label: Labels, k: int) -> Float[Tensor, "k batch"]:
        """log p(x | codes) + log P(codes) <= log P(x); all k are equal, for the codes of x are certain."""
        codes = self.codes(x)
        return (self.law.log_prob(self.params(codes), x) + self.prior.log_prob(codes, label)).expand(k, -1)

    @torch.no_grad()
    def encode(self, x: Items, label: Labels = None) -> Float[Tensor, "batch latent"]:
        """The noise that the prior turns into the codes of x: for each place, normal if x is of the prior.

        The middle of what `decode` takes for that code, given the codes before.
        """
        codes = self.codes(x)
        p = self.prior(codes, label).double().exp()
        below = (p.cumsum(2) - p / 2).gather(2, codes[..., None])[..., 0]
        return torch.special.ndtri(below).clamp(-8, 8).float()

    @torch.no_grad()
    def decode(self, z: Float[Tensor, "n latent"], label: Labels = None, batch: int = 64) -> Items:
        """The mean picture of the codes that the prior makes of this noise."""
        return self._decode(z, label, batch, 1.0)

    @torch.no_grad()
    def sample(  # pyright: ignore[reportIncompatibleMethodOverride] (it takes these conditions only)
        self,
        n: int,
        *,
        generator: torch.Generator | None = None,
        label: int | Sequence[int] | Tensor | None = None,
        truncation: float = 1.0,
    ) -> Items:
        """`n` pictures, each the mean of its law; truncation divides the logits of the codes."""
        z = draw(n, self.latent, generator=generator)
        return self._decode(z, chosen_classes(self.spec, n, label, generator), 64, truncation)

    def _decode(self, z: Tensor, label: Labels, batch: int, temperature: float) -> Items:
        device = self.codebook.usage.device
        labels = repeat(None) if label is None else label.to(device).split(batch)
        parts = zip(z.to(device).split(batch), labels, strict=False)
        return torch.cat([self.shown(unrolled(self.prior, part, y, temperature)) for part, y in parts])

    def again(self, codes: Codes, z: Float[Tensor, "n latent"], label: Labels = None) -> Codes:
        """Each place's code anew, at the quantile of its z, given the codes before it.

        The codes that z stands for, and no others, stay as they are.
        """
        return at_quantile(self.prior(codes, label), z, 1.0)

    def shown(self, codes: Codes) -> Items:
        """The mean picture of these codes."""
        return self.law.mean(self.params(codes))


def unrolled(prior: Causal, z: Float[Tensor, "n latent"], label: Labels, temperature: float) -> Codes:
    """The codes that normal noise stands for, one after another."""

    def choose(place: int, log_p: Float[Tensor, "n codes"]) -> Int[Tensor, " n"]:
        return at_quantile(log_p, z[:, place], temperature)

    return prior.unroll(len(z), label, choose)


def at_quantile(
    log_p: Float[Tensor, "*place codes"], z: Float[Tensor, "*place"], temperature: float
) -> Int[Tensor, "*place"]:
    """The code at the quantile of normal noise."""
    up_to = (log_p.double() / temperature).softmax(-1).cumsum(-1)
    code = (up_to < torch.special.ndtr(z.double())[..., None]).sum(-1)  # a sorted search that ONNX has too
    return code.clamp(max=up_to.shape[-1] - 1)


def flat(maps: Float[Tensor, "batch dim height width"]) -> Float[Tensor, "n dim"]:
    """The vector of each place, row by row."""
    return maps.permute(0, 2, 3, 1).flatten(0, 2)


def widths(config: Settings) -> list[int]:
    """Channels at half the picture's size, at a quarter and so on."""
    return [config.width * min(WIDEST, 2**k) for k in range(config.halvings)]


def encoder(channels: int, config: Settings) -> nn.Module:
    """Halvings, residual blocks, and a vector for each place."""
    sizes = widths(config)
    layers: list[nn.Module] = [nn.Conv2d(channels, sizes[0], 4, 2, 1)]
    for a, b in pairwise(sizes):
        layers += [nn.SiLU(), nn.Conv2d(a, b, 4, 2, 1)]
    return nn.Sequential(
        *layers, blocks(sizes[-1], 3, config.depth), nn.SiLU(), kept(sizes[-1], config.dim, 1)
    )


def decoder(out: int, config: Settings) -> nn.Module:
    """The encoder's mirror image."""
    sizes = widths(config)[::-1]
    layers: list[nn.Module] = [kept(config.dim, sizes[0], 3), blocks(sizes[0], 3, config.depth)]
    for a, b in pairwise([*sizes, max(sizes[-1] // 2, 2)]):
        layers += [nn.SiLU(), nn.ConvTranspose2d(a, b, 4, 2, 1)]
    return nn.Sequential(*layers, nn.SiLU(), kept(max(sizes[-1] // 2, 2), out, 3))


def build(config: Settings, spec: Spec) -> VQVAE:
    return VQVAE(config, spec)
