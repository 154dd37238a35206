"""What a network can have from another, it has exactly; the rest is left alone, and said."""

import shutil
from itertools import pairwise

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import ganvas
from ganvas.core.errors import UserError
from ganvas.core.loop import Observer
from ganvas.core.settings import override
from ganvas.core.transfer import inherit
from ganvas.data.spec import Spec
from ganvas.recipes.base import find

GREY = Spec(kind="image", shape=(1, 16, 16))
CLASSED = Spec(kind="image", shape=(1, 16, 16), classes=("a", "b"))
SMALL = {
    "vae": {"width": 4, "hidden": 16, "latent": 3},
    "vaegan": {"encoder.width": 4, "decoder.width": 4, "decoder.latent": 3, "critic.width": 4},
    "dcgan": {"generator.width": 4, "generator.latent": 3, "critic.width": 4},
    "flow": {"flow.steps": 1, "flow.scales": 1, "flow.width": 4},
    "gan": {"generator.width": 16, "generator.latent": 3, "critic.width": 4},
}


def build(recipe, spec=GREY, seed=0, **changes):
    """With no tensor as it was made, so that none can pass for another."""
    torch.manual_seed(seed)
    model = override(find(recipe), SMALL.get(recipe, {}) | changes).build(spec).eval()
    with torch.no_grad():
        for value in model.state_dict().values():
            if value.is_floating_point():
                value.add_(0.3 * torch.rand(value.shape))
    return model


