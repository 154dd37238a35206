"""The honesty card as a picture: quality against diversity, and bits a byte over temperature."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganvas.report.evaluated import FOLDER
from ganvas.report.plots import COLOURS, saved

if TYPE_CHECKING:
    from matplotlib.axes import Axes

REAL = "#6b6f7b"
MARKED = (0.5, 0.8, 1.0, 1.2)
"""Temperatures that are written beside their points."""
Row = dict[str, Any]


def draw(card: Row, run: Path) -> Path:
    """`evaluation/card.png` and .svg in the run's folder; the path of the first."""
    from matplotlib.figure import Figure

    scored = any("bits_per_byte" in row for rows in card["curves"].values() for row in rows)
    drawing = Figure(figsize=(11 if scored else 7, 4.8), layout="constrained")
    panels = drawing.subplots(1, 1 + scored, squeeze=False, width_ratios=[3, 2][: 1 + scored])[0]
    _tradeoff(panels[0], card)
    if scored:
        _bits(panels[1], card)
    for panel in panels:
        panel.grid(color="#e3e3de", linewidth=0.8)
        panel.set_axisbelow(True)
        panel.tick_params(labelsize=8)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].legend(frameon=False, fontsize=8)
    path, *_ = saved(drawing, run / FOLDER / "card")
    return path


def _tradeoff(panel: "Axes", card: Row) -> None:
    """A curve of each model from cold to hot, the points with crosses as wide as their intervals."""
    order = card["order"]
    for k, (name, rows) in enumerate(card["curves"].items()):
        colour, aside = COLOURS[k % len(COLOURS)], ((5, -11) if k % 2 else (-14, 7))
        _crosses(panel, rows, colour)
        x, y = ([row[key]["value"] for row in rows] for key in ("alike", "quality"))
        panel.plot(x, y, "-o", color=colour, markersize=3.5, linewidth=1.4, label=name)
        for row, at in zip(rows, zip(x, y, strict=True), strict=True):
            if row["temperature"] in MARKED:
                own = row["temperature"] == 1
                panel.annotate(
                    f"{row['temperature']:g}",
                    at,
                    aside,
                    textcoords="offset points",
                    color=colour,
                    fontsize=9 if own else 7.5,
                    weight="bold" if own else "normal",
                )
    if real := card.get("real"):
        _crosses(panel, [real], REAL)
        panel.plot(real["alike"]["value"], real["quality"]["value"], "D", color=REAL, label="real text")
    panel.set_xlabel(f"self-BLEU-{order}: how alike samples are   (more varied to the left)", fontsize=9)
    panel.set_ylabel(f"BLEU-{order} beside held-out text", fontsize=9)
    panel.set_title("Quality against diversity; numbers are temperatures", fontsize=10, loc="left")


def _crosses(panel: "Axes", rows: Sequence[Row], colour: str) -> None:
    for row in rows:
        x, y = row["alike"], row["quality"]
        panel.plot(x["interval"], [y["value"]] * 2, color=colour, linewidth=1, alpha=0.6)
        panel.plot([x["value"]] * 2, y["interval"], color=colour, linewidth=1, alpha=0.6)


def _bits(panel: "Axes", card: Row) -> None:
    for colour, rows in zip(COLOURS, card["curves"].values(), strict=False):
        known = [row for row in rows if "bits_per_byte" in row]
        if not known:
            continue
        x, found = [row["temperature"] for row in known], [row["bits_per_byte"] for row in known]
        panel.plot(x, [one["value"] for one in found], "-o", color=colour, markersize=3.5, linewidth=1.4)
        low, high = zip(*(one["interval"] for one in found), strict=True)
        panel.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
    panel.set_xlabel("temperature", fontsize=9)
    panel.set_ylabel("bits a byte of held-out text (lower is better)", fontsize=9)
    panel.set_title("What cooling costs", fontsize=10, loc="left")
