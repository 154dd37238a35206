"""Weights in fewer bits. The arithmetic stays in single precision, which processors do fastest.

But ONNX Runtime (1.31) fuses some products with weights of 8 bits into one that rounds what comes in as well.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import onnx
from jaxtyping import Float
from onnx import TensorProto, helper, numpy_helper

Precision = Literal["fp32", "fp16", "int8"]
FEWEST = 256
"""Numbers in a tensor; smaller ones are left as they are."""
Nodes = list[onnx.NodeProto]
Initialisers = list[TensorProto]


def shrunk(proto: onnx.ModelProto, precision: Precision) -> onnx.ModelProto:
    """The same graph, with its weights kept in 16 or 8 bits and turned back as it is loaded.

    Weights of double precision, and small ones, stay as they are.
    """
    found = onnx.ModelProto()
    found.CopyFrom(proto)
    if precision == "fp32":
        return found
    small, nodes, kept = KINDS[precision], [], []
    for tensor in found.graph.initializer:
        weight = numpy_helper.to_array(tensor)
        if weight.dtype != np.float32 or weight.ndim < 2 or weight.size < FEWEST:
            kept.append(tensor)
            continue
        made, back = small(tensor.name, weight)
        kept += made
        nodes += back
    nodes += found.graph.node
    del found.graph.initializer[:], found.graph.node[:]
    found.graph.initializer.extend(kept)
    found.graph.node.extend(nodes)
    return found


def _half(name: str, weight: Float[np.ndarray, "..."]) -> tuple[Initialisers, Nodes]:
    largest = np.finfo(np.float16).max
    half = numpy_helper.from_array(weight.clip(-largest, largest).astype(np.float16), f"{name}_half")
    return [half], [helper.make_node("Cast", [half.name], [name], to=TensorProto.FLOAT)]


def _bytes(name: str, weight: Float[np.ndarray, "..."]) -> tuple[Initialisers, Nodes]:
    """Symmetric, with a scale for each entry of the axis whose scales differ most."""
    axis = max(range(weight.ndim), key=lambda k: _gain(weight, k))
    scale = _scale(weight, axis)
    shape = [-1 if k == axis else 1 for k in range(weight.ndim)]
    whole = np.rint(weight / scale.reshape(shape)).astype(np.int8)
    made = [
        numpy_helper.from_array(whole, f"{name}_bytes"),
        numpy_helper.from_array(scale, f"{name}_scale"),
        numpy_helper.from_array(np.zeros(len(scale), np.int8), f"{name}_zero"),
    ]
    return made, [helper.make_node("DequantizeLinear", [m.name for m in made], [name], axis=axis)]


def _scale(weight: Float[np.ndarray, "..."], axis: int) -> Float[np.ndarray, " k"]:
    others = tuple(k for k in range(weight.ndim) if k != axis)
    return np.maximum(np.abs(weight).max(others) / 127, np.finfo(np.float32).tiny).astype(np.float32)


def _gain(weight: Float[np.ndarray, "..."], axis: int) -> float:
    """How much smaller the steps are than with one scale for all, in the mean square."""
    return -float(np.square(_scale(weight, axis)).mean())


KINDS: dict[str, Callable[[str, np.ndarray], tuple[Initialisers, Nodes]]] = {"fp16": _half, "int8": _bytes}
