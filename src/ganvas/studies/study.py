"""Recipes compared over seeds, each run for as long, with an answer in words."""

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from ganvas.core.errors import UserError
from ganvas.core.files import write_json, write_text
from ganvas.core.run import Run
from ganvas.core.schedule import seconds
from ganvas.data.load import kind_of, load
from ganvas.metrics import extractors
from ganvas.metrics.features import INSTALL
from ganvas.recipes.base import data_settings
from ganvas.report import studied
from ganvas.report.evaluated import NAMES
from ganvas.studies import fleet as fleets
from ganvas.studies import plan, search
from ganvas.studies.evaluation import FEWEST
from ganvas.studies.fleet import Fleet, outcome
from ganvas.studies.plan import Job, Question, Variant
from ganvas.studies.search import Range
from ganvas.studies.stacked import stackable
from ganvas.studies.summary import Outcome, summary

FILE = "study.json"
OF_MODES = ("modes", "high_quality", "reverse_kl")
TRIALS = 20


class Watch(Protocol):
    """Who is told how far it has come."""

    def expect(self, total: int, done: int, each: float | None, workers: int) -> None:
        """So many runs in all, so many done before, each of about so many seconds."""
        ...

    def finished(self, what: str, words: str) -> None: ...


class Nobody:
    def expect(self, total: int, done: int, each: float | None, workers: int) -> None: ...
    def finished(self, what: str, words: str) -> None: ...


