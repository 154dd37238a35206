"""A graph that is one of several in an export: written, and checked against what the model itself makes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ganvas.export import graph, parity, runtime
from ganvas.export.facts import describe
from ganvas.export.shrink import Precision, shrunk

Trial = tuple[Mapping[str, Tensor], tuple[Tensor, ...]]
"""What a graph is given, and what the model makes of it."""


@dataclass(frozen=True)
class Piece:
    """A graph that is to be written."""

    part: str
    """What it does, in a word."""
    file: str
    module: nn.Module
    outputs: tuple[str, ...]
    free: graph.Free
    """Dimensions of its inputs that may be of any size."""
    trials: Callable[[], Iterator[Trial]]
    """Random inputs, `parity.INPUTS` in all, and what the model itself makes of them; the first one is small,
    none of its free sizes being 1, and is what the graph is traced with."""
    sizes: graph.Sizes = field(default_factory=dict)


def write(piece: Piece, folder: Path, known: dict[str, Any], precision: Precision) -> dict[str, Any]:
    """Into the folder; how far it is from the model, and what fewer bits cost. NoGraph, UserError."""
    import onnx

    path, described = folder / piece.file, known | {"part": piece.part, "precision": "fp32"}
    with torch.no_grad():
        trials = [(feed_of(given), [x.numpy() for x in made]) for given, made in piece.trials()]
        example = {name: x.contiguous() for name, x in next(iter(piece.trials()))[0].items()}
    proto = graph.traced(piece.module, example, piece.outputs, piece.free, piece.sizes)
    describe(proto, described)
    onnx.save(proto, path)
    found = _outputs(path, trials)
    figures = parity.near(found, [made for _, made in trials], path.name)
    if precision == "fp32":
        return figures
    small, size = shrunk(proto, precision), path.stat().st_size
    describe(small, described | {"precision": precision})
    onnx.save(small, path)
    lost = parity.apart(_outputs(path, trials), found)
    return figures | {precision: lost | {"bytes": path.stat().st_size, "bytes_fp32": size}}


def feed_of(given: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in given.items()}


def _outputs(path: Path, trials: list[tuple[dict[str, np.ndarray], list[np.ndarray]]]) -> list[Any]:
    session = runtime.session(path)
    return [session.run(None, feed) for feed, _ in trials]
