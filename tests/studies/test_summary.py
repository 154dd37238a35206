"""A study's answer, of outcomes made up: means, failures, comparisons, and what is said of them."""

from ganvas.report import studied
from ganvas.studies.plan import Question, Variant
from ganvas.studies.summary import summary

FACTS = {"features": "made up", "samples": 100}


def outcome(seed, fd, failure=None, protocol="one", recall=0.5):
    figures = {"fd": fd, "recall": recall + seed / 100}
    return {
        "seed": seed,
        "run": f"study/x/seed-{seed}",
        "failure": failure,
        "words": failure and f"said of {failure}",
        "step": 60,
        "seconds": 2.0,
        "threads": 1,
        "figures": {
            k: {"value": v, "interval": None, "count": 9, "protocol": protocol} for k, v in figures.items()
        },
        "floor": {"fd": {"value": 1.0, "interval": [0.9, 1.1], "count": 9, "protocol": protocol}},
        "protocols": {protocol: FACTS if protocol == "one" else FACTS | {"samples": 50}},
        "marks": [{"at": 0.5, "step": 30, "seconds": 1.0, "figures": {"fd": 2 * fd}}],
    }


def crashed(seed):
    return {"seed": seed, "run": f"study/x/seed-{seed}", "failure": "crashed", "words": "out of\nmemory"}


def told(seeds, by=None, yardsticks=None, **rows):
    variants = {name: Variant(name, "points") for name in rows}
    question = Question("ring", tuple(variants.values()), seeds, {"steps": 60}, at=(0.5,), by=by)
    return summary(
        question, [(variants[name], found) for name, found in rows.items()], yardsticks or {}, "study"
    )


def row(values, **how):
    return [outcome(seed, fd, **how) for seed, fd in enumerate(values)]


def test_what_differs_and_what_does_not_is_said_with_the_chance_of_an_error():
    found = told(5, a=row([10, 11, 12, 13, 14]), b=row([20, 22, 23, 24, 26]), c=row([12, 10, 12, 14, 13]))
    assert found["figure"] == "fd"
    assert found["verdict"] == [
        "Best in Fréchet distance: a, 12 (94 %: 10 to 14; 5 seeds).",
        "a and c cannot be told apart in Fréchet distance: 0.2 between them (94 %: −1 to 2) over 5 paired "
        "seeds.",
        "a is better than b in Fréchet distance by 11 (94 %: 10 to 12) over 5 paired seeds "
        "(p = 0.0625 by sign flips, 0.188 for all pairs together).",
        "c is better than b in Fréchet distance by 10.8 (94 %: 8 to 13) over 5 paired seeds "
        "(p = 0.0625 by sign flips, 0.188 for all pairs together).",
        "3 pairs were looked at: were none of them different, 0.2 would still seem so on average. Corrected "
        "for that (Holm), 0 of the 2 differences found stand; with fewer than 7 seeds none of 3 can.",
    ]


def test_more_seeds_stand_the_correction():
    seeds = range(8)
    found = told(
        8, a=row([10 + s for s in seeds]), b=row([20 + s for s in seeds]), c=row([31 + s for s in seeds])
    )
    assert found["verdict"][-1].endswith("(Holm), 3 of the 3 differences found stand.")
    assert "(95 %: 10 to 10)" in found["verdict"][1]


def test_crashed_runs_have_no_figures_and_collapsed_ones_count_in_the_mean():
    found = told(
        5,
        a=[*row([10, 11, 12, 13]), crashed(4)],
        b=[*row([10, 11, 12, 13]), outcome(4, 500.0, failure="mode collapse")],
    )
    a, b = found["variants"]
    assert (a["figures"]["fd"]["count"], a["figures"]["fd"]["value"]) == (4, 11.5)
    assert (b["figures"]["fd"]["count"], b["figures"]["fd"]["value"]) == (5, 546 / 5)
    assert (a["failures"]["rate"], b["failures"]["reasons"]) == (0.2, {"mode collapse": 1})
    pair = next(c for c in found["comparisons"] if c["figure"] == "fd")
    assert pair["seeds"] == [0, 1, 2, 3]
    assert "1 of 5 runs of a failed (crashed 1): a rate of 20% (95 %: 4% to 62%)." in found["verdict"]
    assert "| `a`, 4 of 5 runs well, 60 steps |" in studied.markdown(found)


def test_what_was_judged_otherwise_does_not_stand_beside():
    found = told(2, a=row([10, 11]), b=row([1, 2], protocol="two"))
    assert found["comparisons"] == []
    assert found["notes"] == [
        "a and b cannot be compared, for they were made differently: samples 100 and 50."
    ]
    table = studied.table(found)
    assert table.rows[1][2] == [("–", ""), ("–", "")]
    assert table.rows[2][0] == "real items"
    assert found["verdict"] == ["Fréchet distance: a, 10.5 (50 %: 10 to 11; 2 seeds)."]


def test_more_is_better_where_the_figure_says_so():
    found = told(5, by="recall", a=row([1] * 5, recall=0.5), b=row([1] * 5, recall=0.6))
    assert found["verdict"][0].startswith("Best in recall: b, 0.62 ")
    assert found["verdict"][1].startswith("b is better than a in recall by 0.1 ")
    assert found["verdict"][0] in studied.markdown(found)


def test_few_seeds_tell_nothing_apart_and_one_has_no_interval():
    found = told(3, a=row([10, 11, 12]), b=row([20, 21, 22]))
    assert found["verdict"][1] == (
        "a is ahead of b in Fréchet distance by 10, the better one has 3 of 3 seeds: too few to tell them "
        "apart, which takes 5."
    )
    one = told(1, a=row([10]), b=row([20]))
    assert one["verdict"][0] == "Best in Fréchet distance: a, 10 (no interval is possible; 1 seed)."
    assert one["verdict"][1] == "a is ahead of b in Fréchet distance by 10 at the one seed that both have."
    assert one["verdict"][2].startswith("One seed tells nothing of chance")


def test_curves_are_means_over_seeds_at_each_share():
    (a,) = told(2, a=row([10, 20]))["variants"]
    assert [(p["at"], p["step"], p["figures"]["fd"]["value"]) for p in a["curve"]] == [
        (0.5, 30, 30.0),
        (1.0, 60, 15.0),
    ]


def test_real_items_and_baselines_stand_in_the_same_table():
    entry = {"value": 200.0, "interval": [190.0, 210.0], "count": 9, "protocol": "one"}
    yard = {"floor": {"fd": entry | {"value": 1.3}}, "baselines": {"random": {"fd": entry}}, "protocols": {}}
    found = told(2, a=row([10, 11]), yardsticks=yard)
    names = [name for name, *_ in studied.table(found).rows]
    assert names == ["a", "real items", "baseline random"]
    assert "| `baseline random`, once | 200 (190 to 210) |" in studied.markdown(found)


def test_nothing_judged_is_no_error():
    found = told(1, a=[crashed(0)])
    assert found["verdict"][0] == "No run has the figure fd: there is nothing to compare by."
    assert found["variants"][0]["failures"]["rate"] == 1
    assert studied.table(found).rows[0][2] == []
