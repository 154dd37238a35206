"""A voice: text -> latents -> wave (VITS, Kim et al. 2021), learnt in stages.

1. The autoencoder of `wave`: sound -> latents -> sound; then with a critic.
2. The law of the latents given the text: monotonic alignment search, a flow, durations; the rest rests.
3. All together: the text's law takes the place of the autoencoder's prior (ibid., eqs. 1 to 4).
"""

from collections.abc import Iterator, Sequence
from typing import Any, Self

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from pydantic import Field, model_validator
from torch import Tensor

from ganvas.core import distributed
from ganvas.core.errors import UserError
from ganvas.core.turns import Batch, Turn
from ganvas.data.spec import Spec
from ganvas.losses.divergence import log_normal
from ganvas.models import wave
from ganvas.models.latent import chosen_classes
from ganvas.models.manners import RHYTHM, VARIATION
from ganvas.models.settings import check_heads
from ganvas.models.wave import COPYING, HOP, Autoencoder, SoundPlayer, drawn
from ganvas.nn.alignment import best_path, spread
from ganvas.nn.speaking import Prior, scores
from ganvas.nn.spectrogram import Frames, Waves
from ganvas.nn.vocos import padded

BLANK = 0
"""The symbol around any other, which lets a sound change within one (ibid., app. B)."""
LONGEST = 200
"""Frames of one symbol."""
EXAMPLES, SYMBOLS = 4, 256
"""Sentences that are said as it learns, and symbols of each at most."""


class PriorSettings(SoundPlayer):
    """What reads: a transformer over the symbols, a flow over the latents, and durations."""

    width: int = Field(default=192, ge=8, le=4096)
    """Channels of what reads."""
    depth: int = Field(default=4, ge=1, le=64)
    """Its layers."""
    heads: int = Field(default=2, ge=1, le=64)
    """Of its attention; they divide the width into even parts."""
    dropout: float = Field(default=0.25, ge=0, lt=1)
    """Share of each layer's outcome that is left out in training, lest recordings be learnt by heart."""
    flow: int = Field(default=128, ge=8, le=4096)
    """Channels of the flow."""
    moves: int = Field(default=4, ge=1, le=64)
    """Its layers."""


class Settings(wave.Settings):
    """The autoencoder's, the prior's and the stages'."""

    decoder: wave.DecoderSettings = wave.DecoderSettings(voiced=True)
    """ConvNeXt blocks over latents, then an inverse Fourier transform."""
    prior: PriorSettings = PriorSettings()
    """Text -> law of the latents."""
    sharpen: float = Field(default=0.15, ge=0, le=1)
    """Share of the training after which the critic joins in."""
    reading: float = Field(default=0.5, ge=0, le=1)
    """Share of the training after which the second stage begins: learning to read."""
    together: float = Field(default=0.8, ge=0, le=1)
    """Share of the training after which the third stage begins: all at once."""

    @model_validator(mode="after")
    def _follow(self) -> Self:
        if not self.sharpen <= self.reading <= self.together:
            shares = (
                f"--sharpen {self.sharpen:g}, --reading {self.reading:g} and --together {self.together:g}"
            )
            raise UserError(f"the stages follow each other, and {shares} do not")
        return self


