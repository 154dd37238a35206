"""A run as ONNX files, each checked against the model that it was made from."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from ganvas.core.errors import UserError
from ganvas.core.files import told, write_json
from ganvas.core.run import Run
from ganvas.export import graph, latents, noise, parity, rounds, runtime, several
from ganvas.export.facts import describe, facts
from ganvas.export.shrink import Precision, shrunk
from ganvas.model import Model, load

FILES = {"decoder": "model.onnx", "encoder": "encoder.onnx"}
Said = Callable[[str], None]


@dataclass(frozen=True)
class Exported:
    """What an export has written."""

    folder: Path
    files: dict[str, int]
    """Each with its bytes."""
    parity: dict[str, Any]
    left_out: dict[str, str]
    """What is not there, and why."""


def export(
    run: Run, out: Path, *, precision: Precision = "fp32", said: Said = lambda sentence: None
) -> Exported:
    """model.onnx, other graphs where a model has several, and parity.json, in a new folder.

    UserError where the model cannot be written as a graph, or the graph does not do what the model does.
    """
    graph.need()
    model = load(run.path, "cpu")
    with draft_of(out) as draft:
        found, left_out = write(run, model, draft, precision, said)
    files = {path.name: path.stat().st_size for path in sorted(out.iterdir())}
    return Exported(out, files, found, left_out)


def write(
    run: Run, model: Model, folder: Path, precision: Precision, said: Said, encoder: bool = True
) -> tuple[dict[str, Any], dict[str, str]]:
    """The files of an export; parity, and what was left out and why."""
    objective: Any = model.objective
    if found := several.of(model):
        return several.write(run, model, found, folder, precision, said, encoder)
    if not hasattr(objective, "decode"):
        raise UserError(
            f"a model of the recipe {model.config['recipe']} makes its items of no latents, step by step, so "
            f"there is no graph of it; what it makes can be had by `ganvas sample`"
        )
    known = facts(run, model) | {
        "latent": int(objective.latent),
        "law": latents.law_of(objective, model.spec),
    }
    if known["law"]["z"] == "bank":
        _keep(objective, folder)
    parts, left_out = {}, {}
    for part in ("decoder", *(["encoder"] if encoder and hasattr(objective, "encode") else [])):
        said(f"writing the {part}")
        try:
            parts[part] = _part(model, part, folder / FILES[part], known, precision)
        except graph.NoGraph as reason:
            if part == "decoder":
                raise UserError(
                    f"the model in {run.path} cannot be written as an ONNX graph ({reason}); "
                    f"`ganvas sample {run.path}` makes its items"
                ) from None
            left_out[part] = str(reason)
            said(f"No {FILES[part]}: ONNX cannot say what this encoder does ({reason}).")
    write_json(folder / several.PARITY, {"ganvas": known["ganvas"], "precision": precision, **parts})
    return parts, left_out


def _part(model: Model, part: str, path: Path, known: dict[str, Any], precision: Precision) -> dict[str, Any]:
    """Write one graph and check it."""
    import onnx

    objective: Any = model.objective
    module = graph.Decoder(objective) if part == "decoder" else graph.Encoder(objective)
    given, label = inputs(model, part, graph.EXAMPLE)
    names = ("z", "items") if part == "decoder" else ("x", "z")
    chooses = part == "decoder" and rounds.chooses(objective)
    if chooses:
        proto = rounds.traced(objective, given, label)
    else:
        labels = {} if label is None else {"label": label}
        proto = graph.traced(module, {names[0]: given} | labels, names[1:])
    describe(proto, known | {"part": part, "precision": "fp32"})
    onnx.save(proto, path)
    given, label = inputs(model, part, parity.INPUTS)
    with torch.no_grad():
        each = [module(given[part], None if label is None else label[part]) for part in parity.PORTIONS]
    expected = torch.cat(each).float().numpy()
    whole = runtime.OnnxModel(path)
    found = parity.checked(
        whole, feed(whole, names[0], given, label), expected, path.name, chooses * parity.SPARE
    )
    if precision == "fp32":
        return found
    small = shrunk(proto, precision)
    describe(small, known | {"part": part, "precision": precision})
    fp32 = path.stat().st_size
    kept = path.with_name(f"fp32-{path.name}")
    path.rename(kept)
    onnx.save(small, path)
    lost = parity.lost(runtime.OnnxModel(kept), runtime.OnnxModel(path), feed(whole, names[0], given, label))
    kept.unlink()
    return found | {precision: lost | {"bytes": path.stat().st_size, "bytes_fp32": fp32}}


def inputs(model: Model, part: str, n: int) -> tuple[Tensor, Tensor | None]:
    """Latents, or items, and labels, drawn by a fixed seed."""
    spec, objective = model.spec, cast(Any, model.objective)
    label = torch.from_numpy(noise.whole(0, n, len(spec.classes))) if spec.classes else None
    if part == "decoder":
        return torch.from_numpy(noise.normal(0, (n, objective.latent))), label
    with torch.no_grad():
        return objective.sample(n, generator=torch.Generator().manual_seed(0)).float(), label


def feed(model: runtime.OnnxModel, name: str, given: Tensor, label: Tensor | None) -> dict[str, np.ndarray]:
    """What a session takes: a label only where the graph asks for it."""
    asked = {i.name for i in model.session.get_inputs()}
    labels = {} if label is None or "label" not in asked else {"label": label.numpy()}
    return {name: given.numpy()} | labels


def _keep(objective: Any, folder: Path) -> None:
    found = latents.bank(objective)
    if found is None:
        raise UserError("what z this model's samples start from cannot be seen, so they cannot be exported")
    z, label = found
    with (folder / runtime.BANK).open("wb") as file:
        np.savez(file, z=z, label=label)


@contextmanager
def draft_of(out: Path) -> Iterator[Path]:
    """A folder beside, which takes the name of `out` when all went well and is gone when not."""
    import os

    draft = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    with told(out):
        draft.mkdir(parents=True)
    try:
        with told(out):
            yield draft
            if out.is_dir():
                out.rmdir()
            draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
