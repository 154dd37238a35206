"""One run of a study, in a process of its own: trained, judged, and what came of it written down."""

import json
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ganvas import api
from ganvas.core.files import read_json, write_json
from ganvas.core.loop import Observer, Trainer
from ganvas.core.run import Run
from ganvas.metrics.intervals import figures
from ganvas.model import Model, load
from ganvas.recipes.base import find
from ganvas.remedies.doctor import diagnose
from ganvas.report.evaluated import NAMES
from ganvas.report.page import write
from ganvas.report.recorder import Nobody, Recorder
from ganvas.studies import stacked
from ganvas.studies.evaluation import Judge, evaluate, kind_of_run, seated
from ganvas.studies.plan import Job
from ganvas.studies.seen import features, made

STOPPED = 75
"""Exit code of a run that was told to stop, and has saved."""
TOTAL = "mode collapse"
"""The finding that makes a run a failure, if it is there at the end."""
MARKS = "marks"
"""Folder, in a run's, of the models on the way: each can be loaded like a run."""


class Told(Nobody):
    """Words alone go into the log of the cell."""

    def said(self, sentence: str) -> None:
        print(sentence, flush=True)


class Marks:
    """Keeps the averaged model at shares of the way, at the next line of the log."""

    def __init__(self, at: list[float]):
        self._at = at
        self._left: list[float] = []

    def along(self, observer: Observer) -> Observer:
        """An observer that does this too."""

        def started(trainer: Trainer) -> None:
            observer.started(trainer)
            self._left = [share for share in self._at if not _kept(trainer, share)]

        return replace(observer, started=started, checked=self._checked)

    def _checked(self, trainer: Trainer, line: dict[str, Any]) -> None:
        done = line["time"] / trainer.budget if trainer.budget else line["step"] / trainer.total
        for share in [share for share in self._left if done >= share]:
            self._left.remove(share)
            kept = Run(place(trainer.run.path, share))
            trainer.write_model(kept, seconds=line["time"])
            write_json(kept.path / "recipe.json", trainer.run.record)


def place(run: Path, share: float) -> Path:
    """Where the model of this share of the way is."""
    return run / MARKS / f"{100 * share:g}"


def _kept(trainer: Trainer, share: float) -> bool:
    """Whether it is there, and not from a time that is to come again."""
    try:
        return read_json(place(trainer.run.path, share) / "model" / "config.json")["step"] <= trainer.step
    except (OSError, ValueError, KeyError):
        return False


def trained(job: Job) -> Run:
    """The run: new, gone on with, or as it is."""
    path = Path(job["path"])
    begun = (path / "recipe.json").is_file()
    if begun and Run.open(path).progress()["finished"]:
        return Run.open(path)
    recorder = Recorder(Told())
    how: dict[str, Any] = {"observer": Marks(job["at"]).along(recorder.observer), "device": job["device"]}
    if begun:
        run = api.train(out=path, resume=True, **how)
    else:
        how |= {"seed": job["seed"], "settings": job["settings"]} | job["length"]
        run = api.train(job["data"], job["recipe"], out=path, **how)
    recorder.close()
    return run


def together(job: Job) -> bool:
    """Train seeds side by side, or go on with them; False where it was told to stop, and has saved."""
    jobs = {one["seed"]: one for one in job["together"]}
    paths = {seed: Path(one["path"]) for seed, one in jobs.items()}
    with stacked.recorded(lambda seed: Told()) as watch:
        how: dict[str, Any] = {
            "device": job["device"],
            "watch": lambda trainer: Marks(job["at"]).along(watch(trainer)),
        }
        if stacked.unfinished(next(iter(paths.values()))):
            runs = stacked.resume([*paths.values()], **how)
        else:
            how |= {"out": paths.__getitem__, "settings": job["settings"]} | job["length"]
            runs = stacked.train(job["data"], job["recipe"], [*jobs], **how)
    if not all(run.progress()["finished"] for run in runs):
        return False
    write_json(Path(job["outcome"]), {"seeds": [*jobs]})
    return True


