"""A network as an ONNX graph, for any number of items at once."""

import builtins
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node
from torch.fx.node import map_arg

from ganvas.core.errors import UserError, reason

if TYPE_CHECKING:
    from onnx import ModelProto

WHOLE = 2**31
"""Items at once, beyond any batch: a graph has no loop over parts."""
LARGEST = 65_536
"""Items in a batch."""
EXAMPLE = 3
"""Items in the batch that is traced."""
LONGEST = 5_000
"""Operations of a graph. Models that go place by place are longer, and take minutes to be written."""
CHECK = torch.ops.aten._assert_tensor_metadata.default
"""A call that computes nothing."""
SINGLE = ("Erf",)
"""Operators for which ONNX Runtime has no double precision."""


Sizes = Mapping[str, tuple[int, ...]]
"""Of a free dimension the smallest and the largest, by name; and of what these are so many."""
Free = Mapping[str, Mapping[int, str]]
"""Dimensions of inputs that may be of any size, by name."""


class NoGraph(Exception):
    """ONNX cannot say this; why, in a few words."""


class Decoder(nn.Module):
    """(z, label) -> items."""

    def __init__(self, objective: Any):
        super().__init__()
        self.objective = objective

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.objective.decode(z, label, batch=WHOLE)


class Encoder(nn.Module):
    """(items, label) -> z."""

    def __init__(self, objective: Any):
        super().__init__()
        self.objective = objective

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        return self.objective.encode(x, label)


def traced(
    module: nn.Module,
    given: Mapping[str, Tensor],
    outputs: Sequence[str],
    free: Free | None = None,
    sizes: Sizes | None = None,
) -> "ModelProto":
    """The graph of `module` at these inputs, by name and in its own order.

    `free`: of each input the dimensions that may be of any size, or within `sizes`; left out, the first.
    NoGraph says what ONNX lacks.
    """
    need()
    free = free or {name: {0: "n"} for name in given}
    names = {name: _size(name, sizes or {}) for each in free.values() for name in each.values()}
    shapes = tuple({k: names[name] for k, name in free.get(which, {}).items()} for which in given)
    args = tuple(given.values())
    try:
        with _quiet(), torch.no_grad():
            with _traceable():
                program = torch.export.export(module.eval(), args, dynamic_shapes=shapes, strict=False)
            if (size := len(program.graph.nodes)) > LONGEST:
                raise NoGraph(f"its {size:,} operations, one after another, are too long for a graph")
            graph = program.module()
            if folded(graph):
                program = torch.export.export(graph, args, dynamic_shapes=shapes, strict=False)
            program = program.run_decompositions()
            made = torch.onnx.export(program, input_names=[*given], output_names=[*outputs], verbose=False)
    except NoGraph:
        raise
    except Exception as error:  # torch's exporter has a class for every stage, with no base of their own
        raise NoGraph(reason(_root(error))) from error
    assert made is not None
    proto = made.model_proto
    singled(proto)
    renamed(proto, free)
    return proto


def renamed(proto: "ModelProto", free: Free) -> None:
    """Sizes by our names, where they are the exporter's symbols."""
    known = {}
    for value in proto.graph.input:
        for k, name in free.get(value.name, {}).items():
            known[value.type.tensor_type.shape.dim[k].dim_param] = name
    symbols = re.compile("|".join(rf"\b{re.escape(symbol)}\b" for symbol in known if symbol))
    for value in [*proto.graph.input, *proto.graph.output]:
        for size in value.type.tensor_type.shape.dim:
            if size.dim_param and symbols.pattern:
                size.dim_param = symbols.sub(lambda found: known[found[0]], size.dim_param)
    if all(each == {0: "n"} for each in free.values()):
        for value in proto.graph.output:
            value.type.tensor_type.shape.dim[0].dim_param = "n"


def _size(name: str, sizes: Sizes) -> Any:
    low, high, *step = sizes.get(name, (None, LARGEST))
    if not step:
        return torch.export.Dim(name, min=low, max=high)
    return step[0] * torch.export.Dim(f"parts_of_{name}", min=low, max=high)


def need() -> None:
    """UserError: the extra is not installed."""
    try:
        import onnx
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"{error.name} is needed and not installed here: pip install 'ganvas[export]'"
        ) from None
    _ = onnx, onnxruntime


def folded(graph: GraphModule) -> bool:
    """Work out once what depends on weights alone, such as spectral norms and inverses; whether any does."""
    known: dict[Node, Any] = {}
    for node in graph.graph.find_nodes(op="call_function", target=CHECK):
        graph.graph.erase_node(node)  # it would keep alive what is folded
    for node in list(graph.graph.nodes):
        if node.op == "get_attr":
            known[node] = _attribute(graph, str(node.target))
        elif node.op == "call_function" and _constant(node, known):
            given = map_arg((node.args, node.kwargs), known.__getitem__)
            known[node] = node.target(*given[0], **given[1])  # pyright: ignore[reportCallIssue]
    constants = 0
    for node, value in known.items():
        used = any(user not in known for user in node.users)
        if node.op == "get_attr" or not used or not isinstance(value, Tensor):
            continue
        name, constants = f"folded_{constants}", constants + 1
        graph.register_buffer(name, value.detach().clone())
        with graph.graph.inserting_before(node):
            node.replace_all_uses_with(graph.graph.get_attr(name), lambda user: user not in known)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return constants > 0


def singled(proto: "ModelProto") -> None:
    """What ONNX Runtime has in single precision only is done so, where a model asks for double."""
    from onnx import TensorProto, helper

    nodes = []
    doubles = {v.name for v in proto.graph.value_info if v.type.tensor_type.elem_type == TensorProto.DOUBLE}
    for node in proto.graph.node:
        if node.op_type not in SINGLE or node.input[0] not in doubles:
            nodes.append(node)
            continue
        given, wanted = node.input[0], node.output[0]
        node.input[0], node.output[0] = f"{wanted}_single", f"{wanted}_found"
        nodes += [
            helper.make_node("Cast", [given], [node.input[0]], to=TensorProto.FLOAT),
            node,
            helper.make_node("Cast", [node.output[0]], [wanted], to=TensorProto.DOUBLE),
        ]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)


def _constant(node: Node, known: dict[Node, Any]) -> bool:
    """Whether it comes of weights, or of nothing, without chance."""
    tags = getattr(node.target, "tags", None)
    chance = tags is None or torch.Tag.nondeterministic_seeded in tags
    return all(given in known for given in node.all_input_nodes) and not (chance and not node.all_input_nodes)


def _attribute(graph: GraphModule, path: str) -> Any:
    found: Any = graph
    for name in path.split("."):
        found = getattr(found, name)
    return found


@contextmanager
def _traceable() -> Iterator[None]:
    """`len` of a tensor stays a symbol while a model is traced, where Python's own makes it the example's
    number; and as nothing is autocast, switching that off leaves no trace."""
    plain: Callable[[Any], int] = builtins.len
    autocast = torch.autocast
    builtins.len = lambda x: x.shape[0] if isinstance(x, Tensor) else plain(x)  # pyright: ignore
    torch.autocast = lambda *_, **__: nullcontext()  # pyright: ignore
    try:
        yield
    finally:
        builtins.len, torch.autocast = plain, autocast


@contextmanager
def _quiet() -> Iterator[None]:
    """Torch's exporter speaks to its own developers."""
    import logging

    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None:
        error = error.__cause__
    return error
