"""What a study asks: recipes with settings over seeds, each run for as long; and the runs that this takes."""

import math
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ganvas.core.errors import UserError
from ganvas.core.files import read_json, write_json
from ganvas.core.run import DRAFT
from ganvas.core.schedule import seconds
from ganvas.core.settings import override
from ganvas.recipes.base import find
from ganvas.studies.stacked import unfinished

FILE = "question.json"
LENGTHS = ("budget", "steps", "epochs")
AS_BEGUN = ("at_once", "stack")
"""What was chosen by how many workers there were, and stays: other ones would make another answer."""
MARKS = "25%,50%"
"""Of the budget, where a run is judged on its way."""


@dataclass(frozen=True, eq=False)
class Variant:
    """A recipe with settings after it."""

    name: str
    """As typed: dcgan --packing 2."""
    recipe: str
    settings: dict[str, str] = field(default_factory=dict)
    """By dotted name, those common to all variants among them."""
    searched: bool = False
    """Whether a search has found its settings."""

    @cached_property
    def made(self) -> Any:
        """The recipe so set."""
        return override(find(self.recipe), self.settings)

    @property
    def folder(self) -> str:
        return re.sub(r"[^\w.]+", "-", self.name).strip("-.")

    def changed(self, settings: Mapping[str, str]) -> "Variant":
        """With what a search has found."""
        words = "".join(f" --{name} {value}" for name, value in settings.items())
        return Variant(self.name + words, self.recipe, self.settings | dict(settings), True)


@dataclass(frozen=True)
class Question:
    """All that the answer depends on, speed of the machine aside."""

    data: str
    variants: tuple[Variant, ...]
    seeds: int
    length: dict[str, Any]
    """One of budget, steps, epochs."""
    at: tuple[float, ...] = ()
    """Shares of the length at which runs are judged on their way."""
    samples: int | None = None
    features: str | None = None
    by: str | None = None
    """The figure of merit; None: fd, and kd where there is no fd."""
    search: tuple[str, ...] = ()
    trials: int = 0
    at_once: int = 0
    """Trials that are proposed together."""
    stack: int = 0
    """Seeds of small networks that are trained side by side in one process, at most."""
    threads: int | None = None
    """Of each run, where they have equal time."""
    fingerprints: tuple[str, ...] = ()
    """Of the data, as each variant prepares them."""

    def line(self) -> dict[str, Any]:
        """As JSON."""
        return _plain(asdict(self))


Job = dict[str, Any]
"""All that a process needs to train and judge one run, as JSON."""


def variants(texts: Sequence[str], common: Mapping[str, str]) -> tuple[Variant, ...]:
    """Of what was typed; UserError names what no recipe has."""
    if not texts:
        raise UserError('say what to compare: ganvas study dcgan r3gan "dcgan --packing 2" --data DATA')
    found = [variant(text, common) for text in texts]
    for k, one in enumerate(found):
        for other in found[:k]:
            if one.recipe == other.recipe and one.made == other.made:
                raise UserError(
                    f"{one.name!r} and {other.name!r} are the same; a study compares what differs"
                )
            if one.folder == other.folder:
                raise UserError(f"{one.name!r} and {other.name!r} differ in too little to name their folders")
    return tuple(found)


def variant(text: str, common: Mapping[str, str]) -> Variant:
    try:
        recipe, *words = shlex.split(text)
    except ValueError:
        raise UserError(f"{text!r} is no recipe with settings, such as 'dcgan --packing 2'") from None
    own: dict[str, str] = {}
    left = iter(words)
    for word in left:
        name, equals, value = word.partition("=")
        if not name.startswith("--"):
            raise UserError(f"{word!r} in {text!r} is no setting; write 'dcgan --packing 2'")
        value = value if equals else next(left, None)
        if value is None:
            raise UserError(f"{name} in {text!r} needs a value, as in {name} VALUE")
        own[name[2:].replace("-", "_")] = value
    one = Variant(" ".join([recipe, *words]), recipe, {**common, **own})
    if "training.steps" in one.settings:
        raise UserError(f"{text!r}: how long, --steps says for all variants alike")
    try:
        _ = one.made
    except UserError as error:
        hint = " (settings outside the quotes are for all variants)" if common.keys() - own.keys() else ""
        raise UserError(f"{text!r}: {error}{hint}") from None
    return one


