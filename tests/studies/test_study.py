"""A study: what it refuses, what it finds, and that a kill in its middle changes nothing."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ganvas.core.errors import UserError
from ganvas.core.files import read_json, write_json
from ganvas.core.run import Run
from ganvas.studies import cell, fleet
from ganvas.studies.study import study

TINY = {
    "generator.width": 8,
    "critic.width": 8,
    "training.batch": 16,
    "training.snapshots": 0,
    "training.log_every": 1,
    "training.checkpoint_every": 0,
    "referee.width": 8,
    "penalty.l2": 1e-6,
}
"""Whose seeds cannot be trained side by side."""
STACKED = TINY | {"penalty.l2": 0.0}
VARIANTS = ("points --game hinge",)
HOW = {"seeds": 2, "steps": 60, "samples": 40, "settings": TINY}


class Here:
    """Does the jobs in this process: an importing of torch for each would take most of the time."""

    workers = threads = 1

    def run(self, jobs):
        for job in jobs:
            assert cell.do(json.loads(json.dumps(job)))
            yield job


class Interrupts:
    """Ctrl-C after so many runs."""

    def __init__(self, after):
        self.left = after

    def expect(self, total, done, each, workers): ...

    def finished(self, what, words):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


@pytest.fixture
def here(monkeypatch):
    monkeypatch.setattr(fleet, "local", lambda workers, device: Here())


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "rows.csv"
    values = np.random.default_rng(0).normal(size=(300, 2)) @ [[1, 0.5], [0, 1]]
    np.savetxt(path, values, delimiter=",")
    return path


@pytest.fixture(scope="module")
def undisturbed(rows, tmp_path_factory):
    out = tmp_path_factory.mktemp("study") / "undisturbed"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fleet, "local", lambda workers, device: Here())
        return out, study(VARIANTS, rows, out=out, **HOW)


def typed(rows, out, settings):
    """The same question on the command line."""
    words = [f"--{name}={value}" for name, value in settings.items()]
    how = ["--data", str(rows), "--seeds", "2", "--steps", "60", "--samples", "40", "--out", str(out)]
    return [sys.executable, "-m", "ganvas", "study", *VARIANTS, *how, *words]


def timeless(found):
    """Without what another run of the same must have otherwise."""
    if isinstance(found, dict):
        return {k: timeless(v) for k, v in found.items() if k not in ("study", "run", "seconds", "judging")}
    return [timeless(v) for v in found] if isinstance(found, list) else found


def until(there, process=None):
    end = time.monotonic() + 200
    while not (found := there()):
        assert time.monotonic() < end
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.01)
    return found


def is_free(run):
    try:
        with run.held():
            return True
    except UserError:
        return False


def test_killed_in_its_middle_and_asked_again_it_ends_as_if_never_killed(
    undisturbed, rows, tmp_path, monkeypatch
):
    out = tmp_path / "killed"
    monkeypatch.setattr(fleet, "local", lambda workers, device: Here())
    with pytest.raises(KeyboardInterrupt):
        study(VARIANTS, rows, out=out, watch=Interrupts(1), **HOW)
    assert [p.name for p in out.rglob("seed-?.json")] == ["seed-0.json"]

    process = subprocess.Popen(typed(rows, out, TINY), stderr=subprocess.PIPE, text=True)
    second = Run(out / "points-game-hinge" / "seed-1")
    until(lambda: second.progress()["step"] > 5, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    until(lambda: is_free(second))  # who was training it is gone, too
    assert 5 < second.progress()["step"] < 60
    finished = [p for p in second.path.with_name("seed-0").rglob("*") if p.is_file()]
    before = {p: p.stat().st_mtime_ns for p in [*finished, second.path / "recipe.json"]}

    found = study(VARIANTS, rows, out=out, **HOW)
    assert {p: p.stat().st_mtime_ns for p in before} == before
    kept, expected = undisturbed
    assert timeless(found) == timeless(expected)
    assert timeless(read_json(out / "study.json")) == timeless(expected)
    models = [p.relative_to(kept) for p in kept.rglob("model.safetensors")]
    assert len(models) == 2 * 4  # each run's, the nearest on its way, and its marks'
    assert all((out / p).read_bytes() == (kept / p).read_bytes() for p in models)


def test_killed_while_seeds_are_trained_side_by_side_it_ends_as_if_never_killed(rows, tmp_path, here):
    how = HOW | {"settings": STACKED}
    expected = study(VARIANTS, rows, out=tmp_path / "undisturbed", **how)
    out = tmp_path / "killed"
    here_too = os.sched_getaffinity(0)
    os.sched_setaffinity(0, [*here_too][:1])  # one core: one worker, with one thread as here
    process = subprocess.Popen(typed(rows, out, STACKED), stderr=subprocess.PIPE, text=True)
    os.sched_setaffinity(0, here_too)
    first, second = (Run(out / "points-game-hinge" / f"seed-{k}") for k in range(2))
    until(lambda: second.path.is_dir() and second.progress()["step"] > 5, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    until(lambda: is_free(second))
    assert 5 < second.progress()["step"] < 60
    assert 5 < first.progress()["step"] < 60

    found = study(VARIANTS, rows, out=out, **how)
    assert first.record["stacked"] == second.record["stacked"] == [0, 1]
    assert timeless(found) == timeless(expected)
    share = read_json(first.path.with_suffix(".json"))["seconds"]
    assert share == pytest.approx(first.progress()["seconds"] / 2)


def test_what_fails_side_by_side_is_trained_one_by_one(rows, tmp_path, here, monkeypatch):
    class Fails(Here):
        def run(self, jobs):
            for job in jobs:
                if job.get("together"):
                    write_json(Path(job["outcome"]), {"failure": "crashed", "words": "killed"})
                    yield job
                else:
                    yield from super().run([job])

    monkeypatch.setattr(fleet, "local", lambda workers, device: Fails())
    told = []
    study(VARIANTS, rows, out=tmp_path / "s", **HOW | {"settings": STACKED}, said=told.append)
    assert "points --game hinge: seeds 0, 1 are trained one by one: killed" in told
    assert "stacked" not in read_json(tmp_path / "s" / "points-game-hinge" / "seed-0" / "recipe.json")


def test_what_crashed_is_done_again_when_asked(undisturbed, rows, tmp_path, here):
    kept, expected = undisturbed
    out = tmp_path / "again"
    shutil.copytree(kept, out)
    path = out / "points-game-hinge" / "seed-1.json"
    write_json(
        path, {"name": VARIANTS[0], "seed": 1, "run": str(path), "failure": "crashed", "words": "killed"}
    )
    assert timeless(study(VARIANTS, rows, out=out, retry=True, **HOW)) == timeless(expected)


def test_every_cell_is_an_ordinary_run_and_the_study_is_told_in_all_ways(undisturbed):
    out, found = undisturbed
    for row in found["variants"]:
        assert [seed["seed"] for seed in row["seeds"]] == [0, 1]
        assert row["failures"]["count"] == 0
        values = [seed["figures"]["fd"] for seed in row["seeds"]]
        assert row["figures"]["fd"]["value"] == pytest.approx(np.mean(values))
        assert [point["at"] for point in row["curve"]] == [0.25, 0.5, 1.0]
        assert [point["step"] for point in row["curve"]] == [15, 30, 60]
        assert row["curve"][-1]["figures"]["fd"]["value"] == row["figures"]["fd"]["value"]
    run = out / "points-game-hinge" / "seed-0"
    assert {"evaluation.json", "report.html", "log.jsonl", "samples"} <= {p.name for p in run.iterdir()}
    assert found["floor"]["fd"]["protocol"] == found["protocol"]["fd"]
    table, page = (out / "table.md").read_text(), (out / "report.html").read_text()
    for words in ("points --game hinge", "real items", *found["verdict"]):
        assert words in table
        assert words in page
    assert 'href="points-game-hinge/seed-0/report.html"' in page
    assert page.count("data:image/svg+xml") == 2
    assert {p.name for p in (out / "plots").iterdir()} == {
        "seeds.png",
        "seeds.svg",
        "budget.png",
        "budget.svg",
    }


def test_a_folder_that_was_begun_with_another_study_is_refused(undisturbed, rows, tmp_path, here):
    out, _ = undisturbed
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("Dear Sir")
    changed = tmp_path / "rows.csv"
    changed.write_text(rows.read_text().replace("1", "2"))
    for recipes, how, says in (
        (VARIANTS, {"seeds": 3}, "was begun with --seeds 2, not 3; for another study name another --out"),
        (["points"], {}, "begun with the variants 'points --game hinge', not 'points'"),
        (
            VARIANTS,
            {"settings": HOW["settings"] | {"packing": 5}},
            "the settings of its recipes, not --packing 5",
        ),
        (VARIANTS, {"steps": None, "budget": "1m"}, "begun with the length --steps 60, not --budget 1m"),
        (VARIANTS, {"out": tmp_path / "other"}, "is there already and holds no study"),
    ):
        with pytest.raises(UserError, match=says):
            study(recipes, rows, **{"out": out} | HOW | how)
    with pytest.raises(UserError, match=r"was begun with --data .*rows.csv, not .*rows.csv"):
        study(VARIANTS, changed, out=out, **HOW)


@pytest.mark.parametrize(
    ("recipes", "how", "says"),
    [
        (["poinst"], {}, "no recipe 'poinst'; did you mean 'points'"),
        (
            ["points --pakcing 2"],
            {},
            "'points --pakcing 2': there is no setting 'pakcing'; did you mean 'packing'",
        ),
        (["points --packing"], {}, "--packing in 'points --packing' needs a value"),
        (["points packing 2"], {}, "'packing' in 'points packing 2' is no setting"),
        (["points --training.steps 9"], {}, "how long, --steps says for all variants alike"),
        (["points", "points --packing 1"], {}, "'points --packing 1' and 'points' are the same"),
        ([], {}, "say what to compare"),
        (["dcgan"], {"settings": {}}, "'dcgan': .*rows.csv holds points, but the recipe learns pictures"),
        (["points"], {"steps": None}, "say how long each run is trained"),
        (["points"], {"budget": "5m"}, "say how long each run is trained"),
        (["points"], {"steps": 0}, "--steps is above 0, not 0"),
        (["points"], {"seeds": 0}, "--seeds is from 1 to 10,000, not 0"),
        (["points"], {"samples": 3}, "number of samples is from 10 to 1,000,000, not 3"),
        (["points"], {"by": "fid"}, "there is no figure 'fid' to compare by; there are fd, kd"),
        (["points"], {"by": "modes"}, "modes is known of ring and grid only"),
        (["points"], {"at": "half"}, "--at takes shares of the budget such as 25%,50%,100%, not 'half'"),
        (["points"], {"settings": {"points.held_out": 0}}, "nothing of .* is held out to judge runs by"),
        (["points"], {"features": "pixels"}, "only pictures are judged by features"),
        (["points"], {"workers": 0}, "--workers is 1 or more, not 0"),
        (["points"], {"trials": 3}, "--trials needs --search"),
        (["points"], {"space": ["critic.lr"]}, "--search takes critic.lr=1e-4..1e-3 or"),
        (
            ["points"],
            {"space": ["critic.rl=1..2"]},
            "there is no setting 'critic.rl'; did you mean 'critic.lr'",
        ),
        (["points"], {"space": ["critic.lr=2..1"]}, "goes from a smaller number to a larger one"),
        (["points"], {"space": ["critic.depth=1..2.5"]}, "critic.depth takes whole numbers"),
        (
            ["points"],
            {"space": ["critic.depth=0..3"]},
            "--search critic.depth for 'points': --critic.depth 0",
        ),
        (["points"], {"space": ["game=hinge|chess"]}, "--search game for 'points': --game chess will not do"),
    ],
)
def test_what_cannot_be_studied_is_refused_before_anything_is_made(rows, tmp_path, recipes, how, says):
    with pytest.raises(UserError, match=says):
        study(recipes, rows, **{"out": tmp_path / "out"} | HOW | how)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("module", "how"), [("ray", {"ray": "auto"}), ("optuna", {"space": ["critic.lr=1e-4..1e-3"]})]
)
def test_what_is_not_installed_is_said(rows, tmp_path, monkeypatch, module, how):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match="which is not installed: pip install 'ganvas"):
        study(["points"], rows, **{"out": tmp_path / "out"} | HOW | how)


def test_no_cluster_at_an_address_is_said_at_once(rows, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", type(sys)("ray"))
    with pytest.raises(UserError, match=r"there is no Ray cluster at 127.0.0.1:1 \(connection refused\)"):
        study(["points"], rows, out=tmp_path / "out", ray="127.0.0.1:1", **HOW)


def test_one_seed_is_allowed_and_a_run_without_numbers_is_a_failed_run(rows, tmp_path, here):
    recipes = ["points", "points --penalty.r1 1e38"]
    quick = {"seeds": 1, "steps": 2, "at": "100%", "settings": TINY | {"training.snapshots": 1}}
    found = study(recipes, rows, out=tmp_path / "one", **HOW | quick)
    row, failed = found["variants"]
    assert row["figures"]["fd"]["interval"] is None
    assert row["figures"]["fd"]["sd"] is None
    assert [point["at"] for point in row["curve"]] == [1.0]
    assert failed["failures"]["reasons"] == {"not a number": 1}
    assert failed["figures"] == {}
    assert 'alt="Samples of points, seed 0"' in (tmp_path / "one" / "report.html").read_text()
    assert found["verdict"] == [
        f"Fréchet distance: points, {row['figures']['fd']['value']:.3g} (no interval is possible; 1 seed).",
        "1 of 1 runs of points --penalty.r1 1e38 failed (not a number 1): a rate of 100% "
        "(95 %: 21% to 100%).",
    ]


def test_a_crash_is_one_failed_run_with_its_last_words(rows, tmp_path):
    job = {
        "name": "points",
        "seed": 0,
        "settings": {},
        "recipe": "points",
        "data": str(rows),
        "place": str(tmp_path),
    }
    job |= {"path": str(tmp_path / "seed-0"), "outcome": str(tmp_path / "seed-0.json"), "at": []}
    job |= {"length": {"steps": -1}, "device": "cpu"}
    assert [done["seed"] for done in fleet.Processes(1, 1).run([job])] == [0]
    found = fleet.outcome(job)
    assert found["failure"] == "crashed"
    assert found["words"].startswith("ganvas.core.errors.UserError: --steps is 1 or more, not -1\n")
