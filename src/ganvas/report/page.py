"""One self-contained HTML page from a run's folder: what was learnt, how, and how to go on."""

import base64
import io
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from ganvas.core.files import write_text
from ganvas.core.run import HELD_OUT, QUALITY, Run
from ganvas.data.load import KINDS
from ganvas.model import trained
from ganvas.remedies.treatment import in_force
from ganvas.report import card, diary, evaluated
from ganvas.report.curves import charts, short
from ganvas.report.explored import drawn
from ganvas.report.players import player
from ganvas.report.show import SHOW

DIARY = "diary.jsonl"
STAGES = 8
"""Pictures in the time line."""
WORDY = 400
"""Characters of a setting that are shown: the merges of a vocabulary are many."""
READ, STAGE = 4_000, 600
"""Characters of samples that are shown, at the end and on the way."""
WINDOWS = {"text": "windows of text", "sounds": "windows of sound", "speech": "utterances"}
"""What the items are, where they are not all of what is learnt."""
THUMBNAIL = 560
"""Largest side of one of them, in pixels."""


@dataclass(frozen=True)
class Picture:
    """An image of the page."""

    uri: str
    width: int
    height: int
    caption: str = ""
    sound: str = ""
    """What it shows, to be played."""


def write(run_dir: Path) -> Path:
    """Write `run_dir`/report.html and return its path. Whatever the run lacks is left out.

    Raises UserError where there is no run.
    """
    from jinja2 import Environment, PackageLoader

    page = Environment(loader=PackageLoader("ganvas.report", "."), autoescape=True, trim_blocks=True)
    run = trained(run_dir)
    path = run.path / "report.html"
    write_text(path, page.get_template("template.html.jinja").render(contents(run)))
    return path


def contents(run: Run) -> dict[str, Any]:
    """All that the template shows."""
    record, log = run.record, [line for line in run.lines() if "step" in line]
    stages = sorted(run.samples.glob("step-*.png"))
    last = run.samples / "final.png"
    final = last if last.exists() else next(iter(stages[::-1]), last)
    data = record.get("data") or {}
    judged = evaluated.read(run.path)
    return {
        "title": run.path.resolve().name,
        "sentence": sentence(record, log),
        "tiles": tiles(data, log),
        "final": picture(final),
        "real": picture(run.samples / "real.png"),
        "interpolation": picture(run.samples / "interpolation.png"),
        "explored": [*explored(run.path)],
        "texts": texts(run),
        "stages": [p for path in spread(stages) if (p := picture(path, THUMBNAIL, step_of(path)))],
        "charts": charts([*log, *run.lines(QUALITY), *run.lines(HELD_OUT)], diary.troubles(run.lines(DIARY))),
        "table": evaluated.table(judged),
        "classes": evaluated.classes(judged),
        "copying": judged.get("copying"),
        "card": honesty(run.path, judged.get("card") or {}),
        "neighbours": neighbours(run.path, judged.get("copying") or {}),
        "distinct": evaluated.distinct(judged),
        "diary": [*diary.entries(run.lines(DIARY))],
        "changed": in_force(run),
        "settings": [*groups(record.get("settings") or {})],
        "environment": [*groups({k: v for k, v in record.items() if k != "settings"})],
        "commands": commands(run.path, record),
    }


def sentence(record: dict[str, Any], log: Sequence[dict[str, Any]]) -> str:
    """What this is, in one sentence."""
    data = record.get("data") or {}
    known = KINDS.get((data.get("spec") or {}).get("kind", ""))
    kind = known.items if known else "items"
    of = WINDOWS.get(kind, kind)
    count = f"{data['items']:,} {of}" if isinstance(data.get("items"), int) else of
    source = Path(str(data["source"])).name if data.get("source") else "unnamed data"
    like = "that" if kind in ("text", "speech") else "those"
    start = f"The recipe “{record.get('recipe', 'unknown')}” learnt to make {kind} like {like} of “{source}”"
    if not log:
        return f"{start}; nothing has been logged yet."
    spent = f", {duration(log[-1]['time'])}" if "time" in log[-1] else ""
    return f"{start}: {log[-1]['step']:,} steps over {count}{spent}."


