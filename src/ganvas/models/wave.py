"""Variational autoencoder of sound: mel spectrogram -> latents -> wave, sharpened by networks that listen.

Reconstruction first (Kingma & Welling 2014), then adversarial learning beside it, with the losses of HiFi-GAN
(Kong et al. 2020, eqs. 1 to 7) and the decoder of Vocos (Siuzdak 2024).
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from ganvas.core.device import precise
from ganvas.core.settings import Settings as Base
from ganvas.core.turns import Batch, Objective, Turn
from ganvas.data.spec import Spec
from ganvas.losses import adversarial
from ganvas.losses.adversarial import GameName
from ganvas.losses.divergence import kl_to_standard
from ganvas.models.settings import AdamSettings
from ganvas.nn.hearing import Hearing
from ganvas.nn.pitch import pitch
from ganvas.nn.spectrogram import Frames, Mel, Waves
from ganvas.nn.vocos import Decoder, Encoder, Voiced

HOP, SIZE, BANDS = 256, 1024, 80
"""Samples between two frames, samples in the window of one, and bands of the mel spectrogram."""
COPYING = 2
"""Stages of the autoencoder alone: without, then with a critic."""
COARSE = ((512, 128, 40), (2048, 512, 120))
"""Window, hop and bands of the other spectrograms that copies are compared in."""


class SoundPlayer(AdamSettings):
    """How one player learns, where it is about sound."""

    lr: float = Field(default=5e-4, gt=0, le=1)
    """Adam's learning rate."""
    beta1: float = Field(default=0.8, ge=0, lt=1)
    """Adam's memory of the gradient."""
    beta2: float = Field(default=0.99, ge=0, lt=1)
    """Adam's memory of the squared gradient."""


class EncoderSettings(SoundPlayer):
    """ConvNeXt blocks over mel frames."""

    width: int = Field(default=192, ge=8, le=4096)
    """Channels."""
    depth: int = Field(default=4, ge=1, le=64)
    """Blocks."""
    latent: int = Field(default=32, ge=1, le=1024)
    """Numbers in the latent of each frame."""


class DecoderSettings(SoundPlayer):
    """ConvNeXt blocks over latents, then an inverse Fourier transform."""

    width: int = Field(default=256, ge=8, le=4096)
    """Channels."""
    depth: int = Field(default=8, ge=1, le=64)
    """Blocks."""
    voiced: bool = False
    """Whether the sound is one voice, and made from pulses of its pitch and a hiss."""


class CriticSettings(SoundPlayer):
    """Networks that listen: five to periods, three to spectra."""

    lr: float = Field(default=2e-4, gt=0, le=1)
    """Adam's learning rate."""
    width: int = Field(default=16, ge=1, le=256)
    """Channels of their first layers; later ones have up to eight times as many."""


class Settings(Base):
    """Encoder, decoder and critic."""

    encoder: EncoderSettings = EncoderSettings()
    """Sound -> law of the latents."""
    decoder: DecoderSettings = DecoderSettings()
    """Latents -> sound."""
    critic: CriticSettings = CriticSettings()
    """Sound -> whether it is real."""
    game: GameName = "leastsquares"
    """What critic and decoder play."""
    segment: int = Field(default=32, ge=8, le=4096)
    """Frames of sound that are learnt from at once."""
    sharpen: float = Field(default=0.4, ge=0, le=1)
    """Share of the training after which the critic joins in."""
    beta: float = Field(default=0.1, ge=0)
    """Weight of the KL divergence, in nats a frame."""
    spectrum: float = Field(default=45.0, ge=0)
    """Weight of the distance of mel spectrograms (Kong et al. 2020, eq. 4)."""
    features: float = Field(default=2.0, ge=0)
    """Weight of the distance in what the critic sees (ibid., eq. 5)."""
    pitch: float = Field(default=45.0, ge=0)
    """Weight of the distance of the pitch, in nepers, where the decoder is `voiced`."""


