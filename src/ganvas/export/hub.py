"""A run as a repository of the Hugging Face hub: weights, config, recipe, and a card written from the run."""

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from ganvas.core.errors import UserError, reason
from ganvas.core.files import save_tensors, write_json, write_text
from ganvas.core.run import Run
from ganvas.data.spec import Spec
from ganvas.export.facts import named, version
from ganvas.export.onnx import draft_of
from ganvas.model import Model, folder_of, load
from ganvas.recipes.base import find
from ganvas.report import evaluated
from ganvas.report.show import SHOW

Said = Callable[[str], None]
TASKS = {
    "image": "unconditional-image-generation",
    "text": "text-generation",
    "speech": "text-to-speech",
}
"""What the hub calls it."""
KINDS = {"image": "pictures", "points": "points", "text": "text", "sound": "sounds", "speech": "speech"}
KEPT = ("recipe", "settings", "suited", "seed", "budget", "epochs", "data", "environment", "began")
"""Of recipe.json; the rest tells of this machine's folders."""


def export(
    run: Run,
    out: Path,
    *,
    small: bool = False,
    licence: str | None = None,
    push: str | None = None,
    said: Said = lambda sentence: None,
) -> dict[str, Any]:
    """The repository as a new folder, and what was written; pushed where that is asked for.

    `small`: weights in halves of their bits, without players that only training needs.
    UserError: no whole model, a folder that is there, no token to push with, the hub's own refusals.
    """
    if licence is not None and not re.fullmatch(r"[A-Za-z0-9][\w.+-]*", licence):
        raise UserError(f"--licence is one word as the hub has it (mit, cc-by-4.0, other …), not {licence!r}")
    api = _pushable(push) if push else None
    model = load(run.path, "cpu")
    with draft_of(out) as draft:
        _write(run, model, draft, push or f"USER/{run.path.resolve().name}", licence)
        if small:
            _shrink(model, draft / "model.safetensors")
    files = {path.name: path.stat().st_size for path in sorted(out.iterdir())}
    said(f"{', '.join(files)} in {out}/, {sum(files.values()) / 1e6:.1f} MB")
    if licence is None:
        said("No licence is stated: --licence NAME states one. Read README.md before you give it to others.")
    address = _sent(api, push, out) if api and push else None
    if address:
        said(f"Sent to {address}, as a private repository. Load it with  ganvas.load('hf:{push}')")
    else:
        said(f"`ganvas sample {shlex.quote(str(out))}` and ganvas.load({str(out)!r}) read it")
    return {"to": "hub", "folder": str(out), "files": files, "bytes": sum(files.values()), "address": address}


def _write(run: Run, model: Model, folder: Path, name: str, licence: str | None) -> None:
    for file in ("model.safetensors", "config.json"):
        shutil.copyfile(folder_of(run.path) / file, folder / file)
    record = {key: run.record[key] for key in KEPT if key in run.record}
    write_json(folder / "recipe.json", record | {"data": _data(run.record)})
    judged = evaluated.read(run.path)
    if judged:
        write_json(folder / "evaluation.json", judged | {"run": name})
    show = SHOW[model.spec.kind](model.spec)
    items = model.sample(show.count, seed=0)
    picture = f"samples{show.suffix}"
    show.keep(show.drawn(items, items), items, folder / picture)
    write_text(folder / "README.md", card(run, model, name, licence, picture, judged))


def _shrink(model: Model, path: Path) -> None:
    spare = tuple(f"{name}." for name in model.objective.spare)
    kept = {key: value for key, value in load_file(path).items() if not key.startswith(spare)}
    save_tensors(path, {k: v.half() if v.is_floating_point() else v for k, v in kept.items()})


def _size(spec: Spec) -> str:
    """Of an item, in words."""
    if spec.rate:
        return f"{spec.rate:,} Hz"
    return " x ".join(map(str, [*spec.shape[1:], spec.shape[0]]))


def _data(record: dict[str, Any]) -> dict[str, Any]:
    """Without the folder it lay in."""
    data = record.get("data") or {}
    return data | {"source": named(data)["name"]}


def card(run: Run, model: Model, name: str, licence: str | None, picture: str, judged: dict[str, Any]) -> str:
    """README.md: what it is, how to use it, what it learnt from, how good it is, what it is not good for."""
    from jinja2 import Environment, PackageLoader

    page = Environment(loader=PackageLoader("ganvas.export", "."), trim_blocks=True, lstrip_blocks=True)
    record, recipe = run.record, find(model.config["recipe"])
    progress = run.progress()
    return page.get_template("card.md.jinja").render(
        name=name,
        title=name.partition("/")[2] or name,
        licence=licence,
        task=TASKS.get(model.spec.kind),
        kind=KINDS.get(model.spec.kind, "items"),
        picture=picture,
        shape=_size(model.spec),
        classes=model.spec.classes,
        recipe=model.config["recipe"],
        about=(type(recipe).__doc__ or "").strip().splitlines()[0],
        paper=recipe.paper,
        data=named(record.get("data") or {}),
        seed=record.get("seed"),
        step=model.config.get("step") or progress["step"],
        seconds=round(progress["seconds"]),
        version=version(),
        table=evaluated.table(judged) if judged else None,
        judged=judged,
        verdict=(judged.get("copying") or {}).get("verdict"),
        weights=sum(value.numel() for value in model.objective.state_dict().values()),
    )


def _pushable(push: str) -> Any:
    """The hub's client, with a token."""
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", push):
        raise UserError(f"--push takes USER/NAME, not {push!r}")
    try:
        import huggingface_hub  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise UserError("--push needs huggingface_hub: pip install 'ganvas[hub]'") from None
    if huggingface_hub.get_token() is None:
        raise UserError("--push needs a token of the hub: run `hf auth login`, or set HF_TOKEN")
    return huggingface_hub.HfApi()


def _sent(api: Any, push: str, folder: Path) -> str:
    """The address at which it lies now; private, for whoever made it to open."""
    try:
        api.create_repo(push, private=True, exist_ok=True)
        api.upload_folder(repo_id=push, folder_path=str(folder), commit_message="ganvas export --to hub")
    except Exception as error:  # of the network or the hub: each has its own
        raise UserError(f"{folder} was written, but not sent to {push}: {reason(error)}") from None
    return f"{api.endpoint}/{push}"
