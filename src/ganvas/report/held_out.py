"""Figures of held-out items on the way; the model that foretells them best is kept beside the last."""

from typing import Any

import numpy as np
import torch

from ganvas.core.files import read_json
from ganvas.core.loop import Trainer
from ganvas.core.randomness import mixed
from ganvas.core.run import HELD_OUT, Run
from ganvas.remedies.rules.unseen import MEASURES
from ganvas.report.quality import BURDEN, best, keep

ITEMS = 64
"""Held-out items, or windows of text, whose figures are taken."""
UNITS = {measure.items: (measure.name, measure.unit) for measure in MEASURES}
"""By the kind of data: the figure that is lower the better items are foretold, and its unit."""
WORSE = 1.01
"""Of the best figure, from which the user is told. The windows are the same each time, so that drawing them
adds no chance, and a difference of 1 % can hardly be read in what is written."""


class HeldOut:
    """An observer of a training: takes the figures at intervals, writes best/ in the run's folder."""

    def __init__(self, looks: int):
        """`looks`: how many in a whole training, at most."""
        self._looks, self._best = looks, float("inf")

    def started(self, trainer: Trainer) -> None:
        """Take up what was seen before the training was stopped."""
        self._best = kept(trainer.run)[1]

    def checked(self, trainer: Trainer, line: dict[str, Any]) -> None:
        """After each line of the log."""
        kind: str = trainer.data.spec.kind  # pyright: ignore[reportAttributeAccessIssue]
        if not self._looks or kind not in UNITS:
            return
        every = max(trainer.total // self._looks, BURDEN * ITEMS // trainer.settings.batch, 1)
        before = max(trainer.step - trainer.settings.log_every, 0)
        if trainer.step // every == before // every and trainer.step < trainer.total:
            return
        with trainer.averaged():
            found = now(trainer)
        name, _ = UNITS[kind]
        if (value := found.get(f"{name}/held_out", self._best)) < self._best:
            self._best = value
            keep(trainer, **{name: value})


def now(trainer: Trainer) -> dict[str, float]:
    """The figures of this step, for the log too; of the averaged weights, which the caller has put on."""
    lines = trainer.run.lines(HELD_OUT)
    if lines and lines[-1]["step"] == trainer.step:
        return {name: value for name, value in lines[-1].items() if name != "step"}
    if found := figures(trainer):
        trainer.run.log({"step": trainer.step} | found, HELD_OUT)
    return found


def figures(trainer: Trainer) -> dict[str, float]:
    """Of held-out items, always the same ones, by the objectives that have such."""
    objective: Any = trainer.objective
    held_out = getattr(trainer.data, "held_out", None)
    if held_out is None or not hasattr(objective, "figures"):
        return {}
    index = np.unique(np.linspace(0, len(held_out) - 1, ITEMS).astype(int))
    with torch.random.fork_rng(), trainer.precision():
        torch.manual_seed(mixed(trainer.seed, "unseen"))
        batch = {k: v.to(trainer.device) for k, v in held_out.fetch(index).items()}
        return {name: float(value) for name, value in objective.figures(held_out.ready(batch)).items()}


def kept(run: Run) -> tuple[int, float]:
    """Step of the model in best/, and its figure."""
    try:
        config = read_json(best(run).model / "config.json")
        return config["step"], config["quality"][UNITS[config["spec"]["kind"]][0]]
    except (OSError, ValueError, KeyError):
        return 0, float("inf")


def sentence(run: Run) -> str | None:
    """Where an earlier model held what is held out for more probable than the last one does."""
    step, least = kept(run)
    last = next(iter(run.lines(HELD_OUT)[-1:]), {})
    for kind, (name, unit) in UNITS.items():
        if last.get(f"{name}/held_out", 0) > WORSE * least:
            return (
                f"At step {step:,} held-out {kind} took {least:.2f} {unit}, at the end "
                f"{last[f'{name}/held_out']:.2f}: that model is in {best(run).path}."
            )
    return None