class Autoencoder(Objective):
    """Encoder and decoder lower spectral distance + beta KL, then also what the critic finds wrong."""

    averaged = ("encoder", "decoder")
    spare = ("critic",)
    stage: Tensor
    """How many stages are over."""

    def __init__(self, config: Settings, spec: Spec):
        super().__init__()
        self.config, self.spec = config, spec
        self.game = adversarial.GAMES[config.game]
        e, d = config.encoder, config.decoder
        self.mel = Mel(spec.rate, SIZE, HOP, BANDS)
        self.mels = nn.ModuleList(Mel(spec.rate, *sizes) for sizes in COARSE)
        self.encoder = Encoder(BANDS, e.width, e.depth, e.latent)
        sizes = e.latent, d.width, d.depth, SIZE, HOP
        self.decoder = Voiced(*sizes, spec.rate) if d.voiced else Decoder(*sizes)
        self.critic = Hearing(config.critic.width)
        self.register_buffer("stage", torch.zeros((), dtype=torch.long))

    @property
    def starts(self) -> tuple[float, ...]:
        """The shares of the training after which another stage begins."""
        return (self.config.sharpen,)

    def reached(self) -> int:
        """The stage by now. A budget's steps are counted anew on the way, but no stage comes twice."""
        self.stage.clamp_(min=sum(self.progress >= start for start in self.starts))
        return int(self.stage)

    @property
    def copies(self) -> bool:
        """Whether it can only copy sounds by now, and not yet make new ones."""
        return int(self.stage) < COPYING

    @property
    def latent(self) -> int:
        """Numbers in the latent of a frame."""
        return self.config.encoder.latent

    def turns(self, batch: Batch, step: int) -> Iterator[Turn]:
        yield from self.copying(batch, sharp=self.reached() > 0)

    def copying(self, batch: Batch, sharp: bool) -> Iterator[Turn]:
        """The turns of encoder and decoder, and with `sharp` of the critic."""
        real = self.segments(batch)
        mean, log_var = self.posterior(real)
        kl = kl_to_standard(mean, log_var).sum(2).mean()
        figures = {"kl": kl.detach()}
        copies, besides = self.copied(real, drawn(mean, log_var), figures)
        yield from self.compared(
            real, copies, self.config.beta * kl + besides, figures, self.averaged[:2], sharp
        )

    def copied(self, real: Waves, z: Frames, figures: dict[str, Tensor]) -> tuple[Waves, Float[Tensor, ""]]:
        """What is made of latents of `real`, and what the distance of their pitch costs."""
        if not isinstance(self.decoder, Voiced):
            return self.decoder(z), torch.zeros((), device=z.device)
        copies, off, mistaken = self.decoder.learnt(z, pitch(real, self.spec.rate, HOP))
        figures |= {"pitch": off.detach(), "voicing": mistaken.detach()}
        return copies, self.config.pitch * off + mistaken

    def compared(
        self,
        real: Waves,
        copies: Waves,
        besides: Float[Tensor, ""],
        figures: dict[str, Tensor],
        players: tuple[str, ...],
        sharp: bool,
    ) -> Iterator[Turn]:
        """The critic's turn, if it has joined in, and that of the others, who lower `besides` too."""
        loss = self.config.spectrum * self.distance(real, copies)
        figures = figures | {"reconstruction": loss.detach() / max(self.config.spectrum, 1e-9)}
        if sharp:
            heard, false = self.critic(real)[0], self.critic(copies.detach())[0]
            verdicts = [self.game.critic(precise(a), precise(b)) for a, b in zip(heard, false, strict=True)]
            means = {"critic/real": average(heard), "critic/fake": average(false)}
            yield Turn({"critic": torch.stack(verdicts).sum()}, means)
            loss = loss + self.held_against(real, copies, figures)
        yield Turn(dict.fromkeys(players, loss + besides), figures)

    def held_against(self, real: Waves, copies: Waves, figures: dict[str, Tensor]) -> Float[Tensor, ""]:
        """By the critic: that they do not sound real, and where what it sees in them differs."""
        with torch.no_grad():
            judged, seen = self.critic(real)
        verdicts, found = self.critic(copies)
        pairs = zip(verdicts, judged, strict=True)
        fooled = torch.stack([self.game.generator(precise(b), precise(a)) for b, a in pairs]).sum()
        matched = matching(found, seen)
        figures |= {"adversarial": fooled.detach(), "features": matched.detach()}
        return fooled + self.config.features * matched

    def segments(self, batch: Batch) -> Waves:
        """A part of each item, from a random place within its length."""
        sound, length = batch["sound"], self.config.segment * HOP
        sound = F.pad(sound, (0, max(0, length - sound.shape[1])))
        whole = batch.get("length", torch.full((len(sound),), sound.shape[1], device=sound.device))
        places = (whole - length).clamp(min=0)
        first = (torch.rand(len(sound), device=sound.device) * (places + 1)).long()
        return sound.gather(1, first[:, None] + torch.arange(length, device=sound.device))

    def distance(self, real: Waves, copies: Waves) -> Float[Tensor, ""]:
        """Mean absolute difference of mel spectrograms, in nepers; the mean over three resolutions."""
        return torch.stack([(mel(real) - mel(copies)).abs().mean() for mel in (self.mel, *self.mels)]).mean()

    def posterior(self, sound: Waves, shown: Tensor | None = None) -> tuple[Frames, Frames]:
        """Mean and log-variance of q(z | sound), frame by frame."""
        mean, log_var = precise(self.encoder(self.mel(sound), shown)).chunk(2, 2)
        return mean, log_var.clamp(-12, 6)

    @torch.no_grad()
    def figures(self, batch: Batch) -> dict[str, Tensor]:
        """Of sounds that it is not trained on."""
        real = self.segments(batch)
        mean, log_var = self.posterior(real)
        copies = self.decoder(mean)
        kl = kl_to_standard(mean, log_var).sum(2).mean()
        return {"reconstruction/held_out": self.distance(real, copies), "kl/held_out": kl}

    @torch.no_grad()
    def reconstruct(self, sound: Waves) -> Waves:
        """What comes of it through the means of its latents; a whole number of frames."""
        whole = F.pad(sound, (0, -sound.shape[1] % HOP))
        return self.decoder(self.posterior(whole)[0])


def drawn(mean: Frames, log_var: Frames) -> Frames:
    """z, through which gradients flow."""
    return mean + (log_var / 2).exp() * torch.randn_like(mean)


def matching(found: list[list[Tensor]], seen: list[list[Tensor]]) -> Float[Tensor, ""]:
    """Mean absolute difference in each layer, summed over layers and judges (Kong et al. 2020, eq. 5)."""
    pairs = [(a, b) for fs, gs in zip(found, seen, strict=True) for a, b in zip(fs, gs, strict=True)]
    return torch.stack([precise(a - b).abs().mean() for a, b in pairs]).sum()


def average(logits: list[Tensor]) -> Float[Tensor, ""]:
    return torch.stack([precise(x).mean() for x in logits]).mean().detach()
