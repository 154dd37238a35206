"""Every GAN at small widths: it takes its turns, samples, and keeps its players apart."""

from contextlib import nullcontext

import pytest
import torch

from ganvas.core.turns import Player, play, players_of
from ganvas.data.spec import Spec
from ganvas.models import dcgan, gan, points, r3gan, sagan, wgan
from ganvas.models.settings import CriticSettings, GeneratorSettings
from ganvas.remedies.augmentation import AugmentSettings
from ganvas.remedies.noise import NoiseSettings
from ganvas.remedies.penalties import PenaltySettings

MODELS = [gan, dcgan, wgan, sagan, r3gan]
POINTS = Spec(kind="points", shape=(2,))


def pictures(size=16, channels=3, classes=0):
    return Spec(kind="image", shape=(channels, size, size), classes=tuple("abcdefghij"[:classes]))


def small(model, *, generator=None, critic=None, **rules):
    """The model with tiny networks."""
    return model.Settings(
        generator=model.GeneratorSettings(**{"width": 4, "latent": 8} | (generator or {})),
        critic=model.CriticSettings(**{"width": 4} | (critic or {})),
        **rules,
    )


def batch_of(spec, n=8):
    if spec.kind == "points":
        return {"point": torch.randn(n, *spec.shape)}
    labels = {"label": torch.randint(len(spec.classes), (n,))} if spec.classes else {}
    return {"image": torch.rand(n, *spec.shape) * 2 - 1} | labels


def bf16():
    return torch.autocast("cpu", torch.bfloat16)


def train(objective, spec, steps=2, precision=nullcontext):
    players = players_of(objective, lambda _, params: Player(params, torch.optim.Adam(params, 1e-3)))
    for step in range(steps):
        stats = play(objective, players, [batch_of(spec)], step, precision)
    return stats


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize(
    ("size", "channels", "precision"), [(16, 1, nullcontext), (32, 3, bf16), (64, 4, nullcontext)]
)
@pytest.mark.parametrize("model", MODELS)
def test_every_model_takes_its_turns_and_samples(model, size, channels, classes, precision):
    torch.manual_seed(0)
    spec = pictures(size, channels, classes)
    objective = model.build(small(model), spec)
    before = {name: p.detach().clone() for name, p in objective.named_parameters()}
    stats = train(objective, spec, precision=precision)
    assert {"critic", "generator", "critic/real", "critic/fake", "critic/accuracy"} <= stats.keys()
    assert all(torch.as_tensor(value).isfinite() for value in stats.values())
    still = [name for name, p in objective.named_parameters() if torch.equal(p, before[name])]
    # Where only differences of logits count, no game moves the critic's last bias.
    assert set(still) <= {"critic.0.verdict.bias"}
    samples = objective.sample(5, generator=seeded())
    assert samples.shape == (5, *spec.shape)
    assert samples.dtype == torch.float32


REMEDIES = {
    "packing": {"packing": 2},
    "several generators": {"generator": {"count": 3}},
    "several critics": {"critic": {"count": 2, "reduce": "hardest"}},
    "scales": {"critic": {"count": 2, "differ": "scale"}},
    "augmentations": {
        "critic": {"count": 2, "differ": "augmentation"},
        "augment": AugmentSettings(colour=True, cutout=0.5),
    },
    "spectral norm": {"critic": {"norm": "spectral"}},
    "batch norm": {"critic": {"norm": "batch"}},
    "r1 and r2": {"penalty": PenaltySettings(r1=1.0, r2=1.0, every=2)},
    "gradient penalty": {"penalty": PenaltySettings(gp=10.0)},
    "weights": {"penalty": PenaltySettings(l1=1e-4, l2=1e-4, clip=0.5)},
    "noise": {"noise": NoiseSettings(std=0.1)},
    "adaptive": {"augment": AugmentSettings(colour=True, shift=0.1, adaptive=True, p=0.0)},
    "steps": {"generator": {"steps": 2}, "critic": {"steps": 3}},
    "all": {
        "generator": {"count": 2, "steps": 2},
        "critic": {"count": 2, "steps": 2, "norm": "spectral", "reduce": "hardest", "differ": "scale"},
        "packing": 2,
        "penalty": PenaltySettings(r1=1.0, r2=1.0, gp=1.0, l2=1e-5),
        "noise": NoiseSettings(std=0.1),
        "augment": AugmentSettings(colour=True, shift=0.1, rotate=10.0, adaptive=True),
    },
}


