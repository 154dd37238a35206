"""What a training begins with, or goes on with: from what is asked for to a trainer."""

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ganvas.core import distributed
from ganvas.core.errors import UserError
from ganvas.core.files import sha256
from ganvas.core.loop import Observer, Trainer
from ganvas.core.randomness import reseed
from ganvas.core.run import Run, environment, refuse_taken
from ganvas.core.schedule import seconds
from ganvas.core.settings import each, override
from ganvas.core.turns import Objective
from ganvas.data.load import kind_of, load
from ganvas.model import Model, folder_of
from ganvas.model import load as load_model
from ganvas.recipes.base import DEFAULTS, adam, data_settings, find, of_kind, suited
from ganvas.remedies.treatment import course_of

DOCTORS = ("off", "watch", "treat")


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


def new(ask: Ask, where: torch.device, observer: Observer) -> Trainer:
    """The trainer of a new run, whose folder it makes."""
    if ask.data is None:
        raise UserError(
            "say what to learn from: --data with a folder, a file or a built-in set such as fashion"
        )
    source = str(ask.data)
    path = Path(ask.out) if ask.out is not None else _free(_stem(source))
    refuse_taken(path)
    other = None if ask.init_from is None else _model(ask.init_from)
    distributed.barrier()  # the first process makes the folder only when all have seen that there is none
    kind = kind_of(source, ask.settings)
    name = of_kind(ask.recipe, kind) if ask.recipe else DEFAULTS[kind]
    recipe = override(find(name), ask.settings | _length(ask.steps))
    if hasattr(recipe, "upon"):
        recipe = recipe.upon(other and other.config, ask.settings)
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
        "data": facts(source, items),
        "processes": distributed.world(),
        "doctor": ask.doctor or "watch",
        "environment": environment(where),
        "began": time.strftime("%Y-%m-%d %H:%M:%S"),
    }
    trainer = trainer_of(record, recipe, items, Run(path), where)
    if other and ask.init_from:
        record["init_from"] = _start_from(ask.init_from, other.objective, trainer)
    if distributed.rank() == 0:
        Run.create(path, record)
    distributed.barrier()
    return trainer


def _length(steps: int | None) -> dict[str, Any]:
    return {} if steps is None else {"training.steps": steps}


def facts(source: str, items: Any) -> dict[str, Any]:
    """What is recorded of the data."""
    return {
        "source": source,
        "fingerprint": items.fingerprint,
        "items": len(items),
        "held_out": len(items.held_out) if items.held_out else 0,
        "spec": items.spec.model_dump(mode="json"),
    }


def resumed(ask: Ask, where: torch.device, observer: Observer) -> Trainer:
    """The trainer of a run that was begun; refused where it, or its data, is not what it was."""
    if ask.out is None and ask.data is None:
        raise UserError("say which run to go on with: --out runs/NAME")
    run = Run.open(Path(ask.out) if ask.out is not None else _latest(_stem(str(ask.data))))
    record = run.record
    try:
        recipe = asked(record)
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
    return in_force(run, items, where)


def in_force(run: Run, items: Any, where: torch.device) -> Trainer:
    """With the settings that were asked for, and what treatments have changed in them."""
    record = run.record
    trainer = trainer_of(record, override(asked(record), course_of(run).changes), items, run, where)
    if known := record.get("init_from"):  # which is asked for only where no checkpoint came of it yet
        trainer.start = lambda objective: objective.inherit(
            _model(Path(known["run"]), known["sha256"]).objective
        )
    return trainer


def asked(record: dict[str, Any]) -> Any:
    """The recipe as it was asked for."""
    return type(find(record["recipe"])).model_validate(record["settings"])


def _start_from(path: Path, other: Objective, trainer: Trainer) -> dict[str, Any]:
    """Let it start from the networks of another run; what is recorded of that."""
    try:
        found = trainer.objective.inherit(other)
    except UserError as error:
        raise UserError(f"{trainer.run.path} cannot start from {path}: {error}") from None
    trainer.start = lambda objective: objective.inherit(other)
    return {"run": str(path), "sha256": sha256(_weights(path)), "found": [str(one) for one in found]}


def _model(path: Path, digest: str | None = None) -> Model:
    """Of another run, averaged; refused where it is not what it was."""
    with torch.random.fork_rng(devices=[]):  # it is built at random first, which is not to be felt here
        found = load_model(path, "cpu")
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


def trainer_of(record: dict[str, Any], recipe: Any, items: Any, run: Run, where: torch.device) -> Trainer:
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