class Voice(Autoencoder):
    """Maximises log P(sound | text) from below, stage by stage."""

    averaged = ("encoder", "decoder", "prior")
    config: Settings
    examples: Tensor

    def __init__(self, config: Settings, spec: Spec):
        super().__init__(config, spec)
        p = config.prior
        check_heads("prior", p.width, p.heads)
        if self.latent % 2:
            raise UserError(f"the flow halves the latent, so --encoder.latent is even, not {self.latent}")
        speakers = len(spec.classes)
        self.prior = Prior(
            len(spec.symbols), self.latent, p.width, p.depth, p.heads, p.flow, p.moves, speakers, p.dropout
        )
        self.register_buffer("examples", torch.zeros(EXAMPLES, SYMBOLS, dtype=torch.long))

    def prepare(self, data: Any) -> None:
        """Keeps a few sentences to say on the way: of those held out, if there are any."""
        texts = data.held_out or data
        fitting = [text for text in map(texts.text, range(len(texts))) if len(text) <= SYMBOLS]
        for row, text in zip(self.examples, fitting, strict=False):
            row[: len(text)] = torch.tensor(text)

    @property
    def starts(self) -> tuple[float, ...]:
        return self.config.sharpen, self.config.reading, self.config.together

    def turns(self, batch: Batch, step: int) -> Iterator[Turn]:
        match self.reached():
            case 2:
                yield self.reading(batch)
            case 3:
                yield from self.speaking(batch)
            case stage:
                yield from self.copying(batch, sharp=stage > 0)

    def reading(self, batch: Batch) -> Turn:
        """The prior lowers -log P(latents | text) a frame, and that of the durations a symbol."""
        with torch.no_grad():
            mean, log_var, shown = self.heard(batch)
            z = drawn(mean, log_var)
        nats, timing, read = self.foretold(batch, z, shown)
        loss, lasting = per_place(nats, shown), per_place(timing, read)
        kl = loss.detach() + per_place(log_normal(z, mean, log_var).sum(2), shown)
        figures = {"kl": kl, "timing": lasting.detach(), "reading/training": kl}
        return Turn({"prior": loss + lasting}, figures)

    def speaking(self, batch: Batch) -> Iterator[Turn]:
        """KL(q(z | sound) || P(z | text)) in the place of that to a standard normal law."""
        mean, log_var, shown = self.heard(batch)
        z = drawn(mean, log_var)
        nats, timing, read = self.foretold(batch, z, shown)
        kl = per_place(nats, shown) + per_place(log_normal(z, mean, log_var).sum(2), shown)
        lasting = per_place(timing, read)
        real, latents = self.cut(batch, z)
        figures = {"kl": kl.detach(), "timing": lasting.detach()}
        copies, besides = self.copied(real, latents, figures)
        besides = besides + self.config.beta * kl + lasting
        yield from self.compared(real, copies, besides, figures, self.averaged, sharp=True)

    @torch.no_grad()
    def figures(self, batch: Batch) -> dict[str, Tensor]:
        """Of utterances that it is not trained on; and as it learns to read, how well it foretells them."""
        found = super().figures(batch)
        if int(self.stage) != COPYING:
            return found
        mean, log_var, shown = self.heard(batch)
        z = drawn(mean, log_var)
        nats, timing, read = self.foretold(batch, z, shown)
        kl = nats + log_normal(z, mean, log_var).sum(2)
        return found | {"reading/held_out": kl[shown].mean(), "timing/held_out": timing[read].mean()}

    def heard(self, batch: Batch) -> tuple[Frames, Frames, Bool[Tensor, "batch frame"]]:
        """The law of the latents of whole sounds, and which frames are not padding."""
        sound = F.pad(batch["sound"], (0, -batch["sound"].shape[1] % HOP))
        frames = torch.arange(sound.shape[1] // HOP, device=sound.device)
        shown = frames < (batch["length"] // HOP)[:, None]
        return *self.posterior(sound, shown), shown

    def foretold(
        self, batch: Batch, z: Frames, shown: Bool[Tensor, "batch frame"]
    ) -> tuple[Float[Tensor, "batch frame"], Float[Tensor, "batch symbol"], Bool[Tensor, "batch symbol"]]:
        """-log P(z | text) of each frame on the best alignment and -log P(duration | text) of each symbol, in
        nats, and which symbols are not padding."""
        text, length = with_blanks(batch["text"], batch["text_length"])
        read = torch.arange(text.shape[1], device=text.device) < length[:, None]
        beside, tone = self.prior.voices(batch.get("label"))
        mean, log_dev, log_time, log_scale = self.prior.read(text, read, beside)
        u = self.prior.flow(z, shown, tone)
        length = length.minimum(shown.sum(1))  # what is said faster than that cannot be told apart
        durations = best_path(scores(u.detach(), mean.detach(), log_dev.detach()), length, shown.sum(1))
        at, deviation = (spread(x, durations, u.shape[1]) for x in (mean, log_dev))
        nats = -log_normal(u, at, 2 * deviation).sum(2)
        lasting = durations.clamp(min=1).log().float()
        return nats, -log_normal(lasting, log_time, 2 * log_scale), read

    def cut(self, batch: Batch, z: Frames) -> tuple[Waves, Frames]:
        """The same random part of each sound and of its latents."""
        count = self.config.segment
        sound = F.pad(batch["sound"], (0, max(0, count * HOP - batch["sound"].shape[1])))
        z = F.pad(z, (0, 0, 0, max(0, count - z.shape[1])))
        places = (batch["length"] // HOP - count).clamp(min=0)
        first = (torch.rand(len(z), device=z.device) * (places + 1)).long()[:, None]
        at = first * HOP + torch.arange(count * HOP, device=z.device)
        which = first + torch.arange(count, device=z.device)
        return sound.gather(1, at), z.gather(1, which[:, :, None].expand(-1, -1, z.shape[2]))

    @torch.no_grad()
    def sample(  # pyright: ignore[reportIncompatibleMethodOverride] (it takes these conditions only)
        self,
        n: int,
        *,
        generator: torch.Generator | None = None,
        label: int | Sequence[int] | Tensor | None = None,
        truncation: float = 1.0,
    ) -> Float[Tensor, "n sample"]:
        """Sentences of its data, by the speakers in `label`, else by all alike; then silence."""
        who = chosen_classes(self.spec, n, label, generator)
        texts = [text[text != BLANK] for text in self.examples if text.any()]
        if not texts:
            raise UserError("this voice has kept no sentence of its data: let it say something")
        found = []
        for k in range(n):
            speaker = None if who is None else int(who[k])
            how = {"variation": VARIATION * truncation, "rhythm": RHYTHM * truncation}
            z = self.latents(texts[k % len(texts)], speaker=speaker, generator=generator, **how)
            found.append(self.decoder(z)[0])
        return torch.nn.utils.rnn.pad_sequence(found, batch_first=True)

    @torch.no_grad()
    def latents(
        self,
        text: Int[Tensor, " symbol"],
        *,
        speaker: int | None = None,
        variation: float = VARIATION,
        rhythm: float = RHYTHM,
        speed: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "1 frame latent"]:
        """Of one sentence. `variation` and `rhythm` scale the share of chance in its sound and its timing."""
        device = self.stage.device
        text, _ = with_blanks(text[None].to(device), torch.tensor([len(text)], device=device))
        symbols = text.shape[1]
        who = None if speaker is None else torch.tensor([speaker], device=device)
        beside, tone = self.prior.voices(who)
        found = self.prior.read(*padded(text), beside)
        mean, log_dev, log_time, log_scale = (x[:, :symbols] for x in found)
        chance = torch.randn(log_time.shape, generator=generator).to(device)
        scale = log_scale.exp()
        evened = (1 - rhythm**2) * scale.square() / 2  # so that the mean is that of the law, for any rhythm
        lasting = (log_time + evened + rhythm * chance * scale).exp() / speed
        durations = lasting.round().clamp(1, LONGEST).long()
        at, deviation = spread(mean, durations), spread(log_dev, durations).exp()
        chance = torch.randn(at.shape, generator=generator).to(device)
        u = at + variation * deviation * chance
        return self.prior.flow.inverse(*padded(u), tone)[:, : u.shape[1]]


def with_blanks(
    text: Int[Tensor, "batch symbol"], length: Int[Tensor, " batch"]
) -> tuple[Int[Tensor, "batch place"], Int[Tensor, " batch"]]:
    """A blank before, between and after symbols."""
    spaced = torch.stack([torch.full_like(text, BLANK), text], 2).flatten(1)
    return F.pad(spaced, (0, 1), value=BLANK), 2 * length + 1


def per_place(values: Float[Tensor, "batch place"], shown: Bool[Tensor, "batch place"]) -> Float[Tensor, ""]:
    """The mean over places that are shown, of all processes when their gradients are averaged."""
    return (values * shown).sum() / distributed.average(shown.sum().float())


def build(config: Settings, spec: Spec) -> Voice:
    return Voice(config, spec)
