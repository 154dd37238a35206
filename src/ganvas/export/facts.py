"""What is known of a run, as it travels with its exports; nothing in it tells of the machine's folders."""

import importlib.metadata
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganvas.core.run import Run
from ganvas.export.runtime import KEY
from ganvas.model import Model
from ganvas.report import evaluated

if TYPE_CHECKING:
    from onnx import ModelProto

CONVENTION = {
    "image": "float32 (n, channels, height, width) in [-1, 1]; a pixel is round((x + 1) * 127.5)",
    "text": "int64 (n, tokens); the spec's vocabulary says what each stands for",
    "sound": "float32 (n, samples) in [-1, 1], at the spec's rate",
    "speech": "float32 (n, samples) in [-1, 1], at the spec's rate; symbols are numbers in the spec's list",
    "points": "float32 (n, dimensions); in the data's units x * scale + offset, as the spec has them",
}
"""Of the values that go in and out of a graph."""


def facts(run: Run, model: Model) -> dict[str, Any]:
    """Recipe, settings, spec, data by name and fingerprint, how far it was trained, how good it is."""
    record = run.record
    data = record.get("data") or {}
    return {
        "ganvas": version(),
        "recipe": model.config["recipe"],
        "settings": model.config["settings"],
        "spec": model.spec.model_dump(mode="json"),
        "values": CONVENTION.get(model.spec.kind, model.spec.kind),
        "step": model.config.get("step"),
        "seed": record.get("seed"),
        "data": named(data),
        "figures": figures(run.path),
    }


def version() -> str:
    """Of ganvas, as it is installed."""
    try:
        return importlib.metadata.version("ganvas")
    except importlib.metadata.PackageNotFoundError:
        return "not installed as a package"


def named(data: dict[str, Any]) -> dict[str, Any]:
    """What a record says of its data, the folder it lay in left out."""
    kept = {key: data[key] for key in ("fingerprint", "items", "held_out") if key in data}
    return {"name": Path(str(data.get("source", ""))).name} | kept


def figures(run: Path) -> dict[str, Any]:
    """Of evaluation.json: each figure, and what its protocol was; nothing where there is none."""
    judged = evaluated.read(run)
    found = {key: judged[key] for key in evaluated.NAMES if isinstance(judged.get(key), dict)}
    used = {figure.get("protocol") for figure in found.values()}
    protocols = {key: value for key, value in (judged.get("protocols") or {}).items() if key in used}
    return {"step": judged.get("step"), "values": found, "protocols": protocols} if found else {}


def describe(proto: "ModelProto", known: dict[str, Any]) -> None:
    """What is known, into a graph's metadata."""
    del proto.metadata_props[:]
    entry = proto.metadata_props.add()
    entry.key, entry.value = KEY, json.dumps(known, ensure_ascii=False)
    proto.producer_name, proto.producer_version = "ganvas", known["ganvas"]
