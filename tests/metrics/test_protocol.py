"""Figures made in different ways are told apart, and it is said how they differ."""

from ganvas.metrics.protocol import Protocol, figure, warnings

FACTS = {"features": "OpenNSFW", "samples": 2_000, "reference": "a1b2", "k": 5}


def test_the_same_facts_have_the_same_hash_in_any_order():
    assert Protocol(FACTS).hash == Protocol(dict(reversed(FACTS.items()))).hash
    assert len(Protocol(FACTS).hash) == 8


def test_every_fact_counts():
    others = [FACTS | {name: "other"} for name in FACTS] + [FACTS | {"more": None}]
    assert len({Protocol(facts).hash for facts in [FACTS, *others]}) == len(others) + 1


def test_rows_that_cannot_be_compared_are_named_with_what_differs():
    rows = {
        "ours": Protocol(FACTS),
        "again": Protocol(dict(FACTS)),
        "theirs": Protocol(FACTS | {"features": "pixels", "samples": 500}),
    }
    assert warnings(rows) == [
        "ours and theirs cannot be compared, for they were made differently: "
        "features OpenNSFW and pixels; samples 2,000 and 500."
    ]
    assert warnings({}) == []


def test_a_figure_carries_its_interval_its_count_and_its_protocol():
    found = figure(1.5, (1.0, 2.0), 2_000, Protocol(FACTS))
    assert found == {"value": 1.5, "interval": [1.0, 2.0], "count": 2_000, "protocol": Protocol(FACTS).hash}
