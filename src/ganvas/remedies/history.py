"""All that was seen of a training, as check-ups, and what the rules find in it."""

import math
from collections.abc import Mapping
from typing import Any

from ganvas.remedies.advice import advise, flat
from ganvas.remedies.evidence import Checkup, Finding, Rule
from ganvas.remedies.rules import collapse, game, gradients, outputs, posterior, progress, unseen

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
    unseen.overfits,
)
OVER = 3
"""Check-ups without it, after which a finding is over."""


class History:
    """All check-ups so far, and what was found in them: the same whether live, resumed or read later."""

    def __init__(self, own: Mapping[str, Any] | None = None, usual: Mapping[str, Any] | None = None):
        """`own` and `usual`: the run's settings and its recipe's, as their records have them."""
        self._own, self._usual = flat(own or {}), flat(usual or {})
        self.seen: list[Checkup] = []
        self.open: dict[str, Finding] = {}
        """By name, the gravest first."""
        self._absent: dict[str, int] = {}

    def add(self, checkup: Checkup) -> list[dict[str, Any]]:
        """Lines of the diary that this check-up brings about."""
        self.seen.append(checkup)
        found = {f.name: f for rule in RULES if (f := rule(self.seen))}
        entries = [self._entry(checkup.step, f) for name, f in found.items() if name not in self.open]
        self._absent |= dict.fromkeys(found, 0)
        self.open = found | {name: f for name, f in self.open.items() if name not in found}
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
        self.learn(line)

    def learn(self, line: dict[str, Any]) -> None:
        """The learning rates there have been."""
        rates = {k: v for k, v in line.items() if k.startswith("learning_rate/")}
        self._rates |= {k: max(v, self._rates.get(k, 0.0)) for k, v in rates.items()}

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
        now = {k: v for k, v in self._lines[-1].items() if k in self._rates}
        figures["rate"] = max((v / self._rates[k] for k, v in now.items() if v), default=0.0)
        self.last, self._lines = step, []
        return Checkup(step, total, figures)


def _stats(line: dict[str, Any]) -> dict[str, float]:
    head = ("step", "time", "items_per_second")
    return {k: v for k, v in line.items() if k not in head and not k.startswith("learning_rate/")}
