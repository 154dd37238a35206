"""Vocos (Siuzdak 2024): frames in, frames or sound out, by blocks that never change the number of frames."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn

from ganvas.core.device import precise
from ganvas.nn.dropout import Dropout
from ganvas.nn.pitch import HIGHEST, LOWEST, Pitch, pulses
from ganvas.nn.spectrogram import Fourier, Frames, Inverse, Waves

Excited = Float[Tensor, "batch 2 sample"]
Shown = Bool[Tensor, "batch frame"]
Places = Shaped[Tensor, "batch place *rest"]

SPAN = 7
"""Frames that a block sees."""
LOUDEST = 5.0
"""Logarithm of the largest amplitude of a frequency."""
MIDDLE = 160.0
"""Hz, from which pitch is counted."""
TONE = 64
"""Channels of what reads the pitch."""
EVEN = 32
"""Places, of whose multiples sentences are when they are said."""
HISS = 65_536
"""Samples, after which the hiss comes again."""
FIRST = (-1.0, -1.0, -3.0)
"""Logarithms of amplitudes before any training: of pulses, of the hiss, of what these lack."""


class Spread(nn.Conv1d):
    """A filter along time for each channel. Channels stay innermost, as the layers around have them: laid out
    anew for it and back, a block takes a sixth longer to train."""

    def __init__(self, width: int):
        super().__init__(width, width, SPAN, padding=SPAN // 2, groups=width)

    def forward(self, input: Frames) -> Frames:
        x, kernel = input.mT[:, :, None], self.weight[:, :, None]
        return F.conv2d(x, kernel, self.bias, padding=(0, SPAN // 2), groups=self.groups)[:, :, 0].mT


class Block(nn.Module):
    """ConvNeXt (Liu et al. 2022), along time: a filter for each channel, then a dense layer of a frame."""

    def __init__(self, width: int, depth: int, dropout: float = 0.0):
        """`depth`: of all the network, by which each block's share begins to be divided."""
        super().__init__()
        self.spread = Spread(width)
        self.norm = nn.LayerNorm(width)
        self.enter, self.leave = nn.Linear(width, 3 * width), nn.Linear(3 * width, width)
        self.share = nn.Parameter(torch.full((width,), 1 / depth))
        self.drop = Dropout(dropout)

    def forward(self, x: Frames) -> Frames:
        y = self.leave(F.gelu(self.enter(self.norm(self.spread(x)))))
        return torch.addcmul(x, self.share, self.drop(y))