@pytest.mark.parametrize(("game", "precision"), [("nonsaturating", nullcontext), ("relativistic", bf16)])
@pytest.mark.parametrize("remedy", REMEDIES)
def test_remedies_combine_on_labelled_pictures(remedy, game, precision):
    torch.manual_seed(0)
    spec = pictures(classes=3)
    objective = dcgan.build(small(dcgan, game=game, **REMEDIES[remedy]), spec)
    stats = train(objective, spec, precision=precision)
    assert all(torch.as_tensor(value).isfinite() for value in stats.values())
    assert objective.sample(4, generator=seeded(), label=1).shape == (4, 3, 16, 16)


def test_turns_say_who_moves():
    settings = small(
        dcgan,
        generator={"steps": 2, "count": 2},
        critic={"steps": 3},
        penalty=PenaltySettings(r1=1.0, every=2),
    )
    objective = dcgan.build(settings, pictures())
    moves = [set(turn.losses) for turn in objective.turns(batch_of(pictures()), 0)]
    assert moves == [{"critic", "classifier"}] * 3 + [{"generator"}] * 2
    penalised = [
        "penalty/r1" in next(iter(objective.turns(batch_of(pictures()), step))).stats for step in range(4)
    ]
    assert penalised == [True, False, True, False]


def test_players_are_the_networks():
    objective = dcgan.build(small(dcgan, generator={"count": 2}), pictures())
    players = players_of(objective, lambda _, params: Player(params, torch.optim.Adam(params)))
    assert players.keys() == {"generator", "critic", "classifier"}


def test_r1_adds_half_gamma_times_the_squared_slope():
    torch.manual_seed(0)
    spec, data = pictures(), batch_of(pictures())
    with_r1 = dcgan.build(small(dcgan, penalty=PenaltySettings(r1=6.0, every=4)), spec)
    without = dcgan.build(small(dcgan, penalty=PenaltySettings()), spec)
    without.load_state_dict(with_r1.state_dict())
    turns = []
    for objective in (with_r1, without):
        torch.manual_seed(1)
        turns.append(next(iter(objective.turns(data, 0))))
    x = data["image"].clone().requires_grad_()
    (slope,) = torch.autograd.grad(with_r1.critic[0](x).sum(), x)
    r1 = slope.square().sum((1, 2, 3)).mean()
    torch.testing.assert_close(turns[0].stats["penalty/r1"], r1)
    torch.testing.assert_close(turns[0].losses["critic"] - turns[1].losses["critic"], 4 * 6 / 2 * r1)


def test_clipped_weights_stay_within_the_bound():
    objective = dcgan.build(small(dcgan, penalty=PenaltySettings(clip=0.01)), pictures())
    train(objective, pictures())
    assert max(p.abs().max() for p in objective.critic.parameters()) <= 0.01


@pytest.mark.parametrize("count", [1, 3])
def test_samples_depend_on_the_seed_alone(count):
    spec = pictures(classes=3)
    objective = dcgan.build(small(dcgan, generator={"count": count}), spec)
    train(objective, spec)
    modes = [m.training for m in objective.modules()]
    one, two = objective.sample(20, generator=seeded(1)), objective.sample(20, generator=seeded(1))
    assert torch.equal(one, two)
    assert not torch.equal(one, objective.sample(20, generator=seeded(2)))
    assert [m.training for m in objective.modules()] == modes
    z, label = torch.randn(20, 8), torch.randint(3, (20,))
    whole, split = objective.decode(z, label), objective.decode(z, label, batch=3)
    torch.testing.assert_close(whole, split)


@pytest.mark.parametrize("model", MODELS)
def test_a_label_changes_what_is_made(model):
    torch.manual_seed(0)
    objective = model.build(small(model), pictures(classes=3))
    z = torch.randn(4, 8)
    first, second = (objective.decode(z, torch.full((4,), k)) for k in (0, 1))
    assert not torch.allclose(first, second)


def test_truncated_samples_vary_less():
    objective = gan.build(small(gan), pictures())
    wide, narrow = (objective.sample(64, generator=seeded(), truncation=t) for t in (1.0, 0.3))
    assert narrow.std(0).mean() < 0.5 * wide.std(0).mean()
    with pytest.raises(ValueError, match="truncation"):
        objective.sample(1, truncation=1.5)


def test_points_are_two_dimensional_too():
    for model in (gan, points):
        objective = model.build(small(model, packing=2), POINTS)
        train(objective, POINTS)
        assert objective.sample(6, generator=seeded()).shape == (6, 2)


def test_settings_are_kept_apart():
    assert isinstance(dcgan.Settings().generator, GeneratorSettings)
    assert isinstance(wgan.Settings().critic, CriticSettings)
    assert (wgan.Settings().penalty.gp, dcgan.Settings().penalty.gp) == (10.0, 0.0)
