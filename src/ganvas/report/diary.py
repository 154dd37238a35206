"""What the doctor's diary says, for the report."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

HEADS = {
    "treated": "Treated",
    "helped": "It helped",
    "helped in part": "It helped in part",
    "undone": "Undone",
    "kept": "It did not help",
    "given up": "Given up",
}


@dataclass(frozen=True)
class Entry:
    """A row of the diary."""

    step: str
    head: str
    said: str
    advice: str
    past: bool
    """Whether it tells of a stretch that was undone."""


def entries(diary: Sequence[Any]) -> Iterator[Entry]:
    """Each line with its step and what to do; a line that is no record is passed over."""
    lines = [line for line in diary if isinstance(line, dict) and "said" in line]
    now = {id(line) for line in standing(lines)}
    for line in lines:
        step = f"{line['step']:,}" if isinstance(line.get("step"), int) else ""
        head = next((words for key, words in HEADS.items() if key in line), "")
        said, advice = str(line["said"]), str(line.get("advice") or "")
        if "found" in line:
            head = str(line["found"]).capitalize()
        yield Entry(
            step, head, said, advice, not head.startswith(tuple(HEADS.values())) and id(line) not in now
        )


def standing(diary: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines that tell of the training as it stands, without what was undone."""
    kept, end = [], math.inf
    for line in reversed(diary):
        end = min(end, line.get("start", math.inf))
        if line.get("step", 0) <= end:
            kept.append(line)
    return kept[::-1]


def troubles(diary: Sequence[Any]) -> list[tuple[int, str]]:
    """Since which step there was what, and from which on what was changed, for the curves."""
    lines = [line for line in diary if isinstance(line, dict)]
    found = [line for line in standing(lines) if "found" in line]
    marks = [(line["since"], f"{line['found']}, since step {line['since']:,}") for line in found]
    return marks + [(line["start"], f"treated from here on: {line['said']}") for line in _last(lines)]


def _last(diary: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Treatments that were not undone."""
    kept: list[dict[str, Any]] = []
    for line in diary:
        if "treated" in line:
            kept.append(line)
        elif "undone" in line:
            del kept[-1:]
    return kept
