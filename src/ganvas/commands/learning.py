"""What the commands of `ganvas.cli.learning` do."""

import shlex
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

if TYPE_CHECKING:
    from ganvas.cli.learning import Train


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
    from ganvas.core.settings import override
    from ganvas.data.load import kind_of
    from ganvas.data.survey import survey
    from ganvas.pace import pace
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
        track=ask.track,
        settings=dict(ask.settings),
    )
    progress = run.progress()
    if distributed.rank() == 0:
        if progress["finished"]:
            said(f"\nThe model, its samples and its report are in {run.path}. Look at {run.path}/report.html")
            kind, path = run.record["data"]["spec"]["kind"], shlex.quote(str(run.path))
            if kind == "speech":
                said(f'Let it speak with  ganvas say {path} "Good morning." -o morning.wav')
            else:
                said(f"Make more with  ganvas sample {path} -n 64 -o {SHOW[kind].several}")
            if changed := in_force(run):
                said(f"Changed by the doctor: {changed}. Why:  ganvas doctor {shlex.quote(str(run.path))}")
        else:
            said(f"\nStopped after step {progress['step']:,}, and saved. Go on exactly from here with")
            said(f"  ganvas train --out {shlex.quote(str(run.path))} --resume")
    distributed.stop()
    return {"run": str(run.path)} | progress


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
