"""From data to a trained run."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from ganvas.begin import Ask, asked, in_force, new, resumed
from ganvas.core import distributed
from ganvas.core.checkpoint import numbered
from ganvas.core.device import pick, quicken
from ganvas.core.loop import Observer, Trainer
from ganvas.core.run import Run
from ganvas.recipes.base import find
from ganvas.remedies.advice import flat
from ganvas.remedies.doctor import Doctor, attended
from ganvas.remedies.physician import Physician
from ganvas.remedies.treatment import course_of
from ganvas.report import held_out, quality
from ganvas.report.held_out import HeldOut
from ganvas.report.quality import Quality


def train(
    data: str | Path | None = None,
    recipe: str | None = None,
    *,
    out: str | Path | None = None,
    steps: int | None = None,
    epochs: float | None = None,
    budget: str | float | None = None,
    seed: int = 0,
    device: str = "auto",
    init_from: str | Path | Run | None = None,
    resume: bool = False,
    doctor: str | None = None,
    settings: Mapping[str, Any] | None = None,
    observer: Observer | None = None,
) -> Run:
    """Train a recipe on data; the folder that holds the result.

    `data`: folder, archive, file, hf:NAME or a built-in set. `recipe`: left out, the one for that kind.
    At most one of `steps`, `epochs` and `budget` ("90s", "10m") says how long. `settings`: any setting of
    the recipe by dotted name, {"generator.width": 32}. `init_from`: a run whose networks these start from.
    `doctor`: "watch" says what goes wrong, and changes nothing; "treat" acts on it; "off". Left out: as the
    run was begun, a new one "watch".
    UserError says what cannot work, before it begins.
    """
    other = init_from.path if isinstance(init_from, Run) else init_from and Path(init_from)
    ask = Ask(data, recipe, out, steps, epochs, budget, seed, other or None, dict(settings or {}), doctor)
    ask.check()
    where = pick(device)
    distributed.start(where)
    observer = observer or Observer()
    trainer = (resumed if resume else new)(ask, where, observer)
    quicken(where)  # after another run has been loaded, which may choose otherwise
    notes = [*getattr(trainer.data, "notes", []), *trainer.objective.notes, *_repeats(trainer)]
    if trainer.run.record.get("suited") and not resume:
        notes.append(_about_suited(trainer.run.record))
    if ask.init_from and not resume:
        notes += [f"From {ask.init_from}: {found}." for found in trainer.run.record["init_from"]["found"]]
    first = distributed.rank() == 0
    with trainer.run.held() if first else nullcontext():
        for sentence in [*notes, *(_taken_up(trainer) if resume else [])]:
            if first:
                observer.said(sentence)
        while True:
            physician = attend(trainer, doctor, observer)
            finished = trainer.fit()
            if not distributed.anyone(physician is not None and physician.order is not None):
                break
            trainer = _set_back(trainer, physician, where)
    if finished and first and (found := quality.sentence(trainer.run) or held_out.sentence(trainer.run)):
        observer.said(found)
    return trainer.run


def attend(trainer: Trainer, doctor: str | None, observer: Observer) -> Physician | None:
    """Let the doctor look on, and whoever measures quality; the one who treats, where there is one."""
    record, course = trainer.run.record, course_of(trainer.run)
    doctor = doctor or ("treat" if course.treatments else record.get("doctor", "watch"))
    usual = flat(find(record["recipe"]).model_dump(mode="json")) | (record.get("suited") or {})
    usual |= course.changes
    physician = None
    if doctor == "treat":
        own = flat(trainer.config["settings"])
        physician = Physician(course, asked(record), usual, own, resizes=not record.get("init_from"))
    watched = observer if doctor == "off" else attended(observer, Doctor(observer.said, usual, physician))
    for attendant in (Quality(trainer.settings.looks), HeldOut(trainer.settings.looks)):
        watched = attended(watched, attendant)
    trainer.observer = watched
    return physician


def _set_back(trainer: Trainer, physician: Physician | None, where: torch.device) -> Trainer:
    """The trainer of the next stretch: as the physician ordered. Others follow the first process."""
    run = trainer.run
    if distributed.rank() == 0 and physician and physician.order:
        physician.course.add(physician.order, run, trainer.clock.elapsed)
    distributed.barrier()
    after = in_force(run, trainer.data, where)
    _taken_up(after)
    return after


def _taken_up(trainer: Trainer) -> Sequence[str]:
    """Go on from the last checkpoint of this stretch, or from where it began; what is to be said of it."""
    run, course = trainer.run, course_of(trainer.run)
    run.stretch = len(course.treatments)
    distributed.barrier()  # all have read it
    if distributed.rank() == 0:
        course.set_back(run)
    distributed.barrier()
    if not course.treatments or any(True for _ in numbered(run.checkpoints)):
        return trainer.resume()
    if course.start:
        trainer.start_from(run.healthy / f"step-{course.start}")
    elif distributed.rank() == 0:
        run.rewind(0)
    trainer.spent = course.elapsed
    return [f"going on from step {trainer.step:,} of {trainer.total:,}"]


def _about_suited(record: dict[str, Any]) -> str:
    words = " ".join(f"--{name} {str(value).lower()}" for name, value in record["suited"].items())
    items, sides = record["data"]["items"], " x ".join(map(str, record["data"]["spec"]["shape"][1:]))
    taken = f"{record['recipe']} takes {words}"
    return f"For {items:,} items of {sides}, {taken}; what you set of these yourself stands."


def _repeats(trainer: Trainer) -> list[str]:
    batch, items = trainer.settings.batch, len(trainer.data)
    if batch <= items:
        return []
    return [f"A batch of {batch} is more than the {items} items there are, so some come several times."]
