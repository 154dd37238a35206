"""From data to a trained run."""

import math
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from ganvas.core import distributed
from ganvas.core.checkpoint import numbered
from ganvas.core.device import pick, quicken
from ganvas.core.errors import UserError
from ganvas.core.files import sha256
from ganvas.core.loop import Observer, Trainer
from ganvas.core.randomness import reseed
from ganvas.core.run import Run, environment, refuse_taken
from ganvas.core.schedule import seconds
from ganvas.core.settings import each, override
from ganvas.core.transfer import inherit
from ganvas.core.turns import Objective
from ganvas.data.load import kind_of, load
from ganvas.model import folder_of
from ganvas.model import load as load_model
from ganvas.recipes.base import DEFAULTS, adam, data_settings, find, of_kind, suited
from ganvas.remedies.advice import flat
from ganvas.remedies.doctor import Doctor, attended
from ganvas.remedies.physician import Physician
from ganvas.remedies.treatment import course_of
from ganvas.report import held_out, quality
from ganvas.report.held_out import HeldOut
from ganvas.report.quality import Quality

DOCTORS = ("off", "watch", "treat")


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
    quicken(where)
    observer = observer or Observer()
    trainer = (_resumed if resume else new)(ask, where, observer)
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


@dataclass(frozen=True)
class Ask:
    """What the user asked for, as given."""

    data: str | Path | None
    recipe: str | None
    out: str | Path | None
    steps: int | None
    epochs: float | None
    budget: str | float | None
    seed: int
    init_from: Path | None
    settings: dict[str, Any]
    doctor: str | None

    @property
    def seconds(self) -> float | None:
        return None if self.budget is None else seconds(str(self.budget))

    def check(self) -> None:
        """Refuse what needs no look at the data."""
        if sum(x is not None for x in (self.steps, self.epochs, self.budget)) > 1:
            raise UserError("say how long by one of --steps, --epochs and --budget, not by several")
        if self.steps is not None and self.steps < 1:
            raise UserError(f"--steps is 1 or more, not {self.steps}")
        if self.epochs is not None and not 0 < self.epochs < float("inf"):
            raise UserError(f"--epochs is a number above 0, not {self.epochs:g}")
        if self.recipe is not None:
            find(self.recipe)
        if self.doctor not in (None, *DOCTORS):
            raise UserError(f"--doctor is {', '.join(DOCTORS[:-1])} or {DOCTORS[-1]}, not {self.doctor!r}")
        _ = self.seconds


def attend(trainer: Trainer, doctor: str | None, observer: Observer) -> Physician | None:
    """Let the doctor look on, and whoever measures quality; the one who treats, where there is one."""
    record, course = trainer.run.record, course_of(trainer.run)
    doctor = doctor or ("treat" if course.treatments else record.get("doctor", "watch"))
    usual = flat(find(record["recipe"]).model_dump(mode="json")) | (record.get("suited") or {})
    usual |= course.changes
    physician = None
    if doctor == "treat":
        own = flat(trainer.config["settings"])
        physician = Physician(course, _asked(record), usual, own, resizes=not record.get("init_from"))
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
    after = _in_force(run, trainer.data, where)
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


def new(ask: Ask, where: torch.device, observer: Observer) -> Trainer:
    """The trainer of a new run, whose folder it makes."""
    if ask.data is None:
        raise UserError(
            "say what to learn from: --data with a folder, a file or a built-in set such as fashion"
        )
    source = str(ask.data)
    path = Path(ask.out) if ask.out is not None else _free(_stem(source))
    refuse_taken(path)
    if ask.init_from:
        folder_of(ask.init_from)  # before anything is read that takes its time
    distributed.barrier()  # the first process makes the folder only when all have seen that there is none
    kind = kind_of(source, ask.settings)
    name = of_kind(ask.recipe, kind) if ask.recipe else DEFAULTS[kind]
    recipe = override(find(name), ask.settings | _length(ask.steps))
    items = load(source, data_settings(recipe), observer.reading)
    changed = suited(recipe, len(items), items.spec, ask.settings)
    recipe = override(recipe, changed)
    if ask.epochs is not None:
        recipe = override(recipe, _length(max(1, round(ask.epochs * len(items) / recipe.training.batch))))
    record = {
        "recipe": name,
        "settings": recipe.model_dump(mode="json"),
        "suited": changed,
        "seed": ask.seed,
        "budget": ask.seconds,
        "epochs": ask.epochs,
        "init_from": None,
        "data": _facts(source, items),
        "processes": distributed.world(),
        "doctor": ask.doctor or "watch",
        "environment": environment(where),
        "began": time.strftime("%Y-%m-%d %H:%M:%S"),
    }
    trainer = _trainer(record, recipe, items, Run(path), where)
    if ask.init_from:
        record["init_from"] = _start_from(ask.init_from, trainer)
    if distributed.rank() == 0:
        Run.create(path, record)
    distributed.barrier()
    return trainer


