"""A study's plots: every seed of every variant, and quality against budget."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganvas.core.files import beside
from ganvas.report.evaluated import NAMES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER = "plots"
ACROSS = 3
"""Panels in a row."""
COLOURS = ("#3757d8", "#d9662b", "#1f9173", "#b1388f", "#94780d", "#1984b8", "#cc3b45", "#6b6f7b")


def over_seeds(study: dict[str, Any], folder: Path) -> Iterator[Path]:
    """A panel for each figure: a dot for each seed, the mean with its interval, real items as a line."""
    from matplotlib.figure import Figure

    keys, rows = list(study["protocol"]), study["variants"]
    if not keys:
        return
    high, wide = -(-len(keys) // ACROSS), min(ACROSS, len(keys))
    drawing = Figure(figsize=(4.0 * wide, high * (1.1 + 0.32 * len(rows))), layout="constrained")
    panels = [*drawing.subplots(high, wide, squeeze=False, sharey=True).flat]
    for panel, key in zip(panels, keys, strict=False):
        for k, row in enumerate(rows):
            entry = row["figures"].get(key) or {}
            if entry.get("protocol") != study["protocol"][key]:
                continue
            colour = COLOURS[k % len(COLOURS)]
            values = [seed["figures"][key] for seed in row["seeds"] if key in seed["figures"]]
            panel.plot(values, [k] * len(values), "o", color=colour, alpha=0.4, ms=5, markeredgewidth=0)
            panel.plot([entry["value"]], [k], "|", color=colour, markersize=16, markeredgewidth=2.2)
            if entry["interval"]:
                panel.plot(entry["interval"], [k, k], color=colour, linewidth=2)
        real = study["floor"].get(key) or {}
        if real.get("protocol") == study["protocol"][key]:
            panel.axvline(real["value"], color="#6b6f7b", linestyle="--", linewidth=1)
        panel.set_title(NAMES[key][0], fontsize=10)
        panel.grid(axis="x", color="#e3e3de", linewidth=0.8)
        panel.tick_params(labelsize=8)
        panel.spines[["top", "right", "left"]].set_visible(False)
        panel.set_yticks(range(len(rows)), [row["name"] for row in rows])
        panel.set_ylim(len(rows) - 0.5, -0.5)
    for panel in panels[len(keys) :]:
        panel.set_visible(False)
    yield from saved(drawing, folder / "seeds")


def over_budget(study: dict[str, Any], folder: Path) -> Iterator[Path]:
    """The figure of merit on the way, each variant a line with its interval."""
    from matplotlib.figure import Figure

    key, rows = study["figure"], study["variants"]
    lines = [(k, row, _line(row, key)) for k, row in enumerate(rows)]
    lines = [(k, row, points) for k, row, points in lines if len(points) > 1]
    if not lines:
        return
    drawing = Figure(figsize=(7.5, 4.2), layout="constrained")
    panel = drawing.subplots()
    for k, row, points in lines:
        colour, x = COLOURS[k % len(COLOURS)], [100 * at for at, _ in points]
        panel.plot(x, [e["value"] for _, e in points], "o-", color=colour, label=row["name"], markersize=4)
        if all(e["interval"] for _, e in points):
            low, high = zip(*(e["interval"] for _, e in points), strict=True)
            panel.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
    values = [entry["value"] for *_, points in lines for _, entry in points]
    if min(values) > 0 and max(values) > 10 * min(values):
        panel.set_yscale("log")
    panel.set_xlim(0, 103)
    panel.set_xlabel(f"share of the {next(iter(study['question']['length']))}, %")
    panel.set_ylabel(NAMES[key][0])
    panel.grid(color="#e3e3de", linewidth=0.8)
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False, fontsize=8)
    yield from saved(drawing, folder / "budget")


def _line(row: dict[str, Any], key: str) -> list[tuple[float, dict[str, Any]]]:
    return [(point["at"], point["figures"][key]) for point in row["curve"] if key in point["figures"]]


def saved(drawing: "Figure", stem: Path) -> Iterator[Path]:
    """As .png and .svg, the same bits each time."""
    from matplotlib import rc_context

    with rc_context({"svg.hashsalt": "ganvas", "svg.fonttype": "path"}):
        for kind in ("png", "svg"):
            path = stem.with_suffix(f".{kind}")
            with beside(path) as draft:
                meta = {"Date": None} if kind == "svg" else None
                drawing.savefig(draft, format=kind, dpi=160, metadata=meta)
            drawing.set_layout_engine("none")  # the places that were found serve the other kind, too
            yield path
