"""A BERT of sentences (Devlin et al. 2019; Reimers & Gurevych 2019), read from a folder and run as it is.

The folder holds config.json, model.safetensors and tokenizer.json, as those of sentence-transformers do. The
vector of a text is the mean over its tokens, of length 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ganvas.core.errors import UserError
from ganvas.core.files import read_json, sha256

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FILES = ("config.json", "model.safetensors", "tokenizer.json")
LONGEST = 256
"""Tokens of a text that are read."""
AT_ONCE = 64


@dataclass
class Bert:
    """Encoder weights by their names in the file, and what cuts texts into tokens."""

    weights: Mapping[str, Tensor]
    layers: int
    heads: int
    epsilon: float
    tokenizer: "Tokenizer"
    hash: str

    @torch.no_grad()
    def embed(self, texts: Sequence[str]) -> Float[np.ndarray, "n dim"]:
        order = sorted(range(len(texts)), key=lambda k: len(texts[k]))
        found = np.zeros((len(texts), self.weights["embeddings.word_embeddings.weight"].shape[1]), np.float32)
        for start in range(0, len(order), AT_ONCE):
            rows = order[start : start + AT_ONCE]
            parts = self.tokenizer.encode_batch([texts[k] for k in rows])
            tokens, real = (torch.tensor([getattr(p, a) for p in parts]) for a in ("ids", "attention_mask"))
            found[rows] = self.pooled(tokens, real).numpy()
        return found

    def pooled(self, tokens: Int[Tensor, "n place"], real: Int[Tensor, "n place"]) -> Float[Tensor, "n dim"]:
        x, seen = self.states(tokens, real), real[:, :, None].float()
        return F.normalize((x * seen).sum(1) / seen.sum(1).clamp(min=1), dim=1)

    def states(
        self, tokens: Int[Tensor, "n place"], real: Int[Tensor, "n place"]
    ) -> Float[Tensor, "n place dim"]:
        """After the last layer; each layer is attention, then a dense one, normed after they are added."""
        table = {
            part: self.weights[f"embeddings.{part}_embeddings.weight"]
            for part in ("word", "position", "token_type")
        }
        x = table["word"][tokens] + table["position"][: tokens.shape[1]] + table["token_type"][0]
        x = self._norm(x, "embeddings.LayerNorm")
        hidden = real[:, None, None].bool()
        for k in range(self.layers):
            start = f"encoder.layer.{k}"
            q, key, v = (
                self._dense(x, f"{start}.attention.self.{name}")
                .unflatten(2, (self.heads, -1))
                .transpose(1, 2)
                for name in ("query", "key", "value")
            )
            y = F.scaled_dot_product_attention(q, key, v, hidden).transpose(1, 2).flatten(2)
            y = self._dense(y, f"{start}.attention.output.dense")
            x = self._norm(x + y, f"{start}.attention.output.LayerNorm")
            y = F.gelu(self._dense(x, f"{start}.intermediate.dense"))
            x = self._norm(x + self._dense(y, f"{start}.output.dense"), f"{start}.output.LayerNorm")
        return x

    def _dense(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _norm(self, x: Tensor, name: str) -> Tensor:
        return F.layer_norm(
            x, x.shape[-1:], self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], self.epsilon
        )


def read(folder: Path) -> Bert:
    """UserError says what is missing, or of another kind."""
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        raise UserError(f"{folder} is no BERT of sentences: {', '.join(missing)} is not there")
    try:
        config: dict[str, Any] = read_json(folder / "config.json")
        weights = {k.removeprefix("bert."): v for k, v in load_file(folder / "model.safetensors").items()}
        tokenizer = _tokenizer(folder / "tokenizer.json")
        tokenizer.enable_truncation(LONGEST)
        tokenizer.enable_padding(pad_id=config.get("pad_token_id") or 0)
        layers, heads = config["num_hidden_layers"], config["num_attention_heads"]
        found = Bert(
            weights, layers, heads, config["layer_norm_eps"], tokenizer, sha256(folder / FILES[1])[:16]
        )
        found.embed(["a text"])
    except (KeyError, ValueError, RuntimeError, OSError, SafetensorError) as error:
        raise UserError(f"{folder} is not read as a BERT of sentences ({error})") from None
    return found


def _tokenizer(path: Path) -> "Tokenizer":
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise UserError(
            "Features of sentences need the package `tokenizers`: pip install 'ganvas[text]'"
        ) from None
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the package has no class of its own
        raise ValueError(f"{path.name}: {error}") from None
