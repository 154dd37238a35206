"""The doctor: looks at a training at intervals, says what is wrong with it, since when, and what to do."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from ganvas.core.checkpoint import numbered
from ganvas.core.errors import UserError
from ganvas.core.loop import Observer, Trainer
from ganvas.core.run import HELD_OUT, WATCHED, Run
from ganvas.remedies.advice import flat
from ganvas.remedies.evidence import PROBE, Checkup
from ganvas.remedies.history import Gatherer, History
from ganvas.remedies.physician import Patient, Physician
from ganvas.remedies.probe import ITEMS, Probe, probeable
from ganvas.remedies.treatment import course_of

CHECKUPS, DIARY = WATCHED
CHECKS = 100
"""Check-ups in a whole training."""
FEWEST_STEPS = 75
"""Between two of them: the probe of the quickest recipe, gan, takes the time of two."""
BURDEN = 24
"""A probe goes about 4 times forward through its items, a step about 12 times through its batch, a way back
counted as two: with so many times probe / batch steps in between, probes take 1.5 % of the time. Measured at
the shortest interval: points .8, dcgan 1.0, vae 1.5, gan 2.4 % (one core, 2026-11-21)."""
HEALTHY, SPREAD = 3, 10
"""Checkpoints kept to go back to, and parts of a training that they are apart at least."""


def interval(total: int, batch: int, probed: int) -> int:
    """Steps between two check-ups, with probes of so many items."""
    return max(total // CHECKS, FEWEST_STEPS, BURDEN * probed // batch)


class Doctor:
    """Watches; it changes nothing by itself. Its hooks are those of `core.loop.Observer`."""

    def __init__(
        self,
        said: Callable[[str], None] = print,
        usual: Mapping[str, Any] | None = None,
        physician: Physician | None = None,
    ):
        """`usual`: the settings that the recipe has by itself. `physician`: who treats what is found."""
        self.history, self._usual = History(), usual
        self._gatherer = Gatherer()
        self._said, self._physician = said, physician
        self._probe: Probe | None = None

    def started(self, trainer: Trainer) -> None:
        """Take up what was seen before the training was stopped."""
        self.history, self._gatherer = History(trainer.config["settings"], self._usual), Gatherer()
        treated: list[dict[str, Any]] = []
        for line in trainer.run.lines(CHECKUPS):
            self.history.add(Checkup.of(line))
            treated = self._treated(trainer)
        self._gatherer.last = self.history.seen[-1].step if self.history.seen else 0
        start = self._physician.course.start if self._physician else 0
        for line in trainer.run.lines():
            if line["step"] > self._gatherer.last:
                self._gatherer.add(line)
            elif line["step"] > start:
                self._gatherer.learn(line)
        known = trainer.run.lines(DIARY)
        for entry in treated:
            if self._marked(entry, trainer) not in known:
                self._tell(entry, trainer)
        trainer.stopping |= self._ordered()

    def checked(self, trainer: Trainer, line: dict[str, Any]) -> None:
        """After each line of the log."""
        self._gatherer.add(line)
        if trainer.stopping and self._ordered():
            return  # training is about to be set back
        trial = self._physician.course.trial if self._physician else None
        judged = trial is not None and line["step"] >= trainer.total
        if not judged and not self._gatherer.due(_every(trainer)):
            return
        checkup = self._with_unseen(self._gatherer.checkup(trainer.total), trainer.run)
        if _probed(trainer):
            checkup = self._looked_at(checkup, trainer)
        trainer.run.log(checkup.line(), CHECKUPS)
        found = self.history.add(checkup)
        treated = [] if trainer.stopping else self._treated(trainer)  # stopped by hand: once it goes on
        for entry in [*found, *treated]:
            self._tell(entry, trainer)
        trainer.stopping |= self._ordered()
        if self._physician and not (self._ordered() or self._physician.course.trial or self.history.open):
            keep(trainer, self._physician.course.start)

    def _ordered(self) -> bool:
        return self._physician is not None and self._physician.order is not None

    def _treated(self, trainer: Trainer) -> list[dict[str, Any]]:
        """What the physician makes of the last check-up."""
        if self._physician is None:
            return []
        share = trainer.clock.left(0, 1) / trainer.budget if trainer.budget else 1.0
        healthy = [step for step, _ in numbered(trainer.run.healthy)]
        findings = [*self.history.open.values()]
        patient = Patient(self.history.seen, findings, healthy, _every(trainer), share)
        return [*self._physician.look(patient)]

    def _tell(self, entry: dict[str, Any], trainer: Trainer) -> None:
        trainer.run.log(self._marked(entry, trainer), DIARY)
        order = self._physician and self._physician.order
        tried = order is not None and order.finding == entry.get("found")
        self._said(sentence(entry | {"advice": ""} if tried else entry))

    def _marked(self, entry: dict[str, Any], trainer: Trainer) -> dict[str, Any]:
        return entry | ({"stretch": trainer.run.stretch} if trainer.run.stretch else {})

    def _with_unseen(self, checkup: Checkup, run: Run) -> Checkup:
        """With the newest figures of held-out items, if there are such since the last check-up."""
        last = self.history.seen[-1].step if self.history.seen else 0
        known = [line for line in run.lines(HELD_OUT) if last < line["step"] <= checkup.step]
        found = {name: value for name, value in known[-1].items() if name != "step"} if known else {}
        return replace(checkup, figures=checkup.figures | found)

    def _looked_at(self, checkup: Checkup, trainer: Trainer) -> Checkup:
        self._probe = self._probe or Probe(trainer.data, trainer.seed, trainer.device, trainer.precision)
        figures, cells, marks = self._probe.take(trainer.objective)
        named = {PROBE + name: value for name, value in figures.items()}
        return Checkup(checkup.step, checkup.total, checkup.figures | named, tuple(cells), tuple(marks))


def _probed(trainer: Trainer) -> int:
    """Items in a probe."""
    data: Any = trainer.data
    return ITEMS[data.spec.kind] if probeable(trainer.objective) else 0


def _every(trainer: Trainer) -> int:
    return interval(trainer.total, trainer.settings.batch, _probed(trainer))


def keep(trainer: Trainer, start: int) -> None:
    """A checkpoint to go back to, every so often, if there is nothing in it that is no number."""
    steps = [step for step, _ in numbered(trainer.run.healthy) if step <= trainer.step]
    if trainer.step - max(steps, default=0) < trainer.total / SPREAD:
        return
    if all(p.isfinite().all() for p in trainer.objective.parameters()):
        trainer.keep(trainer.run.healthy, HEALTHY, (start,))


class Attendant(Protocol):
    """Who is shown the trainer when it starts and after each line of the log."""

    def started(self, trainer: Trainer) -> None: ...
    def checked(self, trainer: Trainer, line: dict[str, Any]) -> None: ...


def attended(observer: Observer, doctor: Attendant) -> Observer:
    """An observer that brings another along."""

    def started(trainer: Trainer) -> None:
        observer.started(trainer)
        doctor.started(trainer)

    def checked(trainer: Trainer, line: dict[str, Any]) -> None:
        observer.checked(trainer, line)
        doctor.checked(trainer, line)

    return replace(observer, started=started, checked=checked)


def sentence(entry: dict[str, Any]) -> str:
    """A line of the diary for the terminal."""
    advice = f" {entry['advice']}" if entry.get("advice") else ""
    return f"doctor, step {entry['step']:,}: {entry['said']}.{advice}"


def diagnose(run: Run, usual: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the rules say of a run's check-ups, of a finished run or one that goes on, and what treatments it
    had; as JSON. What was found in a stretch that was undone stands in the diary only.

    A run without check-ups is judged by its log alone. `usual`: its recipe's own settings. UserError where
    nothing has been logged.
    """
    log = run.lines()
    if not log:
        raise UserError(f"{run.path} has no log yet: nothing to examine")
    changes = course_of(run).changes
    usual = flat(usual or {}) | (run.record.get("suited") or {}) | changes
    history = History(flat(run.record.get("settings") or {}) | changes, usual)
    findings: list[dict[str, Any]] = []
    for checkup in _checkups(run, log):
        for line in history.add(checkup):
            if "found" in line:
                findings.append(line | {"until": None})
            else:
                last = next(f for f in reversed(findings) if f["found"] == line["over"])
                last["until"] = line["step"]
    return {
        "run": str(run.path),
        "step": log[-1]["step"],
        "total": run.progress()["total"],
        "checkups": len(history.seen),
        "probed": any(name.startswith(PROBE) for c in history.seen for name in c.figures),
        "healthy": not history.open,
        "findings": findings,
        "treatments": [line for line in run.lines(DIARY) if not {"found", "over"} & line.keys()],
        "changed": changes,
    }