def copied(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def z(n=5, latent=3):
    return torch.randn(n, latent, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("recipe", ["vae", "sagan", "hvae"])
def test_the_same_model_is_taken_whole_and_the_other_is_unharmed(recipe):
    mine, theirs = build(recipe), build(recipe, seed=1)
    before = copied(theirs)
    found = inherit(mine, theirs)
    networks = ("generator", "critic") if recipe == "sagan" else ("encoder", "decoder")
    for name, value in mine.state_dict().items():
        assert torch.equal(theirs.state_dict()[name], before[name])
        assert torch.equal(value, before[name]) == name.startswith(networks)
    assert [str(one) for one in found] == [f"{name} starts as its {name}" for name in networks]
    next(mine.parameters()).data += 1
    assert torch.equal(next(theirs.parameters()), before[next(iter(before))])


def test_a_vaegan_gives_a_gan_its_decoder_and_its_critic():
    mine, theirs = build("dcgan"), build("vaegan", seed=1)
    found = {one.network: one for one in inherit(mine, theirs)}
    assert torch.equal(mine.decode(z()), theirs.decode(z()))
    x = mine.decode(z()).detach()
    assert torch.equal(mine.judge(x), theirs.judge(x))
    assert str(found["generator"]) == "generator starts as its decoder"
    assert not found["critic"].left
    back = build("vaegan", seed=2)
    assert str(inherit(back, mine)[0]) == "encoder starts anew (there is no such network)"
    assert torch.equal(back.decode(z()), mine.decode(z()))


def test_a_dense_vaes_decoder_becomes_a_dense_generator():
    """tanh(l) is the picture of the generator, 2 sigmoid(l) - 1 = tanh(l / 2) the VAE's mean."""
    vae = build("vae", network="dense", observation="bernoulli", seed=1)
    gan = build("gan")
    inherit(gan, vae)
    logits = gan.generator.net(z())
    torch.testing.assert_close(vae.decode(z()).flatten(1), (logits / 2).tanh())


@pytest.mark.parametrize("recipe", ["vae", "vaegan", "dcgan", "gan"])
def test_what_had_no_labels_makes_at_first_the_same_for_every_label(recipe):
    mine, theirs = build(recipe, CLASSED), build(recipe, seed=1)
    inherit(mine, theirs)
    for label in (0, 1):
        y = torch.full((5,), label)
        torch.testing.assert_close(mine.decode(z(), y), theirs.decode(z()))
        if hasattr(mine, "encode"):
            x = theirs.decode(z())
            torch.testing.assert_close(mine.encode(x, y), theirs.encode(x))


def test_the_embedding_learns_though_it_starts_without_effect():
    mine = build("gan", CLASSED)
    inherit(mine, build("gan", seed=1))
    mine.generator(z(), torch.zeros(5, dtype=torch.int64)).square().sum().backward()
    columns = mine.generator.net[0].weight
    assert not columns[:, 3:].any()
    assert columns.grad[:, 3:].any()


def test_what_does_not_fit_is_left_alone_and_named():
    mine, theirs = build("vae", latent=5), build("vae", seed=1)
    before = copied(mine)
    encoder, decoder = inherit(mine, theirs)
    assert set(encoder.left) == {"end"}
    assert str(encoder).startswith("encoder starts as its encoder, without 1 of 7 layers (end is ")
    assert str(decoder).endswith("(start is Linear 128 x 5, there Linear 128 x 3)")
    for name, value in mine.state_dict().items():
        network, _, path = name.partition(".")
        left = path.rpartition(".")[0] in {"encoder": encoder, "decoder": decoder}[network].left
        assert torch.equal(value, before[name] if left else theirs.state_dict()[name])


def test_of_unlike_networks_only_the_way_from_the_input_on_is_taken():
    def net(*sizes):
        return [nn.Linear(a, b) for a, b in pairwise(sizes)]

    class Own(nn.Sequential):
        pass

    mine, theirs = nn.Module(), nn.Module()
    mine.encoder, theirs.encoder = nn.Sequential(*net(2, 3, 4, 4)), Own(*net(2, 3, 5, 4, 4))
    (found,) = inherit(mine, theirs)
    assert found.taken == ["0"]
    assert str(found) == "encoder starts as its encoder, without 2 of 3 layers (they differ from 1 on)"
    assert torch.equal(mine.encoder[0].weight, theirs.encoder[0].weight)


@pytest.mark.parametrize(
    ("mine", "theirs", "said"),
    [
        ("dcgan", "random", r"generator starts anew \(there is no such network\), critic starts anew"),
        ("random", "dcgan", r"a baseline has no networks"),
        ("dcgan", "r3gan", r"generator starts anew \(they differ from start on\), critic"),
    ],
)
def test_where_nothing_fits_it_is_refused(mine, theirs, said):
    with pytest.raises(UserError, match=f"nothing of it fits, only the same recipe and sizes would: {said}"):
        inherit(build(mine), build(theirs))


TINY = {"training.batch": 8, "training.snapshots": 0, "training.checkpoint_every": 0}


def train(pictures, recipe, out, **how):
    settings = SMALL[recipe] | TINY | how.pop("settings", {})
    return ganvas.train(pictures, recipe, out=out, settings=settings, **how)


def weights(run):
    return load_file(run.model / "model.safetensors")


def test_a_run_starts_from_the_averaged_networks_of_another(pictures, tmp_path):
    said = []
    other = train(pictures, "vaegan", tmp_path / "other", steps=3)
    still = {"generator.lr": 1e-30, "critic.lr": 1e-30}
    run = train(
        pictures, "dcgan", tmp_path / "run", steps=1, init_from=other, settings=still,
        observer=Observer(said=said.append),
    )  # fmt: skip
    theirs = {name.replace("decoder", "generator"): value for name, value in weights(other).items()}
    for name, value in weights(run).items():
        if name.startswith("generator") and "running" not in name and "tracked" not in name:
            assert torch.equal(value, theirs[name])
    found = run.record["init_from"]
    assert (found["run"], found["found"][0]) == (str(other.path), "generator starts as its decoder")
    assert f"From {other.path}: generator starts as its decoder." in said


def test_what_is_prepared_from_the_data_does_not_undo_it(pictures, tmp_path):
    other = train(pictures, "flow", tmp_path / "other", steps=20, settings={"flow.lr": 1e-2})
    still = {"flow.lr": 1e-30}
    run = train(pictures, "flow", tmp_path / "run", steps=1, init_from=other, settings=still)
    found, expected = weights(run), weights(other)
    assert all(torch.equal(found[name], value) for name, value in expected.items())


@pytest.mark.parametrize("recipe", ["dcgan", "flow"])
def test_it_is_resumed_to_the_same_bits_without_the_other(pictures, tmp_path, recipe):
    other = train(pictures, recipe, tmp_path / "other", steps=2)
    run = train(pictures, recipe, tmp_path / "run", steps=3, seed=1, init_from=other.path)
    expected = weights(run)

    def resumed():
        found = weights(ganvas.train(out=run.path, resume=True))
        return all(torch.equal(value, expected[name]) for name, value in found.items())

    shutil.rmtree(run.checkpoints)  # before the first checkpoint it starts over, from the other again
    assert resumed()
    shutil.rmtree(run.checkpoints / "step-3")
    other.path.rename(tmp_path / "gone")
    assert resumed()
    shutil.rmtree(run.checkpoints)
    with pytest.raises(UserError, match=r"there is no run at .*other"):
        resumed()
    train(pictures, recipe, other.path, steps=1)
    with pytest.raises(UserError, match=r"from which this run was to start, has changed; start a new one"):
        resumed()


def test_a_run_is_not_resumed_from_another_than_it_began_from(pictures, tmp_path):
    run = train(pictures, "gan", tmp_path / "run", steps=1)
    with pytest.raises(UserError, match=r"was begun with --init-from None, not other"):
        ganvas.train(out=run.path, resume=True, init_from="other")
