"""The law of frames, each given those before it: a transformer that ends in mixtures of normal laws."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ganvas.core.device import precise
from ganvas.nn.decoder import Cache, Layer, angles, future
from ganvas.nn.spectrogram import Frames


class Sequence(nn.Module):
    """log P(z) = sum_t log sum_k w_k N(z_t; m_k, s_k); w, m, s of frames before t (Graves 2013, sec. 4)."""

    def __init__(
        self, latent: int, width: int, depth: int, heads: int, mixtures: int, classes: int, dropout: float
    ):
        super().__init__()
        self.heads, self.mixtures = heads, mixtures
        self.enter = nn.Linear(latent, width)
        self.first = nn.Parameter(torch.randn(1, 1, width))  # of zeros each norm would multiply the gradient
        self.label = nn.Embedding(classes, width) if classes else None
        self.layers = nn.ModuleList(Layer(width, heads, dropout) for _ in range(depth))
        self.norm = nn.RMSNorm(width)
        self.leave = nn.Linear(width, mixtures * (1 + 2 * latent))
        nn.init.normal_(self.leave.weight, 0, 0.02)

    def _states(
        self, x: Frames, label: Int[Tensor, " batch"] | None, start: int, cache: Cache | None
    ) -> Frames:
        if self.label is not None:
            if label is None:
                raise ValueError("this model was built for labels: give one for each item")
            x = x + self.label(label)[:, None]
        places = torch.arange(start, start + x.shape[1], device=x.device)
        turns = angles(places, x.shape[2] // self.heads)
        hidden = future(x.shape[1], x.shape[1], x.device) if cache is None else None
        for k, layer in enumerate(self.layers):
            x = layer(x, turns, hidden, cache, k)
        return self.norm(x)

    def law(self, states: Frames) -> tuple[Tensor, Tensor, Tensor]:
        """Of the frame after each: log-weights, means and log-deviations of the mixture."""
        numbers = precise(self.leave(states)).unflatten(2, (self.mixtures, -1))
        weight, rest = numbers[..., 0], numbers[..., 1:]
        mean, log_dev = rest.chunk(2, 3)
        return weight.log_softmax(2), mean, log_dev

    def forward(
        self, z: Frames, label: Int[Tensor, " batch"] | None = None
    ) -> tuple[
        Float[Tensor, "batch frame k"],
        Float[Tensor, "batch frame k latent"],
        Float[Tensor, "batch frame k latent"],
    ]:
        """Of each frame, given those before it: log-weights, means and log-deviations."""
        before = torch.cat([self.first.expand(len(z), -1, -1), self.enter(z[:, :-1])], 1)
        return self.law(self._states(before, label, 0, None))

    @torch.no_grad()
    def draw(
        self,
        n: int,
        frames: int,
        label: Int[Tensor, " n"] | None,
        truncation: float,
        generator: torch.Generator | None,
    ) -> Frames:
        """`n` sequences; `truncation` scales the deviations."""
        width = self.first.shape[2]
        cache = Cache(len(self.layers), n, self.heads, frames, width // self.heads, self.first)
        x, found = self.first.expand(n, -1, -1), []
        for t in range(frames):
            weight, mean, log_dev = self.law(self._states(x, label, t, cache))
            cache.filled += 1
            which = torch.multinomial(weight[:, 0].exp().cpu(), 1, generator=generator)
            rows = torch.arange(n), which[:, 0]
            chance = torch.randn(n, mean.shape[3], generator=generator).to(mean.device)
            z = mean[:, 0][rows] + truncation * log_dev[:, 0][rows].exp() * chance
            found.append(z)
            x = self.enter(z)[:, None]
        return torch.stack(found, 1)