def judged(job: Job, run: Run) -> dict[str, Any]:
    """What came of it: whether it failed and of what, its figures, and those on its way."""
    progress = run.progress()
    outcome = {
        "name": job["name"],
        "seed": job["seed"],
        "run": str(run.path),
        "step": progress["step"],
        "seconds": progress["seconds"] / beside(run),
        "settings": job["settings"],
        "threads": run.record["environment"]["threads"],
    }
    if not finite(run):
        return outcome | {"failure": "not a number", "words": "its weights are no numbers any more"}
    findings = diagnose(run, find(job["recipe"]).model_dump(mode="json"))["findings"]
    there = [f for f in findings if f["until"] is None]
    collapsed = next((f for f in there if f["found"] == TOTAL), None)
    how = {key: job[key] for key in ("samples", "features", "device", "seed")}
    found = evaluate(run, **how)
    return outcome | {
        "failure": TOTAL if collapsed else None,
        "words": collapsed["said"] if collapsed else None,
        "doctor": [f["found"] for f in there],
        "judging": found["seconds"],
        "figures": {key: found[key] for key in NAMES if key in found},
        "floor": found["floor"],
        "baselines": found["baselines"],
        "protocols": found["protocols"],
        "marks": on_the_way(run, job["at"], how),
    }


def finite(run: Run) -> bool:
    objective = load(run.path, "cpu").objective
    return all(bool(value.isfinite().all()) for value in objective.state_dict().values())


def on_the_way(run: Run, at: list[float], how: dict[str, Any]) -> list[dict[str, Any]]:
    """The figures of the models that were kept, by the judge of the finished one, without intervals."""
    kept = {share: load(place(run.path, share), how["device"]) for share in at}
    if kind_of_run(run) == "text":
        values = {share: _values(evaluate(place(run.path, share), **how)) for share in at}
    else:
        judge, _, labels = seated(run, **how) if at else (None, None, None)
        values = {share: _seen(judge, labels, model) for share, model in kept.items() if judge}
    return [{"at": share, **_when(kept[share], run), "figures": values[share]} for share in at]


def _when(model: Model, run: Run) -> dict[str, Any]:
    return {"step": model.config["step"], "seconds": model.config["seconds"] / beside(run)}


def beside(run: Run) -> int:
    """Runs that had the time of this one together."""
    return len(run.record.get("stacked") or [run])


def _values(found: dict[str, Any]) -> dict[str, float]:
    return {key: found[key]["value"] for key in NAMES if key in found}


def _seen(judge: Judge, labels: Any, model: Model) -> dict[str, float]:
    quiet = judge.progress("samples")
    items = made(model.objective, model.spec, judge.count, labels, judge.seed, quiet)
    values = figures(judge.real, features(judge.extractor, items, quiet))
    return values | {key: one["value"] for key, one in judge.of_mixture(items).items()}


def yardsticks(job: Job) -> dict[str, Any]:
    """Real items and the baselines, judged like a finished run of the study."""
    keys = ("samples", "features", "device", "seed")
    found = evaluate(job["path"], baselines=True, **{key: job[key] for key in keys})
    write(Path(job["path"]))
    return {key: found[key] for key in ("floor", "baselines", "protocols")}


def end_with(parent: int, ended: Callable[[], None] = lambda: os._exit(STOPPED)) -> None:
    """End at once when the other end of this pipe is gone: a study that is killed leaves nobody behind."""

    def watch() -> None:
        while os.read(parent, 1):
            pass
        ended()

    threading.Thread(target=watch, daemon=True).start()


def do(job: Job) -> bool:
    """The job; False where it was told to stop, and has saved."""
    if job.get("yardsticks"):
        write_json(Path(job["outcome"]), yardsticks(job))
        return True
    if job.get("together"):
        return together(job)
    run = trained(job)
    if not run.progress()["finished"]:
        return False
    outcome = judged(job, run)
    write(run.path)
    write_json(Path(job["outcome"]), outcome)
    return True


def main() -> None:
    end_with(sys.stdin.fileno())
    if not do(json.loads(sys.argv[1])):
        raise SystemExit(STOPPED)


if __name__ == "__main__":
    main()