def study(
    recipes: Sequence[str],
    data: str | Path,
    *,
    seeds: int = 5,
    steps: int | None = None,
    epochs: float | None = None,
    budget: str | None = None,
    out: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    workers: int | None = None,
    ray: str | None = None,
    device: str = "auto",
    at: str = plan.MARKS,
    samples: int | None = None,
    features: str | None = None,
    by: str | None = None,
    space: Sequence[str] = (),
    trials: int | None = None,
    retry: bool = False,
    said: Callable[[str], None] = lambda sentence: None,
    watch: Watch | None = None,
) -> dict[str, Any]:
    """Train each recipe with each seed, judge the runs by held-out items, compare; what is in study.json.

    `recipes`: names, with settings after them, "dcgan --packing 2"; `settings` are common to all. One of
    `steps`, `epochs` and `budget` says how long each run is. `out`: where the runs go; the same question
    asked again goes on where it was stopped. `workers`: runs at a time; `ray`: a cluster's address, or
    "auto". `space`: ranges to search, "critic.lr=1e-4..1e-3", in so many `trials`. `retry`: do again what
    crashed.
    UserError says what cannot work, before anything is trained.
    """
    length = plan.length(steps, epochs, budget)
    which = plan.variants(recipes, {k: str(v) for k, v in (settings or {}).items()})
    ranges = _checked(which, seeds, samples, by, space, trials)
    data = str(data)
    prints, looks = _looked_at(data, which, features, by)
    if looks == "pixels" != features:
        said(f"Pixels are compared, which say little of what a picture shows. For better ones do {INSTALL}")
    fleet = fleets.cluster(ray, workers, device) if ray else fleets.local(workers, device)
    question = Question(
        data=data,
        variants=which,
        seeds=seeds,
        length=length,
        at=plan.marks(at),
        samples=samples,
        features=looks,
        by=by,
        search=tuple(space),
        trials=(trials or TRIALS) if space else 0,
        at_once=fleet.workers if space else 0,
        stack=0 if budget else -(-seeds // fleet.workers),
        threads=fleet.threads if budget else None,
        fingerprints=prints,
    )
    path = Path(out) if out is not None else Path("runs") / f"study-{_stem(data)}"
    question = plan.begun(question, path)
    with Run(path).held():
        return _Study(question, path, fleet, device, said, watch or Nobody()).answer(ranges, retry)


class _Study:
    """A question on its way to its answer."""

    def __init__(
        self,
        question: Question,
        out: Path,
        fleet: Fleet,
        device: str,
        said: Callable[[str], None],
        watch: Watch,
    ):
        self.question, self.out, self.fleet, self.device = question, out, fleet, device
        self.said, self.watch = said, watch

    def answer(self, ranges: Sequence[Range], retry: bool) -> dict[str, Any]:
        if retry:
            self._forget_crashes()
        which = list(self.question.variants)
        self._expect(len(which) * (2 if ranges else 1))
        found = []
        for one in self.question.variants if ranges else ():
            self._follow(search.search(self.question, one, ranges, self.fleet, self.out, self.device))
            best = search.best(self.question, one, ranges, self.out)
            if best is None:
                self.said(f"No trial of {one.name} has a figure: there is nothing to choose by.")
            else:
                which.append(one.changed(best["settings"]))
                self.said(f"{one.name}: the best of {best['judged']} trials is {which[-1].name}.")
            found.append({"variant": one.name, "best": best, "trials": self._trials(one)})
        jobs = list(plan.cells(self.question, which, self.out, self.device))
        self._train_stacks(which)
        self._follow(self.fleet.run([job for job in jobs if outcome(job) is None]))
        outcomes = [
            (one, [x for job in jobs if job["name"] == one.name and (x := outcome(job))]) for one in which
        ]
        result = summary(self.question, outcomes, self._yardsticks(jobs), str(self.out)) | {"search": found}
        write_json(self.out / FILE, result)
        write_text(self.out / "table.md", studied.markdown(result))
        studied.draw(result, self.out)
        studied.write(result, self.out)
        return result

    def _forget_crashes(self) -> None:
        for path in self.out.rglob("*.json"):
            found = outcome({"outcome": str(path)}) if path.name.startswith(("seed-", "trial-")) else None
            if found and found.get("failure") == "crashed":
                path.unlink()

    def _expect(self, variants: int) -> None:
        """How many runs there are in all."""
        done = [x for path in self.out.rglob("*.json") if (x := _result(path))]
        trials = self.question.trials * len(self.question.variants)
        spent = [x["seconds"] + x.get("judging", 0.0) for x in done if x.get("seconds")]
        budget = self.question.length.get("budget")
        each = sum(spent) / len(spent) if spent else seconds(str(budget)) if budget else None
        total = trials + self.question.seeds * variants
        self.watch.expect(total, len(done), each, self.fleet.workers)

    def _follow(self, jobs: Generator[Job]) -> None:
        with closing(jobs):
            for job in jobs:
                found = outcome(job) or {}
                which = Path(job["path"]).name.replace("-", " ")  # seed 3, trial 7
                self.watch.finished(f"{job['name']}, {which}", told(found, self.question.by))

    def _train_stacks(self, which: Sequence[Variant]) -> None:
        """Seeds side by side where that saves time; one by one they are judged, and trained if this fails."""
        jobs = []
        for one in which if self.question.stack > 1 else ():
            if stackable(one.made, load(self.question.data, data_settings(one.made)).spec):
                jobs += plan.stacks(self.question, one, self.out, self.device)
        with closing(self.fleet.run([job for job in jobs if outcome(job) is None])) as done:
            for job in done:
                seeds = ", ".join(str(one["seed"]) for one in job["together"])
                came = outcome(job) or {}
                words = str(came.get("words")).splitlines()[0]
                how = f"one by one: {words}" if came.get("failure") else "side by side"
                self.said(f"{job['name']}: seeds {seeds} are trained {how}")

    def _trials(self, one: Variant) -> list[dict[str, Any]]:
        rows = []
        for k in range(self.question.trials):
            found = outcome(search.trial(self.question, one, k, self.out)) or {}
            value = search.merit(found, self.question.by)
            rows.append({"trial": k, "settings": found.get("settings"), "value": value and value[1]})
        return rows

    def _yardsticks(self, jobs: Sequence[Job]) -> Outcome:
        """The floor and the baselines, once for the study, by way of its first run that could be judged."""
        first = next((job for job in jobs if (outcome(job) or {}).get("figures")), None)
        if first is None or kind_of(self.question.data) != "image":
            return {}
        job = first | {"yardsticks": True, "outcome": str(self.out / "yardsticks.json")}
        if outcome(job) is None:
            self.said("All runs are done; real items and the baselines are judged by the same.")
            for _ in self.fleet.run([job]):
                pass
        found = outcome(job) or {}
        if found.get("failure"):
            Path(job["outcome"]).unlink(missing_ok=True)
            return {"notes": [f"The baselines could not be judged: {found['words'].splitlines()[0]}"]}
        return found


def _result(path: Path) -> Outcome | None:
    """Of a run of the study, whatever else there is in its folder."""
    named = re.fullmatch(r"(seed|trial)-\d+", path.stem)
    return outcome({"outcome": str(path)}) if named else None


def told(found: Outcome, by: str | None) -> str:
    """What came of a run, in a few words."""
    if found.get("failure"):
        return f"failed, {found['failure']}: {(found.get('words') or '').splitlines()[0]}"
    figures = found.get("figures") or {}
    keys = dict.fromkeys(
        k
        for k in (by, "fd", "kd", "bits_per_byte", "precision", "recall", "modes", "high_quality")
        if k in figures
    )
    words = ", ".join(f"{key} {figures[key]['value']:.3g}" for key in list(keys)[:5])
    return f"{words}  ({found.get('step', 0):,} steps, {found.get('seconds', 0):,.0f} s)"


def _checked(
    which: Sequence[Variant],
    seeds: int,
    samples: int | None,
    by: str | None,
    space: Sequence[str],
    trials: int | None,
) -> tuple[Range, ...]:
    """Refuse what needs no look at the data; what is to be searched."""
    if not 1 <= seeds <= 10_000:
        raise UserError(f"--seeds is from 1 to 10,000, not {seeds}")
    if samples is not None and not FEWEST <= samples <= 1_000_000:
        raise UserError(f"the number of samples is from {FEWEST} to 1,000,000, not {samples}")
    if by is not None and by not in NAMES:
        raise UserError(f"there is no figure {by!r} to compare by; there are {', '.join(NAMES)}")
    if trials is not None and not space:
        raise UserError("--trials needs --search, as in --search 'critic.lr=1e-4..1e-3' --trials 20")
    if trials is not None and trials < 1:
        raise UserError(f"--trials is 1 or more, not {trials}")
    found = search.ranges(space, which)
    if space:
        search.installed()
    return found


def _looked_at(
    data: str, which: Sequence[Variant], features: str | None, by: str | None
) -> tuple[tuple[str, ...], str | None]:
    """Fingerprints of the data as the variants prepare them, and what will look at the items."""
    prints, known = [], {}
    for one in which:
        settings = data_settings(one.made)
        if settings not in known:
            try:
                known[settings] = items = load(data, settings)
            except UserError as error:
                raise UserError(f"{one.name!r}: {error}") from None
            kept = len(items.held_out) if items.held_out else 0
            if kept < FEWEST:
                raise UserError(
                    f"{kept or 'nothing'} of {data} {'is' if kept < 2 else 'are'} held out to judge runs by: "
                    f"at least {FEWEST} items are needed; see --{one.made.kind}.held_out"
                )
            if by in OF_MODES and getattr(items, "modes", None) is None:
                raise UserError(f"{by} is known of ring and grid only, not of {data}")
        prints.append(known[settings].fingerprint)
    if kind_of(data) != "image":
        if features:
            raise UserError("only pictures are judged by features: leave --features out")
        return tuple(prints), None
    features = features or extractors.default()
    extractors.find(features)
    return tuple(prints), features


def _stem(data: str) -> str:
    name = re.sub(r"\.(tar\.\w+|\w+)$", "", Path(data.removeprefix("hf:")).resolve().name)
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "data"