def length(steps: int | None, epochs: float | None, budget: str | None) -> dict[str, Any]:
    """How long each run is trained: said once, and for all."""
    given = {k: v for k, v in zip(LENGTHS, (budget, steps, epochs), strict=True) if v is not None}
    if len(given) != 1:
        raise UserError(
            "say how long each run is trained, all alike, by one of --budget 10m, --steps N, --epochs N"
        )
    if budget is not None:
        seconds(budget)
    elif not 0 < (much := steps or epochs or 0) < math.inf:
        raise UserError(f"--{next(iter(given))} is above 0, not {much}")
    return given


def marks(text: str) -> tuple[float, ...]:
    """`25%,50%`, as shares; the end needs no mark."""
    try:
        shares = [float(part.strip().removesuffix("%")) / 100 for part in text.split(",") if part.strip()]
    except ValueError:
        shares = [math.nan]
    if not all(0 < share <= 1 for share in shares):
        raise UserError(f"--at takes shares of the budget such as {MARKS},100%, not {text!r}")
    return tuple(sorted({share for share in shares if share < 1}))


def begun(question: Question, out: Path) -> Question:
    """The folder's question, which must be this one; in a new folder it is written down."""
    path = out / FILE
    if not path.is_file():
        if out.exists() and (not out.is_dir() or any(not DRAFT.fullmatch(p.name) for p in out.iterdir())):
            raise UserError(f"{out} is there already and holds no study; name another folder with --out")
        write_json(path, question.line())
        return question
    try:
        before = read_json(path)
        kept = {name: int(before[name]) for name in AS_BEGUN}
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{path} is not what this ganvas writes; name another folder with --out") from None
    question = replace(question, **kept)
    _refuse_changes(before, question, out)
    return question


def _refuse_changes(before: dict[str, Any], question: Question, out: Path) -> None:
    now = question.line()
    for name in dict.fromkeys([*before, *now]):
        old, new = before.get(name), now.get(name)
        if old == new:
            continue
        if name == "fingerprints":
            raise UserError(
                f"{question.data} has changed since {out} was begun; for a new study name another --out"
            )
        what = {"length": "the length", "threads": "a run's threads,"}.get(name, f"--{name}")
        if name == "variants":
            what, old, new = _apart(old or (), new or ())
        if name == "threads":
            new = f"{new}, and equal time is fair on as many only: say --workers as before"
        raise UserError(
            f"{out} was begun with {what} {_said(old)}, not {_said(new)}; "
            f"for another study name another --out"
        )


def _apart(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> tuple[str, str, str]:
    """What tells variants from others, their names or else their settings; and how each of the two has it."""
    names = [", ".join(repr(one["name"]) for one in which) for which in (old, new)]
    if names[0] != names[1]:
        return "the variants", names[0], names[1]
    was, now = ({f"--{k} {v}" for one in which for k, v in one["settings"].items()} for which in (old, new))
    usual = "of its recipes"
    return "the settings", " ".join(sorted(was - now)) or usual, " ".join(sorted(now - was)) or usual


def _plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, tuple | list):
        return [_plain(x) for x in value]
    return {k: _plain(v) for k, v in value.items()} if isinstance(value, dict) else value


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"--{k} {v}" for k, v in value.items())
    return "none" if value in (None, [], 0) else str(value)


def cells(question: Question, which: Sequence[Variant], out: Path, device: str) -> Iterator[Job]:
    """A job for each variant and seed, all variants of a seed before the next one."""
    for seed in range(question.seeds):
        for one in which:
            yield job(question, one, seed, out / one.folder / f"seed-{seed}", device)


def job(question: Question, one: Variant, seed: int, path: Path, device: str) -> Job:
    """One run, in a folder of its own; what comes of it stands beside."""
    return {
        "name": one.name,
        "recipe": one.recipe,
        "settings": one.settings,
        "seed": seed,
        "data": question.data,
        "length": question.length,
        "at": question.at,
        "samples": question.samples,
        "features": question.features,
        "device": device,
        "path": str(path),
        "outcome": f"{path}.json",
        "place": str(Path.cwd()),
    }


def stacks(question: Question, one: Variant, out: Path, device: str) -> Iterator[Job]:
    """Jobs that train seeds of a variant side by side, none of which was begun by itself; what is trained is
    judged by the jobs of `cells`."""
    for first in range(0, question.seeds, max(question.stack, 1)):
        seeds = range(first, min(first + question.stack, question.seeds))
        jobs = [job(question, one, s, out / one.folder / f"seed-{s}", device) for s in seeds]
        places = [Path(job["path"]) for job in jobs]
        if len(jobs) > 1 and (not any(place.exists() for place in places) or unfinished(places[0])):
            told = out / one.folder / f"stack-{seeds[0]}-{seeds[-1]}.json"
            yield jobs[0] | {"together": jobs, "outcome": str(told)}
