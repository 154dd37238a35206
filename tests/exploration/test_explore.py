"""`explore` on every recipe and by the command line: pictures, or one sentence why not."""

import json
import shutil
import sys
from functools import partial
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

import ganvas
from ganvas import cli
from ganvas.arguments import sort
from ganvas.core.errors import UserError
from ganvas.exploration import directions, inversion, views
from ganvas.recipes.base import find, names
from ganvas.report.explored import ABOUT
from ganvas.report.sheets import GAP, LETTERS

NETWORKS = {"generator.width": 4, "critic.width": 4, "generator.latent": 5}
TINY = {
    **dict.fromkeys(("dcgan", "gan", "r3gan", "sagan", "wgan"), NETWORKS),
    "flow": {"flow.steps": 1, "flow.width": 4, "flow.scales": 2},
    "hvae": {"width": 4, "hidden": 8, "top": 2, "maps": 1},
    "parametric": {"latent": 4},
    "vae": {"width": 4, "latent": 3},
    "vaegan": {"encoder.width": 4, "decoder.width": 4, "decoder.latent": 3, "critic.width": 4},
    "vqvae": {"width": 4, "depth": 1, "prior.width": 8, "prior.depth": 1, "prior.heads": 1},
}
GAN = ["interpolation", "directions", "inversion", "saliency"]
CODED = ["interpolation", "traversal", "reconstruction"]
DRAWS = {
    **dict.fromkeys(("dcgan", "gan", "r3gan", "sagan", "wgan"), GAN),
    **dict.fromkeys(("flow", "hvae", "parametric", "vqvae"), CODED),
    "vae": ["interpolation", "traversal", "directions", "reconstruction"],
    "vaegan": ["interpolation", "traversal", "directions", "reconstruction", "saliency"],
}
"""What each recipe has the means for; others have none."""


