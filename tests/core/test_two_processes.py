"""Two processes play as one does on the joined batch: same gradients, same next weights."""

from contextlib import contextmanager

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from ganvas.core.turns import Player, play, players_of
from ganvas.data.spec import Spec
from ganvas.data.vocabulary import Vocabulary
from ganvas.models import dcgan, duel, hvae, lm, relgan, seqgan, textvae, vae, vaegan, vqvae
from ganvas.models.settings import MakerSettings
from ganvas.remedies.augmentation import AugmentSettings
from ganvas.remedies.penalties import GradientSettings, PenaltySettings

RATE, STEPS, ITEMS = 0.05, 3, 8
SMALL = {"width": 4, "latent": 5}
SMOOTH = PenaltySettings(r1=2.0, r2=1.0)
JUDGES = dcgan.CriticSettings(width=4, count=2)
GAMES = {
    "relativistic": dcgan.Settings(
        game="relativistic", penalty=SMOOTH, critic=JUDGES, generator=dcgan.GeneratorSettings(**SMALL)
    ),
    "hardest": dcgan.Settings(
        game="wasserstein",
        penalty=SMOOTH,
        critic=JUDGES.model_copy(update={"reduce": "hardest"}),
        generator=dcgan.GeneratorSettings(**SMALL, steps=2),
    ),
    "adaptive": dcgan.Settings(
        penalty=PenaltySettings(r1=2.0, every=2),
        critic=JUDGES.model_copy(update={"steps": 2, "norm": "batch"}),
        augment=AugmentSettings(adaptive=True, p=0.0, speed=100),  # follows the critic, but does nothing
        generator=dcgan.GeneratorSettings(**SMALL),
    ),
}


MODELS = {name: (dcgan, settings) for name, settings in GAMES.items()} | {
    "vae": (vae, vae.Settings(width=4, latent=5, samples=2, free_bits=0.05, warmup=0.5)),
    "hvae": (
        hvae,
        hvae.Settings(width=4, hidden=6, vectors=2, top=5, maps=2, fine=1, free_bits=0.05, warmup=0.5),
    ),
    "vqvae": (
        vqvae,
        vqvae.Settings(
            width=4,
            codes=6,
            dim=5,
            restart=0.0,  # where one does, each process draws its own proposal
            prior=vqvae.PriorSettings(width=8, depth=1, heads=2),
        ),
    ),
    "vaegan": (
        vaegan,
        vaegan.Settings(
            encoder=vaegan.EncoderSettings(width=4),
            decoder=MakerSettings(**SMALL),
            critic=vaegan.CriticSettings(width=4, steps=2),
            penalty=GradientSettings(r1=2.0, r2=1.0, every=2),
        ),
    ),
}
SPEC = Spec(kind="image", shape=(3, 16, 16), classes=("a", "b", "c"))
SHORT = lm.NetworkSettings(width=8, depth=1, heads=2)
TEXTS = {
    "textvae": (
        textvae,
        textvae.Settings(encoder=SHORT, decoder=SHORT, latent=5, free_bits=0.05, pretraining=0.4, warmup=0.5),
        Spec(kind="text", shape=(16,), vocabulary=Vocabulary(ends=True)),
    ),
    "seqgan": (
        seqgan,
        seqgan.Settings(
            model=duel.NetworkSettings(network="lstm", width=8),
            critic=seqgan.CriticSettings(width=8, depth=1, heads=2, dropout=0.0),
            likelihood=0.3,
            meeting=0.0,
            anchor=0.1,
        ),
        Spec(kind="text", shape=(16,), vocabulary=Vocabulary(ends=True)),
    ),
    "relgan": (
        relgan,
        relgan.Settings(
            model=duel.NetworkSettings(width=8, depth=1, heads=2),
            critic=relgan.CriticSettings(width=4, representations=2, dropout=0.0),
            likelihood=0.3,
            meeting=0.0,
        ),
        Spec(kind="text", shape=(16,), vocabulary=Vocabulary(ends=True)),
    ),
    "chats": (
        lm,
        lm.Settings(model=SHORT),
        Spec(kind="text", shape=(16,), vocabulary=Vocabulary(ends=True, roles=("user", "assistant"))),
    ),
}


