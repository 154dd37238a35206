"""Who moves, by which gradient: the loop's step against autograd by hand."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from ganvas.core.turns import Batch, Objective, Player, Turn, play, players_of


class Pair(Objective):
    """Two players whose losses go through both networks; the second turn sees the first one's update."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encoder = nn.Linear(3, 4).double()
        self.decoder = nn.Linear(4, 3).double()
        self.critic = nn.Linear(3, 1).double()

    def losses(self, x):
        y = self.decoder(self.encoder(x).tanh())
        rec, judged = (x - y).square().sum(1), self.critic(y).squeeze(1)
        return {"encoder": rec.mean(), "decoder": (rec - judged).mean(), "critic": judged.square().mean()}

    def turns(self, batch: Batch, step: int) -> Iterator[Turn]:
        yield Turn(self.losses(batch["x"]), {"twice": torch.tensor(1.0)})
        yield Turn({"encoder": self.losses(batch["x"])["encoder"]}, {"twice": torch.tensor(3.0)})


def data(n=8):
    return torch.randn(n, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def descend(objective, lr=0.1, clip=0.0):
    return players_of(objective, lambda _, params: Player(params, torch.optim.SGD(params, lr), clip))


def by_hand(objective, x, lr=0.1):
    """The same two turns: all gradients of a turn first, then all its updates."""
    for moving in (("encoder", "decoder", "critic"), ("encoder",)):
        losses = objective.losses(x)
        moves = []
        for name in moving:
            params = list(getattr(objective, name).parameters())
            moves += zip(params, torch.autograd.grad(losses[name], params, retain_graph=True), strict=True)
        with torch.no_grad():
            for p, gradient in moves:
                p.sub_(lr * gradient)


def assert_equal(a, b):
    for (name, p), q in zip(a.named_parameters(), b.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-13, atol=1e-14, msg=name)


def test_every_loss_moves_its_own_player_by_its_own_gradient_only():
    ours, theirs = Pair(), Pair()
    play(ours, descend(ours), [{"x": data()}], 0)
    by_hand(theirs, data())
    assert_equal(ours, theirs)


@pytest.mark.parametrize("parts", [2, 4])
def test_parts_of_a_batch_give_the_gradient_of_all_of_it(parts):
    whole, split = Pair(), Pair()
    stats = play(whole, descend(whole), [{"x": data()}], 0)
    same = play(split, descend(split), [{"x": x} for x in data().chunk(parts)], 0)
    assert_equal(whole, split)
    for name, value in stats.items():
        torch.testing.assert_close(same[name], value, rtol=1e-12, atol=1e-12)


def test_players_that_share_a_loss_share_its_way_back():
    """Both move by their own gradient of it, and what lies between is gone through once."""

    class Shared(Pair):
        def turns(self, batch: Batch, step: int) -> Iterator[Turn]:
            h = self.encoder(batch["x"]).tanh()
            h.register_hook(lambda gradient: passes.append(gradient))
            loss = (batch["x"] - self.decoder(h)).square().sum(1).mean()
            yield Turn({"encoder": loss, "decoder": loss})

    passes = []
    ours, theirs = Shared(), Pair()
    play(ours, descend(ours), [{"x": data()}], 0)
    params = [*theirs.encoder.parameters(), *theirs.decoder.parameters()]
    gradients = torch.autograd.grad(theirs.losses(data())["encoder"], params)
    with torch.no_grad():
        for p, gradient in zip(params, gradients, strict=True):
            p.sub_(0.1 * gradient)
    assert_equal(ours, theirs)
    assert len(passes) == 1


def test_no_gradient_is_left_over():
    objective = Pair()
    play(objective, descend(objective), [{"x": data()}], 0)
    assert all(p.grad is None for p in objective.parameters())


def test_a_figure_that_several_turns_give_is_their_mean():
    objective = Pair()
    stats = play(objective, descend(objective), [{"x": x} for x in data().chunk(2)], 0)
    assert stats["twice"] == 2.0


def test_a_long_gradient_is_cut_to_the_bound_and_its_length_told():
    free, held = Pair(), Pair()
    before = [p.detach().clone() for p in held.critic.parameters()]
    norm = play(free, descend(free), [{"x": data()}], 0)["critic/grad_norm"]
    bound = norm.item() / 2
    told = play(held, descend(held, clip=bound), [{"x": data()}], 0)["critic/grad_norm"]
    moved = torch.cat([(p - q).flatten() for p, q in zip(held.critic.parameters(), before, strict=True)])
    torch.testing.assert_close(told, norm, rtol=1e-12, atol=0)
    torch.testing.assert_close(moved.norm().item(), 0.1 * bound, rtol=1e-5, atol=0)


@pytest.mark.parametrize("clip", [0.0, 1.5])
def test_a_gradient_many_times_as_long_as_usual_is_cut_to_what_is_asked_for(clip):
    torch.manual_seed(0)
    params = [nn.Parameter(torch.randn(5, 3).double()), nn.Parameter(torch.randn(3).double())]
    beta, times, norms = 0.9, 4.0, []
    player = Player(params, torch.optim.Adam(params, 1e-3, (0.0, beta)), clip, times)
    for step in range(12):
        size = 1e6 if step == 8 else 1.0
        for p in params:
            p.grad = size * torch.randn(p.shape, dtype=torch.float64)
        weights = [beta ** (step - 1 - k) for k in range(step)]
        usual = sum(w * n**2 for w, n in zip(weights, norms, strict=True)) / max(sum(weights), 1e-9)
        longest = min(times * usual**0.5 if step else torch.inf, clip or torch.inf)
        norms.append(min(player.step().item(), longest))
        last = torch.cat([player.optimiser.state[p]["exp_avg"].flatten() for p in params])
        assert last.norm().item() == pytest.approx(norms[-1], rel=1e-5)
    assert max(norms) < 100


def test_a_parameter_of_two_players_is_refused():
    shared = Pair()
    shared.other = nn.Sequential(shared.critic)
    with pytest.raises(ValueError, match="'other' and 'critic' share a parameter of shape"):
        descend(shared)
