"""What each command does, between the command line and the library."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from ganvas.core.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from ganvas.cli import Doctor, Evaluate, Explore, Export, Reproduce, Sample, Study, Train, Write
    from ganvas.report.show import Pictures


def recipes() -> list[dict[str, Any]]:
    """A row for every recipe."""
    from ganvas.recipes.base import find, names

    found = {name: find(name) for name in names()}
    return [
        {
            "recipe": name,
            "for": (type(recipe).__doc__ or "").strip().splitlines()[0],
            "learns": recipe.kind,
            "paper": recipe.paper,
            "cost": recipe.cost,
        }
        for name, recipe in found.items()
    ]


def builtin_sets() -> list[dict[str, Any]]:
    """A row for every data set that comes with the package."""
    from ganvas.data.builtin import BUILTIN

    return [
        {"data": name, "about": s.about, "kind": s.kind, "size": s.size, "licence": s.licence}
        for name, s in BUILTIN.items()
    ]


def inspect(data: str, settings: dict[str, str], quiet: bool) -> dict[str, Any]:
    """Survey the data, time the recipe that suits it, and show both."""
    from ganvas.api import pace
    from ganvas.core.settings import override
    from ganvas.data.load import kind_of
    from ganvas.data.survey import survey
    from ganvas.recipes.base import DEFAULTS, data_settings, find
    from ganvas.terminal import OUT, duration, reading

    name = DEFAULTS[kind_of(data, settings)]
    recipe = override(find(name), settings)
    with reading() as progress:
        result = survey(data, data_settings(recipe), progress)
    speed = pace(data, recipe)
    seconds = recipe.training.steps * recipe.training.batch / speed
    if not quiet:
        from ganvas.data.survey_text import render

        flags = "".join(f" --{key} {value}" for key, value in result.settings.items())
        OUT.print(render(result))
        OUT.print("\n[bold]proposed[/]")
        OUT.print(f"ganvas train {name} --data {shlex.quote(data)}{flags}", style="green", markup=False)
        unit, steps = "windows" if result.text else "items", recipe.training.steps
        OUT.print(
            f"It goes through {speed:,.0f} {unit} a second here: its {steps:,} steps take about "
            f"{duration(seconds)}. For a time of your own: --budget 10m.",
            highlight=False,
        )
    chosen = {"recipe": name, "items_per_second": round(speed), "seconds": round(seconds)}
    return result.model_dump(mode="json") | chosen


def train(ask: "Train") -> dict[str, Any]:
    """Train with a display, keep pictures and curves, and write the report."""
    from ganvas import watched
    from ganvas.core import distributed
    from ganvas.remedies.treatment import in_force
    from ganvas.report.show import SHOW
    from ganvas.terminal import said

    run = watched.train(
        ask.data,
        ask.recipe,
        out=ask.out,
        steps=ask.steps,
        epochs=ask.epochs,
        budget=ask.budget,
        seed=ask.seed,
        device=ask.device,
        init_from=ask.init_from,
        resume=ask.resume,
        doctor=ask.doctor,
        settings=dict(ask.settings),
    )
    progress = run.progress()
    if distributed.rank() == 0:
        if progress["finished"]:
            said(f"\nThe model, its samples and its report are in {run.path}. Look at {run.path}/report.html")
            several = SHOW[run.record["data"]["spec"]["kind"]].several
            said(f"Make more with  ganvas sample {shlex.quote(str(run.path))} -n 64 -o {several}")
            if changed := in_force(run):
                said(f"Changed by the doctor: {changed}. Why:  ganvas doctor {shlex.quote(str(run.path))}")
        else:
            said(f"\nStopped after step {progress['step']:,}, and saved. Go on exactly from here with")
            said(f"  ganvas train --out {shlex.quote(str(run.path))} --resume")
    distributed.stop()
    return {"run": str(run.path)} | progress


def sample(ask: "Sample") -> dict[str, Any]:
    """Make items and write them: one file, or one an item where the name ends in a slash."""
    from ganvas.report.show import SHOW

    out = Path(ask.out)
    many = ask.out.endswith(("/", "\\"))
    if not many and out.is_dir():
        raise UserError(f"{out} is a folder; write {out}/ for one file an item, or name a file")
    model = _model(ask)
    show = SHOW[model.spec.kind]
    if ask.out == "samples.png":
        out = Path(show.several)
    items = _made(model, ask)
    paths = _write_each(out, items, show) if many else [_write(out, items, show)]
    print(f"{len(items)} samples in {out}{'/' if many else ''}", file=sys.stderr)
    return {"samples": len(items), "files": [str(path) for path in paths], "seed": ask.seed}


def write(ask: "Write") -> dict[str, Any]:
    """Go on with a text, on standard output as it is written."""
    from ganvas.model import load
    from ganvas.terminal import printable, said

    model = load(ask.run, ask.device)
    words = [word.replace("\\n", "\n").replace("\\t", "\t") for word in ask.stop]
    show = printable if sys.stdout.isatty() else str
    pieces = model.stream(
        ask.prompt,
        length=ask.length,
        seed=ask.seed,
        stop=words,
        temperature=ask.temperature,
        top_k=ask.top_k,
        top_p=ask.top_p,
        min_p=ask.min_p,
    )
    vocabulary, context = model.spec.vocabulary, model.spec.shape[0]
    if vocabulary and (count := len(vocabulary.encode(ask.prompt))) > context:
        said(f"The prompt has {count:,} tokens, and the model looks back {context:,}: it reads their end.")
    text = ""
    if not ask.as_json:
        print(show(ask.prompt), end="", flush=True)
    for piece in pieces:
        text += piece
        if not ask.as_json:
            print(show(piece), end="", flush=True)
    if not ask.as_json:
        print()
    return {"prompt": ask.prompt, "text": text, "seed": ask.seed}


def _model(ask: "Sample") -> Any:
    """What samples: of a run, or of an ONNX file, for which torch is not imported."""
    if ask.run.suffix.lower() == ".onnx":
        from ganvas.export.runtime import OnnxModel

        return OnnxModel(ask.run)
    from ganvas.model import load

    return load(ask.run, ask.device)


def _made(model: Any, ask: "Sample") -> "np.ndarray":
    """Of latents that were drawn, or that were given."""
    if ask.latents is None and ask.keep_latents is None:
        return model.sample(ask.n, seed=ask.seed, label=ask.label, truncation=ask.truncation)
    from ganvas.export import files

    if ask.latents is not None:
        z, label = files.latents(ask.latents, ask.label)
    else:
        z, label = files.drawn(model, ask.n, ask.seed, ask.label, ask.truncation)
    if ask.keep_latents is not None:
        files.keep(ask.keep_latents, z, label)
    return model.decode(z, label=label if model.spec.classes else None)


def export(ask: "Export") -> dict[str, Any]:
    """Write a model for use elsewhere, and say what was written."""
    from ganvas.export.targets import export
    from ganvas.terminal import ERR

    return export(
        ask.run,
        ask.to,
        ask.out,
        precision=ask.precision,
        licence=ask.licence,
        push=ask.push,
        said=ERR.print,
    )


def reproduce(ask: "Reproduce") -> list[dict[str, Any]]:
    """Train and judge a table's rows; the table, also as TABLE.md."""
    from rich.markdown import Markdown

    from ganvas.core.files import write_text
    from ganvas.studies.reproduce import TABLES, find, markdown
    from ganvas.studies.reproduce import reproduce as run
    from ganvas.terminal import OUT

    if ask.table is None:
        rows = [{"table": k, "about": t.title, "protocol": t.protocol} for k, t in TABLES.items()]
        return rows if ask.as_json else _listed(rows)
    find(ask.table)
    found = run(
        ask.table,
        ask.data,
        ask.out / ask.table,
        rows=tuple(ask.rows.split(",")) if ask.rows else (),
        budget=ask.budget,
        samples=ask.samples,
        seed=ask.seed,
        seeds=ask.seeds,
    )
    text = markdown(ask.table, found)
    write_text(ask.out / f"{ask.table}.md", text)
    if not ask.as_json:
        OUT.print(Markdown(text))
    return found


