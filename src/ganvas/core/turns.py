"""The one idea: an objective yields turns, and says in each what every player that moves minimises."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ganvas.core import transfer
from ganvas.core.distributed import average_gradients

if TYPE_CHECKING:
    from ganvas.core.data import Data

Batch = dict[str, Tensor]


@dataclass
class Turn:
    """One simultaneous update: a loss for every player that moves, and figures worth logging."""

    losses: dict[str, Tensor]
    stats: dict[str, Tensor] = field(default_factory=dict)


class Objective(nn.Module):
    """A model: networks, one attribute a player, and the game that they play.

    It never calls `backward` or `step`; what it draws at random comes from torch's global generator,
    which the loop seeds anew at every step from (seed, process, step).
    """

    averaged: tuple[str, ...] = ()
    """Players whose weights are averaged over the training, for use."""
    spare: tuple[str, ...] = ()
    """Players that only training needs: a small copy of the model is without them."""
    progress: float = 0.0
    """The share of the training that is done; the loop keeps it, for whatever changes on the way."""
    notes: Sequence[str] = ()
    """What a user should be told before training begins."""
    parts: int = 1
    """In how many parts this step goes through its batch: what one keeps between turns is kept that often."""
    over: bool = False
    """Whether nothing is left to learn: then the training ends before its last step."""
    news: tuple[str, ...] = ()
    """What a user should be told now; the loop says it, writes it into the diary, and empties this."""

    def prepare(self, data: "Data") -> None:
        """Once, before the first step of a new run: what is learnt from all the data without gradients.

        What it finds is kept in buffers, so that it is saved with the weights.
        """

    def for_use(self, data: "Data") -> dict[str, Tensor]:
        """What use needs and training does not, measured with the weights as they are: it takes the place of
        buffers of the same names in the model that is written, and there only.
        """
        return {}

    def inherit(self, other: "Objective") -> list[transfer.Inheritance]:
        """Start from the networks of another model; what came of it. UserError where nothing fits."""
        return transfer.inherit(self, other)

    def turns(self, batch: Batch, step: int) -> Iterator[Turn]:
        """What each player minimises in this step, turn by turn; code after a `yield` sees the update."""
        raise NotImplementedError

    @property
    def starts(self) -> tuple[float, ...]:
        """Shares of the training after which another stage begins, whose steps may take another time."""
        return ()

    def pace(self, player: str) -> float:
        """A factor of this player's learning rate by now."""
        return 1.0

    def due(self, progress: float) -> bool:
        """Whether it wants to look at itself as it is used, now that this share of the training is done."""
        return False

    def look(self) -> dict[str, Tensor] | None:
        """What it does when that is `due`, with averaged weights, in every process alike. What it gives,
        tensors by their names in `state_dict`, is what training goes on from: players whose weights are among
        them, and the average, begin there anew.
        """

    def sample(self, n: int, *, generator: torch.Generator | None = None, **condition: Any) -> Tensor:
        """Draw `n` items. The randomness comes from `generator`, a CPU one, whatever the device."""
        raise NotImplementedError


class Player:
    """The parameters that move together, and the optimiser that moves them."""

    def __init__(
        self,
        params: Sequence[nn.Parameter],
        optimiser: torch.optim.Optimizer,
        clip: float = 0.0,
        spike: float = 0.0,
    ):
        self.params = list(params)
        self.optimiser = optimiser
        self.clip, self.spike = clip, spike
        for group in optimiser.param_groups:
            group.setdefault("initial_lr", group["lr"])

    def step(self) -> Tensor:
        """Average the gradients over processes, cut their norm and step; the norm before it was cut."""
        average_gradients(self.params)
        norm = nn.utils.get_total_norm([p.grad for p in self.params if p.grad is not None], foreach=True)
        longest = self._longest()
        if longest is not None and not (norm.is_cpu and norm <= longest):  # a GPU would have to be waited for
            nn.utils.clip_grads_with_norm_(self.params, longest, norm, foreach=True)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return norm

    def _longest(self) -> Any:
        """What the norm may be at most; None where nothing bounds it."""
        usual = self._usual() if self.spike else None
        if usual is None:
            return self.clip or None
        return torch.clamp(self.spike * usual, max=self.clip or torch.inf)

    def _usual(self) -> Tensor | None:
        """Root of the norm's mean square over the last 1 / (1 - beta2) steps, which Adam remembers; None
        before the first."""
        past = [state for p in self.params if (state := self.optimiser.state.get(p))]
        if not past:
            return None
        rest = self.optimiser.param_groups[0]["betas"][1] ** past[0]["step"]
        squares = torch._foreach_norm([state["exp_avg_sq"] for state in past], 1)
        return (torch.stack(squares).sum() / (1 - rest)).sqrt()


def players_of(
    objective: Objective, optimiser_of: Callable[[str, list[nn.Parameter]], Player]
) -> dict[str, Player]:
    """A player for every child that has parameters; a parameter shared by two players is refused."""
    owner: dict[nn.Parameter, str] = {}
    players = {}
    for name, child in objective.named_children():
        params = [p for p in child.parameters() if p.requires_grad]
        for p in params:
            if owner.setdefault(p, name) != name:
                raise ValueError(f"{name!r} and {owner[p]!r} share a parameter of shape {tuple(p.shape)}")
        if params:
            players[name] = optimiser_of(name, params)
    return players


def play(
    objective: Objective,
    players: dict[str, Player],
    micro_batches: Sequence[Batch],
    step: int,
    precision: Callable[[], AbstractContextManager] = nullcontext,
) -> dict[str, Tensor]:
    """One step: the micro-batches of an accumulation go through their turns in lockstep.

    Each loss runs backward into the parameters of the players that minimise it only, so no network needs
    freezing and no gradient is left over for another player. Returns the mean of every loss and figure over
    all that gave it.
    """
    objective.parts = len(micro_batches)
    games = [objective.turns(batch, step) for batch in micro_batches]
    stats = defaultdict[str, list[Tensor]](list)
    while True:
        moving: list[str] = []
        for game in games:
            with precision():
                turn = next(game, None)
            if turn is None:
                return {name: _mean(values) for name, values in stats.items()}
            moving = list(turn.losses)
            passes = _passes(turn.losses)
            for loss, names in passes:
                params = [p for name in names for p in players[name].params]
                share = loss if len(games) == 1 else loss / len(games)
                share.sum().backward(inputs=params, retain_graph=loss is not passes[-1][0])
            for name, value in (turn.losses | turn.stats).items():
                stats[name].append(value.detach())
        for name in moving:
            stats[f"{name}/grad_norm"].append(players[name].step())


def _mean(values: list[Tensor]) -> Tensor:
    return values[0] if len(values) == 1 else torch.stack(values).mean(0)


def _passes(losses: dict[str, Tensor]) -> list[tuple[Tensor, list[str]]]:
    """The players by what they minimise: those that share a loss share its way back."""
    found: dict[int, tuple[Tensor, list[str]]] = {}
    for name, loss in losses.items():
        found.setdefault(id(loss), (loss, []))[1].append(name)
    return list(found.values())