def _length(steps: int | None) -> dict[str, Any]:
    return {} if steps is None else {"training.steps": steps}


def _about_suited(record: dict[str, Any]) -> str:
    words = " ".join(f"--{name} {str(value).lower()}" for name, value in record["suited"].items())
    items, sides = record["data"]["items"], " x ".join(map(str, record["data"]["spec"]["shape"][1:]))
    taken = f"{record['recipe']} takes {words}"
    return f"For {items:,} items of {sides}, {taken}; what you set of these yourself stands."


def _facts(source: str, items: Any) -> dict[str, Any]:
    return {
        "source": source,
        "fingerprint": items.fingerprint,
        "items": len(items),
        "held_out": len(items.held_out) if items.held_out else 0,
        "spec": items.spec.model_dump(mode="json"),
    }


def _resumed(ask: Ask, where: torch.device, observer: Observer) -> Trainer:
    if ask.out is None and ask.data is None:
        raise UserError("say which run to go on with: --out runs/NAME")
    run = Run.open(Path(ask.out) if ask.out is not None else _latest(_stem(str(ask.data))))
    record = run.record
    try:
        recipe = _asked(record)
        source, fingerprint = record["data"]["source"], record["data"]["fingerprint"]
        _refuse_changes(ask, recipe, run)
    except (KeyError, ValueError) as error:  # pydantic's is a ValueError
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"{run.path / 'recipe.json'} is not what this ganvas writes ({reason}); "
            f"go on with the version that began it, or start a new run, with another --out"
        ) from None
    source = source if ask.data is None else str(ask.data)
    items = load(source, data_settings(recipe), observer.reading)
    if items.fingerprint != fingerprint:
        raise UserError(
            f"{source} is not the data that {run.path} was trained on, or has changed since; "
            f"for other data start a new run, with another --out"
        )
    return _in_force(run, items, where)


def _in_force(run: Run, items: Any, where: torch.device) -> Trainer:
    """With the settings that were asked for, and what treatments have changed in them."""
    record = run.record
    trainer = _trainer(record, override(_asked(record), course_of(run).changes), items, run, where)
    if known := record.get("init_from"):  # which is asked for only where no checkpoint came of it yet
        trainer.start = lambda objective: inherit(objective, _networks(Path(known["run"]), known["sha256"]))
    return trainer


def _asked(record: dict[str, Any]) -> Any:
    """The recipe as it was asked for."""
    return type(find(record["recipe"])).model_validate(record["settings"])


def _start_from(path: Path, trainer: Trainer) -> dict[str, Any]:
    """Let it start from the networks of another run; what is recorded of that."""
    other = _networks(path)
    try:
        found = inherit(trainer.objective, other)
    except UserError as error:
        raise UserError(f"{trainer.run.path} cannot start from {path}: {error}") from None
    trainer.start = lambda objective: inherit(objective, other)
    return {"run": str(path), "sha256": sha256(_weights(path)), "found": [str(one) for one in found]}


def _networks(path: Path, digest: str | None = None) -> Objective:
    """Of another run, averaged; refused where it is not what it was."""
    with torch.random.fork_rng(devices=[]):  # they are built at random first, which is not to be felt here
        found = load_model(path, "cpu").objective
    if digest not in (None, sha256(_weights(path))):
        raise UserError(
            f"{path}, from which this run was to start, has changed; start a new one, with another --out"
        )
    return found


def _weights(path: Path) -> Path:
    return folder_of(path) / "model.safetensors"