def study(ask: "Study") -> dict[str, Any]:
    """Compare, with the runs counted as they come in, and show the answer."""
    from ganvas.report import studied
    from ganvas.studies.study import study as compare
    from ganvas.terminal import ERR, OUT, Tally, figures

    if ask.data is None:
        raise UserError(
            "say what to learn from: --data with a folder, a file or a built-in set such as fashion"
        )
    tally = Tally("runs")
    try:
        with tally.watching():
            found = compare(
                ask.recipes,
                ask.data,
                seeds=ask.seeds,
                steps=ask.steps,
                epochs=ask.epochs,
                budget=ask.budget,
                out=ask.out,
                settings=dict(ask.settings),
                workers=ask.workers,
                ray=ask.ray,
                device=ask.device,
                at=ask.at,
                samples=ask.samples,
                features=ask.features,
                by=ask.by,
                space=ask.search,
                trials=ask.trials,
                retry=ask.retry,
                said=ERR.print,
                watch=tally,
            )
    except KeyboardInterrupt:
        ERR.print("\nStopped; the runs under way have saved. The same command goes on from here.")
        raise
    if not ask.as_json:
        table = studied.narrowed(studied.table(found), found["figure"], OUT.width)
        OUT.print(figures("", table.heads, table.rows))
        for sentence in [*table.notes[:1], *found["notes"], "", *found["verdict"], ""]:
            OUT.print(sentence, markup=False, soft_wrap=True)
        OUT.print(
            f"Runs, study.json, table.md, plots/ and report.html are in {found['study']}/", markup=False
        )
    return found


