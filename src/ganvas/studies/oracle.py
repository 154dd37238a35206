"""A known law of sequences, an LSTM with weights from N(0, 1), to learn and judge by (Yu et al. 2017)."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from ganvas.core.errors import UserError
from ganvas.nn.recurrent import Recurrent

TOKENS, WIDTH, START = 5_000, 32, 0
"""Of the published oracle: tokens, numbers in embedding and state, and the token that all begins after."""
GATES = ("i", "f", "c", "og")
"""Input, forget, cell, output: in torch's order."""
AT_ONCE = 1_000
Sequences = Int[Tensor, "n place"]


def shapes(tokens: int = TOKENS, width: int = WIDTH) -> dict[str, tuple[int, ...]]:
    """Of its weights, by the names of the published file. Rows are inputs: x @ W."""
    gates = {f"{part}{gate}": (width, width) for part in "wu" for gate in GATES}
    return (
        {"embedding": (tokens, width)}
        | gates
        | {f"b{gate}": (width,) for gate in GATES}
        | {"wo": (width, tokens), "bo": (tokens,)}
    )


class Oracle:
    """P(x) = prod_t P(x_t | x_<t), exactly."""

    def __init__(self, weights: Mapping[str, np.ndarray]):
        self.tokens, width = weights["embedding"].shape
        self.digest = hashlib.sha256(b"".join(weights[k].tobytes() for k in sorted(weights))).hexdigest()
        w = {name: torch.from_numpy(np.asarray(value, np.float32)) for name, value in weights.items()}
        rows = {part: torch.cat([w[f"{part}{gate}"].T for gate in GATES]) for part in "wu"}
        self.network = Recurrent(self.tokens, width, 1, 0.0).eval().requires_grad_(False)
        self.network.load_state_dict(
            {
                "embedding.weight": w["embedding"],
                "lstm.weight_ih_l0": rows["w"],
                "lstm.weight_hh_l0": rows["u"],
                "lstm.bias_ih_l0": torch.cat([w[f"b{gate}"] for gate in GATES]),
                "lstm.bias_hh_l0": torch.zeros(4 * width),
                "leave.weight": w["wo"].T,
                "leave.bias": w["bo"],
            }
        )

    def nll(self, x: Sequences) -> Float[Tensor, " n"]:
        """Nats a token of each sequence."""
        return nll(self.network, START, x)[0]

    def sample(self, n: int, length: int, generator: torch.Generator) -> Sequences:
        return sampled(self.network, START, n, length, 1.0, generator)


def drawn(seed: int = 0, tokens: int = TOKENS, width: int = WIDTH) -> Oracle:
    """An oracle of the same law as the published one."""
    rng = np.random.default_rng(seed)
    return Oracle({k: rng.standard_normal(size, np.float32) for k, size in shapes(tokens, width).items()})


def read(path: str) -> Oracle:
    """The oracle in an .npz. UserError says what is wrong with it; nothing is unpickled."""
    place = Path(path).expanduser()
    try:
        with np.load(place, allow_pickle=False) as file:
            weights = {name: file[name] for name in file.files}
        known = shapes(*weights["embedding"].shape)
        if other := next((k for k, size in known.items() if weights[k].shape != size), None):
            raise ValueError(f"{other} is {weights[other].shape}, not {known[other]}")
        if not all(np.isfinite(weights[k]).all() for k in known):
            raise ValueError("there are weights that are no number")
    except (OSError, ValueError, KeyError, TypeError, EOFError, AttributeError, BadZipFile) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise UserError(
            f"{path} holds no oracle ({reason}); an .npz with {', '.join(shapes())} is expected, or "
            f"nothing: then one is drawn"
        ) from None
    return Oracle({k: weights[k] for k in known})


@torch.no_grad()
def sampled(
    network: Any, start: int, n: int, length: int, temperature: float, generator: torch.Generator
) -> Sequences:
    """`n` sequences, token by token, where the running sum of the law passes an even number."""
    parts = []
    for rows in torch.rand(n, length, 1, generator=generator).split(AT_ONCE):
        cache, token, found = network.cache(len(rows)), torch.full((len(rows), 1), start), []
        for chance in rows.unbind(1):
            sums = (network(token, cache)[:, -1] / temperature).softmax(1).cumsum(1)
            token = torch.searchsorted(sums, chance * sums[:, -1:], right=True)
            token = token.clamp(max=sums.shape[1] - 1)
            found.append(token)
        parts.append(torch.cat(found, 1))
    return torch.cat(parts)


@torch.no_grad()
def nll(
    network: Any, start: int, x: Sequences, temperatures: Sequence[float] = (1.0,)
) -> Float[Tensor, "temperature n"]:
    """Nats a token of each sequence under a network at each temperature."""
    found = []
    for part in x.split(AT_ONCE // 2):
        logits = network(F.pad(part[:, :-1], (1, 0), value=start))
        laws = ((logits / t).log_softmax(2).gather(2, part[..., None])[..., 0] for t in temperatures)
        found.append(torch.stack([-law.double().mean(1) for law in laws]))
    return torch.cat(found, 1)
