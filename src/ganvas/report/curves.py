"""A run's log as charts: which figures belong together, what they mean, and their SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup, escape

WIDTH, HEIGHT = 420, 230
LEFT, RIGHT, TOP, BOTTOM = 46, 8, 8, 26
BINS = 90  # points of a line: fine enough to see trends, coarse enough to see through noise
LOG_FROM = 30.0  # a range of so many times its smallest value is drawn on a logarithmic scale
TRIMMED = 0.5  # per cent of the values, on either side, that may leave the chart


@dataclass(frozen=True)
class Group:
    """Figures that are drawn in one chart, and what a newcomer should know of them."""

    title: str
    meaning: str


LOSSES = Group(
    "Losses",
    "What each network tries to lower. In a game of two networks these curves do not fall to zero: one's "
    "gain is the other's loss. Steady, wavering lines are a good sign; one at zero while the other climbs "
    "means that one side has won, and little is learnt from then on.",
)
VERDICT = Group(
    "What the critic says",
    "The critic's mean score of real items and of made ones. The nearer the two lines, the harder they are "
    "to tell apart. A gap that keeps growing means that the generator falls behind.",
)
ACCURACY = Group(
    "How often the critic is right",
    "Share of items that the critic puts on the right side. One half is a coin toss: it cannot tell real "
    "from made. At 1 it is never fooled, and its advice to the generator becomes useless.",
)
NEARNESS = Group(
    "How near samples are to real items",
    "Energy distance between samples and training items, taken now and then: 0 means alike. It is made for "
    "comparing moments of one training; `ganvas evaluate` says how good the model is.",
)
GRADIENTS = Group(
    "Size of the gradients",
    "How strongly each network is pulled at each step. Even, moderate lines are healthy; growing spikes mean "
    "that training is becoming unstable, and a fall to zero that a network has stopped learning.",
)
PENALTIES = Group(
    "Penalties",
    "What is added to the critic's loss to keep it smooth, before its weight. It should settle at a low "
    "level.",
)
RATES = Group(
    "Learning rates",
    "How large a step each network takes. It falls towards the end, so that details settle.",
)
SPEED = Group(
    "Speed",
    "Training items gone through in a second. Dips come from saving, drawing samples, or other programs.",
)
ORDER = (NEARNESS, LOSSES, VERDICT, ACCURACY, GRADIENTS, PENALTIES, RATES, SPEED)


def group_of(name: str) -> Group:
    """Where a figure of the log is drawn; unforeseen names go by what stands before the slash."""
    known = {
        "items_per_second": SPEED,
        "quality/distance": NEARNESS,
        "critic/real": VERDICT,
        "critic/fake": VERDICT,
        "critic/accuracy": ACCURACY,
    }
    if name in known:
        return known[name]
    if name.endswith("/grad_norm"):
        return GRADIENTS
    prefix, _, rest = name.partition("/")
    if not rest:
        return LOSSES
    return {"penalty": PENALTIES, "learning_rate": RATES}.get(
        prefix, Group(prefix.replace("_", " ").capitalize(), "")
    )


@dataclass(frozen=True)
class Line:
    """One figure over the steps."""

    label: str
    steps: np.ndarray
    values: np.ndarray

    @property
    def last(self) -> str:
        return short(float(self.values[-1]))


@dataclass(frozen=True)
class Chart:
    """What the page shows: a group's lines and their drawing."""

    group: Group
    lines: Sequence[Line]
    notes: Sequence[str]
    svg: Markup


def charts(log: Sequence[dict[str, Any]], troubles: Sequence[tuple[int, str]] = ()) -> list[Chart]:
    """A chart for each group of figures in the log; what is not a finite number is left out, and counted.

    `troubles`: steps, and what began there.
    """
    names = dict.fromkeys(k for line in log for k in line if k not in ("step", "time", "quality/error"))
    found: dict[Group, list[tuple[Line, int]]] = {}
    for name in names:
        line, dropped = _line(name, log)
        if len(line.values) > 1:
            found.setdefault(group_of(name), []).append((line, dropped))
    known = [g for g in ORDER if g in found]
    groups = [*known, *(g for g in found if g not in ORDER)]
    return [_chart(group, found[group], troubles) for group in groups]


def _line(name: str, log: Sequence[dict[str, Any]]) -> tuple[Line, int]:
    pairs = [(line["step"], line[name]) for line in log if name in line and "step" in line]
    finite = [(s, v) for s, v in pairs if isinstance(v, int | float) and math.isfinite(v)]
    steps, values = np.array(finite, np.float64).reshape(-1, 2).T
    group = group_of(name)
    label = name if group is LOSSES else name.removesuffix("/grad_norm").split("/", 1)[-1]
    return Line(label.replace("_", " "), steps, values), len(pairs) - len(finite)


