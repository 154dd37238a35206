"""A recipe suits itself to the data, says so, and never overrules what was asked for."""

import pytest

import ganvas
from ganvas.core.loop import Observer
from ganvas.data.spec import Spec
from ganvas.recipes.base import find, suited
from ganvas.recipes.dcgan import FEW

TINY = {"generator.width": 4, "critic.width": 4, "training.batch": 8, "training.snapshots": 0}


SMALL, LARGE = (Spec(kind="image", shape=(3, side, side)) for side in (32, 64))


def test_few_pictures_are_augmented_and_many_are_not():
    recipe = find("dcgan")
    assert suited(recipe, FEW - 1, SMALL, {})["augment.shift"] > 0
    assert suited(recipe, FEW, SMALL, {}) == {}


def test_large_pictures_are_learnt_in_smaller_steps():
    recipe = find("dcgan")
    found = suited(recipe, FEW, LARGE, {})
    assert set(found) == {"generator.lr", "critic.lr"}
    assert max(found.values()) < recipe.critic.lr


def test_what_was_asked_for_stands():
    recipe = find("dcgan")
    assert suited(recipe, 100, SMALL, {"augment.p": 0, "critic.count": 2}) == {}
    assert set(suited(recipe, FEW, LARGE, {"critic.lr": 1e-3, "generator.width": 8})) == {"generator.lr"}


def test_recipes_without_an_opinion_stay_as_they_are():
    assert suited(find("sagan"), 100, LARGE, {}) == {}


@pytest.mark.parametrize(("asked", "shift"), [({}, 0.125), ({"augment.flip": True}, 0.0)])
def test_a_run_says_what_it_took_and_resumes_with_it(asked, shift, pictures, tmp_path):
    said = []
    observer = Observer(said=said.append)
    run = ganvas.train(
        pictures, "dcgan", out=tmp_path / "run", steps=1, settings=TINY | asked, observer=observer
    )
    assert run.record["settings"]["augment"]["shift"] == shift
    sentences = [s for s in said if "dcgan takes --augment.shift 0.125" in s]
    assert len(sentences) == (not asked)
    ganvas.train(pictures, out=run.path, resume=True)
    assert run.record["settings"]["augment"]["shift"] == shift
