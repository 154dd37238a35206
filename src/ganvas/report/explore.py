"""`ganvas explore`: what a trained model has understood, in pictures or text, in a folder of its run."""

import difflib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from ganvas.core.errors import UserError
from ganvas.core.files import beside
from ganvas.core.randomness import mixed
from ganvas.core.run import Run
from ganvas.exploration import texts
from ganvas.exploration.pictures import held_out, of_files
from ganvas.exploration.scene import Pictures, Scene
from ganvas.exploration.views import VIEWS, View, refuse
from ganvas.model import Model, load
from ganvas.recipes.base import find
from ganvas.report.explored import FOLDER
from ganvas.report.sheets import animate, sheet

Said = Callable[[str], None]
Progress = Callable[[str], Callable[[int, int], None]]
"""Gives, for what is being done, what is to be called with how much of how much is done."""


def silent(what: str) -> Callable[[int, int], None]:
    return lambda done, total: None


def explore(
    run: str | Path,
    what: Sequence[str] = (),
    *,
    out: str | Path | None = None,
    seed: int = 0,
    label: str | int | None = None,
    data: str | Path | None = None,
    pictures: Sequence[str | Path] = (),
    device: str = "auto",
    said: Said = lambda sentence: None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Draw what a trained model has understood; files and figures of each exploration, by its name.

    `what`: interpolation, plane, traversal, directions, reconstruction, inversion, saliency; of text
    interpolation, neighbours, reconstruction; left out, all that the model has the means for. `data` takes
    the place of the training data's held-out part, and `pictures` (files) that of the real pictures shown.
    Without `out` all goes to RUN/explore. Raises UserError where the model lacks the means, or pictures are
    needed and there are none.
    """
    known = VIEWS | texts.VIEWS
    if unknown := next((name for name in what if name not in known), None):
        near = difflib.get_close_matches(unknown, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
        raise UserError(f"there is no exploration {unknown!r}; {hint}")
    model = load(run, device)
    folder = Path(out) if out is not None else Path(run) / FOLDER
    if model.spec.kind == "text":
        if pictures:
            raise UserError("this model makes text and is shown no pictures; texts of your own: --data FILE")
        return _told(model, Run.open(Path(run)), what, folder, seed, data, progress)
    if other := next((name for name in what if name not in VIEWS), None):
        raise UserError(f"{other} is of text, and this model makes {model.spec.kind}")
    if model.spec.kind != "image":
        raise UserError(
            f"what is explored is shown in pictures, and this model makes {model.spec.kind}; "
            f"`ganvas sample {run}` draws them"
        )
    scene = _scene(model, Run.open(Path(run)), seed, label, data, pictures, progress)
    names = list(dict.fromkeys(what)) or _possible(scene)
    if what:
        for name in names:
            refuse(scene, name)
    found: dict[str, Any] = {}
    for name in names:
        try:
            with torch.random.fork_rng(devices=[]):  # what some models draw for themselves
                torch.manual_seed(mixed(seed, "explore", name))
                view = VIEWS[name](scene)
        except UserError as error:
            if what or (name == names[-1] and not found):
                raise
            said(f"{name} is left out: {error}")
            continue
        found[name] = {"files": [str(path) for path in _write(view, name, model, folder)]} | view.figures
    return found


def _told(
    model: Model,
    run: Run,
    what: Sequence[str],
    folder: Path,
    seed: int,
    data: str | Path | None,
    progress: Progress,
) -> dict[str, Any]:
    """The same of text."""
    if not hasattr(model.objective, "encode"):
        raise UserError(
            "what is explored are latent numbers, and this model makes text without any; "
            "`ganvas train textvae` learns such"
        )
    if other := next((name for name in what if name not in texts.VIEWS), None):
        raise UserError(f"{other} is of pictures; of text there are {', '.join(texts.VIEWS)}")
    own = str(run.record.get("data", {}).get("source", ""))
    source = own if data is None else str(data)
    recipe = type(find(model.config["recipe"])).model_validate(model.config["settings"])
    unseen = texts.found(recipe, model.spec, source, source == own, progress("reading"))
    shelf = texts.Shelf(model.objective, model.spec, unseen, seed, progress)
    found: dict[str, Any] = {}
    for name in dict.fromkeys(what or texts.VIEWS):
        view = texts.VIEWS[name](shelf)
        with beside(path := folder / f"{name}.txt") as draft:
            draft.write_text(view.text + "\n", encoding="utf-8")
        found[name] = {"files": [str(path)]} | view.figures
    return found


def _possible(scene: Scene) -> list[str]:
    """All that this model has the means for."""
    names = []
    for name in VIEWS:
        with suppress(UserError):
            refuse(scene, name)
            names.append(name)
    if not names:
        raise UserError(
            "there is nothing to explore in this model: it has neither latent numbers nor a critic"
        )
    return names


def _write(view: View, name: str, model: Model, folder: Path) -> list[Path]:
    path = folder / f"{name}.png"
    with beside(path) as draft:
        sheet(view, model.spec).save(draft, "PNG", optimize=True)
    if view.frames is None:
        return [path]
    return [path, animate(view.frames, model.spec, folder / f"{name}.webp")]


def _scene(
    model: Model,
    run: Run,
    seed: int,
    label: str | int | None,
    data: str | Path | None,
    files: Sequence[str | Path],
    progress: Progress,
) -> Scene:
    recipe = type(find(model.config["recipe"])).model_validate(model.config["settings"])
    chosen = None if label is None else model.label(label)
    own = str(run.record.get("data", {}).get("source", ""))
    source = own if data is None else str(data)

    def pictures() -> Pictures:
        try:
            return held_out(recipe, model.spec, source, source == own, seed, progress("reading"))
        except UserError as error:
            if data is not None:
                raise
            raise UserError(f"the data of this run cannot be had ({error}); name others by --data") from None

    labelled = hasattr(model.objective, "encode") or hasattr(model.objective, "judge")
    given = of_files([Path(f) for f in files], recipe, model.spec, chosen, labelled) if files else None
    return Scene(model.objective, model.spec, pictures, given, seed, chosen, progress)
