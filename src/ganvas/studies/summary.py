"""What a study has found, of the outcomes of its runs: as it stands in study.json."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from ganvas.metrics.protocol import Protocol, warnings
from ganvas.report.evaluated import NAMES
from ganvas.studies.compare import holm, interval, paired, wilson
from ganvas.studies.plan import Question, Variant
from ganvas.studies.search import OF_MERIT
from ganvas.studies.verdict import verdict

Outcome = dict[str, Any]
Outcomes = Sequence[tuple[Variant, Sequence[Outcome]]]


def summary(question: Question, outcomes: Outcomes, yardsticks: Outcome, out: str) -> dict[str, Any]:
    """Means with spread and interval over seeds, failures, curves, comparisons and the verdict."""
    rows = [_row(one, found) for one, found in outcomes]
    protocols = {key: facts for found in _all(outcomes) for key, facts in found.get("protocols", {}).items()}
    protocols |= yardsticks.get("protocols", {})
    judged = [row["figures"] for row in rows if row["figures"]]
    by = question.by or next((k for k in OF_MERIT if all(k in row for row in judged)), OF_MERIT[0])
    usual = {k: next(r["figures"][k]["protocol"] for r in rows if k in r["figures"]) for k in _figures(rows)}
    first = next((found for found in _all(outcomes) if found.get("floor")), {})
    study: dict[str, Any] = {
        "study": out,
        "question": question.line(),
        "figure": by,
        "variants": rows,
        "floor": yardsticks.get("floor") or first.get("floor", {}),
        "baselines": yardsticks.get("baselines") or first.get("baselines", {}),
        "protocol": usual,
        "comparisons": [c for key in usual for c in _comparisons(rows, key, usual[key])],
        "protocols": protocols,
    }
    few = question.by is None and by == OF_MERIT[1] and judged
    notes = ["Held-out items do not fill the dimensions of these features: no fd, so by kd."] if few else []
    notes += [*_incomparable(rows, usual, protocols), *yardsticks.get("notes", [])]
    return study | {"verdict": verdict(study), "notes": notes}


def _all(outcomes: Outcomes) -> list[Outcome]:
    return [found for _, row in outcomes for found in row]


def _figures(rows: Sequence[dict[str, Any]]) -> list[str]:
    return [key for key in NAMES if any(key in row["figures"] for row in rows)]


def _row(one: Variant, found: Sequence[Outcome]) -> dict[str, Any]:
    """A variant over its seeds. A collapsed run has figures, which count; a crashed one has none."""
    judged = [x for x in found if x.get("figures")]
    failed = [x["failure"] for x in found if x["failure"]]
    keys = [key for key in NAMES if any(key in x["figures"] for x in judged)]
    return {
        "name": one.name,
        "recipe": one.recipe,
        "settings": one.settings,
        "searched": one.searched,
        "failures": {
            "count": len(failed),
            "of": len(found),
            "rate": len(failed) / len(found),
            "interval": list(wilson(len(failed), len(found))),
            "reasons": {reason: failed.count(reason) for reason in dict.fromkeys(failed)},
        },
        "figures": {
            key: _over_seeds([x["figures"][key] for x in judged if key in x["figures"]]) for key in keys
        },
        "curve": _curve(judged),
        "steps": float(np.mean([x["step"] for x in judged])) if judged else None,
        "seconds": float(np.mean([x["seconds"] for x in judged])) if judged else None,
        "threads": sorted({x["threads"] for x in judged}),
        "seeds": [_seed(x) for x in found],
    }


def _seed(found: Outcome) -> dict[str, Any]:
    kept = {
        k: found.get(k) for k in ("seed", "run", "failure", "words", "step", "seconds", "doctor", "judging")
    }
    return kept | {"figures": {key: x["value"] for key, x in found.get("figures", {}).items()}}


def _over_seeds(entries: Sequence[Any]) -> dict[str, Any]:
    values = [x["value"] if isinstance(x, dict) else x for x in entries]
    around = interval(values)
    found = {
        "value": float(np.mean(values)),
        "sd": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "interval": [around.low, around.high] if around else None,
        "level": around.level if around else None,
        "count": len(values),
    }
    return found | ({"protocol": entries[0]["protocol"]} if isinstance(entries[0], dict) else {})


def _curve(judged: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Figures on the way, and at its end."""
    ends = [
        [*x["marks"], {"at": 1.0, "step": x["step"], "seconds": x["seconds"], "figures": _end(x)}]
        for x in judged
    ]
    points = []
    for marks in zip(*ends, strict=True):
        keys = [key for key in NAMES if all(key in mark["figures"] for mark in marks)]
        points.append(
            {
                "at": marks[0]["at"],
                "step": float(np.mean([mark["step"] for mark in marks])),
                "seconds": float(np.mean([mark["seconds"] for mark in marks])),
                "figures": {key: _over_seeds([mark["figures"][key] for mark in marks]) for key in keys},
            }
        )
    return points


def _end(found: Outcome) -> dict[str, float]:
    return {key: one["value"] for key, one in found["figures"].items()}


def _comparisons(rows: Sequence[dict[str, Any]], key: str, protocol: str) -> list[dict[str, Any]]:
    """Every pair of variants in a figure, those made in one way; p also as Holm corrects it for all pairs."""
    able = [r for r in rows if r["figures"].get(key, {}).get("protocol") == protocol]
    values = {
        r["name"]: {x["seed"]: x["figures"][key] for x in r["seeds"] if key in x["figures"]} for r in able
    }
    pairs = [p for a, b in combinations(values, 2) if (p := paired(a, b, key, values[a], values[b]))]
    corrected = holm([pair.p for pair in pairs])
    return [
        {
            "figure": key,
            "first": pair.first,
            "second": pair.second,
            "difference": pair.difference,
            "interval": [pair.interval.low, pair.interval.high] if pair.interval else None,
            "level": pair.interval.level if pair.interval else None,
            "seeds": list(pair.seeds),
            "wins": pair.wins,
            "p": pair.p,
            "p_holm": p,
            "differs": pair.differs,
        }
        for pair, p in zip(pairs, corrected, strict=True)
    ]


def _incomparable(
    rows: Sequence[dict[str, Any]], usual: Mapping[str, str], protocols: Mapping[str, Any]
) -> list[str]:
    """What must be said of variants that were judged in another way than the first one."""
    notes = []
    for row in rows:
        other = next((k for k, x in row["figures"].items() if x["protocol"] != usual[k]), None)
        if other:
            first = next(
                r["name"] for r in rows if r["figures"].get(other, {}).get("protocol") == usual[other]
            )
            ways = {first: usual[other], row["name"]: row["figures"][other]["protocol"]}
            notes += warnings({name: Protocol(protocols[key]) for name, key in ways.items()})
    return notes
