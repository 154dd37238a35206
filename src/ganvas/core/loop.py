"""The training loop: the same for every model, every kind of data and any number of processes."""

import signal
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from torch import nn

from ganvas.core import checkpoint, device, distributed, memory
from ganvas.core.averaging import Average
from ganvas.core.data import Data
from ganvas.core.errors import UserError
from ganvas.core.randomness import Order, reseed
from ganvas.core.run import WATCHED, Run
from ganvas.core.schedule import Clock, learning_rate
from ganvas.core.settings import Settings
from ganvas.core.turns import Batch, Objective, Player, play, players_of

ONCE = 1.0
"""Seconds within which two signals are one: torchrun passes on what the terminal has sent already."""
MakeOptimiser = Callable[[str, list[nn.Parameter]], torch.optim.Optimizer]


class Training(Settings):
    """How long and in what portions a model is trained."""

    steps: int = Field(default=20_000, ge=1)
    """Steps in all, where neither --budget nor --epochs says otherwise."""
    batch: int = Field(default=64, ge=1)
    """Items a step, over all processes."""
    accumulate: int = Field(default=1, ge=1)
    """Go through a batch in so many parts, to save memory."""
    warmup: int = Field(default=0, ge=0)
    """Steps over which the learning rates rise."""
    decay: float = Field(default=0.3, ge=0, le=1)
    """Share of the steps, at the end, over which the learning rates fall to 0."""
    average: float = Field(default=0.05, ge=0, lt=0.28)
    """Relative width of the average of weights that samples are made with; 0 takes the last weights."""
    clip: float = Field(default=0.0, ge=0)
    """Largest norm of a player's gradient; 0 sets no bound."""
    spike: float = Field(default=0.0, ge=0)
    """A gradient longer than so many times what is usual is cut to that; 0 leaves it."""
    precision: device.Precision = "auto"
    """bf16 where the hardware has it, or always, or never."""
    log_every: int = Field(default=20, ge=1)
    """Steps between two lines of the log."""
    checkpoint_every: float = Field(default=60.0, ge=0)
    """Seconds between two checkpoints."""
    snapshots: int = Field(default=24, ge=0)
    """How often samples are kept on the way."""
    looks: int = Field(default=16, ge=0)
    """How often samples are compared with the data (text: held-out bits); the best model is kept in best/."""


@dataclass
class Moment:
    """What an observer is shown after a step."""

    step: int
    total: int
    seconds: float
    items_per_second: float
    left: float
    """Seconds to go, at this speed; without a budget those of this stage, for the next has its own speed."""
    stage: tuple[int, int]
    """Which it is, from 1, of how many."""
    stats: dict[str, float]


@dataclass
class Observer:
    """Someone who looks on. Every process calls `snapshot` alike; only the first one calls the others."""

    started: Callable[["Trainer"], None] = lambda trainer: None
    logged: Callable[[Moment], None] = lambda moment: None
    snapshot: Callable[["Trainer"], None] = lambda trainer: None
    said: Callable[[str], None] = print
    reading: Callable[[int, int], None] = lambda done, total: None
    checked: Callable[["Trainer", dict[str, Any]], None] = lambda trainer, line: None
    """Called with each line of the log; it may look at the model, and must leave it as it is."""


