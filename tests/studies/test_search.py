"""Searching settings: ranges as typed, proposals that a stop does not change, and seeds kept apart."""

import json

import pytest

from ganvas.core.files import write_json
from ganvas.studies import plan, search
from ganvas.studies.plan import Question

optuna = pytest.importorskip("optuna")
SPACE = ("critic.lr=1e-4..1e-2", "critic.depth=1..4", "game=hinge|relativistic")


class Judge:
    """In place of a training: a figure that is best at a rate of 1e-3 with two layers; trial 2 crashes."""

    workers = threads = 1

    def __init__(self, stops_after=99):
        self.left, self.done = stops_after, []

    def run(self, jobs):
        for job in jobs:
            if not self.left:
                raise KeyboardInterrupt
            self.left -= 1
            rate, depth = float(job["settings"]["critic.lr"]), int(job["settings"]["critic.depth"])
            found = {"settings": job["settings"], "seed": job["seed"], "failure": None}
            if job["path"].endswith("trial-2"):
                found["failure"] = "crashed"
            else:
                found["figures"] = {"fd": {"value": abs(rate - 1e-3) * 1e3 + abs(depth - 2)}}
            write_json(plan.Path(job["outcome"]), found)
            self.done.append(json.dumps(job["settings"]))
            yield job


@pytest.fixture
def asked():
    (one,) = plan.variants(["points"], {})
    question = Question("ring", (one,), 3, {"steps": 9}, search=SPACE, trials=30, at_once=2)
    return question, one, search.ranges(SPACE, [one])


def searched(asked, out, judge):
    question, one, space = asked
    return [job["seed"] for job in search.search(question, one, space, judge, out, "cpu")]


def test_ranges_are_read_as_the_setting_has_them(asked):
    rate, depth, game = asked[2]
    assert (rate.logarithmic, rate.whole, rate.ends) == (True, False, ("0.0001", "0.01"))
    assert (depth.logarithmic, depth.whole, depth.ends) == (False, True, ("1", "4"))
    assert game.ends == ("hinge", "relativistic")
    kind = optuna.distributions
    assert rate.distribution() == kind.FloatDistribution(1e-4, 1e-2, log=True)
    assert depth.distribution() == kind.IntDistribution(1, 4)


def test_the_search_finds_what_is_best_on_a_seed_that_the_comparison_does_not_use(asked, tmp_path):
    judge = Judge()
    assert set(searched(asked, tmp_path, judge)) == {3}
    assert len(judge.done) == 30
    best = search.best(*asked, tmp_path)
    assert best["settings"]["critic.depth"] == "2"
    assert float(best["settings"]["critic.lr"]) == pytest.approx(1e-3, rel=0.5)
    assert (best["figure"], best["judged"]) == ("fd", 29)


def test_a_search_that_was_stopped_goes_on_as_if_it_had_not_been(asked, tmp_path):
    whole, first, second = Judge(), Judge(stops_after=13), Judge()
    searched(asked, tmp_path / "whole", whole)
    with pytest.raises(KeyboardInterrupt):
        searched(asked, tmp_path / "parts", first)
    searched(asked, tmp_path / "parts", second)
    assert (len(first.done), len(second.done)) == (13, 17)
    assert first.done + second.done == whole.done


def test_a_variant_is_named_by_what_was_found(asked):
    _, one, _ = asked
    found = one.changed({"critic.lr": "0.001", "game": "hinge"})
    assert found.name == "points --critic.lr 0.001 --game hinge"
    assert found.made.critic.lr == 0.001
    assert found.searched
