"""What to change against a trouble, in the settings that this run has."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ODD = 3.0
"""Times above or below the recipe's own value, from which on a setting is the first to be suspected."""

PENALTIES = ("penalty.r1", "penalty.r2", "penalty.gp")
"""On the critic's gradient: without one the game need not settle (Mescheder et al. 2018, sec. 3)."""


@dataclass(frozen=True)
class Change:
    """Of one setting, by its dotted name: to a value, or to its own times a factor."""

    setting: str
    to: Any = None
    times: float = 1.0
    least: float = 0.0
    """What is multiplied where the setting is smaller: a penalty of 0 stays one."""

    def of(self, now: Any) -> Any:
        """The new value; the old one where there is nothing to change."""
        if self.to is not None:
            return self.to
        new = max(now, self.least) * self.times
        return max(1, round(new)) if isinstance(now, int) else float(f"{new:.2g}")


@dataclass(frozen=True)
class Way:
    """A change in the settings of this run."""

    setting: str
    now: Any
    new: Any
    back: bool = False
    """Whether it is a way back to the recipe's own value."""

    def __str__(self) -> str:
        """As options to type."""
        own = ", the recipe's own" if self.back else ""
        return f"--{self.setting.replace('_', '-')} {shown(self.new)}{own} (now {shown(self.now)})"


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings as a record has them, by dotted name."""
    found: dict[str, Any] = {}
    for key, value in tree.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return found


def ways(changes: Sequence[Change], own: Mapping[str, Any], usual: Mapping[str, Any]) -> list[Way]:
    """The changes that this run can make; what is far from the recipe's own comes first.

    `own` and `usual`: the run's settings and the recipe's, by dotted name.
    """
    return [*dict.fromkeys([*_odd(changes, own, usual), *_changed(changes, own, usual)])]


def advise(changes: Sequence[Change], own: Mapping[str, Any], usual: Mapping[str, Any]) -> str:
    """The same in words, to type."""
    found = ways(changes, own, usual)
    return f"Try, one at a time: {'; '.join(map(str, found))}" if found else ""


def _odd(changes: Sequence[Change], own: Mapping[str, Any], usual: Mapping[str, Any]) -> Iterator[Way]:
    rates = [name for name in own if name.endswith(".lr")]
    everywhere = [*rates, *PENALTIES]  # where a wrong value is felt
    for name in filter(lambda n: is_odd(n, own, usual), [*everywhere, *(c.setting for c in changes)]):
        yield Way(name, own[name], usual[name], back=True)


def is_odd(name: str, own: Mapping[str, Any], usual: Mapping[str, Any]) -> bool:
    """Whether a number was set far from what the recipe has."""
    a, b = own.get(name), usual.get(name)
    if isinstance(a, bool) or not isinstance(a, int | float) or not isinstance(b, int | float) or a == b:
        return False
    return not a or not b or max(a / b, b / a) >= ODD


def _changed(changes: Sequence[Change], own: Mapping[str, Any], usual: Mapping[str, Any]) -> Iterator[Way]:
    for change in changes:
        now = own.get(change.setting)
        if now is None or is_odd(change.setting, own, usual) or (new := change.of(now)) == now:
            continue
        yield Way(change.setting, now, new)


def shown(value: Any) -> str:
    """As it is typed."""
    return (
        str(value).lower()
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )
