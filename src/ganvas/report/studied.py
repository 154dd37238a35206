"""A study as people look at it: its table, its plots, and one self-contained page."""

import base64
import re
from pathlib import Path
from typing import Any

from ganvas.core.files import write_text
from ganvas.report import evaluated
from ganvas.report.curves import short
from ganvas.report.evaluated import NAMES, Table
from ganvas.report.page import THUMBNAIL, Picture, duration, picture
from ganvas.report.plots import FOLDER, over_budget, over_seeds

NAME, COLUMN = 22, 15
"""Letters that a name and a figure take on a terminal."""
SPREAD = "mean ± standard deviation over seeds; below, the interval of the mean"


def table(study: dict[str, Any]) -> Table:
    """Variants down, then real items and baselines; figures across. What was judged otherwise is left out."""
    keys = [key for key in NAMES if key in study["protocol"]]
    rows = [(row["name"], _facts(row), _cells(row["figures"], study, keys)) for row in study["variants"]]
    others = {"real items": study["floor"]}
    others |= {f"baseline {name}": found for name, found in study["baselines"].items()}
    about = {"real items": "of the training data: as good as this judge can tell"}
    rows += [
        (name, about.get(name, "once"), _cells(found, study, keys)) for name, found in others.items() if found
    ]
    levels = sorted({x["level"] for r in study["variants"] for x in r["figures"].values() if x["level"]})
    said = f", of {' and '.join(f'{100 * level:.0f} %' for level in levels)}" if levels else ""
    how = {key: {"value": 0.0, "protocol": value} for key, value in study["protocol"].items()}
    ways = evaluated.protocols(how | {"protocols": study["protocols"]})
    return Table(keys, rows, [f"Figures: {SPREAD}{said}. Of real items and baselines: one judgement.", *ways])


