"""Every setting does something: what no code reads while a recipe trains and makes things is found here."""

import sys

import pytest

import ganvas
from ganvas.core.settings import Settings, each
from ganvas.recipes import base as recipes

DATA = {"image": "fashion", "points": "ring", "text": "poems", "sound": "asterisk", "speech": "asterisk"}
SMALL = 48
"""Widths at most."""
FITTED = {"random", "template", "parametric", "unigram", "ngram"}
"""What has no gradient to watch."""
GIVEN = {"seqgan": {"likelihood": 0.4}, "relgan": {"likelihood": 0.4}}
"""That the second of two steps is the critic's."""
LATER = {
    *("lr", "beta1", "beta2", "classifier"),  # of networks that only others need: classifier, referee, prior
    *("diversity", "referee", "share", "target", "speed"),  # several generators; --reject; --augment.adaptive
    *("hidden", "depth", "activation", "passed", "pictures"),  # --network dense; --prior.kind vamp
    *("meeting", "slower", "anchor", "fall", "hot", "cold", "rollouts", "discount"),  # after likelihood
    *("pitch", "features"),  # --decoder.voiced; --sharpen
}
"""What is read in a later stage of the training, or where another setting asks for it."""


def fields(settings):
    for name in type(settings).__pydantic_fields__:
        value = settings.__dict__[name]
        if isinstance(value, Settings):
            yield from fields(value)
        yield type(settings), name


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", sorted({*recipes.names()} - FITTED - {"residual"}))
def test_every_setting_is_read(name, tmp_path, monkeypatch):
    read = set()
    plain = Settings.__getattribute__

    def seen(self, field):
        who = sys._getframe(1).f_globals.get("__name__", "")
        if field in type(self).__pydantic_fields__ and not who.startswith(
            ("pydantic", "ganvas.core.settings")
        ):
            read.add((type(self), field))
        return plain(self, field)

    recipe = recipes.find(name)
    small = {s.name: SMALL for s in each(recipe) if s.name.endswith(".width") and s.value > SMALL}
    monkeypatch.setattr(Settings, "__getattribute__", seen)
    settings = {"training.batch": 8} | small | GIVEN.get(name, {})
    run = ganvas.train(DATA[recipe.kind], name, out=tmp_path / name, steps=2, settings=settings)
    ganvas.load(run.path).sample(2)
    unread = {
        f"{kind.__name__}.{field}"
        for kind, field in set(fields(recipe)) - read
        if not kind.__module__.startswith("ganvas.data") and field not in LATER
    }
    assert not unread