def doctor(ask: "Doctor") -> dict[str, Any]:
    """What is wrong with a run, and what was."""
    from ganvas.core.run import Run
    from ganvas.remedies.doctor import diagnose, told
    from ganvas.terminal import OUT

    run = Run.open(ask.run)
    found = diagnose(run, _usual(run.record.get("recipe")))
    if not ask.as_json:
        for line in told(found):
            OUT.print(line, markup=False, soft_wrap=True)
    return found


def _usual(recipe: str | None) -> dict[str, Any]:
    """A recipe's own settings; none of one that this ganvas does not have."""
    from ganvas.recipes.base import find, names

    return find(recipe).model_dump(mode="json") if recipe in names() else {}


def _listed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    from ganvas.terminal import listing

    listing(rows)
    return rows


def explore(ask: "Explore") -> dict[str, Any]:
    """Draw what the model has understood, and show it in the report too."""
    from ganvas.report import page
    from ganvas.report.explore import explore as draw
    from ganvas.report.explored import FOLDER
    from ganvas.terminal import ERR, counting

    with counting() as progress:
        found = draw(
            ask.run,
            ask.what,
            out=ask.out,
            seed=ask.seed,
            label=ask.label,
            data=ask.data,
            pictures=ask.picture,
            device=ask.device,
            said=ERR.print,
            progress=progress,
        )
    ERR.print(f"{', '.join(found)} in {ask.out or ask.run / FOLDER}/")
    if ask.out is None:
        ERR.print(f"The same in {page.write(ask.run)}")
    return {"run": str(ask.run), "explored": found}


def evaluate(ask: "Evaluate") -> dict[str, Any]:
    """Judge a run, and show what was found here and in the report."""
    from ganvas.report import evaluated, page
    from ganvas.studies.evaluation import evaluate as judge
    from ganvas.terminal import ERR, OUT, counting, figures

    with counting() as progress:
        found = judge(
            ask.run,
            samples=ask.samples,
            features=ask.features,
            baselines=ask.baselines,
            data=ask.data,
            seed=ask.seed,
            device=ask.device,
            said=ERR.print,
            progress=progress,
        )
    path = page.write(ask.run)
    if not ask.as_json:
        table = evaluated.table(found)
        OUT.print(figures("", table.heads, table.rows))
        words = [*table.notes, (found.get("copying") or {}).get("verdict"), evaluated.distinct(found)]
        for sentence in filter(None, words):
            OUT.print(sentence, markup=False, soft_wrap=True)
        OUT.print(f"The same, with pictures, in {path}", markup=False, soft_wrap=True)
    return found


def _write(path: Path, items: "np.ndarray", show: "Pictures") -> Path:
    from ganvas.core.files import beside

    with beside(path) as draft:
        show.write(items, draft, path)
    return path


def _write_each(folder: Path, items: "np.ndarray", show: "Pictures") -> list[Path]:
    from ganvas.core.files import beside

    digits, suffix = len(str(len(items) - 1)), Path(show.several).suffix
    paths = [folder / f"{k:0{digits}}{suffix}" for k in range(len(items))]
    if taken := next((path for path in paths if path.exists()), None):
        raise UserError(f"{taken} exists already and is not overwritten; name another folder with -o")
    for path, item in zip(paths, items, strict=True):
        with beside(path) as draft:
            show.write_one(item, draft, path)
    return paths


def help_for(recipe: str) -> None:
    """The settings of one recipe, below the options of `train`."""
    from rich.table import Table

    from ganvas.core.settings import each
    from ganvas.recipes.base import find
    from ganvas.terminal import OUT

    found = find(recipe)
    shown = Table(
        box=None, pad_edge=False, title=f"Settings of {recipe}: {type(found).__doc__}", title_justify="left"
    )
    for heading in ("setting", "default", "what it does"):
        shown.add_column(heading, overflow="fold")
    for name, value, field in each(found):
        words = (field.description or "").replace("\n", " ")
        if get_origin(field.annotation) is Literal:
            words += f" One of: {', '.join(map(str, get_args(field.annotation)))}."
        shown.add_row(f"--{name}", str(value), words)
    OUT.print(shown)
