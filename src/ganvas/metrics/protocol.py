"""How a figure was made: figures made in different ways do not stand side by side unsaid."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Fact = str | int | float | None


@dataclass(frozen=True)
class Protocol:
    """Everything, beside the model, that a figure depends on."""

    facts: Mapping[str, Fact]
    """By name: features and their hash, resize, counts, reference, k …"""

    @property
    def hash(self) -> str:
        """Eight hex digits, the same for the same facts in any order."""
        return hashlib.sha256(json.dumps(dict(self.facts), sort_keys=True).encode()).hexdigest()[:8]

    def differences(self, other: "Protocol") -> list[str]:
        """What differs, in words: `samples 5,000 and 2,000`."""
        names = [*self.facts, *(name for name in other.facts if name not in self.facts)]
        pairs = [(name, self.facts.get(name), other.facts.get(name)) for name in names]
        return [f"{name.replace('_', ' ')} {_word(a)} and {_word(b)}" for name, a, b in pairs if a != b]


def warnings(rows: Mapping[str, Protocol]) -> list[str]:
    """A sentence for each row of a table that cannot be compared with the first one."""
    if not rows:
        return []
    first, *rest = rows
    found = []
    for name in rest:
        if rows[name].hash != rows[first].hash:
            apart = "; ".join(rows[first].differences(rows[name]))
            found.append(f"{first} and {name} cannot be compared, for they were made differently: {apart}.")
    return found


def _word(value: Fact) -> str:
    if value is None:
        return "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


def figure(
    value: float, interval: tuple[float, float] | None, count: int, protocol: Protocol
) -> dict[str, Any]:
    """As evaluation.json has it."""
    return {
        "value": value,
        "interval": None if interval is None else list(interval),
        "count": count,
        "protocol": protocol.hash,
    }