def _checkups(run: Run, log: Sequence[dict[str, Any]]) -> Iterator[Checkup]:
    lines = run.lines(CHECKUPS)
    yield from map(Checkup.of, lines)
    if lines:
        return
    gatherer, total = Gatherer(), run.progress()["total"] or log[-1]["step"]
    for line in log:
        gatherer.add(line)
        if gatherer.due(interval(total, 1, 0)):
            yield gatherer.checkup(total)


def told(found: dict[str, Any]) -> Iterator[str]:
    """A diagnosis for the terminal."""
    total = f" of {found['total']:,}" if found["total"] else ""
    seen = f"{found['run']}, step {found['step']:,}{total}, {found['checkups']} check-ups"
    yield f"{seen}{'' if found['probed'] else ', by the log alone, for no samples were looked at'}"
    for f in found["findings"]:
        until = f", over at step {f['until']:,}" if f["until"] else ""
        yield f"\n{f['found']} (found at step {f['step']:,}{until})\n  {f['said']}."
        yield f"  What to do: {f['advice']}."
    if found["treatments"]:
        yield "\nWhat was done:"
    for line in found["treatments"]:
        because = f"{line['because']}. Hence " if line.get("because") else ""
        yield f"  step {line['step']:,}: {because}{line['said']}."
    if not found["checkups"]:
        yield f"\nIt is too early to tell: the first check-up comes after {FEWEST_STEPS} steps or more."
    elif found["healthy"]:
        past = (
            "At the last check-ups none of this was to be seen any more; what it did to the model may stay."
        )
        now = "Nothing wrong is left." if found["treatments"] else "Nothing wrong was found."
        yield f"\n{past if found['findings'] else now}"