@dataclass
class Trainer:
    """Brings an objective through its steps. `step` and `total` count steps done and to be done."""

    objective: Objective
    data: Data
    settings: Training
    run: Run
    seed: int
    device: torch.device
    make_optimiser: MakeOptimiser
    config: dict[str, Any]
    """What is written beside the model's weights."""
    budget: float | None = None
    observer: Observer = field(default_factory=Observer)
    start: Callable[[Objective], object] = lambda objective: None
    """What is done to the networks of a new run, once they are prepared."""

    def __post_init__(self):
        self.objective.to(self.device).to(memory_format=torch.channels_last)  # pyright: ignore
        self.objective.train()
        self.players = players_of(self.objective, self._player)
        self.average = Average(self.objective, self.objective.averaged, self.settings.average)
        self.precision = device.autocast(self.settings.precision, self.device)
        self.step, self.total = 0, self.settings.steps
        self.accumulate = self.settings.accumulate
        self.spent = 0.0
        self.clock = Clock(self.budget)
        self.stopping = False
        self._figures: dict[str, torch.Tensor] = {}  # sum and count since the last line of the log
        lengths = getattr(self.data, "lengths", None)
        self._order = Order(len(self.data), self.seed, lengths, self.settings.batch)
        self._share = self._share_of_batch()
        self._saved, self._saved_step, self._seen = 0.0, -1, (0, 0.0)

    def _player(self, name: str, params: list[nn.Parameter]) -> Player:
        return Player(params, self.make_optimiser(name, params), self.settings.clip, self.settings.spike)

    def _share_of_batch(self) -> int:
        share, rest = divmod(self.settings.batch, distributed.world())
        if rest:
            raise UserError(
                f"a batch of {self.settings.batch} cannot be shared by {distributed.world()} processes "
                f"alike; take a multiple of {distributed.world()} as --training.batch"
            )
        if share % self.accumulate:
            raise UserError(
                f"{share} items cannot be gone through in {self.accumulate} equal parts; "
                f"take a --training.accumulate that divides them"
            )
        return share

    def fit(self) -> bool:
        """Train to the end, or until interrupted; True when it came to the end."""
        memory.keep()
        self.clock = Clock(self.budget, self.spent)
        self._saved, self._seen = self.clock.elapsed, (self.step, self.clock.elapsed)
        if distributed.rank() == 0:
            self.observer.started(self)
        with interrupts(self), memory.bounded(self.device):
            if self.step == 0:
                self.objective.prepare(self.data)
                self.start(self.objective)
                self.average.restart(self.objective)
            while self.step < self.total:
                stats = self.advance()
                stop, save = self._agree()
                self._look(stats)
                if save:
                    self.save()
                if stop:
                    break
            if self._saved_step != self.step:
                self.save()
        return self.step >= self.total

    def advance(self) -> dict[str, torch.Tensor]:
        """One step."""
        factor = learning_rate(self.step, self.total, self.settings.warmup, self.settings.decay)
        self.objective.progress = self.step / self.total
        for name, player in self.players.items():
            for group in player.optimiser.param_groups:
                group["lr"] = group["initial_lr"] * factor * self.objective.pace(name)
        while True:
            try:
                reseed(self.seed, distributed.rank(), self.step)
                stats = play(self.objective, self.players, self._batches(), self.step, self.precision)
                break
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                self._shrink(error)
            memory.spare()  # what the error held on to is free only here
        self.step += 1
        self.average.update(self.objective, self.step)
        if self.objective.due(self.step / self.total):
            self._reflect()
        return stats

    def _reflect(self) -> None:
        """Let the objective look at itself as it is used, and go on from where it says."""
        with self.averaged() as objective:
            weights = objective.look()
        if weights is None:
            return
        put(self.objective, weights)
        for name in {name.partition(".")[0] for name in weights} & self.players.keys():
            self.players[name].optimiser.state.clear()
        self.average.restart(self.objective)

    def _batches(self) -> list[Batch]:
        first = self.step * self.settings.batch + distributed.rank() * self._share
        index = self._order(first, self._share)
        parts = []
        for part in index.reshape(self.accumulate, -1):
            batch = {k: v.to(self.device, non_blocking=True) for k, v in self.data.fetch(part).items()}
            parts.append(self.data.ready(batch))
        return parts

    def _shrink(self, error: Exception) -> None:
        """Too little memory: go through the batch in twice as many parts, and say so."""
        if not memory.is_lack_of_memory(error):
            raise error
        for player in self.players.values():
            player.optimiser.zero_grad(set_to_none=True)
        part = self._share // self.accumulate
        if part % 2 or distributed.world() > 1:
            raise UserError(
                f"not enough memory for {part} items at once; take a smaller --training.batch, "
                f"narrower networks, or a larger --training.accumulate"
            ) from None
        self.accumulate *= 2
        self.observer.said(
            f"not enough memory for {part} items at once: halved to {part // 2}, and each step goes through "
            f"{self.accumulate} such parts"
        )

    def _look(self, stats: dict[str, torch.Tensor]) -> None:
        """Log the means since the last line, and keep samples, when it is time."""
        last = self.step >= self.total
        self._tell()
        for name, value in stats.items():  # some come in every so many steps only
            self._figures[name] = self._figures.get(name, 0) + torch.stack([value, torch.ones_like(value)])
        if self.step % self.settings.log_every == 0 or last or self.step == 1:
            self._log({name: total / times for name, (total, times) in self._figures.items()})
            self._figures.clear()
        if self.settings.snapshots and (last or self._crossed_mark()):
            self.snapshot()

    def _tell(self) -> None:
        """What the objective has to say."""
        for sentence in self.objective.news if distributed.rank() == 0 else ():
            stretch = {"stretch": self.run.stretch} if self.run.stretch else {}
            self.run.log({"step": self.step, "said": sentence} | stretch, WATCHED[1])
            self.observer.said(f"step {self.step:,}: {sentence}")
        self.objective.news = ()

    def _crossed_mark(self) -> bool:
        """Marks lie denser at first, when much changes: at k^2 / n^2 of the way."""
        n = self.settings.snapshots
        at = [int(n * (s / self.total) ** 0.5) for s in (self.step - 1, self.step)]
        return at[1] > at[0]

    def _log(self, figures: dict[str, torch.Tensor]) -> None:
        stats = {name: float(value) for name, value in figures.items()}
        now = self.clock.elapsed
        steps, since = self.step - self._seen[0], now - self._seen[1]
        self._seen = (self.step, now)
        speed = steps / max(since, 1e-9)
        left, which = self._left(speed)
        moment = Moment(self.step, self.total, now, speed * self.settings.batch, left, which, stats)
        if distributed.rank() == 0:
            rates = {
                f"learning_rate/{name}": p.optimiser.param_groups[0]["lr"] for name, p in self.players.items()
            }
            line = (
                {"step": self.step, "time": now, "items_per_second": moment.items_per_second} | stats | rates
            )
            self.run.log(line)
            self.observer.logged(moment)
            self.observer.checked(self, line)

    def _left(self, speed: float) -> tuple[float, tuple[int, int]]:
        """Seconds to go, and of which stage of how many; a budget is one."""
        if self.budget is not None:
            return self.clock.left(0, speed), (1, 1)
        ends = sorted({round(share * self.total) for share in (*self.objective.starts, 1)} - {0})
        stage = sum(end <= self.step for end in ends[:-1])
        return self.clock.left(ends[stage] - self.step, speed), (stage + 1, len(ends))

    def snapshot(self) -> None:
        if distributed.rank() == 0:
            with self.averaged() as objective, self._fit_for_use(objective):
                self.observer.snapshot(self)

    @contextmanager
    def _fit_for_use(self, objective: Objective) -> Iterator[None]:
        """At the end, with what use needs: what is shown then is what it will make."""
        before = put(objective, objective.for_use(self.data) if self.step >= self.total else {})
        try:
            yield
        finally:
            put(objective, before)

    @contextmanager
    def averaged(self) -> Iterator[Objective]:
        """The objective as it is used: averaged weights, evaluation mode, no gradients."""
        with self.average.worn_by(self.objective), torch.no_grad():
            self.objective.eval()
            try:
                yield self.objective
            finally:
                self.objective.train()

    def _agree(self) -> tuple[bool, bool]:
        """Whether to stop, and whether to save: by the first process' clock, and if any is told to stop."""
        self.total = self.step if self.objective.over else self.clock.fit(self.step, self.total)
        save = self.clock.elapsed - self._saved > self.settings.checkpoint_every
        if distributed.world() == 1:
            return self.stopping, save
        first = distributed.rank() == 0
        word = torch.tensor(
            [first * self.total, first * save, self.stopping], dtype=torch.int64, device=self.device
        )
        self.total, save, stop = distributed.largest(word).tolist()
        return bool(stop), bool(save)

    def save(self) -> None:
        """A checkpoint, and the model as it is by now."""
        self._saved, self._saved_step = self.clock.elapsed, self.step
        if distributed.rank() == 0:
            state, figures = self._state()
            checkpoint.save(self.run.checkpoints, self.step, state, figures)
            self.write_model(self.run)
        distributed.barrier()

    def write_model(self, run: Run, **facts: Any) -> None:
        """The model as it is used by now, into a run's folder, with what is to be known of it."""
        with self.averaged() as objective:
            state = checkpoint.of_module(objective) | objective.for_use(self.data)
            run.save_model(state, self.config | {"step": self.step} | facts)

    def keep(self, folder: Path, most: int, spared: Collection[int] = ()) -> None:
        """A checkpoint elsewhere, beside at most so many others and those spared; after a line of the log."""
        state, figures = self._state()
        checkpoint.save(folder, self.step, state | {"figures": {}}, figures, most, spared)

    def _state(self) -> tuple[checkpoint.State, dict[str, Any]]:
        state = {
            "objective": checkpoint.of_module(self.objective),
            "average": checkpoint.of_module(self.average),
            "optimisers": checkpoint.of_players(self.players),
            "figures": self._figures,
        }
        return state, {"elapsed": self.clock.elapsed, "total": self.total, "accumulate": self.accumulate}

    def resume(self) -> Sequence[str]:
        """Go back to the last whole checkpoint; what is to be said of it."""
        found = checkpoint.load(self.run.checkpoints)
        if found is None:
            self.run.rewind(0)
            return ["the run was stopped before its first checkpoint: it starts over"]
        state, figures, said = found
        self._take_up(state, figures)
        return [*said, f"going on from step {self.step:,} of {self.total:,}"]

    def start_from(self, path: Path) -> None:
        """Go on from a checkpoint of other settings, as far as its shapes fit; what does not fit starts
        anew, and so does what an optimiser remembers of a network with such a part.
        """
        try:
            state, figures = checkpoint.read(path)
        except ValueError as error:
            raise UserError(f"{error}, and training was to go on from it: start a new run") from None
        state["objective"], anew = checkpoint.fitted(self.objective, state["objective"])
        state["average"], _ = checkpoint.fitted(self.average, state["average"])
        remembered = state["optimisers"].items()
        state["optimisers"] = {k: v for k, v in remembered if k.partition("/")[0] not in anew}
        self._take_up(state, figures)

    def _take_up(self, state: checkpoint.State, figures: dict[str, Any]) -> None:
        checkpoint.into_module(self.objective, state["objective"])
        checkpoint.into_module(self.average, state["average"])
        checkpoint.into_players(self.players, state["optimisers"])
        self._figures = {name: value.to(self.device) for name, value in state["figures"].items()}
        self.step, self.total, self.spent = figures["step"], figures["total"], figures["elapsed"]
        self.accumulate = figures["accumulate"]
        if distributed.rank() == 0:
            self.run.rewind(self.step)


@torch.no_grad()
def put(objective: Objective, values: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Give these parts of its state other values, and leave all others alone; what they were.

    `load_state_dict` with a part of a state would let modules take the rest for that of an older model.
    """
    own = objective.state_dict()
    before = {name: own[name].clone() for name in values}
    for name, value in values.items():
        own[name].copy_(value)
    return before


@contextmanager
def interrupts(trainer: Trainer) -> Iterator[None]:
    """Ctrl-C, or a polite kill, lets the step finish and saves; a second one, later, is obeyed at once."""

    asked = 0.0

    def ask(number: int, frame: Any) -> None:
        nonlocal asked
        if trainer.stopping and time.monotonic() - asked > ONCE:
            raise KeyboardInterrupt
        trainer.stopping, asked = True, asked or time.monotonic()

    try:
        before = {s: signal.signal(s, ask) for s in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: nobody sends signals here
        before = {}
    try:
        yield
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)