class Trunk(nn.Module):
    """Frames of `inputs` channels -> frames of `width` channels, through `depth` blocks.

    Frames that are hidden by `shown` are silent to all others.
    """

    def __init__(self, inputs: int, width: int, depth: int, dropout: float = 0.0):
        super().__init__()
        self.enter = nn.Conv1d(inputs, width, SPAN, padding=SPAN // 2)
        self.norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(Block(width, depth, dropout) for _ in range(depth))
        self.last = nn.LayerNorm(width)
        self.reach = (depth + 1) * (SPAN // 2)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv1d):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)  # pyright: ignore[reportArgumentType] (it has one)

    def forward(
        self,
        x: Frames,
        shown: Shown | None = None,
        beside: Float[Tensor, "#batch #frame width"] | None = None,
    ) -> Frames:
        """`beside`: added to what enters the blocks, such as who speaks."""
        keep = None if shown is None else shown[:, :, None].to(x.dtype)
        x = x if keep is None else x * keep
        x = self.norm(self.enter(x.mT).mT)
        x = x if beside is None else x + beside
        for block in self.blocks:
            x = block(x if keep is None else x * keep)
        return self.last(x)


class Encoder(nn.Module):
    """Frames -> mean and log-variance of the latent of each, one after the other: 2 x latent channels."""

    def __init__(self, inputs: int, width: int, depth: int, latent: int):
        super().__init__()
        self.trunk, self.leave = Trunk(inputs, width, depth), nn.Linear(width, 2 * latent)

    def forward(self, x: Frames, shown: Shown | None = None) -> Frames:
        return self.leave(self.trunk(x, shown))


class Decoder(nn.Module):
    """Frames of latents -> sound, by amplitude and phase of each frequency (ibid., sec. 3.2)."""

    def __init__(self, latent: int, width: int, depth: int, size: int, hop: int, parts: int = 2):
        super().__init__()
        self.trunk, self.leave = Trunk(latent, width, depth), nn.Linear(width, parts * (size // 2 + 1))
        self.inverse, self.hop = Inverse(size, hop), hop
        self.reach = self.trunk.reach + size // hop // 2
        """Frames on each side that a sample depends on."""

    def excited(self, z: Frames) -> Excited | None:
        """What the sound is made from besides the latents, made for all of them at once: nothing."""
        return None

    def forward(self, z: Frames, excited: Excited | None = None) -> Waves:
        return self.sound(self.spectra(z), self.excited(z) if excited is None else excited)

    def spectra(self, z: Frames, shown: Shown | None = None) -> Frames:
        """What is known of each frame's frequencies; those hidden by `shown` are silent to others."""
        return self.leave(self.trunk(z, shown))

    def sound(self, spectra: Frames, excited: Excited | None) -> Waves:
        with torch.autocast(spectra.device.type, enabled=False):
            return self.inverse(polar(*spectra.float().chunk(2, 2)))


class Voiced(Decoder):
    """The sound of a voice: pulses and a hiss, each filtered frame by frame, and what these two lack.

    The pulses have the pitch that is read from the latents, so that harmonics hold together and none of their
    phases need be learnt (Wang et al. 2019, NSF; Liu et al. 2020, NHV; Li et al. 2023, HiFTNet).
    """

    hiss: Tensor

    def __init__(self, latent: int, width: int, depth: int, size: int, hop: int, rate: int):
        super().__init__(latent, width, depth, size, hop, parts=5)
        self.fourier, self.rate = Fourier(size, hop), rate
        self.tone, self.low = Trunk(latent, TONE, 2), nn.Linear(TONE, 2)
        hiss = torch.randn(HISS, generator=torch.Generator().manual_seed(0))
        self.register_buffer("hiss", hiss, persistent=False)
        with torch.no_grad():
            self.leave.bias.unflatten(0, (5, -1))[:3] = torch.tensor(FIRST)[:, None]

    def pitch(self, z: Frames, shown: Shown | None = None) -> tuple[Pitch, Pitch]:
        """ln (Hz / MIDDLE) of each frame, and the logit of its having a pitch."""
        height, voiced = precise(self.low(self.tone(z, shown))).unbind(2)
        return height, voiced

    def excited(self, z: Frames) -> Excited:
        """Pulses of the pitch that the latents have, and the hiss."""
        height, voiced = (x[:, : z.shape[1]] for x in self.pitch(*padded(z)))
        hertz = (MIDDLE * height.exp()).clamp(LOWEST, HIGHEST)
        return self.sounded(hertz.where(voiced > 0, 0.0))

    def sounded(self, hertz: Pitch, phase: Float[Tensor, "batch 1"] | None = None, start: int = 0) -> Excited:
        """Pulses of a given pitch and phase, and the hiss from a given sample on."""
        count = hertz.shape[1] * self.hop
        at = (start + torch.arange(count, device=hertz.device)) % HISS
        hiss = self.hiss[at].expand(len(hertz), -1)
        return torch.stack([pulses(hertz, self.rate, self.hop, phase), hiss], 1)

    def learnt(self, z: Frames, hertz: Pitch) -> tuple[Waves, Float[Tensor, ""], Float[Tensor, ""]]:
        """The sound of latents with the pitch that they should have, the distance of theirs (nepers, the mean
        over all frames), and the cross-entropy of which frames have one."""
        phase = torch.rand(len(z), 1, device=z.device)
        sound = self(z, self.sounded(hertz, phase, int(torch.randint(HISS, ()))))
        height, voiced = self.pitch(z)
        has = (hertz > 0).float()
        off = ((height - (hertz.clamp(min=1) / MIDDLE).log()).abs() * has).mean()
        return sound, off, F.binary_cross_entropy_with_logits(voiced, has)

    def sound(self, spectra: Frames, excited: Excited | None) -> Waves:
        if excited is None:
            raise ValueError("a voice is made from pulses and a hiss: give them")
        with torch.autocast(spectra.device.type, enabled=False):
            unit = self.fourier.window.square().sum().sqrt()
            pulse, hiss = (self.fourier(sound).mT / unit for sound in excited.unbind(1))
            tonal, noisy, loud, turned, phase = spectra.float().chunk(5, 2)
            filtered = pulse * polar(tonal, turned) + hiss * noisy.clamp(max=LOUDEST).exp()
            return self.inverse(filtered + polar(loud, phase))


def polar(log_amplitude: Tensor, phase: Tensor) -> Tensor:
    """`torch.polar` takes more than twice as long on CPUs."""
    amplitude = log_amplitude.clamp(max=LOUDEST).exp()
    return torch.complex(amplitude * phase.cos(), amplitude * phase.sin())


def padded(x: Places) -> tuple[Places, Shown]:
    """With as many places more as make them a multiple of EVEN, and which ones there were.

    For sentences, which all differ in length: oneDNN takes half a millisecond for each layer's each new size.
    """
    more = -x.shape[1] % EVEN
    shown = torch.arange(x.shape[1] + more, device=x.device) < x.shape[1]
    return F.pad(x, (0, 0) * (x.ndim - 2) + (0, more)), shown.expand(len(x), -1)
