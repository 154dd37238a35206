"""Text to a vector and back: a transformer that looks both ways, and one that is given z at every layer."""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ganvas.nn.decoder import Cache, Decoder, Layer, angles, begin

Tokens = Int[Tensor, "batch place"]


class Reader(nn.Module):
    """Every place attends to all of its text (Devlin et al. 2019); their mean, brought to `out` numbers."""

    cosines: Tensor
    sines: Tensor

    def __init__(
        self, tokens: int, places: int, width: int, depth: int, heads: int, dropout: float, out: int
    ):
        super().__init__()
        self.embedding = nn.Embedding(tokens, width)
        self.layers = nn.ModuleList(Layer(width, heads, dropout) for _ in range(depth))
        self.norm, self.head = nn.RMSNorm(width), nn.Linear(width, out)
        cosines, sines = angles(torch.arange(places), width // heads)
        self.register_buffer("cosines", cosines, persistent=False)
        self.register_buffer("sines", sines, persistent=False)
        begin(self, depth)
        nn.init.zeros_(self.head.bias)

    def forward(self, tokens: Tokens, real: Bool[Tensor, "batch place"]) -> Float[Tensor, "batch out"]:
        """`real`: which places are of the text; the others are not looked at."""
        places = tokens.shape[1]
        turns = self.cosines[:places], self.sines[:places]
        seen = torch.zeros(real.shape, device=tokens.device).masked_fill(~real, -math.inf)
        hidden = seen[:, None, None].expand(-1, 1, places, -1)
        x = self.embedding(tokens)
        for k, layer in enumerate(self.layers):
            x = layer(x, turns, hidden, None, k)
        share = real / real.sum(1, keepdim=True)
        return self.head((self.norm(x) * share[..., None]).sum(1))


class Teller(nn.Module):
    """P(token | those before it, z): z, brought to each layer's width, is added to all its places (Li et
    al. 2020, sec. 3.1, as their embedding at every layer)."""

    def __init__(
        self, tokens: int, places: int, width: int, depth: int, heads: int, dropout: float, latent: int
    ):
        super().__init__()
        self.width = width
        self.decoder = Decoder(tokens, places, width, depth, heads, dropout, None)
        self.memory = nn.Linear(latent, depth * width, bias=False)
        nn.init.normal_(self.memory.weight, 0, latent**-0.5 / 4)

    def given(self, z: Float[Tensor, "batch latent"]) -> Float[Tensor, "layer batch width"]:
        """What each layer gets of z."""
        return self.memory(z).unflatten(1, (-1, self.width)).transpose(0, 1)

    def forward(
        self,
        tokens: Tokens,
        given: Float[Tensor, "layer batch width"],
        cache: Cache | None = None,
    ) -> Float[Tensor, "batch place tokens"]:
        """Logits of the token after each place."""
        return self.decoder(tokens, cache, given)