def _refuse_changes(ask: Ask, recipe: Any, run: Run) -> None:
    """A run is resumed as it was begun, or not at all."""
    record = run.record
    after = override(recipe, ask.settings | _length(ask.steps))
    pairs = zip(each(recipe), each(after), strict=True)
    other = [(f"--{old.name}", old.value, new.value) for old, new in pairs if old.value != new.value]
    kind = record["data"]["spec"]["kind"]
    if ask.recipe is not None and of_kind(ask.recipe, kind) != record["recipe"]:
        other.append(("recipe", record["recipe"], ask.recipe))
    if ask.seed not in (0, record["seed"]):
        other.append(("--seed", record["seed"], ask.seed))
    if ask.budget is not None and ask.seconds != record["budget"]:
        other.append(("--budget in seconds", record["budget"], ask.seconds))
    if ask.init_from and str(ask.init_from) != (before := (record.get("init_from") or {}).get("run")):
        other.append(("--init-from", before, ask.init_from))
    if ask.epochs not in (None, record["epochs"]):
        other.append(("--epochs", record["epochs"], ask.epochs))
    if distributed.world() != record["processes"]:
        other.append(("number of processes", record["processes"], distributed.world()))
    if other:
        name, old, new = other[0]
        raise UserError(
            f"{run.path} was begun with {name} {old}, not {new}, and is resumed as it was begun; "
            f"for a change start a new run, with another --out"
        )


def _repeats(trainer: Trainer) -> list[str]:
    batch, items = trainer.settings.batch, len(trainer.data)
    if batch <= items:
        return []
    return [f"A batch of {batch} is more than the {items} items there are, so some come several times."]


def _trainer(record: dict[str, Any], recipe: Any, items: Any, run: Run, where: torch.device) -> Trainer:
    reseed(record["seed"], "weights")
    settings = recipe.model_dump(mode="json")
    config = {"recipe": record["recipe"], "settings": settings, "spec": record["data"]["spec"]}
    return Trainer(
        objective=recipe.build(items.spec),
        data=items,
        settings=recipe.training,
        run=run,
        seed=record["seed"],
        device=where,
        make_optimiser=adam(recipe),
        config=config | {"ganvas": record["environment"]["packages"]["ganvas"]},
        budget=record["budget"],
    )


def pace(data: str, recipe: Any) -> float:
    """Items a second that this recipe goes through here, in all its stages, by a few steps that leave nothing
    behind."""
    where = pick("auto")
    quicken(where)
    items = load(data, data_settings(recipe))
    recipe = override(recipe, suited(recipe, len(items), items.spec, {}))
    record = {"recipe": "", "settings": {}, "seed": 0, "budget": None, "data": _facts(data, items)}
    record |= {"environment": environment(where)}
    trainer = _trainer(record, recipe, items, Run(Path()), where)
    starts = [0.0, *getattr(trainer.objective, "starts", ()), 1.0]
    steps = 8 if len(starts) == 2 else 4
    mean = 0.0
    for start, end in pairwise(starts):
        if end > start:
            trainer.step = math.ceil(start * trainer.total)
            mean += (end - start) * _step_time(trainer, steps)
    return recipe.training.batch / mean


def _step_time(trainer: Trainer, steps: int) -> float:
    """Seconds a step takes from where it is."""
    for _ in range(2):  # the first steps allocate
        trainer.advance()
    began = time.monotonic()
    for _ in range(steps):
        trainer.advance()
    if trainer.device.type == "cuda":
        torch.cuda.synchronize(trainer.device)
    return (time.monotonic() - began) / steps


def _stem(data: str) -> Path:
    name = re.sub(r"\.(tar\.\w+|\w+)$", "", Path(data.removeprefix("hf:")).resolve().name)
    return Path("runs") / (re.sub(r"[^\w.-]+", "-", name).strip("-.") or "run")


def _free(stem: Path) -> Path:
    """runs/NAME, or the first of NAME-2, NAME-3 … that is not taken."""
    path, k = stem, 1
    while path.exists():
        k += 1
        path = stem.with_name(f"{stem.name}-{k}")
    return path


def _latest(stem: Path) -> Path:
    taken = [
        p
        for p in stem.parent.glob(f"{stem.name}*")
        if re.fullmatch(rf"{re.escape(stem.name)}(-\d+)?", p.name)
    ]
    return max(taken, key=lambda p: int(p.name[len(stem.name) + 1 :] or 1), default=stem)
