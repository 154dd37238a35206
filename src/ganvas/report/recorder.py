"""Keeps what a training shows on its way: pictures of samples, TensorBoard's curves, and the report."""

from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image

from ganvas.core.loop import Moment, Observer, Trainer
from ganvas.core.randomness import mixed
from ganvas.core.turns import Objective
from ganvas.data.spec import Spec
from ganvas.report.show import by_class, picture

SHOWN = 64
"""Items in a picture of samples."""
LEADING, WALK = 6, 10
"""Rows and columns of the interpolation."""


class Display(Protocol):
    """Where a person looks while it works."""

    def said(self, sentence: str) -> None: ...
    def reading(self, done: int, total: int) -> None: ...
    def logged(self, moment: Moment) -> None: ...
    def shown(self, image: Image.Image) -> None: ...


class Recorder:
    """An observer that writes into the run's folder."""

    def __init__(self, display: Display):
        self._display = display
        self._curves: Any = None

    @property
    def observer(self) -> Observer:
        """What the loop calls."""
        return Observer(self._started, self._log, self._snapshot, self._display.said, self._display.reading)

    def _started(self, trainer: Trainer) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.close()  # of a stretch before
        self._curves = SummaryWriter(str(trainer.run.path), purge_step=trainer.step + 1)
        data: Any = trainer.data
        rng = np.random.default_rng(mixed(trainer.seed, "shown"))
        rows = by_class(data.labels, len(data.classes), SHOWN) if data.spec.classes else None
        index = rng.choice(len(data), min(SHOWN, len(data)), replace=False) if rows is None else rows
        self._columns = None if rows is None else len(rows) // len(data.classes)
        with torch.random.fork_rng():
            real = data.ready(data.fetch(index))[data.kind if data.kind == "image" else "point"]
        trainer.run.samples.mkdir(exist_ok=True)
        self._spec, self._real = data.spec, data.spec.restore(real.numpy())
        picture(self._spec, self._real, columns=self._columns).save(trainer.run.samples / "real.png")

    def _log(self, moment: Moment) -> None:
        for name, value in moment.stats.items():
            self._curves.add_scalar(name, value, moment.step)
        self._curves.add_scalar("items_per_second", moment.items_per_second, moment.step)
        self._display.logged(moment)

    def _snapshot(self, trainer: Trainer) -> None:
        made = items(trainer.objective, self._spec, trainer.seed)
        drawn = picture(self._spec, made, self._real, self._columns)
        drawn.save(trainer.run.samples / f"step-{trainer.step:07d}.png")
        last = trainer.step >= trainer.total
        if last and self._spec.kind == "image" and hasattr(trainer.objective, "decode"):
            walked = walk(trainer.objective, self._spec, trainer.seed)
            picture(self._spec, walked, columns=WALK).save(trainer.run.samples / "interpolation.png")
        self._display.shown(drawn)

    def close(self) -> None:
        if self._curves is not None:
            self._curves.close()


def items(objective: Objective, spec: Spec, seed: int) -> np.ndarray:
    """The same latents each time, so that one sees them develop; a row for each class where there are few."""
    generator = torch.Generator().manual_seed(mixed(seed, "shown"))
    if spec.kind == "points":
        return spec.restore(objective.sample(2_500, generator=generator).cpu().numpy())
    if not spec.classes:
        return spec.restore(objective.sample(SHOWN, generator=generator).cpu().numpy())
    label = torch.arange(len(spec.classes)).repeat_interleave(max(1, SHOWN // len(spec.classes)))
    return spec.restore(objective.sample(len(label), generator=generator, label=label).cpu().numpy())


def walk(objective: Any, spec: Spec, seed: int) -> np.ndarray:
    """From one sample to another along a great circle, `LEADING` times; the class stays."""
    generator = torch.Generator().manual_seed(mixed(seed, "walk"))
    a, b = (torch.randn(LEADING, 1, objective.latent, generator=generator) for _ in range(2))
    t = torch.linspace(0, 1, WALK)[None, :, None]
    z = torch.cos(t * torch.pi / 2) * a + torch.sin(t * torch.pi / 2) * b
    label = (torch.arange(LEADING) % len(spec.classes)).repeat_interleave(WALK) if spec.classes else None
    return spec.restore(objective.decode(z.flatten(0, 1), label).cpu().numpy())
