"""Every recipe, with its own settings, as ONNX files: how far from the model, and what fewer bits cost.

    pip install 'ganvas[export]'
    python benchmarks/onnx_parity.py --out docs/results/onnx.md

Networks of colour pictures in ten classes (or of points in the plane), untrained but for some noise on the
weights, so that items differ; each export checks itself on 100 random inputs in portions of 1, 33 and 66. On
one core it takes a minute a recipe at 32 x 32, most of it for what fewer bits cost.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from ganvas.core import checkpoint
from ganvas.core.errors import UserError
from ganvas.core.run import Run
from ganvas.core.settings import override
from ganvas.data.phonemes import Pronunciation, inventory
from ganvas.data.spec import Spec
from ganvas.data.vocabulary import Vocabulary
from ganvas.export import onnx
from ganvas.recipes.base import find, names

PLANE = Spec(kind="points", shape=(2,), offset=(0.0, 0.0), scale=(1.0, 1.0))
HOW = Pronunciation()
SPECS = {
    "points": PLANE,
    "text": Spec(kind="text", shape=(256,), vocabulary=Vocabulary(ends=True), longest=256),
    "sound": Spec(kind="sound", shape=(32_768,), rate=22_050),
    "speech": Spec(kind="speech", shape=(160_000,), rate=22_050, symbols=inventory(HOW), pronunciation=HOW),
}
HEAD = """# ONNX: parity

`benchmarks/onnx_parity.py`: every recipe with its own settings, for {size} x {size} colour pictures in ten
classes, points in the plane, bytes of text, sound at 22,050 Hz;
untrained networks with some noise on their weights. Errors are in the model's
own units: pictures are in [-1, 1], where a level of a pixel is .0078. `fp16` and `int8`: what the file weighs
then, the largest change of a pixel in levels of 255 (of other things: in their units), and the Fréchet
distance of shrunk pixels to other fp32 samples; last that of fp32 samples themselves.

| recipe | part | largest error | mean error | MB | fp16: MB, levels, FD | int8: MB, levels, FD | FD of fp32 |
|---|---|---|---|---|---|---|---|
"""


def untrained(folder: Path, recipe: Any, name: str, spec: Spec) -> Run:
    torch.manual_seed(0)
    objective = recipe.build(spec)
    with torch.no_grad():
        for p in objective.parameters():
            p.add_(0.02 * torch.randn_like(p))
    settings, known = recipe.model_dump(mode="json"), {"spec": spec.model_dump(mode="json")}
    run = Run.create(folder, {"recipe": name, "settings": settings, "data": {"source": "none"} | known})
    run.save_model(checkpoint.of_module(objective), {"recipe": name, "settings": settings} | known)
    return run


def row(name: str, place: Path, size: int) -> dict[str, Any]:
    """The figures of one recipe."""
    recipe = override(find(name), {"training.steps": 1})
    classes = tuple("0123456789")
    pictures = Spec(kind="image", shape=(3, size, size), classes=classes)
    spec = SPECS.get(recipe.kind, pictures)
    run = untrained(place / name, recipe, name, spec)
    began = time.process_time()
    found: dict[str, Any] = {"recipe": name}
    try:
        for precision in ("fp16", "int8"):
            made = onnx.export(run, place / f"{name}-{precision}", precision=precision)
            found["left_out"] = made.left_out
            for part, figures in made.parity.items():
                found.setdefault("parts", {}).setdefault(part, {}).update(figures)
    except UserError as error:
        found["refused"] = str(error).replace(str(place), "…")
    return found | {"seconds": round(time.process_time() - began, 1)}


def lines(found: dict[str, Any]) -> list[str]:
    """Of the table."""
    rows = []
    for part, figures in found.get("parts", {}).items():
        small = [figures[precision] for precision in ("fp16", "int8")]
        cells = [f"{found['recipe']}", part, f"{figures['largest']:.1e}", f"{figures['mean']:.1e}"]
        cells.append(f"{small[0]['bytes_fp32'] / 1e6:.2f}")
        for lost in small:
            levels = f"{lost['largest_level']}" if "largest_level" in lost else f"{lost['largest']:.1e}"
            distance = f", {lost['fd']:.4f}" if "fd" in lost else ""
            cells.append(f"{lost['bytes'] / 1e6:.2f}, {levels}{distance}")
        cells.append(f"{small[0]['fd_of_fp32']:.4f}" if "fd_of_fp32" in small[0] else "–")
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def write(path: Path, found: list[dict[str, Any]], size: int) -> None:
    """The table, and the figures as JSON beside it."""
    table = "\n".join(line for one in found for line in lines(one))
    left = [f"- `{one['recipe']}`: {one['refused']}" for one in found if "refused" in one]
    for one in found:
        left += [f"- `{one['recipe']}`, {part}: {why}" for part, why in one.get("left_out", {}).items()]
    words = "\n".join(["", "", "Not exported:", "", *left, ""]) if left else "\n"
    path.write_text(HEAD.format(size=size) + table + words, encoding="utf-8")
    path.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipes", nargs="*")
    parser.add_argument("--size", type=int, default=32, help="of the pictures")
    parser.add_argument("--out", type=Path, help="the table, in Markdown; the figures as JSON beside it")
    ask = parser.parse_args()
    chosen = ask.recipes or names()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen:
            found.append(row(name, Path(folder), ask.size))
            print(json.dumps(found[-1]), flush=True)
            if ask.out:
                write(ask.out, found, ask.size)


if __name__ == "__main__":
    main()
