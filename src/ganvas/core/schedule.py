"""How long a training lasts, and what changes on its way."""

import math
import re
import time

from ganvas.core.errors import UserError

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str) -> float:
    """`90s`, `10m`, `1h30m`, or a plain number of seconds."""
    parts = re.fullmatch(r"((?:\d+(?:\.\d+)?[smhd])+)|(\d+(?:\.\d+)?)", text.strip().lower())
    if not parts:
        raise UserError(f"a budget is a time such as 90s, 10m or 1h30m, not {text!r}")
    pieces = re.findall(r"([\d.]+)([smhd])", text.lower()) or [(text, "s")]
    total = sum(float(number) * UNITS[unit] for number, unit in pieces)
    if total < 1:
        raise UserError(f"a budget is at least one second, not {text!r}")
    return total


def learning_rate(step: int, total: int, warmup: int, decay: float) -> float:
    """A factor of the learning rate: rises over `warmup` steps, then is 1, then falls to 0 over the last
    `decay` share of the steps, as half a cosine."""
    rise = min(1.0, (step + 1) / warmup) if warmup else 1.0
    left = (total - step) / max(total * decay, 1)
    return rise * (0.5 - 0.5 * math.cos(math.pi * min(1.0, max(0.0, left))))


class Clock:
    """Measures the time that training took, over all its sessions, and fits the steps to a budget."""

    SETTLING = 3.0  # seconds before speed means anything
    REFIT = 0.02  # share of the budget between two looks at the speed

    def __init__(self, budget: float | None = None, spent: float = 0.0):
        self.budget, self._spent, self._began = budget, spent, time.monotonic()
        self._next, self._mark = self.elapsed + min(self.SETTLING, (budget or 0) / 10), None

    @property
    def elapsed(self) -> float:
        """Seconds of training so far."""
        return self._spent + time.monotonic() - self._began

    def left(self, steps: int, speed: float) -> float:
        """Seconds to go: what the budget has left, or these steps at this speed."""
        return steps / speed if self.budget is None else max(0.0, self.budget - self.elapsed)

    def fit(self, step: int, total: int) -> int:
        """How many steps there will be in all, at the mean speed so far."""
        now = self.elapsed
        if self.budget is None or step == 0:
            return total
        if now >= self.budget:
            return step
        if self._mark is None and step >= 2:  # the first steps allocate and tune
            self._mark = (step, now)
        if now < self._next or self._mark is None or step == self._mark[0]:
            return total
        begun, at = self._mark
        self._next = now + self.budget * self.REFIT
        return step + max(1, round((self.budget - now) * (step - begun) / (now - at)))
