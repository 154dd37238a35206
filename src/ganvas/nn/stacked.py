"""Networks of one shape as one network, whose layers multiply all of them at once."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ganvas.nn.conditioning import LabelledLatent
from ganvas.nn.waves import Waves


class StackedLinear(nn.Module):
    """Linear layers side by side: items lie model by model, (models * batch, features)."""

    def __init__(self, layers: Sequence[nn.Linear]):
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.weight.detach() for layer in layers]))
        self.bias = nn.Parameter(torch.stack([layer.bias.detach() for layer in layers]))

    def forward(self, x: Float[Tensor, "items i"]) -> Float[Tensor, "items o"]:
        models = len(self.weight)
        return torch.baddbmm(self.bias[:, None], x.unflatten(0, (models, -1)), self.weight.mT).flatten(0, 1)


class StackedWaves(nn.Module):
    """Fourier features, each model's own."""

    directions: Tensor

    def __init__(self, layers: Sequence[Waves]):
        super().__init__()
        self.register_buffer("directions", torch.stack([layer.directions for layer in layers]))
        self.width = layers[0].width

    def forward(self, x: Float[Tensor, "items d"]) -> Float[Tensor, "items width"]:
        phase = (x.unflatten(0, (len(self.directions), -1)) @ self.directions.mT).flatten(0, 1)
        return torch.cat([x, phase.sin(), phase.cos()], 1)


KINDS: dict[type[nn.Module], Callable[[Any], nn.Module]] = {nn.Linear: StackedLinear, Waves: StackedWaves}
ITEMWISE = (nn.LeakyReLU, nn.ReLU, nn.Tanh, nn.Identity, nn.Flatten, LabelledLatent)


def stackable(network: nn.Module) -> bool:
    """Whether it is made of layers that can be stacked, none of which mixes items."""
    if type(network) in KINDS:
        return getattr(network, "bias", True) is not None
    own = [*network.parameters(recurse=False), *network.buffers(recurse=False)]
    inside = [*network.children()]
    known = bool(inside) or isinstance(network, ITEMWISE)
    return known and not own and all(map(stackable, inside))


def stack(networks: Sequence[nn.Module]) -> nn.Module:
    """One network of the same parts, by the same names; what cannot be stacked in it is the first's."""
    first = networks[0]
    if kind := KINDS.get(type(first)):
        return kind(networks)
    children = [name for name, _ in first.named_children()]
    result = copy.copy(first) if children else copy.deepcopy(first)
    parts = {name: stack([network.get_submodule(name) for network in networks]) for name in children}
    result._modules = first._modules | parts
    return result


def unstacked(state: dict[str, Tensor], like: dict[str, Tensor], k: int) -> dict[str, Tensor]:
    """The part of model k in the state of a stack; what has no more dimensions than `like` is of all."""
    return {name: v[k].contiguous() if v.ndim > like[name].ndim else v for name, v in state.items()}


def gathered(states: Sequence[dict[str, Tensor]], like: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state of a stack, of those of its models; what is of all has no more dimensions in `like`."""
    first = states[0]
    return {
        name: torch.stack([state[name] for state in states]) if like[name].ndim > v.ndim else v
        for name, v in first.items()
    }
