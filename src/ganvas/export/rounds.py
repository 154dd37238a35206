"""Models that choose place by place, as one graph: a loop that chooses all places anew until none changes.

After k rounds the first k places are those of a walk from place to place, so there are as many rounds as
places at most, and mostly far fewer (Jacobi's method, Song et al. 2021).
"""

from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

from ganvas.export import graph

if TYPE_CHECKING:
    from onnx import ModelProto

CODES, CHOSEN, ITEMS = "codes", "chosen", "items"
AGAIN, SHOWN = "again/", "shown/"
"""Before the names in the two graphs that become one."""


class Again(nn.Module):
    """(codes, z, label) -> codes: each place chosen at the quantile of its z, given the codes before it."""

    def __init__(self, objective: Any):
        super().__init__()
        self.objective = objective

    def forward(self, codes: Int[Tensor, "n place"], z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.objective.again(codes, z, label)


class Shown(nn.Module):
    """Codes -> items."""

    def __init__(self, objective: Any):
        super().__init__()
        self.objective = objective

    def forward(self, codes: Int[Tensor, "n place"]) -> Tensor:
        return self.objective.shown(codes)


def chooses(objective: Any) -> bool:
    """Whether a model's items are made of choices, one after another."""
    return hasattr(objective, "again")


def traced(objective: Any, z: Tensor, label: Tensor | None) -> "ModelProto":
    """(z, label) -> items, as `graph.traced` of a decoder. NoGraph."""
    codes = torch.zeros(z.shape, dtype=torch.int64)
    given = {CODES: codes, "z": z} | ({} if label is None else {"label": label})
    return looped(
        graph.traced(Again(objective), given, [CHOSEN]),
        graph.traced(Shown(objective), {CODES: codes}, [ITEMS]),
        codes.shape[1],
    )


def looped(again: "ModelProto", shown: "ModelProto", rounds: int) -> "ModelProto":
    """Both as one: from codes of 0, `again` until they stay, then `shown`."""
    from onnx import TensorProto, compose, helper

    given = [value for value in again.graph.input if value.name != CODES]
    outputs = list(shown.graph.output)
    known = {AGAIN + value.name: value.name for value in again.graph.input}
    inner, outer = compose.add_prefix(again, AGAIN).graph, compose.add_prefix(shown, SHOWN).graph
    chosen = AGAIN + CHOSEN
    body = helper.make_graph(
        [
            *_named(inner.node, known),
            helper.make_node("Equal", [CODES, chosen], ["same"]),
            helper.make_node("Not", ["same"], ["other"]),
            helper.make_node("Cast", ["other"], ["others"], to=TensorProto.INT32),
            helper.make_node("ReduceMax", ["others"], ["any"], keepdims=0),
            helper.make_node("Cast", ["any"], ["unsettled"], to=TensorProto.BOOL),
        ],
        "again",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info(CODES, TensorProto.INT64, ["n", rounds]),
        ],
        [
            helper.make_tensor_value_info("unsettled", TensorProto.BOOL, []),
            helper.make_tensor_value_info(chosen, TensorProto.INT64, ["n", rounds]),
        ],
    )
    constants = [
        helper.make_tensor("rounds", TensorProto.INT64, [], [rounds]),
        helper.make_tensor("yes", TensorProto.BOOL, [], [True]),
        helper.make_tensor("places", TensorProto.INT64, [1], [rounds]),
    ]
    nodes = [
        helper.make_node("Shape", ["z"], ["size"], start=0, end=1),
        helper.make_node("Concat", ["size", "places"], ["grid"], axis=0),
        helper.make_node(
            "ConstantOfShape",
            ["grid"],
            ["begun"],
            value=helper.make_tensor("none", TensorProto.INT64, [1], [0]),
        ),
        helper.make_node("Loop", ["rounds", "yes", "begun"], ["settled"], body=body),
        *_named(outer.node, {SHOWN + CODES: "settled", SHOWN + ITEMS: ITEMS}),
    ]
    whole = helper.make_graph(
        nodes, "decoder", given, outputs, [*constants, *inner.initializer, *outer.initializer]
    )
    return helper.make_model(whole, opset_imports=again.opset_import, ir_version=again.ir_version)


def _named(nodes: Any, known: dict[str, str]) -> list[Any]:
    """With these names for those."""
    for node in nodes:
        for values in (node.input, node.output):
            values[:] = [known.get(name, name) for name in values]
    return list(nodes)
