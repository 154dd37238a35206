"""Who treats what the doctor finds: goes back to a healthy checkpoint, changes one thing, and judges."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ganvas.core.errors import UserError
from ganvas.core.settings import Settings, override
from ganvas.remedies.advice import Way, shown, ways
from ganvas.remedies.evidence import Checkup, Finding
from ganvas.remedies.treatment import (
    AGAIN,
    LONGER,
    MOST,
    TRIAL,
    Course,
    Outcome,
    Treatment,
    compared,
    judged,
    measures,
    together,
    told,
)

LEFT = 0.3
"""Of a budget: with less time left nothing is begun, for there would be none to profit from it."""
DIFFERENT = 0.02
"""From which on a figure is worth telling."""
ANEW = ("latent", "width")
"""Settings that no network of another size can go on with: training starts over."""


@dataclass(frozen=True)
class Patient:
    """How a training stands."""

    seen: Sequence[Checkup]
    findings: Sequence[Finding]
    """What there is now, the gravest first."""
    healthy: Sequence[int]
    """Steps of the checkpoints kept from when there was nothing."""
    every: int
    """Steps between two check-ups."""
    share: float = 1.0
    """What is left of a budget."""


class Physician:
    """Decides by check-ups alone, so that a resumed run is treated as it would have been."""

    def __init__(
        self,
        course: Course,
        recipe: Settings,
        usual: Mapping[str, Any],
        own: Mapping[str, Any],
        resizes: bool = True,
    ):
        """`recipe`: as the user asked for it. `usual`, `own`: the recipe's settings by themselves (or as
        treatments have them), and those of the training now, by dotted name. `resizes`: whether networks may
        get another size.
        """
        self.course, self._recipe, self._own, self._resizes = course, recipe, own, resizes
        self._usual = usual
        self.order: Treatment | None = None
        """What to set the training back for."""

    def look(self, patient: Patient) -> Iterator[dict[str, Any]]:
        """After each check-up: lines of the diary on what came of a trial, and on what to treat next."""
        trial = self.course.trial
        if trial and patient.seen[-1].step > trial.start:
            present = [f.name for f in patient.findings]
            outcome = judged(trial, patient.seen, present)
            if outcome == "undone" and patient.share < LEFT:
                outcome = "kept"
            self.course.close(outcome)
            if outcome != "on trial":
                yield self._verdict(trial, outcome, patient)
        self.order = self._next(patient)
        if self.order:
            yield self._begun(self.order, patient.seen[-1].step)

    def _next(self, patient: Patient) -> Treatment | None:
        last, course, now = self.course.last, self.course, patient.seen[-1]
        spent = course.given >= MOST or course.lost >= AGAIN * now.total
        if last and last.outcome == "undone":
            last = replace(last, left_at=now.step)
            if not last.left or spent:
                return replace(last, ways=(), left=(), until=last.start, outcome="given up")
            start = self._start(last.left[0], [last.start], last.start + 1)
            until = start + last.until - last.start
            return replace(
                last, ways=last.left[0], left=last.left[1:], start=start, until=until, outcome="on trial"
            )
        if course.trial or spent or patient.share < LEFT:
            return None
        hopeless = {t.finding for t in course.treatments if t.outcome == "given up"}
        orders = (self._against(f, patient) for f in patient.findings if f.name not in hopeless)
        return next(filter(None, orders), None)

    def _against(self, finding: Finding, patient: Patient) -> Treatment | None:
        """The first way that has not been tried, and those after it."""
        tried = {(way.setting, way.new) for t in self.course.treatments for way in t.ways}
        steps = [
            step
            for step in together(ways(finding.tries, self._own, self._usual))
            if any((way.setting, way.new) not in tried for way in step) and self._possible(step)
        ]
        if not steps:
            return None
        now = patient.seen[-1].step
        start = self._start(steps[0], patient.healthy, finding.since)
        until = start + max(round(LONGER * (now - start)), TRIAL * patient.every)
        before = measures(patient.seen, start)
        ordered = Treatment(finding.name, now, start, until, now, steps[0], tuple(steps[1:]), before)
        return replace(ordered, because=finding.said, advice=finding.advice)

    def _possible(self, step: Sequence[Way]) -> bool:
        if _resizing(step) and not self._resizes:
            return False
        try:
            override(self._recipe, self.course.changes | {way.setting: way.new for way in step})
        except UserError:
            return False
        return True

    def _start(self, step: Sequence[Way], healthy: Sequence[int], since: int) -> int:
        """The last healthy step before the trouble."""
        if _resizing(step):
            return 0
        return max((k for k in healthy if k < since), default=0)

    def _begun(self, order: Treatment, step: int) -> dict[str, Any]:
        where = f"step {order.start:,}, the last healthy one," if order.start else "the start"
        if order.outcome == "given up":
            said = (
                f"nothing of what can be changed here helped against {order.finding}: training goes back to "
                f"{where} and on as it was set up, and this trouble is treated no more"
            )
            return {"step": step, "given up": order.finding, "start": order.start, "said": said} | (
                {"advice": order.advice} if order.advice else {}
            )
        number = self.course.given + 1
        return {
            "step": step,
            "treated": order.finding,
            "because": order.because,
            "change": order.change,
            "was": {way.setting: way.now for way in order.ways},
            "start": order.start,
            "until": order.until,
            "said": f"treatment {number} of at most {MOST}, against {order.finding}: training goes back to "
            f"{where} with {told(order.ways)}, on trial up to step {order.until:,}",
        }

    def _verdict(self, trial: Treatment, outcome: Outcome, patient: Patient) -> dict[str, Any]:
        step, pairs = patient.seen[-1].step, compared(trial, patient.seen)
        present = trial.finding in [f.name for f in patient.findings]
        trouble = f"the trouble ({trial.finding}) {'is there again' if present else 'has not come back'}"
        did, then = {
            "helped": ("helped and stays", trouble),
            "helped in part": ("helped in part and stays", f"{trouble}, but samples are better"),
            "undone": (
                "did not help and is undone",
                trouble if present else "samples are worse",
            ),
            "kept": ("did not help, but stays", "too little of the budget is left to go back"),
        }[outcome]
        said = f"treatment {self.course.given}, {settings(trial)}, {did}: {then}{figures(pairs)}"
        evidence = {name: {"without": was, "with": now} for name, (was, now) in pairs.items()}
        return {"step": step, outcome: trial.finding, "change": trial.change, "said": said} | (
            {"evidence": evidence} if evidence else {}
        )


def _resizing(step: Sequence[Way]) -> bool:
    return any(way.setting.rpartition(".")[2] in ANEW for way in step)


def settings(treatment: Treatment) -> str:
    return " and ".join(f"{way.setting} {shown(way.new)}" for way in treatment.ways)


def figures(pairs: Mapping[str, tuple[float, float]]) -> str:
    """Those that differ, with the change and without."""
    names = {
        "distance": ("distance from real items", "{:.2f}"),
        "missing": ("real items with no sample near", "{:.0%}"),
        "variety": ("variety", "{:.0%}"),
    }
    parts = [
        f"{names[name][0]} {names[name][1].format(now)} ({names[name][1].format(was)} without)"
        for name, (was, now) in pairs.items()
        if abs(now - was) >= DIFFERENT
    ]
    return f". Samples: {', '.join(parts)}" if parts else ""