@contextmanager
def shared_noise(rank, processes):
    """What is drawn is each process' part of what one process would draw for the joined batch."""
    generator, mine = torch.Generator().manual_seed(9), ITEMS // processes
    even = torch.rand

    def rand(*shape, device=None):
        shape = torch.Size(shape[0]) if len(shape) == 1 else torch.Size(shape)
        if mine not in shape:  # not of this batch
            return even(shape)
        whole = even(ITEMS, *shape[1:], generator=generator, dtype=torch.float64)
        return whole.chunk(processes)[rank].to(torch.get_default_dtype())

    def randn(*shape, device=None, dtype=None):
        at = shape.index(mine) if mine in shape else shape.index(2 * mine)
        whole = [n * processes if i == at else n for i, n in enumerate(shape)]
        drawn = torch.empty(whole, dtype=torch.float64).normal_(generator=generator)
        return drawn.chunk(processes, at)[rank].to(dtype or torch.get_default_dtype())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "rand", rand)
        patch.setattr(torch, "randn", randn)
        patch.setattr(torch, "randn_like", lambda x: randn(*x.shape, dtype=x.dtype))
        yield


def data(dtype):
    generator = torch.Generator().manual_seed(5)
    x = torch.rand(STEPS, ITEMS, 3, 16, 16, generator=generator, dtype=torch.float64) * 2 - 1
    y = torch.randint(3, (STEPS, ITEMS), generator=generator)
    return x.to(dtype), y


def texts(words):
    """Items of every length, or chats whose replies are."""
    generator = torch.Generator().manual_seed(5)
    x = torch.randint(1, 256, (STEPS, ITEMS, 17), generator=generator)
    over = torch.arange(17) > torch.randint(2, 15, (STEPS, ITEMS, 1), generator=generator)
    if words.roles:
        x[..., 1], x[..., 4] = words.role("user"), words.role("assistant")
        x[over] = words.turn_end
    else:
        x[over] = words.end
    x[..., 0] = words.end
    return x


def build(name, dtype):
    torch.manual_seed(0)
    room, settings, spec = (*MODELS[name], SPEC) if name in MODELS else TEXTS[name]
    return room.build(settings, spec).to(dtype)


def weights(name, dtype, rank=0, processes=1):
    """All that the players have learnt after each step."""
    model = build(name, dtype)
    rate = RATE if name in GAMES else RATE / 1000  # sums over all pixels have long gradients
    players = players_of(model, lambda _, params: Player(params, torch.optim.SGD(params, rate)))
    found = []
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    if name in TEXTS:
        parts = [{"text": x} for x in texts(TEXTS[name][2].vocabulary)]
    else:
        parts = [{"image": x, "label": y} for x, y in zip(*data(dtype), strict=True)]
    with shared_noise(rank, processes):
        for step, batch in enumerate(parts):
            model.progress = step / STEPS
            play(model, players, [{k: t.chunk(processes)[rank] for k, t in batch.items()}], step)
            if model.due((step + 1) / STEPS):
                with torch.no_grad():
                    model.load_state_dict(model.look() or {}, strict=False)
            found.append({key: value.clone() for key, value in model.state_dict().items()})
    torch.set_default_dtype(before)
    return found


def process(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    found = {
        (n, d): weights(n, d, rank, 2) for n in (*MODELS, *TEXTS) for d in (torch.float64, torch.float32)
    }
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    mp.spawn(process, (str(folder),), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.mark.parametrize("name", [*MODELS, *TEXTS])
@pytest.mark.parametrize(("dtype", "within"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_two_processes_learn_what_one_does(both, name, dtype, within):
    alone = weights(name, dtype)
    for one, two, other in zip(alone, both[0][name, dtype], both[1][name, dtype], strict=True):
        for key, value in one.items():
            assert torch.equal(two[key], other[key]), f"{key}: the processes drift apart"
            torch.testing.assert_close(
                two[key], value, rtol=within, atol=within, msg=lambda m, k=key: f"{k}: {m}"
            )


def test_the_first_step_is_the_gradient(both):
    """Of SGD: (old - new) / rate, to 1e-6 as the weights are."""
    start = build("relativistic", torch.float64).state_dict()
    one, two = weights("relativistic", torch.float64)[0], both[0]["relativistic", torch.float64][0]
    moved = 0.0
    for key in (k for k in start if k.endswith(("weight", "bias"))):
        gradients = [(start[key] - after[key]) / RATE for after in (one, two)]
        torch.testing.assert_close(*gradients, rtol=1e-6, atol=1e-6)
        moved = max(moved, gradients[0].abs().max().item())
    assert moved > 0.01
