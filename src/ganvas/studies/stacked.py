"""Many seeds of a small network trained in one go: their layers multiply side by side, and nothing is mixed.

Each seed draws what it would draw alone, and every loss, penalty, gradient norm and update is its own. So
each step is that of `ganvas.train` up to the rounding of sums that another kernel adds in another order; over
many steps a game enlarges such differences, as it does those between two numbers of threads.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from ganvas.api import attend
from ganvas.begin import Ask, new, resumed
from ganvas.core import checkpoint, distributed, memory
from ganvas.core.checkpoint import numbered
from ganvas.core.device import pick, quicken
from ganvas.core.errors import UserError
from ganvas.core.files import write_json
from ganvas.core.loop import Observer, Trainer
from ganvas.core.randomness import reseed
from ganvas.core.run import Run, refuse_taken
from ganvas.core.settings import override
from ganvas.core.stacking import side_by_side
from ganvas.core.turns import Batch, Objective, Player
from ganvas.data.load import load
from ganvas.data.spec import Spec
from ganvas.models.adversarial import GAN
from ganvas.nn import stacked
from ganvas.recipes.base import data_settings, find
from ganvas.report.recorder import Display, Nobody, Recorder
from ganvas.terminal import Screen

Watch = Callable[[Trainer], Observer]
"""Who looks on at the run of one seed."""


def train(
    data: str | Path,
    recipe: str,
    seeds: Sequence[int],
    *,
    steps: int | None = None,
    epochs: float | None = None,
    out: str | Path | Callable[[int], Path],
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
    doctor: str = "watch",
    watch: Watch = lambda trainer: Observer(said=lambda sentence: None),
) -> list[Run]:
    """Train these seeds of a recipe, stacked; an ordinary run of each, `out`/seed-N or where `out` says.

    `watch` gives who looks on at a seed's run. What is logged as time is that of all together. What was
    interrupted or killed, `resume` takes up again, and --resume each run by itself.
    UserError says what cannot be, before it begins.
    """
    where = pick(device)
    quicken(where)
    place = out if callable(out) else lambda seed: Path(out) / f"seed-{seed}"
    if doctor not in ("off", "watch"):
        raise UserError(
            f"--doctor is off or watch where seeds are stacked, not {doctor!r}: it treats one run"
        )
    if not seeds or len(set(seeds)) < len(seeds):
        raise UserError(f"seeds are one or more different numbers, not {[*seeds]}")
    asked = override(find(recipe), dict(settings or {}))
    spec = load(str(data), data_settings(asked)).spec
    if reason := hindrance(asked, spec):
        raise UserError(f"{recipe} cannot be trained with its seeds stacked: {reason}")
    asks = [
        Ask(data, recipe, place(s), steps, epochs, None, s, None, dict(settings or {}), None) for s in seeds
    ]
    for ask in asks:
        ask.check()
        refuse_taken(Path(ask.out or ""))
    members = [new(ask, where, Observer()) for ask in asks]
    for member in members:
        member.run.record["stacked"] = [*seeds]
        write_json(member.run.path / "recipe.json", member.run.record)
    return _fitted(members, doctor, watch)


def resume(
    paths: Sequence[str | Path],
    *,
    device: str = "auto",
    watch: Watch = lambda trainer: Observer(said=lambda sentence: None),
) -> list[Run]:
    """Go on with a stack that was interrupted or killed, to the bits of one that never was.

    UserError where its runs have gone separate ways since.
    """
    where = pick(device)
    quicken(where)
    runs = [Run.open(Path(path)) for path in paths]
    step = _together_at(runs)
    if step is None:
        raise UserError(
            f"{paths[0]} and those stacked with it have gone separate ways; resume each by itself"
        )
    for run in runs:
        for number, path in numbered(run.checkpoints):
            if number > step:  # it was killed while one after another was saved
                shutil.rmtree(path)
    asks = [Ask(None, None, path, None, None, None, 0, None, {}, None) for path in paths]
    members = [resumed(ask, where, Observer()) for ask in asks]
    for member in members:
        member.resume()
    return _fitted(members, None, watch)


def _fitted(members: list[Trainer], doctor: str | None, watch: Watch) -> list[Run]:
    for member in members:
        attend(member, doctor, watch(member))
    with ExitStack() as held:
        for member in members:
            held.enter_context(member.run.held())
        Together.of(members).fit()
    return [member.run for member in members]


def unfinished(path: Path) -> list[int]:
    """The seeds of the stack that this run is part of, where all of it can be gone on with; else none."""
    if not (path / "recipe.json").is_file() or (run := Run.open(path)).progress()["finished"]:
        return []
    seeds = run.record.get("stacked") or []
    others = [path.parent / f"seed-{seed}" for seed in seeds]
    whole = all((other / "recipe.json").is_file() for other in others)
    return seeds if whole and _together_at([Run.open(other) for other in others]) is not None else []


def _together_at(runs: Sequence[Run]) -> int | None:
    """The newest step of which all have a checkpoint; 0: they are at their beginning; None: there is none."""
    kept = [dict(numbered(run.checkpoints)) for run in runs]
    step = min(max(steps, default=0) for steps in kept)
    near = all(step in steps or (not step and len(steps) < checkpoint.KEPT) for steps in kept)
    return step if near else None


@contextmanager
def shown(first: int) -> Iterator[Watch]:
    """Who looks on at a stack: a display, which shows the first seed, and whoever keeps what is shown."""
    screen = Screen()
    with screen.watching(), recorded(lambda seed: screen if seed == first else Nobody()) as watch:
        yield watch


@contextmanager
def recorded(display: Callable[[int], Display]) -> Iterator[Watch]:
    """Who looks on at a stack and keeps what is shown, beside the display of each seed."""
    with ExitStack() as closing:

        def watch(trainer: Trainer) -> Observer:
            recorder = Recorder(display(trainer.seed))
            closing.callback(recorder.close)
            return recorder.observer

        yield watch


def stackable(recipe: Any, spec: Spec) -> bool:
    """Whether seeds of this recipe, with its settings, can be trained in one go on such data."""
    return hindrance(recipe, spec) is None


def hindrance(recipe: Any, spec: Spec) -> str | None:
    """What forbids it, as a sentence goes on; None where nothing does."""
    training = recipe.training
    if distributed.world() > 1:
        return "several processes train one model"
    if spec.kind != "points":
        return "only for points does it save time"
    with torch.random.fork_rng(devices=[]):
        objective = recipe.build(spec)
    if not isinstance(objective, GAN):
        return "it is no GAN"
    rules = objective.rules
    mixing = {
        f"--training.accumulate {training.accumulate} parts its batches": training.accumulate > 1,
        f"--training.batch {training.batch} is no multiple of --packing {rules.packing}": (
            training.batch % rules.packing > 0
        ),
        "--training.spike looks at the gradients of all of them": training.spike > 0,
        "several generators share a batch out": objective.making.count > 1,
        "--critic.reduce hardest picks one critic for all": objective.judging.reduce == "hardest",
        "--penalty.l1 and l2 are sums over all weights": max(rules.penalty.l1, rules.penalty.l2) > 0,
        "its networks have layers that mix the items of a batch, or that cannot be stacked": not all(
            stacked.stackable(network)
            for network in (objective.generator, objective.critic, objective.referee)
            if network is not None
        ),
    }
    return next((reason for reason, so in mixing.items() if so), None)


class Players(Player):
    """One player of each model: gradients are measured, and cut, model by model."""

    def step(self) -> Tensor:
        gradients = [p.grad for p in self.params if p.grad is not None]
        norms = torch.stack([torch.linalg.vector_norm(g.flatten(1), dim=1) for g in gradients])
        norm = torch.linalg.vector_norm(norms, dim=0)
        if self.clip:
            share = (self.clip / (norm + 1e-6)).clamp(max=1)
            for g in gradients:
                g.mul_(share.view(-1, *[1] * (g.ndim - 1)))
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return norm


@dataclass
class Together(Trainer):
    """The trainers of single runs, brought through their steps at once."""

    members: list[Trainer] = field(default_factory=list)

    @classmethod
    def of(cls, members: list[Trainer]) -> "Together":
        one = members[0]
        stack = cls(
            objective=cast(Objective, stacked.stack([member.objective for member in members])),
            data=one.data,
            settings=one.settings,
            run=one.run,
            seed=one.seed,
            device=one.device,
            make_optimiser=one.make_optimiser,
            config=one.config,
            members=members,
        )
        stack._take_over()
        return stack

    def __post_init__(self):
        super().__post_init__()
        self.streams = [torch.Generator(self.device) for _ in self.members]

    def _player(self, name: str, params: list[nn.Parameter]) -> Player:
        return Players(params, self.make_optimiser(name, params), self.settings.clip)

    def fit(self) -> bool:
        for member in self.members:
            member.observer.started(member)
        return super().fit()

    def advance(self) -> dict[str, Tensor]:
        with side_by_side(self.streams):
            return super().advance()

    def _batches(self) -> list[Batch]:
        """The members' batches in a row; each stream stands where its member's batch has left it."""
        parts = []
        for member, stream in zip(self.members, self.streams, strict=True):
            member.step = self.step
            reseed(member.seed, 0, self.step)
            parts += member._batches()
            stream.set_state(drawn_from(self.device).get_state())
        return [{name: torch.cat([part[name] for part in parts]) for name in parts[0]}]

    def _shrink(self, error: Exception) -> None:
        if not memory.is_lack_of_memory(error):
            raise error
        raise UserError(
            f"not enough memory for {len(self.members)} seeds at once; stack fewer, or train one by one"
        ) from None

    def _log(self, figures: dict[str, Tensor]) -> None:
        self._hand_over()
        for k, member in enumerate(self.members):
            member._log({name: value[k] for name, value in figures.items()})

    def snapshot(self) -> None:
        self._hand_over()
        for member in self.members:
            member.snapshot()

    def save(self) -> None:
        """All members, as each saves itself."""
        self._saved, self._saved_step = self.clock.elapsed, self.step
        self._hand_over()
        memories = checkpoint.of_players(self.players)
        for k, member in enumerate(self.members):
            own = {name: v.clone() if name.endswith("/step") else v[k] for name, v in memories.items()}
            checkpoint.into_players(member.players, own)
            member._figures = {name: sums[:, k].contiguous() for name, sums in self._figures.items()}
            member.save()

    def _take_over(self) -> None:
        """What the members have come to; their networks are stacked already."""
        one = self.members[0]
        self.step, self.total, self.spent = one.step, one.total, one.spent
        averages = [member.average.state_dict() for member in self.members]
        self.average.load_state_dict(stacked.gathered(averages, self.average.state_dict()))
        memories = [checkpoint.of_players(member.players) for member in self.members]
        of_all = {
            name: v if name.endswith("/step") else torch.stack([memory[name] for memory in memories])
            for name, v in memories[0].items()
        }
        checkpoint.into_players(self.players, of_all)
        sums = [member._figures for member in self.members]
        self._figures = {name: torch.stack([own[name] for own in sums], 1) for name in one._figures}

    def _hand_over(self) -> None:
        """The members as they are by now."""
        for k, member in enumerate(self.members):
            member.step, member.total, member.clock = self.step, self.total, self.clock
            for whole, part in ((self.objective, member.objective), (self.average, member.average)):
                part.load_state_dict(stacked.unstacked(whole.state_dict(), part.state_dict(), k))
            for name, player in self.players.items():
                groups = player.optimiser.param_groups, member.players[name].optimiser.param_groups
                for mine, theirs in zip(*groups, strict=True):
                    theirs["lr"] = mine["lr"]


def drawn_from(device: torch.device) -> torch.Generator:
    """Torch's own."""
    return torch.cuda.default_generators[device.index] if device.type == "cuda" else torch.default_generator
