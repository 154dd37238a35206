"""Where a model can be exported to."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ganvas.core.errors import UserError

TARGETS = ("onnx", "web", "hub")
PRECISIONS = ("fp32", "fp16", "int8")
SEVERAL = {"points": "samples.csv", "text": "samples.txt", "sound": "samples.wav"}
"""Files that take several items of a kind; of others pictures."""
Said = Callable[[str], None]


def export(
    run: Path,
    to: str | None,
    out: Path | None = None,
    *,
    precision: str = "fp32",
    licence: str | None = None,
    push: str | None = None,
    said: Said = lambda sentence: None,
) -> dict[str, Any]:
    """Write a run's model as `to` says, into a new folder; what was written. UserError: what cannot be."""
    if to not in TARGETS:
        given = "left out" if to is None else f"not {to!r}"
        raise UserError(f"say what to export to: --to {', '.join(TARGETS[:-1])} or {TARGETS[-1]}, {given}")
    if to != "hub" and (licence or push):
        raise UserError(f"--{'licence' if licence else 'push'} goes with --to hub only")
    if to == "hub" and precision == "int8":
        raise UserError("the hub's folder holds fp32 or fp16: --precision int8 goes with onnx and web")
    if precision not in PRECISIONS:
        raise UserError(f"--precision is {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}, not {precision!r}")
    refuse_taken(out or run / to)
    from ganvas.export import hub, onnx, web
    from ganvas.model import run_of

    opened = run_of(run)
    place = run / to if out is None else out
    if to == "hub":
        small = precision == "fp16"
        return hub.export(opened, place, small=small, licence=licence, push=push, said=said)
    made = (web if to == "web" else onnx).export(opened, place, precision=precision, said=said)
    total = sum(made.files.values())
    said(f"{', '.join(made.files)} in {place}/, {total / 1e6:.1f} MB")
    if to == "onnx":
        said(_parity(made.parity))
        said(f"Try  {_tried(opened.record['data']['spec']['kind'], shlex.quote(str(place / 'model.onnx')))}")
    else:
        said(f"Show it with  python -m http.server -d {shlex.quote(str(place))}  at http://localhost:8000")
    return {
        "to": to,
        "folder": str(place),
        "files": made.files,
        "bytes": total,
        "parity": made.parity,
        "left_out": made.left_out,
    }


def refuse_taken(out: Path) -> None:
    """An export overwrites nothing."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists already and is not overwritten; name another folder with --out")


def _tried(kind: str, model: str) -> str:
    """A command that does something with it."""
    if kind == "speech":
        return f'ganvas say {model} "Good morning." -o morning.wav'
    return f"ganvas sample {model} -n 8 -o {SEVERAL.get(kind, 'samples.png')}"


def _parity(parts: dict[str, Any]) -> str:
    """In a sentence; of several graphs the one that is farthest off."""
    found = max(parts.values(), key=lambda part: part["largest"])
    said = f"On {found['inputs']} random inputs it differs from the model by {found['largest']:.1e} at most"
    small = next((name for name in PRECISIONS if name in found), None)
    if small is None:
        return f"{said}."
    lost = found[small]
    levels = f", {lost['largest_level']} levels of 255 in a pixel" if "largest_level" in lost else ""
    return f"{said} in fp32; {small} changes it by {lost['largest']:.1e} at most{levels}."