def narrowed(found: Table, by: str, width: int) -> Table:
    """As many columns as a terminal has room for, the figure of merit first."""
    room = max(1, (width - NAME) // COLUMN)
    which = sorted(range(len(found.heads)), key=lambda k: found.heads[k] != by)[:room]
    rows = [(name, facts, [cells[k] for k in which]) for name, facts, cells in found.rows]
    return Table([found.heads[k] for k in which], rows, found.notes)


def _facts(row: dict[str, Any]) -> str:
    failed, steps = row["failures"], row["steps"]
    trained = f", {short(steps)} steps" if steps else ""
    found = " · settings found by the search" if row["searched"] else ""
    return f"{failed['of'] - failed['count']} of {failed['of']} runs well{trained}{found}"


def _cells(figures: dict[str, Any], study: dict[str, Any], keys: list[str]) -> list[tuple[str, str]]:
    cells = []
    for key in keys:
        entry = figures.get(key) or {}
        if entry.get("protocol") != study["protocol"][key]:
            entry = {}
        value, around = evaluated.cell(entry)
        if entry:
            spread = entry.get("sd")
            value = short(entry["value"]) + (f" ± {short(spread)}" if spread is not None else "")
            around = " to ".join(map(short, entry["interval"])) if entry.get("interval") else ""
        cells.append((value, around))
    return cells


def markdown(study: dict[str, Any]) -> str:
    """table.md."""
    found, question = table(study), study["question"]
    lines = [
        f"# {title(study)}",
        "",
        sentence(study),
        "",
        *[f"- {words}" for words in study["verdict"]],
        "",
        f"| | {' | '.join(found.heads)} |",
        f"|---{'|---' * len(found.heads)}|",
    ]
    for name, facts, cells in found.rows:
        shown = [f"{value} ({around})" if around else value for value, around in cells]
        lines.append(f"| `{name}`, {facts} | {' | '.join(shown)} |")
    again = " ".join(_quoted(one["name"]) for one in question["variants"])
    lines += ["", *[f"{note}\n" for note in [*found.notes, *study["notes"]]], f"Of: {again}", ""]
    return "\n".join(lines)


def _quoted(name: str) -> str:
    return f'"{name}"' if " " in name else name


def title(study: dict[str, Any]) -> str:
    return f"A study on {Path(study['question']['data']).name}"


def sentence(study: dict[str, Any]) -> str:
    """What was done, in one sentence."""
    question = study["question"]
    (name, much), seeds = next(iter(question["length"].items())), question["seeds"]
    each = {"budget": f"{much} of training", "steps": f"{much:,} steps" if name == "steps" else ""}
    over = "seed 0 only" if seeds == 1 else f"seeds 0 to {seeds - 1}"
    said = f"{len(study['variants'])} variants, {over}, {each.get(name) or f'{much:g} epochs'} a run"
    threads = sorted({n for row in study["variants"] for n in row["threads"]})
    many = "thread" if threads == [1] else "threads"
    return f"{said}, {' and '.join(map(str, threads)) or 'no'} {many} each, judged by held-out items."


def draw(study: dict[str, Any], out: Path) -> list[Path]:
    """The plots, as PNG and SVG, into plots/."""
    return [*over_seeds(study, out / FOLDER), *over_budget(study, out / FOLDER)]


def write(study: dict[str, Any], out: Path) -> Path:
    """report.html of the study."""
    from jinja2 import Environment, PackageLoader

    page = Environment(loader=PackageLoader("ganvas.report", "."), autoescape=True, trim_blocks=True)
    path = out / "report.html"
    write_text(path, page.get_template("study.html.jinja").render(contents(study, out)))
    return path


def contents(study: dict[str, Any], out: Path) -> dict[str, Any]:
    """All that the template shows."""
    runs = [(row["name"], seed) for row in study["variants"] for seed in row["seeds"]]
    failed = sum(row["failures"]["count"] for row in study["variants"])
    spent = sum(seed["seconds"] or 0.0 for _, seed in runs)
    return {
        "title": title(study),
        "sentence": sentence(study),
        "tiles": [
            (str(len(study["variants"])), "variants"),
            (str(study["question"]["seeds"]), "seeds"),
            (str(len(runs)), "runs"),
            (str(failed), "failed"),
            (duration(spent), "of training"),
        ],
        "verdict": study["verdict"],
        "notes": study["notes"],
        "table": table(study),
        "names": [(key, *NAMES[key]) for key in study["protocol"]],
        "plots": [drawn(path) for path in sorted((out / FOLDER).glob("*.svg"))],
        "samples": [p for row in study["variants"] if (p := samples(row, out))],
        "runs": [_run(name, seed, study["figure"], out) for name, seed in runs],
        "figure": NAMES[study["figure"]][0],
        "search": study.get("search", []),
    }


def drawn(path: Path) -> Picture:
    """An SVG as a data URI."""
    text = path.read_text(encoding="utf-8")
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)
    width, height = (round(float(x) * 4 / 3) for x in (size.groups() if size else (640, 480)))
    uri = f"data:image/svg+xml;base64,{base64.b64encode(text.encode()).decode()}"
    return Picture(uri, width, height, path.stem)


def samples(row: dict[str, Any], out: Path) -> Picture | None:
    """What the variant's first run that came to its end makes."""
    for seed in row["seeds"]:
        made = sorted((_folder(seed, out) / "samples").glob("step-*.png"))
        if seed["figures"] and made:
            return picture(made[-1], THUMBNAIL, f"{row['name']}, seed {seed['seed']}")
    return None


def _folder(seed: dict[str, Any], out: Path) -> Path:
    """The run's folder, wherever the study's has been moved to since."""
    return out / Path(seed["run"]).parent.name / Path(seed["run"]).name


def _run(name: str, seed: dict[str, Any], by: str, out: Path) -> dict[str, str]:
    place = _folder(seed, out)
    value = seed["figures"].get(by)
    troubles = ", ".join(dict.fromkeys(seed.get("doctor") or []))
    words = f"{seed['failure']}: {(seed['words'] or '').splitlines()[0]}" if seed["failure"] else ""
    return {
        "name": name,
        "seed": str(seed["seed"]),
        "value": "–" if value is None else short(value),
        "steps": f"{seed['step']:,}" if seed["step"] else "–",
        "time": duration(seed["seconds"]) if seed["seconds"] else "–",
        "found": words or troubles or "well",
        "link": f"{place.parent.name}/{place.name}/report.html" if (place / "report.html").exists() else "",
    }
