"""Seeds trained side by side go where each of them goes alone."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import ganvas
from ganvas.begin import Ask, new
from ganvas.core.errors import UserError
from ganvas.core.loop import Observer
from ganvas.core.settings import override
from ganvas.data.points import load
from ganvas.recipes.base import find
from ganvas.studies import stacked

QUIET = Observer(said=lambda sentence: None)
SMALL = {
    "generator.width": 16,
    "critic.width": 16,
    "critic.waves": 8,
    "training.batch": 24,
    "training.snapshots": 0,
    "training.looks": 0,
}
WASSERSTEIN = {
    "game": "wasserstein",
    "penalty.r1": 0,
    "penalty.r2": 0,
    "penalty.gp": 10,
    "penalty.every": 2,
    "critic.steps": 3,
    "critic.count": 2,
    "packing": 2,
    "noise.std": 0.1,
    "training.clip": 0.5,
    "generator.beta1": 0.5,
    "critic.beta1": 0.5,
}
CLASSIC = {"game": "nonsaturating", "penalty.r1": 0, "penalty.r2": 0, "critic.waves": 0, "training.warmup": 5}
REFEREE = {"reject": True, "referee.share": 0.5, "referee.width": 16, "referee.lr": 1e-5}
SLOW = {"generator.lr": 1e-5, "critic.lr": 1e-5}
"""At the usual rates a difference of 1e-15 grows thirtyfold a step, between two single runs as well."""
FREE = "verdict.bias"
"""A critic's last bias: it cancels out of what is minimised, and so Adam moves it by rounding alone."""


@pytest.fixture
def in_double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def trainer(path, seed, settings, steps=40, dtype=np.float64):
    ask = Ask(
        "ring", "points", path, steps, None, None, seed, None, SMALL | {"reject": False} | settings, None
    )
    one = new(ask, torch.device("cpu"), QUIET)
    for points in (one.data, one.data.held_out):
        points.values = points.values.astype(dtype)
    one.objective.for_use = lambda data: {}  # what is drawn for it is in single precision
    one.observer = QUIET
    return one


def apart(one, other, left_out=FREE):
    a, b = one.objective.state_dict(), other.objective.state_dict()
    return max(float((a[k] - b[k]).abs().max()) for k in a if a[k].numel() and not k.endswith(left_out))


@pytest.mark.parametrize(
    "settings",
    [{}, WASSERSTEIN, CLASSIC, REFEREE],
    ids=["points", "wasserstein", "classic", "referee"],
)
def test_each_seed_goes_where_it_goes_alone(tmp_path, in_double, settings):
    """In double precision; networks, averages, optimisers and figures."""
    seeds = (3, 0, 11)
    together = [trainer(tmp_path / f"together-{s}", s, SLOW | settings) for s in seeds]
    assert stacked.Together.of(together).fit()
    left_out = FREE if settings.get("game") != "nonsaturating" else "-"
    for one in together:
        alone = trainer(tmp_path / f"alone-{one.seed}", one.seed, SLOW | settings)
        alone.fit()
        assert apart(one, alone, left_out) < 1e-9
        for k, p in alone.average.state_dict().items():
            torch.testing.assert_close(one.average.state_dict()[k], p, rtol=0, atol=1e-9)
        for line, other in zip(one.run.lines(), alone.run.lines(), strict=True):
            assert line.keys() == other.keys()
            for name in line.keys() - {"time", "items_per_second", "critic/real", "critic/fake"}:
                assert line[name] == pytest.approx(other[name], rel=1e-6, abs=1e-9), name
    assert apart(together[0], together[1]) > 0.1


def test_a_step_is_that_of_a_single_run_in_single_precision_too(tmp_path):
    """At the usual rates, step by step from the same weights: what 1e-7 becomes in one step."""
    together = [trainer(tmp_path / f"together-{s}", s, {}, dtype=np.float32) for s in range(3)]
    stack = stacked.Together.of(together)
    for _ in range(2):
        stack.advance()
    stack._hand_over()
    for one in together:
        alone = trainer(tmp_path / f"alone-{one.seed}", one.seed, {}, dtype=np.float32)
        for _ in range(2):
            alone.advance()
        assert apart(one, alone) < 1e-5


def test_a_stack_leaves_ordinary_runs(tmp_path):
    """They can be loaded, sampled and told from each other; resumed, they have nothing left to do."""
    runs = stacked.train("ring", "points", [4, 5], steps=30, out=tmp_path, settings=SMALL)
    assert [run.path.name for run in runs] == ["seed-4", "seed-5"]
    drawn = []
    for seed, run in zip((4, 5), runs, strict=True):
        assert run.progress()["finished"]
        record = json.loads((run.path / "recipe.json").read_text())
        assert (record["seed"], record["stacked"]) == (seed, [4, 5])
        drawn.append(ganvas.load(run.path).sample(50, seed=0))
        before = (run.path / "model" / "model.safetensors").read_bytes()
        ganvas.train(out=run.path, resume=True, observer=QUIET)
        assert (run.path / "model" / "model.safetensors").read_bytes() == before
    assert not np.allclose(*drawn)


def interrupting(seed, step):
    def watch(trainer):
        def logged(moment):
            if moment.step == step and trainer.seed == seed:
                raise KeyboardInterrupt

        return Observer(said=lambda sentence: None, logged=logged)

    return watch


