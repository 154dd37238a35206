"""The doctor: looks at a training at intervals, says what is wrong with it, since when, and what to do."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ganvas.core.errors import UserError
from ganvas.core.loop import Observer, Trainer
from ganvas.core.run import WATCHED, Run
from ganvas.remedies.advice import advise, flat
from ganvas.remedies.evidence import PROBE, Checkup, Finding, Rule
from ganvas.remedies.probe import ITEMS, Probe, probeable
from ganvas.remedies.rules import collapse, game, gradients, outputs, posterior, progress

RULES: tuple[Rule, ...] = (
    gradients.not_a_number,
    gradients.exploding,
    gradients.vanishing,
    outputs.wrong_range,
    outputs.dead,
    outputs.saturated,
    outputs.astray,
    outputs.memorised,
    collapse.total,
    collapse.partial,
    game.critic_wins,
    game.critic_useless,
    game.critic_overfits,
    posterior.collapsed,
    progress.oscillating,
    progress.stalled,
)
CHECKUPS, DIARY = WATCHED
CHECKS = 100
"""Check-ups in a whole training."""
FEWEST_STEPS = 75
"""Between two of them: the probe of the quickest recipe, gan, takes the time of two."""
BURDEN = 24
"""A probe goes about 4 times forward through its items, a step about 12 times through its batch, a way back
counted as two: with so many times probe / batch steps in between, probes take 1.5 % of the time. Measured at
the shortest interval: points .8, dcgan 1.0, vae 1.5, gan 2.4 % (one core, 2026-11-21)."""
OVER = 3
"""Check-ups without it, after which a finding is over."""


def interval(total: int, batch: int, probed: int) -> int:
    """Steps between two check-ups, with probes of so many items."""
    return max(total // CHECKS, FEWEST_STEPS, BURDEN * probed // batch)


class History:
    """All check-ups so far, and what was found in them: the same whether live, resumed or read later."""

    def __init__(self, own: Mapping[str, Any] | None = None, usual: Mapping[str, Any] | None = None):
        """`own` and `usual`: the run's settings and its recipe's, as their records have them."""
        self._own, self._usual = flat(own or {}), flat(usual or {})
        self.seen: list[Checkup] = []
        self.open: dict[str, Finding] = {}
        self._absent: dict[str, int] = {}

    def add(self, checkup: Checkup) -> list[dict[str, Any]]:
        """Lines of the diary that this check-up brings about."""
        self.seen.append(checkup)
        found = {f.name: f for rule in RULES if (f := rule(self.seen))}
        entries = []
        for name, finding in found.items():
            if name not in self.open:
                entries.append(self._entry(checkup.step, finding))
            self.open[name], self._absent[name] = finding, 0
        for name in [*self.open]:
            self._absent[name] += name not in found
            if self._absent[name] >= OVER:
                since = self.open.pop(name).since
                said = f"{name}, there since step {since:,}, is no longer to be seen"
                entries.append({"step": checkup.step, "over": name, "since": since, "said": said})
        return entries

    def _entry(self, step: int, finding: Finding) -> dict[str, Any]:
        """A finding as a line of the diary."""
        tries = advise(finding.tries, self._own, self._usual)
        return {
            "step": step,
            "found": finding.name,
            "since": finding.since,
            "said": finding.said,
            "advice": ". ".join(filter(None, (finding.advice, tries))),
            "evidence": {k: v if math.isfinite(v) else str(v) for k, v in finding.evidence.items()},
        }


class Gatherer:
    """Makes check-ups of the lines of a log, as they come."""

    def __init__(self) -> None:
        self.last = 0
        self._lines: list[dict[str, Any]] = []
        self._rates: dict[str, float] = {}

    def add(self, line: dict[str, Any]) -> None:
        self._lines.append(line)

    def due(self, every: int) -> bool:
        """Whether it is time for a check-up; a figure that is no number cannot wait."""
        line = self._lines[-1]
        return line["step"] - self.last >= every or (
            line["step"] > self.last and any(not math.isfinite(v) for v in _stats(line).values())
        )

    def checkup(self, total: int) -> Checkup:
        """Of the lines since the last one."""
        step = self._lines[-1]["step"]
        names = dict.fromkeys(name for line in self._lines for name in _stats(line))
        figures = {}
        for name in names:
            values = [line[name] for line in self._lines if name in line]
            figures[name] = sum(values) / len(values)
        rates = {k: v for k, v in self._lines[-1].items() if k.startswith("learning_rate/")}
        self._rates |= {k: max(v, self._rates.get(k, 0.0)) for k, v in rates.items()}
        figures["rate"] = max((v / self._rates[k] for k, v in rates.items() if v), default=0.0)
        self.last, self._lines = step, []
        return Checkup(step, total, figures)


def _stats(line: dict[str, Any]) -> dict[str, float]:
    head = ("step", "time", "items_per_second")
    return {k: v for k, v in line.items() if k not in head and not k.startswith("learning_rate/")}


class Doctor:
    """Watches; it changes nothing. Its hooks are those of `core.loop.Observer`."""

    def __init__(self, said: Callable[[str], None] = print, usual: Mapping[str, Any] | None = None):
        """`usual`: the settings that the recipe has by itself."""
        self.history, self._usual = History(), usual
        self._gatherer = Gatherer()
        self._said = said
        self._probe: Probe | None = None

    def started(self, trainer: Trainer) -> None:
        """Take up what was seen before the training was stopped."""
        self.history = History(trainer.config["settings"], self._usual)
        for line in trainer.run.lines(CHECKUPS):
            self.history.add(Checkup.of(line))
        self._gatherer.last = self.history.seen[-1].step if self.history.seen else 0
        for line in trainer.run.lines():
            if line["step"] > self._gatherer.last:
                self._gatherer.add(line)

    def checked(self, trainer: Trainer, line: dict[str, Any]) -> None:
        """After each line of the log."""
        self._gatherer.add(line)
        data: Any = trainer.data
        probed = ITEMS[data.spec.kind] if probeable(trainer.objective) else 0
        if not self._gatherer.due(interval(trainer.total, trainer.settings.batch, probed)):
            return
        checkup = self._gatherer.checkup(trainer.total)
        if probed:
            checkup = self._probed(checkup, trainer)
        trainer.run.log(checkup.line(), CHECKUPS)
        for found in self.history.add(checkup):
            trainer.run.log(found, DIARY)
            self._said(sentence(found))

    def _probed(self, checkup: Checkup, trainer: Trainer) -> Checkup:
        self._probe = self._probe or Probe(trainer.data, trainer.seed, trainer.device, trainer.precision)
        figures, cells, marks = self._probe.take(trainer.objective)
        named = {PROBE + name: value for name, value in figures.items()}
        return Checkup(checkup.step, checkup.total, checkup.figures | named, tuple(cells), tuple(marks))


def attended(observer: Observer, doctor: Doctor) -> Observer:
    """An observer that brings the doctor along."""

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
    """What the rules say of a run's check-ups, of a finished run or one that goes on; as JSON.

    A run without check-ups is judged by its log alone. `usual`: its recipe's own settings. UserError where
    nothing has been logged.
    """
    log = run.lines()
    if not log:
        raise UserError(f"{run.path} has no log yet: nothing to examine")
    history, findings = History(run.record.get("settings"), usual), []
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
    if not found["checkups"]:
        yield f"\nIt is too early to tell: the first check-up comes after {FEWEST_STEPS} steps or more."
    elif found["healthy"]:
        past = (
            "At the last check-ups none of this was to be seen any more; what it did to the model may stay."
        )
        yield f"\n{past if found['findings'] else 'Nothing wrong was found.'}"
