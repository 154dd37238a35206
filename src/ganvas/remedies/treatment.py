"""Treatments: one thing changed against what the doctor found, judged by the same stretch without it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from ganvas.core.errors import UserError
from ganvas.core.files import read_json, write_json
from ganvas.core.run import Run
from ganvas.remedies.advice import Way, flat, shown
from ganvas.remedies.evidence import Checkup, median, series

FILE = "treatments.json"
MOST, AGAIN = 6, 2.0
"""Treatments in a run, and times its steps that it may lose by going back: then no more is begun."""
TRIAL = 8
"""Check-ups that a trial lasts at least: what most rules look at."""
LONGER = 1.25
"""And so many times the steps in which the trouble was found: it may come later this time."""
MEASURES = {"distance": 0.02, "missing": 0.1, "variety": 0.3}
"""Figures of the probe by which two stretches are compared, and what chance makes of each in healthy runs; of
variety it is |log v|, for too much is as far from real items as too little."""
BETTER, WORSE = 0.75, 1.25
"""Times what it was."""
RECENT = 3
"""Check-ups, of which the middle one counts."""

Outcome = Literal["on trial", "helped", "helped in part", "undone", "kept", "given up"]


@dataclass(frozen=True)
class Treatment:
    """A stretch of training that begins with a change. As JSON, an entry of `treatments.json`."""

    finding: str
    found: int
    """The step at which it was found without this change."""
    start: int
    """The step that training was set back to."""
    until: int
    """On trial up to this step."""
    left_at: int
    """The step that training was at when it was set back."""
    ways: tuple[Way, ...]
    """What was changed, at once; nothing once nothing is left to try."""
    left: tuple[tuple[Way, ...], ...] = ()
    """What to try next."""
    before: tuple[tuple[int, dict[str, float]], ...] = ()
    """Steps and measures of the same stretch without the change."""
    because: str = ""
    """The finding's sentence."""
    advice: str = ""
    """What else a person can do."""
    outcome: Outcome = "on trial"

    @property
    def change(self) -> dict[str, Any]:
        """Settings by dotted name."""
        return {way.setting: way.new for way in self.ways}

    @classmethod
    def of(cls, line: dict[str, Any]) -> "Treatment":
        ways = tuple(Way(**way) for way in line["ways"])
        left = tuple(tuple(Way(**way) for way in step) for step in line["left"])
        before = tuple((step, figures) for step, figures in line["before"])
        return cls(**line | {"ways": ways, "left": left, "before": before})


@dataclass
class Course:
    """All treatments of a run. The last one began the stretch that it is in."""

    treatments: list[Treatment] = field(default_factory=list)
    elapsed: float = 0.0
    """Seconds of training when this stretch began, those of undone stretches among them."""
    moving: bool = False
    """Whether the run's folder has yet to be set back."""

    @property
    def last(self) -> Treatment | None:
        return self.treatments[-1] if self.treatments else None

    @property
    def trial(self) -> Treatment | None:
        """The one whose outcome is not known yet."""
        return self.last if self.last and self.last.outcome == "on trial" else None

    @property
    def start(self) -> int:
        return self.last.start if self.last else 0

    @property
    def given(self) -> int:
        """How many there have been."""
        return sum(t.outcome != "given up" for t in self.treatments)

    @property
    def lost(self) -> int:
        """Steps that were gone through for nothing."""
        return sum(t.left_at - t.start for t in self.treatments)

    @property
    def changes(self) -> dict[str, Any]:
        """Settings that are not as they were asked for."""
        found: dict[str, Any] = {}
        for t in self.treatments:
            found |= t.change if t.outcome != "undone" else {}
        return found

    def close(self, outcome: Outcome) -> None:
        """The outcome of the last one."""
        self.treatments[-1] = replace(self.treatments[-1], outcome=outcome)

    def add(self, order: Treatment, run: Run, elapsed: float) -> None:
        """A new stretch; once this is written, it has begun."""
        self.treatments.append(order)
        self.elapsed, self.moving = elapsed, True
        self._write(run)

    def set_back(self, run: Run) -> None:
        """Bring the run's folder to where the stretch begins, unless that is done."""
        run.stretch = len(self.treatments)
        if self.moving:
            run.set_back(self.start)
            self.moving = False
            self._write(run)

    def _write(self, run: Run) -> None:
        write_json(run.path / FILE, asdict(self))