OFTEN = SMALL | {"training.checkpoint_every": 0, "training.log_every": 2}


def test_what_is_interrupted_goes_on_seed_by_seed(tmp_path):
    settings = OFTEN | {"reject": False}
    with pytest.raises(KeyboardInterrupt):
        stacked.train(
            "ring",
            "points",
            range(2),
            steps=7,
            out=tmp_path,
            settings=settings,
            watch=interrupting(1, 4),
        )
    for seed in range(2):
        run = ganvas.train(out=tmp_path / f"seed-{seed}", resume=True, observer=QUIET)
        assert run.progress()["finished"]
        assert [line["step"] for line in run.lines()] == [1, 2, 4, 6, 7]
    assert not stacked.unfinished(tmp_path / "seed-0")


def ends(runs):
    """What is left of each: weights, those of the training among them, and the log without its times."""
    found = {}
    for run in runs:
        files = [next(run.checkpoints.glob("step-30")) / f"{part}.safetensors" for part in PARTS]
        lines = [{k: v for k, v in x.items() if k not in ("time", "items_per_second")} for x in run.lines()]
        found[run.path.name] = [load_file(file) for file in files], lines
    return found


PARTS = ("objective", "average", "optimisers")


@pytest.mark.parametrize(
    "at", [1, 6, 28], ids=["at the beginning", "in the middle", "while the referee learns"]
)
def test_interrupted_and_resumed_it_ends_in_the_same_bits(tmp_path, at):
    how = {"steps": 30, "settings": OFTEN}
    whole = stacked.train("ring", "points", [3, 1], out=tmp_path / "whole", **how)
    with pytest.raises(KeyboardInterrupt):
        stacked.train("ring", "points", [3, 1], out=tmp_path, watch=interrupting(1, at), **how)
    paths = [tmp_path / f"seed-{seed}" for seed in (3, 1)]
    assert all(stacked.unfinished(path) == [3, 1] for path in paths)
    assert same(ends(whole), ends(stacked.resume(paths)))
    assert not any(map(stacked.unfinished, paths))


def test_killed_while_one_after_another_was_saved_it_goes_on_from_what_all_have(tmp_path):
    how = {"steps": 30, "settings": OFTEN}
    whole = stacked.train("ring", "points", [0, 1], out=tmp_path / "whole", **how)
    with pytest.raises(KeyboardInterrupt):
        stacked.train("ring", "points", [0, 1], out=tmp_path, watch=interrupting(1, 12), **how)
    paths = [tmp_path / f"seed-{seed}" for seed in (0, 1)]
    shutil.rmtree(max(paths[1].glob("checkpoints/step-*"), key=lambda p: int(p.name[5:])))
    assert same(ends(whole), ends(stacked.resume(paths)))


def test_seeds_that_went_separate_ways_are_no_stack_any_more(tmp_path):
    how = {"steps": 30, "settings": OFTEN}
    with pytest.raises(KeyboardInterrupt):
        stacked.train("ring", "points", [0, 1], out=tmp_path, watch=interrupting(1, 12), **how)
    paths = [tmp_path / f"seed-{seed}" for seed in (0, 1)]
    ganvas.train(out=paths[0], resume=True, observer=QUIET)
    assert not any(map(stacked.unfinished, paths))
    with pytest.raises(UserError, match="separate ways"):
        stacked.resume(paths)


def same(found, other):
    if isinstance(found, torch.Tensor):
        return torch.equal(found, other)
    if isinstance(found, dict):
        return found.keys() == other.keys() and all(same(v, other[k]) for k, v in found.items())
    if isinstance(found, list | tuple):
        return len(found) == len(other) and all(map(same, found, other))
    return found == other


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"generator.count": 2}, "several generators"),
        ({"critic.count": 2, "critic.reduce": "hardest"}, "hardest"),
        ({"penalty.l2": 0.1}, "sums over all weights"),
        ({"packing": 5}, "no multiple"),
        ({"training.accumulate": 2}, "accumulate"),
    ],
)
def test_what_would_mix_seeds_is_refused(tmp_path, settings, words):
    recipe = override(find("points"), SMALL | settings)
    assert not stacked.stackable(recipe, load("ring").spec)
    with pytest.raises(UserError, match=words):
        stacked.train("ring", "points", [0, 1], steps=2, out=tmp_path / "s", settings=SMALL | settings)
    assert not (tmp_path / "s").exists()


def test_what_cannot_be_stacked_is_refused(tmp_path):
    spec = load("ring").spec
    assert stacked.stackable(find("points"), spec)
    assert not stacked.stackable(find("dcgan"), spec.model_copy(update={"kind": "image"}))
    with pytest.raises(UserError, match="different numbers"):
        stacked.train("ring", "points", [1, 1], steps=2, out=tmp_path / "s", settings=SMALL)
    (tmp_path / "seed-1").mkdir()
    (tmp_path / "seed-1" / "mine").touch()
    with pytest.raises(UserError, match="never overwritten"):
        stacked.train("ring", "points", [0, 1], steps=2, out=tmp_path, settings=SMALL)
    assert not (tmp_path / "seed-0").exists()
