"""What `ganvas.load` gives can do, in a user's own terms."""

import numpy as np
import pytest
import torch

from ganvas.core.errors import UserError
from ganvas.core.settings import override
from ganvas.data.spec import Spec
from ganvas.model import Model
from ganvas.recipes.base import find

SPEC = Spec(kind="image", shape=(1, 8, 8))
CLASSED = Spec(kind="image", shape=(1, 8, 8), classes=("cat", "dog"))
PIXELS = np.random.default_rng(0).integers(256, size=(5, 8, 8, 1), dtype=np.uint8)


def model(recipe="vae", spec=SPEC, **changes):
    torch.manual_seed(0)
    objective = override(find(recipe), changes).build(spec)
    return Model(objective.eval().requires_grad_(False), spec, {"recipe": recipe})


def test_items_come_back_from_what_a_model_sees():
    assert np.array_equal(SPEC.restore(SPEC.prepare(PIXELS)), PIXELS)
    points = Spec(kind="points", shape=(2,), offset=(1.0, -3.0), scale=(2.0, 0.5))
    values = np.random.default_rng(1).normal(size=(7, 2)).astype(np.float32)
    np.testing.assert_allclose(points.restore(points.prepare(values)), values, rtol=1e-5, atol=1e-6)


def test_a_vae_encodes_decodes_and_bounds():
    vae = model()
    z = vae.encode(PIXELS, batch=2)
    assert z.shape == (5, 64)
    assert vae.decode(z).shape == PIXELS.shape
    one, many = (vae.log_prob(PIXELS, samples=k) for k in (1, 200))
    assert not vae.exact
    assert many.mean() > one.mean()


def test_the_same_seed_makes_the_same_black_and_white():
    vae = model(observation="bernoulli")
    found = [vae.log_prob(PIXELS, samples=2, seed=s) for s in (0, 0, 1)]
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


def test_the_callers_own_chance_is_left_alone():
    vae = model()
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    vae.log_prob(PIXELS, samples=2)
    assert torch.equal(torch.rand(1), expected)


def test_labels_by_name_number_or_one_each():
    vae = model(spec=CLASSED)
    by_name = vae.encode(PIXELS, label="dog")
    assert np.array_equal(by_name, vae.encode(PIXELS, label=1))
    mixed = vae.encode(PIXELS, label=["dog", "cat", "dog", 1, "dog"])
    assert np.array_equal(mixed[[0, 2, 3, 4]], by_name[[0, 2, 3, 4]])
    assert not np.array_equal(mixed[1], by_name[1])


def test_what_a_model_has_not_is_said():
    gan = model("dcgan", Spec(kind="image", shape=(1, 16, 16)))
    with pytest.raises(UserError, match="a model of the recipe dcgan has no encoder"):
        gan.encode(PIXELS)
    with pytest.raises(UserError, match="has no likelihood"):
        gan.log_prob(PIXELS)
    with pytest.raises(UserError, match=r"takes items of shape \(8, 8, 1\), not \(4, 4, 1\)"):
        model().encode(PIXELS[:, :4, :4])
    with pytest.raises(UserError, match="trained with labels: say which class"):
        model(spec=CLASSED).encode(PIXELS)