def _chart(
    group: Group, found: Sequence[tuple[Line, int]], troubles: Sequence[tuple[int, str]] = ()
) -> Chart:
    lines = [line for line, _ in found]
    notes = [f"{n} values of {line.label} were no finite numbers" for line, n in found if n]
    low, high = _range([line.values for line in lines])
    logarithmic = group is not RATES and low > 0 and high / low > LOG_FROM
    if logarithmic:
        notes.insert(0, "logarithmic scale")
    return Chart(group, lines, notes, draw(lines, low, high, logarithmic, troubles))


def _range(values: Sequence[np.ndarray]) -> tuple[float, float]:
    every = np.concatenate(values)
    low, high = np.percentile(every, [TRIMMED, 100 - TRIMMED])
    if low >= 0 and low < 0.5 * high and every.min() < high / LOG_FROM and every.min() <= 0:
        low = 0.0
    if high - low < 1e-3 * max(abs(high), abs(low)) or high == low:
        middle = (high + low) / 2
        low, high = middle - (abs(middle) * 0.1 or 1), middle + (abs(middle) * 0.1 or 1)
    return float(low), float(high)


def draw(
    lines: Sequence[Line],
    low: float,
    high: float,
    logarithmic: bool,
    troubles: Sequence[tuple[int, str]] = (),
) -> Markup:
    """Each line's mean over short spans, over a band from its smallest to its largest value there."""
    first, last = min(line.steps[0] for line in lines), max(line.steps[-1] for line in lines)

    def x(step: np.ndarray) -> np.ndarray:
        return LEFT + (WIDTH - LEFT - RIGHT) * (step - first) / max(last - first, 1)

    def y(value: np.ndarray) -> np.ndarray:
        f = np.log if logarithmic else np.asarray
        share = (f(np.maximum(value, low) if logarithmic else value) - f(low)) / (f(high) - f(low))
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - np.clip(share, -0.05, 1.05) * 0.94 - 0.03)

    parts = []
    for tick in _log_ticks(low, high) if logarithmic else _ticks(low, high, 6):
        at = float(y(np.array(tick)))
        parts.append(f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 3.5:.1f}" text-anchor="end">{short(tick)}</text>')
    for tick in _ticks(first, last, 5):
        at = float(x(np.array(tick)))
        anchor = "end" if at > WIDTH - RIGHT - 14 else "middle"
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{short(tick)}</text>')
    for i, line in enumerate(lines):
        steps, mean, least, most = _binned(line)
        across = x(steps)
        band = [*zip(across, y(most), strict=True), *zip(across[::-1], y(least)[::-1], strict=True)]
        parts.append(f'<path class="band c{i % 8}" d="{_path(band)}Z"/>')
        parts.append(f'<path class="line c{i % 8}" d="{_path([*zip(across, y(mean), strict=True)])}"/>')
    for step, what in troubles:
        if first <= step <= last:
            at = float(x(np.array(step)))
            line = f'<line class="trouble" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}">'
            parts.append(f"{line}<title>{escape(what)}</title></line>")
    label = escape(f"{', '.join(line.label for line in lines)} over {short(last)} steps")
    return Markup(
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    )


def _binned(line: Line) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    cut = np.array_split(np.arange(len(line.steps)), min(BINS, len(line.steps)))
    return (
        np.array([line.steps[c].mean() for c in cut]),
        np.array([line.values[c].mean() for c in cut]),
        np.array([line.values[c].min() for c in cut]),
        np.array([line.values[c].max() for c in cut]),
    )


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{a:.1f},{b:.1f}" for a, b in points)


def _ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers, 1, 2 or 5 times a power of ten apart."""
    if high <= low:
        return [low]
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(f * power for f in (1, 2, 5, 10) if f * power >= raw * 0.999)
    return [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    decades = [10.0**k for k in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]
    thinned = decades[:: math.ceil(len(decades) / 6)] if decades else []
    return thinned if len(thinned) > 1 else [low, math.sqrt(low * high), high]


def short(value: float) -> str:
    """A number as a person would jot it down."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    if value and abs(value) < 1e-3:
        digits, _, power = f"{value:.1e}".partition("e")
        return f"{digits.removesuffix('.0')}e{int(power)}"
    return f"{value:.3g}"
