"""From symbols to the law of a voice's latents: VITS's prior (Kim et al. 2021, sec. 2.2), by other layers."""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ganvas.core.device import precise
from ganvas.nn.decoder import Layer, angles
from ganvas.nn.spectrogram import Frames
from ganvas.nn.vocos import Block, Trunk

Symbols = Int[Tensor, "batch symbol"]
Shown = Bool[Tensor, "batch place"]
Speaker = Float[Tensor, "batch 1 width"] | None


class Text(nn.Module):
    """Symbols -> what each of them sounds like among its neighbours."""

    def __init__(self, symbols: int, width: int, depth: int, heads: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.embedding = nn.Embedding(symbols, width)
        self.near = nn.ModuleList(Block(width, depth, dropout) for _ in range(depth))
        self.far = nn.ModuleList(Layer(width, heads, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        nn.init.normal_(self.embedding.weight, 0, 0.5)

    def forward(self, text: Symbols, shown: Shown, beside: Speaker = None) -> Frames:
        x = self.embedding(text)
        x = x if beside is None else x + beside
        turns = angles(torch.arange(text.shape[1], device=x.device), x.shape[2] // self.heads)
        hidden = torch.zeros(shown.shape, device=x.device).masked_fill(~shown, -math.inf)[:, None, None]
        keep = shown[:, :, None].to(x.dtype)
        for near, far in zip(self.near, self.far, strict=True):
            x = far(near(x * keep), turns, hidden, None, 0)
        return self.norm(x)


class Move(nn.Module):
    """Half of the channels say by how much the others are moved (Dinh et al. 2015, NICE): volume stays."""

    def __init__(self, channels: int, width: int, depth: int, dropout: float):
        super().__init__()
        self.known = channels // 2
        self.trunk = Trunk(self.known, width, depth, dropout)
        self.leave = nn.Linear(width, channels - self.known)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, z: Frames, shown: Shown, beside: Speaker, sign: int) -> Frames:
        a, b = z[:, :, : self.known], z[:, :, self.known :]
        shift = precise(self.leave(self.trunk(a, shown, beside)))
        return torch.cat([a, b + sign * shift], 2)


class Flow(nn.Module):
    """Latents -> latents of a simpler law, and back; log |det| is 0."""

    def __init__(self, channels: int, width: int, depth: int, count: int, dropout: float = 0.0):
        super().__init__()
        if channels % 2:
            raise ValueError(f"{channels} channels have no halves")
        self.moves = nn.ModuleList(Move(channels, width, depth, dropout) for _ in range(count))

    def forward(self, z: Frames, shown: Shown, beside: Speaker = None) -> Frames:
        for move in self.moves:
            z = move(z, shown, beside, 1).flip(2)
        return z

    def inverse(self, u: Frames, shown: Shown, beside: Speaker = None) -> Frames:
        for move in reversed(list(self.moves)):
            u = move(u.flip(2), shown, beside, -1)
        return u


class Prior(nn.Module):
    """P(latents | text): a normal law for each symbol after a flow, and a log-normal one of its duration."""

    def __init__(
        self,
        symbols: int,
        latent: int,
        width: int,
        depth: int,
        heads: int,
        flow_width: int,
        moves: int,
        speakers: int,
        dropout: float,
    ):
        super().__init__()
        self.text = Text(symbols, width, depth, heads, dropout)
        self.law = nn.Linear(width, 2 * latent)
        self.timing = Trunk(width, width, 2, dropout)
        self.duration = nn.Linear(width, 2)
        self.flow = Flow(latent, flow_width, 3, moves, dropout)
        self.speaker = nn.Embedding(speakers, width) if speakers > 1 else None
        self.tone = nn.Linear(width, flow_width) if speakers > 1 else None

    def voices(self, speaker: Int[Tensor, " batch"] | None) -> tuple[Speaker, Speaker]:
        """Who speaks, as the text and the flow know it."""
        if self.speaker is None or self.tone is None:
            return None, None
        if speaker is None:
            raise ValueError("this voice has several speakers: say which one")
        known = self.speaker(speaker)[:, None]
        return known, self.tone(known)

    def read(
        self, text: Symbols, shown: Shown, beside: Speaker = None
    ) -> tuple[Frames, Frames, Float[Tensor, "batch symbol"], Float[Tensor, "batch symbol"]]:
        """Of each symbol: mean and log-deviation of its latents, mean and log-scale of its log-duration."""
        h = self.text(text, shown, beside)
        mean, log_dev = precise(self.law(h)).chunk(2, 2)
        timing = precise(self.duration(self.timing(h.detach(), shown)))
        log_time, log_scale = timing.unbind(2)
        return mean, log_dev, log_time, log_scale


def scores(
    u: Frames, mean: Float[Tensor, "batch symbol latent"], log_dev: Float[Tensor, "batch symbol latent"]
) -> Float[Tensor, "batch symbol frame"]:
    """log N(frame; mean, deviation) of every frame under every symbol's law."""
    weight = (-2 * log_dev).exp()
    crossed = (mean * weight) @ u.mT - weight @ u.square().mT / 2
    alone = (mean.square() * weight / 2 + log_dev + math.log(2 * math.pi) / 2).sum(2)
    return crossed - alone[:, :, None]
