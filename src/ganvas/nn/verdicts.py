"""Networks that judge text: every beginning of it, or all of it in several representations."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from ganvas.core.device import precise
from ganvas.nn.dropout import Dropout

Tokens = Int[Tensor, "batch place"]
SIZES = (2, 3, 4, 5)
"""Tokens that a filter sees (Nie et al. 2019, in their code)."""


class Prefixes(nn.Module):
    """A logit for each beginning of a text, by a network that looks back only (de Masson d'Autume 2019)."""

    def __init__(self, body: nn.Module, width: int):
        super().__init__()
        self.body, self.head = body, nn.Linear(width, 1)

    def forward(self, tokens: Tokens) -> Float[Tensor, "batch place"]:
        """Of the text up to each place but the first one, where nothing is written yet."""
        return precise(self.head(self.body.states(tokens)))[:, 1:, 0]  # pyright: ignore


class Representations(nn.Module):
    """A logit for each of several embeddings of a text, by filters that they share (Nie et al. 2019)."""

    def __init__(self, tokens: int, count: int, dim: int, width: int, dropout: float):
        super().__init__()
        self.count = count
        self.embedding = nn.Parameter(torch.randn(tokens, count * dim) * dim**-0.5)
        self.filters = nn.ModuleList(nn.Conv1d(dim, width, size) for size in SIZES)
        self.hidden, self.drop = nn.Linear(len(SIZES) * width, width), Dropout(dropout)
        self.verdict = nn.Linear(width, 1)

    def forward(
        self, text: Tokens, way: Float[Tensor, "batch place dim"] | None = None
    ) -> Float[Tensor, "batch count"]:
        """`way`: zeros by which gradients of the embedded text go back to what chose it."""
        x = F.embedding(text, self.embedding)
        x = x if way is None else x + way
        x = x.unflatten(2, (self.count, -1)).permute(0, 2, 3, 1).flatten(0, 1)
        x = F.pad(x, (0, max(0, max(SIZES) - x.shape[2])))
        x = torch.cat([F.relu(f(x)).amax(2) for f in self.filters], 1)
        x = F.relu(self.hidden(self.drop(x)))
        return precise(self.verdict(x)).view(-1, self.count)
