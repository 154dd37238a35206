"""Networks that start from those of another model: layer by layer, where kind and shape are the same."""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import takewhile

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganvas.core.errors import UserError

COUNTERPART = {"generator": "decoder", "decoder": "generator"}
"""Networks that do the same under different names: z -> item."""
NAMED = 3
"""Layers of a network that are named, of those left out."""


@dataclass
class Inheritance:
    """What one network has from another."""

    network: str
    source: str | None = None
    """The other's name; None: there is no such network."""
    taken: list[str] = field(default_factory=list)
    """Layers, by path."""
    left: list[str] = field(default_factory=list)
    """Layers that start anew."""
    why: str = "there is no such network"

    def __str__(self) -> str:
        if not self.taken:
            return f"{self.network} starts anew ({self.why})"
        rest = f", without {len(self.left)} of {len(self.taken) + len(self.left)} layers ({self.why})"
        return f"{self.network} starts as its {self.source}{rest if self.left else ''}"


@dataclass(frozen=True)
class Layer:
    """A module with tensors of its own."""

    path: str
    kind: str
    state: dict[str, Tensor]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: tuple(value.shape) for name, value in self.state.items()}


@torch.no_grad()
def inherit(mine: nn.Module, theirs: nn.Module) -> list[Inheritance]:
    """Fill the networks of one model from those of another; what came of it, network by network.

    Networks pair up by name, a generator also with a decoder. Of two that are built alike, layers pair up by
    path; of others in order from the input on, as far as they agree, for what lies behind a layer that
    differs has learnt from other inputs. A network that has labels where the other had none takes the
    weights for all other inputs, those for the label being 0: at first every label makes what none made.
    UserError where nothing fits.
    """
    other = networks(theirs)
    learning = {k: n for k, n in networks(mine).items() if any(p.requires_grad for p in n.parameters())}
    found = []
    for name, network in learning.items():
        source = next((s for s in (name, COUNTERPART.get(name)) if s in other), None)
        found.append(_inherited(name, network, source, other[source]) if source else Inheritance(name))
    if not any(one.taken for one in found):
        told = ", ".join(map(str, found)) or "a baseline has no networks"
        raise UserError(f"nothing of it fits, only the same recipe and sizes would: {told}")
    return found


def networks(model: nn.Module) -> dict[str, nn.Module]:
    """Those that learn."""
    return {name: child for name, child in model.named_children() if any(True for _ in child.parameters())}


def layers(network: nn.Module) -> dict[str, Layer]:
    """By path, in order."""
    state: dict[str, dict[str, Tensor]] = defaultdict(dict)
    for name, value in network.state_dict().items():
        path, _, key = name.rpartition(".")
        state[path][key] = value
    return {path: Layer(path, type(network.get_submodule(path)).__name__, own) for path, own in state.items()}


def _inherited(name: str, network: nn.Module, source: str, other: nn.Module) -> Inheritance:
    mine, theirs = layers(network), layers(other)
    by_path = _alike(network, other)
    labelled = _label_width(mine) if _label_width(theirs) == 0 else 0
    pairs = theirs if by_path else _in_order(mine, theirs)
    found = Inheritance(name, source)
    for path, layer in mine.items():
        values = _fitted(layer, pairs[path], labelled) if path in pairs else None
        (found.left if values is None else found.taken).append(path)
        for key, value in (values or {}).items():
            layer.state[key].copy_(value)
    if by_path:
        found.why = "; ".join(_reason(mine[path], theirs.get(path)) for path in found.left[:NAMED])
        found.why += f"; and {len(found.left) - NAMED} more" if len(found.left) > NAMED else ""
    elif found.left:
        found.why = f"they differ from {found.left[0] or 'the input'} on"
    return found


def _alike(network: nn.Module, other: nn.Module) -> bool:
    """Whether the modules that have the same path in both are of the same class."""
    here, there = ({path: _class(m) for path, m in n.named_modules()} for n in (network, other))
    return all(here[path] == there[path] for path in here.keys() & there.keys())


def _class(module: nn.Module) -> str:
    """By name: torch makes a new class for every parametrised layer."""
    return f"{type(module).__module__}.{type(module).__qualname__}"


def _in_order(mine: dict[str, Layer], theirs: dict[str, Layer]) -> dict[str, Layer]:
    """Theirs by my paths, up to the first that does not fit."""
    pairs = zip(mine.values(), theirs.values(), strict=False)
    return {a.path: b for a, b in takewhile(lambda ab: _fitted(*ab) is not None, pairs)}


def _label_width(network: dict[str, Layer]) -> int:
    """Inputs that a label's embedding takes up."""
    return sum(layer.state["weight"].shape[1] for layer in network.values() if layer.kind == "Embedding")


def _fitted(mine: Layer, theirs: Layer, labelled: int = 0) -> dict[str, Tensor] | None:
    """Their tensors in my shapes; None where they do not fit."""
    if mine.kind != theirs.kind:
        return None
    if mine.shapes == theirs.shapes:
        return theirs.state
    if labelled and mine.kind == "Linear":  # the label is appended to the input
        wider = Layer("", "", theirs.state | {"weight": F.pad(theirs.state["weight"], (0, labelled))})
        return wider.state if wider.shapes == mine.shapes else None
    return None


def _reason(mine: Layer, theirs: Layer | None) -> str:
    there = "is not there" if theirs is None else f"is {_size(mine)}, there {_size(theirs)}"
    return f"{mine.path or 'its own'} {there}"


def _size(layer: Layer) -> str:
    shape = layer.shapes.get("weight", next(iter(layer.shapes.values())))
    return f"{layer.kind} {' x '.join(map(str, shape))}"