def tiles(data: dict[str, Any], log: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """The few numbers that stand at the top, each with its name."""
    found = []
    if log:
        found.append((f"{log[-1]['step']:,}", "steps"))
        if "time" in log[-1]:
            found.append((duration(log[-1]["time"]), "of training"))
        speeds = sorted(line["items_per_second"] for line in log if line.get("items_per_second"))
        if speeds:
            found.append((short(speeds[len(speeds) // 2]), "items a second"))
    if isinstance(data.get("items"), int):
        found.append((f"{data['items']:,}", "training items"))
    spec = data.get("spec") or {}
    if (shape := spec.get("shape")) and spec.get("rate"):
        of = "the longest one" if spec.get("kind") == "speech" else "each one"
        found.append((f"{shape[0] / spec['rate']:.3g} s", of))
    elif shape:
        found.append((" × ".join(map(str, [*shape[1:], shape[0]])), "size of one"))
    return found


def duration(seconds: float) -> str:
    """As people say it: 42 s, 9 min 30 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def spread(paths: Sequence[Path]) -> list[Path]:
    """At most `STAGES` of them, first and last among them, denser at first, when much changes."""
    top = len(paths) - 1
    if top < STAGES:
        return list(paths)
    return [paths[i] for i in sorted({round(top * (k / (STAGES - 1)) ** 1.5) for k in range(STAGES)})]


def step_of(path: Path) -> str:
    digits = re.search(r"\d+", path.stem)
    return f"step {int(digits[0]):,}" if digits else path.stem


def picture(path: Path, largest: int | None = None, caption: str = "") -> Picture | None:
    """A file as a data URI, made smaller where it is larger than `largest`; None where it cannot be shown."""
    try:
        with Image.open(path) as image:
            image.load()
            kind = image.get_format_mimetype()
    except (OSError, SyntaxError):  # not there, or cut short by a kill
        return None
    raw, size = path.read_bytes(), image.size
    if largest and max(size) > largest:
        shrunk = image.convert("RGB")
        shrunk.thumbnail((largest, largest), Image.Resampling.LANCZOS)
        file = io.BytesIO()
        shrunk.save(file, "PNG", optimize=True)
        raw, size, kind = file.getvalue(), shrunk.size, "image/png"
    return Picture(f"data:{kind};base64,{base64.b64encode(raw).decode()}", *size, caption, player(path))


def texts(run: Run) -> dict[str, Any]:
    """Samples that are text: the last ones, real ones, and what came before as it learnt."""
    stages = sorted(run.samples.glob("step-*.txt"))
    if not stages:
        return {}
    shown = [(step_of(path), path.read_text(encoding="utf-8")[:READ]) for path in spread(stages)]
    real = run.samples / "real.txt"
    return {
        "made": shown[-1][1],
        "real": real.read_text(encoding="utf-8")[:READ] if real.exists() else "",
        "stages": [(step, text[:STAGE]) for step, text in shown],
    }


def explored(run: Path) -> Iterator[tuple[str, str, list[Picture], str]]:
    """Heading, words, and pictures or text of what `ganvas explore` has shown."""
    for heading, words, files in drawn(run):
        told = "".join(f.read_text(encoding="utf-8")[:READ] for f in files if f.suffix == ".txt")
        shown = [p for file in files if not told and (p := picture(file))]
        if shown or told:
            yield heading, words, shown, told


def groups(tree: dict[str, Any]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """A nested record as tables: what has no group, then one for each branch, with dotted names inside."""
    plain = [(key, shown(value)) for key, value in tree.items() if not isinstance(value, dict)]
    if plain:
        yield "", plain
    for key, value in tree.items():
        if isinstance(value, dict):
            yield key, [*leaves(value)]


def leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, shown(value)


def shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value)) or "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    words = "–" if value is None or value in ("", {}) else str(value)
    return words if len(words) <= WORDY else f"{words[:WORDY]} …"


def honesty(run: Path, found: dict[str, Any]) -> dict[str, Any]:
    """The card, drawn anew, and its verdict."""
    return {"picture": picture(card.draw(found, run)), "verdict": found["verdict"]} if found else {}


def neighbours(run: Path, found: dict[str, Any]) -> list[Picture]:
    """The samples most like training pictures, each above its source."""
    words = {
        "nearest-features.png": "by what the features see",
        "nearest-pixels.png": "pixel by pixel",
    }
    files = [run / evaluated.FOLDER / name for name in words]
    return [p for file in files if found and (p := picture(file, caption=words[file.name]))]


def commands(path: Path, record: dict[str, Any]) -> list[tuple[str, str]]:
    """What to type next, each with what it does."""
    data, encodes = record.get("data") or {}, record.get("recipe") == "textvae"
    run = shlex.quote(str(path))
    kind = (data.get("spec") or {}).get("kind", "image")
    many = SHOW[kind].several if kind in SHOW else "samples.png"
    return [
        (
            "Make 64 new ones, always the same for the same seed",
            f"ganvas sample {run} -n 64 --seed 1 -o {many}",
        ),
        ("Go on where it stopped, if it was interrupted", f"ganvas train --resume --out {run}"),
        ("Judge it by what it has not seen, on this page too", f"ganvas evaluate {run} --baselines"),
        *([] if kind != "text" or encodes else [_talk(run, data["spec"])]),
        *(
            []
            if kind != "image" and not encodes
            else [("Look into it, on this page too", f"ganvas explore {run}")]
        ),
        ("Write this page anew", f"ganvas report {run}"),
    ]


def _talk(run: str, spec: dict[str, Any]) -> tuple[str, str]:
    """With a model of text."""
    if (spec.get("vocabulary") or {}).get("roles"):
        return "Ask it something", f"ganvas chat {run}"
    return "Go on with words of your own", f'ganvas write {run} --prompt "…"'
