"""A study's answer in words."""

from collections.abc import Iterator
from typing import Any

from ganvas.report.evaluated import NAMES
from ganvas.studies.compare import FEWEST, HIGHER, LEVEL, seeds_needed

MOST = 12
"""Sentences on pairs; the others are in study.json."""


def verdict(study: dict[str, Any]) -> list[str]:
    """Who is best by the figure of merit, who can be told apart from whom, and what chance can have done."""
    return [*_standing(study), *_pairs(study), *_failures(study), *_searched(study)]


def number(value: float) -> str:
    """Three digits: 51.5, 0.114, 9.2e-05."""
    return f"{value:.3g}".replace("-", "−", 1) if value < 0 else f"{value:.3g}"


def around(entry: dict[str, Any]) -> str:
    """An interval and its level: 95 %: 48 to 55."""
    if not entry.get("interval"):
        return "no interval is possible"
    low, high = entry["interval"]
    return f"{100 * entry['level']:.0f} %: {number(low)} to {number(high)}"


def ranked(study: dict[str, Any]) -> list[dict[str, Any]]:
    """The variants that have the figure of merit, the best first."""
    by = study["figure"]
    usual = study["protocol"].get(by)
    able = [row for row in study["variants"] if row["figures"].get(by, {}).get("protocol", "") == usual]
    return sorted(able, key=lambda row: row["figures"][by]["value"] * (-1 if by in HIGHER else 1))


def _standing(study: dict[str, Any]) -> Iterator[str]:
    by, order = study["figure"], ranked(study)
    if not order:
        yield f"No run has the figure {by}: there is nothing to compare by."
        return
    first = order[0]["figures"][by]
    seeds = "1 seed" if first["count"] == 1 else f"{first['count']} seeds"
    what = f"Best in {NAMES[by][0]}" if len(order) > 1 else NAMES[by][0].capitalize()
    yield f"{what}: {order[0]['name']}, {number(first['value'])} ({around(first)}; {seeds})."


def _pairs(study: dict[str, Any]) -> Iterator[str]:
    by, place = study["figure"], {row["name"]: k for k, row in enumerate(ranked(study))}
    pairs = [c for c in study["comparisons"] if c["figure"] == by]
    pairs.sort(key=lambda c: sorted((place[c["first"]], place[c["second"]])))
    for pair in pairs[:MOST]:
        yield _sentence(pair)
    if len(pairs) > MOST:
        yield f"{len(pairs) - MOST} more pairs are in study.json."
    if pairs and max(len(c["seeds"]) for c in pairs) == 1:
        yield f"One seed tells nothing of chance: no interval is possible; take {FEWEST} seeds or more."
    elif len(pairs) > 1:
        yield _several(pairs)


def _sentence(c: dict[str, Any]) -> str:
    name, n = NAMES[c["figure"]][0], len(c["seeds"])
    a, b = (c["first"], c["second"]) if c["difference"] >= 0 else (c["second"], c["first"])
    gap = abs(c["difference"])
    if n == 1:
        return f"{a} is ahead of {b} in {name} by {number(gap)} at the one seed that both have."
    ends = sorted(abs(x) if c["differs"] else x * (1 if c["difference"] >= 0 else -1) for x in c["interval"])
    span = f"{100 * c['level']:.0f} %: {number(ends[0])} to {number(ends[1])}"
    if c["differs"]:
        p = f"p = {number(c['p'])} by sign flips"
        if c["p_holm"] != c["p"]:
            p += f", {number(c['p_holm'])} for all pairs together"
        return f"{a} is better than {b} in {name} by {number(gap)} ({span}) over {n} paired seeds ({p})."
    if n < FEWEST:
        wins = max(c["wins"], n - c["wins"])
        return (
            f"{a} is ahead of {b} in {name} by {number(gap)}, the better one has {wins} of {n} seeds: "
            f"too few to tell them apart, which takes {FEWEST}."
        )
    apart = f"{number(gap)} between them ({span}) over {n} paired seeds"
    return f"{a} and {b} cannot be told apart in {name}: {apart}."


def _several(pairs: list[dict[str, Any]]) -> str:
    told = [c for c in pairs if c["differs"]]
    chance = sum(1 - (c["level"] or 1) for c in pairs)
    standing = [c for c in told if c["p_holm"] <= 1 - LEVEL]
    words = (
        f"{len(pairs)} pairs were looked at: were none of them different, {chance:.1f} would still seem so "
        f"on average. Corrected for that (Holm), {len(standing)} of the {len(told)} differences found stand"
    )
    needed = seeds_needed(len(pairs))
    if len(standing) < len(told) and max(len(c["seeds"]) for c in pairs) < needed:
        return f"{words}; with fewer than {needed} seeds none of {len(pairs)} can."
    return f"{words}."


def _failures(study: dict[str, Any]) -> Iterator[str]:
    for row in study["variants"]:
        found = row["failures"]
        if found["count"]:
            reasons = ", ".join(f"{reason} {times}" for reason, times in found["reasons"].items())
            low, high = found["interval"]
            yield (
                f"{found['count']} of {found['of']} runs of {row['name']} failed ({reasons}): a rate of "
                f"{found['rate']:.0%} (95 %: {low:.0%} to {high:.0%})."
            )


def _searched(study: dict[str, Any]) -> Iterator[str]:
    question = study["question"]
    if question["search"]:
        seeds = question["seeds"]
        over = "seed 0" if seeds == 1 else f"seeds 0 to {seeds - 1}"
        yield (
            f"Settings were searched for on seed {seeds} only, {question['trials']} trials a variant; what "
            f"is compared here are runs of {over}, which the search has not seen."
        )