def course_of(run: Run) -> Course:
    """The treatments of a run so far. UserError where they cannot be read."""
    path = run.path / FILE
    if not path.exists():
        return Course()
    try:
        found = read_json(path)
        treatments = [Treatment.of(line) for line in found["treatments"]]
        return Course(treatments, found["elapsed"], found["moving"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}); start a new run, with another --out") from None


def together(ways: Iterable[Way]) -> tuple[tuple[Way, ...], ...]:
    """What is changed at once: rates that are far from the recipe's own, penalties, momenta; else one way."""
    steps: list[list[Way]] = []
    for way in ways:
        if steps and _kind(way) and _kind(way) == _kind(steps[-1][0]):
            steps[-1].append(way)
        else:
            steps.append([way])
    return tuple(map(tuple, steps))


def _kind(way: Way) -> str | None:
    first, _, last = way.setting.rpartition(".")
    if first == "penalty":
        return first
    return last if last == "beta1" or (last == "lr" and way.back) else None


def measures(seen: Sequence[Checkup], after: int) -> tuple[tuple[int, dict[str, float]], ...]:
    """What two stretches are compared by, of each check-up after a step."""
    found: dict[int, dict[str, float]] = {}
    for name in MEASURES:
        for step, value in series([c for c in seen if c.step > after], f"probe/{name}"):
            if math.isfinite(value):
                found.setdefault(step, {})[name] = value
    return tuple(found.items())


def compared(trial: Treatment, seen: Sequence[Checkup]) -> dict[str, tuple[float, float]]:
    """Each measure without and with the change, up to the same step."""
    now = measures(seen, trial.start)
    upto = seen[-1].step
    pairs = {name: (_recent(trial.before, name, upto), _recent(now, name, upto)) for name in MEASURES}
    return {name: pair for name, pair in pairs.items() if all(map(math.isfinite, pair))}


def _recent(taken: Sequence[tuple[int, dict[str, float]]], name: str, upto: int) -> float:
    return median([m[name] for step, m in taken if step <= upto and name in m][-RECENT:])


def judged(trial: Treatment, seen: Sequence[Checkup], present: Iterable[str]) -> Outcome:
    """What came of a trial so far; `present`: the findings that there are now."""
    pairs = {name: _far(name, pair) for name, pair in compared(trial, seen).items()}
    worse = any(now > WORSE * was + MEASURES[name] for name, (was, now) in pairs.items())
    better = any(now < BETTER * was and was > MEASURES[name] for name, (was, now) in pairs.items())
    back, lost = trial.finding in present, "not a number" in present
    if lost or (back and (worse or not better)):
        return "undone"
    if seen[-1].step < min(trial.until, seen[-1].total):
        return "on trial"
    if worse:
        return "undone"
    return "helped in part" if back else "helped"


def _far(name: str, pair: tuple[float, float]) -> tuple[float, float]:
    if name != "variety":
        return pair
    was, now = (abs(math.log(max(v, 1e-6))) for v in pair)
    return was, now


def told(ways: Sequence[Way]) -> str:
    """A change in words."""
    parts = [f"{w.setting} {shown(w.new)}{_own(w)} (was {shown(w.now)})" for w in ways]
    return " and ".join(parts)


def _own(way: Way) -> str:
    return ", the recipe's own" if way.back else ""


def in_force(run: Run) -> str:
    """What is not as it was asked for, in words; empty where all is."""
    asked = flat(run.record.get("settings") or {})
    changes = course_of(run).changes.items()
    return ", ".join(
        f"{name} {shown(value)} (asked for: {shown(asked.get(name))})" for name, value in changes
    )
