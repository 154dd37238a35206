"""Each game's losses and slopes against formulas written with probabilities."""

import pytest
import torch

from ganvas.losses import adversarial
from ganvas.losses.adversarial import GAMES

REAL = torch.tensor([2.0, -0.5, 0.3], dtype=torch.float64)
FAKE = torch.tensor([-1.0, 0.7, 1.6], dtype=torch.float64)


def s(x):
    return 1 / (1 + torch.exp(-x))


LOSSES = {
    "minimax": (-(s(REAL).log() + (1 - s(FAKE)).log()).mean(), (1 - s(FAKE)).log().mean()),
    "nonsaturating": (-(s(REAL).log() + (1 - s(FAKE)).log()).mean(), -s(FAKE).log().mean()),
    "leastsquares": (((REAL - 1) ** 2 + FAKE**2).mean() / 2, ((FAKE - 1) ** 2).mean() / 2),
    "wasserstein": (FAKE.mean() - REAL.mean(), -FAKE.mean()),
    "hinge": (((1 - REAL).clamp(0) + (1 + FAKE).clamp(0)).mean(), -FAKE.mean()),
    "relativistic": (-s(REAL - FAKE).log().mean(), -s(FAKE - REAL).log().mean()),
}
SLOPES = {  # d generator's loss / d fake, times the number of items
    "minimax": -s(FAKE),
    "nonsaturating": s(FAKE) - 1,
    "leastsquares": FAKE - 1,
    "wasserstein": -torch.ones(3, dtype=torch.float64),
    "hinge": -torch.ones(3, dtype=torch.float64),
    "relativistic": s(FAKE - REAL) - 1,
}


@pytest.mark.parametrize("name", GAMES)
def test_losses_are_those_of_the_papers(name):
    game = GAMES[name]
    critic, generator = LOSSES[name]
    torch.testing.assert_close(game.critic(REAL, FAKE), critic)
    torch.testing.assert_close(game.generator(FAKE, REAL if game.paired else None), generator)


@pytest.mark.parametrize("name", GAMES)
def test_the_generators_slope(name):
    fake = FAKE.clone().requires_grad_()
    GAMES[name].generator(fake, REAL).backward()
    torch.testing.assert_close(fake.grad * 3, SLOPES[name])


@pytest.mark.parametrize("name", GAMES)
def test_a_right_critic_leads(name):
    right, wrong = torch.full((4,), 2.0), torch.full((4,), -2.0)
    assert (GAMES[name].lead(right, wrong) > 0).all()
    assert (GAMES[name].lead(wrong, right) < 0).all()


def test_the_saturating_generator_learns_nothing_from_a_sure_critic():
    fake = torch.full((1,), -20.0, requires_grad=True)
    GAMES["minimax"].generator(fake).backward()
    assert fake.grad.abs() < 1e-8


def test_several_critics():
    losses = [torch.tensor(1.0), torch.tensor(4.0)]
    assert adversarial.mean(losses) == 2.5
    assert adversarial.hardest(losses) == 4
