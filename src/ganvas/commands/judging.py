"""What the commands of `ganvas.cli.judging` do."""

from typing import TYPE_CHECKING, Any

from ganvas.core.errors import UserError

if TYPE_CHECKING:
    from ganvas.cli.judging import Doctor, Evaluate, Reproduce, Study


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
            card=ask.card,
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
        words = [*table.notes, *(found.get("card") or {}).get("verdict", [])]
        words += [(found.get("copying") or {}).get("verdict"), evaluated.distinct(found)]
        for sentence in filter(None, words):
            OUT.print(sentence, markup=False, soft_wrap=True)
        OUT.print(f"The same, with pictures, in {path}", markup=False, soft_wrap=True)
    return found


def doctor(ask: "Doctor") -> dict[str, Any]:
    """What is wrong with a run, and what was."""
    from ganvas.model import trained
    from ganvas.remedies.doctor import diagnose, told
    from ganvas.terminal import OUT

    run = trained(ask.run)
    found = diagnose(run, _usual(run.record.get("recipe")))
    if not ask.as_json:
        for line in told(found):
            OUT.print(line, markup=False, soft_wrap=True)
    return found


def _usual(recipe: str | None) -> dict[str, Any]:
    """A recipe's own settings; none of one that this ganvas does not have."""
    from ganvas.recipes.base import find, names

    return find(recipe).model_dump(mode="json") if recipe in names() else {}


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


def reproduce(ask: "Reproduce") -> list[dict[str, Any]]:
    """Train and judge a table's rows; the table, also as TABLE.md."""
    from rich.markdown import Markdown

    from ganvas.core.files import write_text
    from ganvas.studies.reproduce import TABLES, markdown
    from ganvas.studies.reproduce import reproduce as run
    from ganvas.terminal import OUT

    if ask.table is None:
        rows = [{"table": k, "about": t.title, "protocol": t.protocol} for k, t in TABLES.items()]
        return rows if ask.as_json else _listed(rows)
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


def _listed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    from ganvas.terminal import listing

    listing(rows)
    return rows
