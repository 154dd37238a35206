"""Settings by their dotted names, and what is said of those that will not do."""

import pytest

from ganvas.core.errors import UserError
from ganvas.core.settings import each, override
from ganvas.recipes.base import data_settings, find, names


def test_text_becomes_what_the_setting_is():
    recipe = override(
        find("dcgan"),
        {
            "generator.width": "8",
            "generator.lr": "1e-3",
            "augment.colour": "True",
            "image.size": "none",
            "critic.reduce": "hardest",
            "penalty.r1": 2,
        },
    )
    assert (recipe.generator.width, recipe.generator.lr, recipe.augment.colour) == (8, 1e-3, True)
    assert (recipe.image.size, recipe.critic.reduce, recipe.penalty.r1) == (None, "hardest", 2.0)


REFUSED = {
    "misspelt": (
        "generator.widht",
        "8",
        r"there is no setting 'generator.widht'; did you mean 'generator.width'\?",
    ),
    "misplaced": (
        "critic.latent",
        "8",
        r"there is no setting 'critic.latent'; did you mean 'generator.latent'\?",
    ),
    "bare": ("widht", "8", r"there is no setting 'widht'; did you mean 'generator.width'\?"),
    "unknown": ("xyzzy", "8", r"there is no setting 'xyzzy'; `ganvas train RECIPE --help` lists them all"),
    "a branch": ("generator", "8", r"there is no setting 'generator'"),
    "too small": (
        "generator.latent",
        "0",
        r"--generator.latent 0 will not do: it should be greater than or equal to 1",
    ),
    "too large": (
        "training.decay",
        "2",
        r"--training.decay 2 will not do: it should be less than or equal to 1",
    ),
    "no number": (
        "generator.width",
        "wide",
        r"--generator.width wide will not do: it should be a valid integer",
    ),
    "not whole": (
        "generator.width",
        "8.5",
        r"--generator.width 8.5 will not do: it should be a valid integer",
    ),
    "no choice": ("game", "chess", r"--game chess will not do: it should be 'minimax'.*"),
    "not that size": (
        "image.size",
        "4",
        r"--image.size 4 will not do: it should be greater than or equal to 8",
    ),
    "all held out": ("image.held_out", "1", r"--image.held_out 1 will not do: it should be less than 1"),
    "not finite": ("penalty.r1", "NaN", r"--penalty.r1 nan will not do: it should be a finite number"),
    "no end": ("generator.lr", "Infinity", r"--generator.lr inf will not do: it should be a finite number"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_will_not_do_is_said_in_one_sentence(case):
    name, value, words = REFUSED[case]
    with pytest.raises(UserError, match=words) as caught:
        override(find("dcgan"), {name: value})
    assert "\n" not in str(caught.value)
    assert not str(caught.value).endswith(".")


@pytest.mark.parametrize("name", names())
def test_every_setting_of_every_recipe_is_explained_and_its_default_is_allowed(name):
    recipe = find(name)
    for setting in each(recipe):
        assert setting.field.description, setting.name
        assert override(recipe, {setting.name: setting.value}) == recipe
    assert type(recipe).__doc__
    assert data_settings(recipe)


def test_a_recipe_read_back_from_json_is_the_same():
    recipe = override(find("r3gan"), {"generator.width": 12})
    assert type(recipe).model_validate_json(recipe.model_dump_json()) == recipe
