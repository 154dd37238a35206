"""A recipe suits itself to the data, says so, and never overrules what was asked for."""

import pytest

import ganvas
from ganvas.core.loop import Observer
from ganvas.recipes.base import find, suited
from ganvas.recipes.dcgan import FEW

TINY = {"generator.width": 4, "critic.width": 4, "training.batch": 8, "training.snapshots": 0}


def test_few_pictures_are_augmented_and_many_are_not():
    recipe = find("dcgan")
    assert suited(recipe, FEW - 1, {})["augment.shift"] > 0
    assert suited(recipe, FEW, {}) == {}


def test_what_was_asked_for_stands():
    assert suited(find("dcgan"), 100, {"augment.p": 0, "critic.count": 2}) == {}


def test_recipes_without_an_opinion_stay_as_they_are():
    assert suited(find("sagan"), 100, {}) == {}


@pytest.mark.parametrize(("asked", "shift"), [({}, 0.125), ({"augment.flip": True}, 0.0)])
def test_a_run_says_what_it_took_and_resumes_with_it(asked, shift, pictures, tmp_path):
    said = []
    observer = Observer(said=said.append)
    run = ganvas.train(
        pictures, "dcgan", out=tmp_path / "run", steps=1, settings=TINY | asked, observer=observer
    )
    assert run.record["settings"]["augment"]["shift"] == shift
    sentences = [s for s in said if "are few, so dcgan takes --augment.shift 0.125" in s]
    assert len(sentences) == (not asked)
    ganvas.train(pictures, out=run.path, resume=True)
    assert run.record["settings"]["augment"]["shift"] == shift
