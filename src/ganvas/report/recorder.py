"""Keeps what a training shows on its way: samples, figures of held-out items, TensorBoard's curves."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol

import numpy as np
import torch

from ganvas.core.errors import reason
from ganvas.core.loop import Moment, Observer, Trainer
from ganvas.core.randomness import mixed
from ganvas.core.turns import Objective
from ganvas.data.spec import Spec
from ganvas.report import held_out
from ganvas.report.show import SHOW, Drawn, Pictures, by_class
from ganvas.report.tracking import TRACKERS, Curves, TensorBoard, trackers

SHOWN = 64
"""Real items, or samples of classes, that are shown at most."""
LEADING, WALK = 6, 10
"""Rows and columns of the interpolation."""


class Display(Protocol):
    """Where a person looks while it works."""

    def said(self, sentence: str) -> None: ...
    def reading(self, done: int, total: int) -> None: ...
    def logged(self, moment: Moment) -> None: ...
    def shown(self, drawn: Drawn) -> None: ...


class Nobody:
    """A display for nobody."""

    def said(self, sentence: str) -> None: ...
    def reading(self, done: int, total: int) -> None: ...
    def logged(self, moment: Moment) -> None: ...
    def shown(self, drawn: Drawn) -> None: ...


class Recorder:
    """An observer that writes into the run's folder."""

    def __init__(self, display: Display, track: str | None = None):
        """`track`: who else gets the figures, as `tracking` has it."""
        self._display, self._track = display, track
        self._curves: dict[str, Curves] = {}
        self._finished = False

    @property
    def observer(self) -> Observer:
        """What the loop calls."""
        return Observer(self._started, self._log, self._snapshot, self._display.said, self._display.reading)

    def _started(self, trainer: Trainer) -> None:
        if board := self._curves.pop("tensorboard", None):  # of a stretch before
            board.close(False)
        if not self._curves:
            self._curves = trackers(trainer.run, self._track)
        self._curves["tensorboard"] = TensorBoard(trainer.run, trainer.step)
        data: Any = trainer.data
        rng = np.random.default_rng(mixed(trainer.seed, "shown"))
        self._spec, self._show = data.spec, SHOW[data.spec.kind](data.spec)
        count = min(self._show.count, SHOWN)
        rows = by_class(data.labels, len(data.classes), count) if data.spec.classes else None
        index = rng.choice(len(data), min(count, len(data)), replace=False) if rows is None else rows
        self._columns = None if rows is None else len(rows) // len(data.classes)
        trainer.run.samples.mkdir(exist_ok=True)
        self._real = self._show.real(data, index)
        drawn = self._show.drawn(self._real, self._real, self._columns)
        self._show.keep(drawn, self._real, trainer.run.samples / f"real{self._show.suffix}")

    def _log(self, moment: Moment) -> None:
        self._add(moment.stats | {"items_per_second": moment.items_per_second}, moment.step)
        self._finished = moment.step >= moment.total
        self._display.logged(moment)

    def _snapshot(self, trainer: Trainer) -> None:
        made = items(trainer.objective, self._spec, self._show, trainer.seed)
        drawn = self._show.drawn(made, self._real, self._columns)
        self._show.keep(drawn, made, trainer.run.samples / f"step-{trainer.step:07d}{self._show.suffix}")
        self._add(held_out.now(trainer), trainer.step)
        last = trainer.step >= trainer.total
        if last and self._spec.kind == "image" and hasattr(trainer.objective, "decode"):
            walked = walk(trainer.objective, self._spec, trainer.seed)
            walk_drawn = self._show.drawn(walked, walked, WALK)
            self._show.keep(walk_drawn, walked, trainer.run.samples / "interpolation.png")
        self._display.shown(drawn)

    def _add(self, figures: Mapping[str, float], step: int) -> None:
        for name, curves in [*self._curves.items()]:
            try:
                curves.add(figures, step)
            except Exception as error:  # of the network: training goes on
                if name not in TRACKERS:
                    raise
                self._curves.pop(name)
                self._display.said(
                    f"{TRACKERS[name][0]} takes no more figures ({reason(error)}); the training goes on."
                )

    def close(self) -> None:
        for name, curves in self._curves.items():
            with suppress(*(Exception,) if name in TRACKERS else ()):
                curves.close(self._finished)
        self._curves = {}


def items(objective: Objective, spec: Spec, show: Pictures, seed: int) -> np.ndarray:
    """The same latents each time, so that one sees them develop; a row for each class where there are few."""
    generator = torch.Generator().manual_seed(mixed(seed, "shown"))
    if not spec.classes:
        return show.made(objective, spec, generator)
    each = max(1, min(show.count, SHOWN) // len(spec.classes))
    label = torch.arange(len(spec.classes)).repeat_interleave(each)
    return show.made(objective, spec, generator, label=label)


def walk(objective: Any, spec: Spec, seed: int) -> np.ndarray:
    """From one sample to another along a great circle, `LEADING` times; the class stays."""
    generator = torch.Generator().manual_seed(mixed(seed, "walk"))
    a, b = (torch.randn(LEADING, 1, objective.latent, generator=generator) for _ in range(2))
    t = torch.linspace(0, 1, WALK)[None, :, None]
    z = torch.cos(t * torch.pi / 2) * a + torch.sin(t * torch.pi / 2) * b
    label = (torch.arange(LEADING) % len(spec.classes)).repeat_interleave(WALK) if spec.classes else None
    return spec.restore(objective.decode(z.flatten(0, 1), label).cpu().numpy())