@pytest.fixture(scope="module")
def trained(pictures, tmp_path_factory):
    """A run of any recipe, of two steps; made once."""
    folder = tmp_path_factory.mktemp("runs")

    def run(recipe, name=None, data=pictures, **more):
        path = folder / (name or recipe)
        if not path.exists():
            settings = {"training.batch": 8} | TINY.get(recipe, {}) | more
            ganvas.train(data, recipe, out=path, steps=2, device="cpu", settings=settings)
        return path

    return run


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Less to draw and to descend: these tests are about files, not about what is found."""
    monkeypatch.setattr(views, "TILES", 8)
    monkeypatch.setattr(views, "STILL", 2)
    monkeypatch.setattr(directions, "SAMPLES", 100)
    monkeypatch.setattr(views, "invert", partial(inversion.invert, steps=2))


def typed(monkeypatch, *words):
    """The command line, in this process; its exit code."""
    monkeypatch.setattr(sys, "argv", ["ganvas", *map(str, words)])
    try:
        cli.main()
    except SystemExit as end:
        return end.code
    return 0


@pytest.mark.parametrize("recipe", [name for name in names() if find(name).kind == "image"])
def test_each_recipe_draws_what_it_can_or_says_why_not(recipe, trained, tmp_path):
    run = trained(recipe)
    if recipe not in DRAWS:
        with pytest.raises(UserError, match="neither latent numbers nor a critic"):
            ganvas.explore(run, out=tmp_path / "drawn")
        assert not (tmp_path / "drawn").exists()
        return
    found = ganvas.explore(run, out=tmp_path / "drawn")
    assert [*found] == DRAWS[recipe]
    for name in found:
        with Image.open(tmp_path / "drawn" / f"{name}.png") as image:
            assert np.asarray(image).std() > 10
    with Image.open(tmp_path / "drawn" / "interpolation.webp") as film:
        assert film.size == (8 * (64 + 2) - 2, 64)


@pytest.mark.parametrize("recipe", ["hvae", "dcgan"])
def test_the_same_seed_draws_the_same_and_another_something_else(recipe, trained, tmp_path):
    bytes_of = []
    for k, seed in enumerate((0, 0, 1)):
        found = ganvas.explore(trained(recipe), out=tmp_path / str(k), seed=seed)
        bytes_of.append([(tmp_path / str(k) / f"{name}.png").read_bytes() for name in found])
    assert bytes_of[0] == bytes_of[1]
    assert all(a != b for a, b in zip(bytes_of[0], bytes_of[2], strict=True))


def test_what_is_drawn_alone_is_what_is_drawn_among_others(trained, tmp_path):
    ganvas.explore(trained("hvae"), out=tmp_path / "all")
    ganvas.explore(trained("hvae"), ["traversal"], out=tmp_path / "one")
    assert (tmp_path / "all/traversal.png").read_bytes() == (tmp_path / "one/traversal.png").read_bytes()


def held_out(run):
    return json.loads((run / "recipe.json").read_text())["data"]["held_out"]


class Words(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.text, self.kinds = "", []
        self.feed(html)

    def handle_data(self, data):
        self.text += data

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.kinds.append(dict(attrs)["src"].partition(";")[0])


def test_the_command_draws_reports_and_destroys_nothing(ganvas, trained, tmp_path, monkeypatch):
    shutil.copytree(trained("vae"), tmp_path / "run")
    before = {p: p.read_bytes() for p in (tmp_path / "run").rglob("*") if p.is_file()}
    found = ganvas("explore", "run", "--json")
    assert found.returncode == 0, found.stderr
    result = json.loads(found.stdout)["explored"]
    assert [*result] == DRAWS["vae"]
    assert sorted(p.name for p in (tmp_path / "run/explore").iterdir()) == sorted(
        f.rpartition("/")[2] for about in result.values() for f in about["files"]
    )
    page = Words((tmp_path / "run/report.html").read_text())
    for name, (heading, words) in ABOUT.items():
        assert (heading in page.text) == (words in page.text) == (name in result)
    assert page.kinds.count("data:image/webp") == 1

    drawn = {p: p.read_bytes() for p in (tmp_path / "run/explore").iterdir()}
    again = ["explore", "--seed", "1", "--what", "reconstruction", tmp_path / "run"]
    assert typed(monkeypatch, *again) == 0
    changed = [p.name for p, was in drawn.items() if p.read_bytes() != was]
    assert changed == ["reconstruction.png"]
    assert all(p.read_bytes() == was for p, was in before.items())


REFUSED = {
    "plane with 3 numbers": ("vae", ["--what", "plane"], "models of 2 latent numbers, and this one has 3"),
    "traversal without encoder": ("gan", ["--what", "traversal"], "try --what directions"),
    "reconstruction without encoder": ("gan", ["--what", "reconstruction"], "try --what inversion"),
    "inversion with encoder": ("vae", ["--what", "inversion"], "try --what reconstruction"),
    "saliency without critic": ("vae", ["--what", "saliency"], "this model has no critic"),
    "directions without a first layer": ("flow", ["--what", "directions"], "do not see all of z"),
    "no latent numbers": ("random", ["--what", "interpolation"], "and this one has none"),
    "one of two impossible": ("vae", ["--what", "interpolation", "plane"], "models of 2 latent numbers"),
    "misspelt": ("vae", ["--what", "travesal"], "did you mean 'traversal'?"),
    "no class of that name": ("vae", ["--label", "lihgt"], "did you mean 'light'?"),
    "no such picture": ("vae", ["--picture", "nowhere.png", "--label", "dark"], "nowhere.png cannot be read"),
    "no picture": ("vae", ["--picture", __file__, "--label", "dark"], "is no picture that can be shown"),
    "a picture of which class?": ("vae", ["--picture", "nowhere.png"], "must be told the class"),
    "points": ("points", [], "this model makes points"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_said_in_one_sentence(case, trained, tmp_path, monkeypatch, capsys):
    recipe, words, sentence = REFUSED[case]
    run = trained("points", data="ring") if recipe == "points" else trained(recipe)
    assert typed(monkeypatch, "explore", run, "--out", tmp_path / "drawn", *words) == 2
    out, err = capsys.readouterr()
    assert sentence in err
    assert err.startswith("ganvas: ")
    assert err.count("\n") == 1
    assert out == ""
    assert not (tmp_path / "drawn").exists()


def test_without_its_data_it_draws_what_needs_none(trained, pictures, tmp_path):
    data = tmp_path / "moved"
    shutil.copytree(pictures, data)
    run = trained("vae", "homeless", data=data)
    shutil.rmtree(data)
    said = []
    found = ganvas.explore(run, out=tmp_path / "drawn", said=said.append)
    assert [*found] == ["interpolation", "directions"]
    assert [sentence.partition(" ")[0] for sentence in said] == ["traversal", "reconstruction"]
    assert all("name others by --data" in sentence for sentence in said)
    with pytest.raises(UserError, match="the data of this run cannot be had"):
        ganvas.explore(run, ["reconstruction"], out=tmp_path / "drawn")
    given = ganvas.explore(run, ["reconstruction"], out=tmp_path / "drawn", data=pictures)
    assert given["reconstruction"]["pictures"] == held_out(run)


def test_data_of_other_classes_are_refused(trained, pictures, tmp_path):
    shutil.copytree(pictures / "dark", tmp_path / "other/dim")
    shutil.copytree(pictures / "light", tmp_path / "other/light")
    with pytest.raises(UserError, match="has the class 'dim', and this model was trained with dark, light"):
        ganvas.explore(trained("vae"), ["traversal"], out=tmp_path / "drawn", data=tmp_path / "other")
    assert not (tmp_path / "drawn").exists()


def test_a_users_own_pictures_are_shown(trained, tmp_path):
    files = [tmp_path / f"{k}.png" for k in range(3)]
    for k, file in enumerate(files):
        Image.new("RGB", (50, 30), (80 * k, 0, 0)).save(file)
    found = ganvas.explore(trained("vae"), ["reconstruction"], out=tmp_path, pictures=files, label="dark")
    assert found["reconstruction"]["pictures"] == 3
    with Image.open(tmp_path / "reconstruction.png") as sheet:
        tile = 64 + 2
        assert sheet.size[1] == 2 * tile - 2
        words = sheet.size[0] - (3 * tile - 2)
        reds = [sheet.getpixel((words + k * tile + 32, 32))[0] for k in range(3)]
    assert reds == pytest.approx([0, 80, 160], abs=1)


def test_a_sheet_has_room_for_rows_groups_and_words(trained, tmp_path):
    ganvas.explore(trained("dcgan"), ["inversion"], out=tmp_path)
    tile, under = 64 + 2, LETTERS + GAP // 2
    with Image.open(tmp_path / "inversion.png") as sheet:
        pixels = np.asarray(sheet)
    count = held_out(trained("dcgan"))
    left = pixels.shape[1] - (count * tile - 2)
    assert pixels.shape[0] == 3 * tile - 2 + 2 * under
    assert (pixels[64:66, left:] == 255).all()
    assert (pixels[:, left - 3 : left] == 255).all()
    below = pixels[2 * tile - 2 : 2 * tile + under - 2, left:]
    assert all((below[:, k * tile : (k + 1) * tile] < 128).any() for k in range(count))


SORTED = {
    ("run", "--what", "plane", "traversal", "--seed", "3"): (["run", "--seed=3"], ["plane", "traversal"]),
    ("--what", "plane", "traversal", "run"): (["run"], ["plane", "traversal"]),
    ("--what", "plane", "--seed=3", "run"): (["run", "--seed=3"], ["plane"]),
    ("--what=plane", "run", "--what", "traversal"): (["run"], ["plane", "traversal"]),
}


@pytest.mark.parametrize("words", SORTED)
def test_an_option_may_have_many_values(words):
    own, what = SORTED[words]
    assert sort("explore", cli.Explore, [*words]) == ([*own, "--what", *what], ())


def test_an_option_of_many_values_needs_one():
    with pytest.raises(UserError, match="--what needs a value"):
        sort("explore", cli.Explore, ["run", "--what", "--seed", "3"])
    with pytest.raises(UserError, match="say which RUN"):
        sort("explore", cli.Explore, ["--what", "plane"])
