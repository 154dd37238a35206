"""What `ganvas evaluate` has found, as the report and the terminal show it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = "evaluation"
"""In the run's folder: pictures."""
NAMES = {
    "fd": ("Fréchet distance", "lower is better"),
    "kd": ("kernel distance", "lower is better; 0 for equal sets"),
    "precision": ("precision", "share of samples that look real; higher is better"),
    "recall": ("recall", "share of real items that could be made; higher is better"),
    "density": ("density", "how typical the samples are; about 1 for equal sets"),
    "coverage": ("coverage", "share of real items with a sample near by; higher is better"),
    "modes": ("modes found", "higher is better"),
    "high_quality": ("high-quality share", "samples within 3 sigma of a mode; a perfect sampler has .989"),
    "reverse_kl": ("reverse KL", "how unevenly the modes are hit; lower is better"),
    "nll_nats": ("−log P, nats", "of held-out items; lower is better"),
    "bits_per_dim": ("bits a dimension", "the same, for each value; lower is better"),
    "bits_per_byte": ("bits a byte", "of held-out text; lower is better"),
    "nats_per_character": ("nats a character", "the same in other units"),
    "kl_nats": ("KL, nats", "what z is told of an item; 0 where it is not used"),
    "shuffled_nats": ("cost of another item's z, nats", "what z is worth to the decoder; higher is better"),
    "active_units": ("active units", "numbers of z that move with the item"),
    "mutual_information": ("information in z, nats", "at most the log of the number of items"),
    **{
        f"bleu_{n}": (f"BLEU-{n}", "n-grams that stand in held-out text; as real text has")
        for n in range(2, 6)
    },
    **{
        f"self_bleu_{n}": (f"self-BLEU-{n}", "how alike samples are among themselves; as real text has")
        for n in range(2, 6)
    },
    "mauve": ("MAUVE-like area", "1 for equal laws; higher is better, as real text has at best"),
    "distinct_1": ("distinct words", "different ones over all; as real text has"),
    "distinct_2": ("distinct pairs of words", "as real text has"),
    "distinct_3": ("distinct threes of words", "as real text has"),
    "duplicates": ("equal samples", "share that another one equals; as real text has"),
    "copied": ("longest copied passage", "characters that stand in the training text too, in the mean"),
    "copied_most": ("the longest of all", "as real text has"),
    "wer": ("word errors", "of what a recogniser understands; as recordings have"),
    "cer": ("character errors", "the same, letter by letter"),
    "mos": ("opinion score", "1 to 5, as a network foretells it; as recordings have"),
    "similarity": ("voice", "cosine to the voice of training recordings; as recordings have"),
    "pitch_hz": ("pitch, Hz", "as recordings have"),
    "pitch_semitones": ("spread of the pitch, semitones", "0 is monotonous; as recordings have"),
    "voiced": ("voiced share", "as recordings have"),
    "pauses": ("pauses", "share of the time; as recordings have"),
    "characters_per_second": ("characters a second", "as recordings have"),
    "mel_db": ("distance of copies, dB", "of mel spectra, through the autoencoder; lower is better"),
    "memorisation": ("memorisation", "share of samples that are copies of training items; lower is better"),
}
"""Each figure with its name and what it means."""


@dataclass(frozen=True)
class Table:
    """Figures across, whose they are down; the first of these is the model's."""

    heads: list[str]
    rows: list[tuple[str, str, list[tuple[str, str]]]]
    """Name, meaning, and of each column the figure and its interval."""
    notes: list[str]


def read(run: Path) -> dict[str, Any]:
    """evaluation.json; nothing, where there is none that can be read."""
    try:
        found = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def table(found: dict[str, Any]) -> Table:
    """The model beside the floor and the baselines; figures of other protocols stand below, not beside."""
    others = {"real": found.get("floor") or {}} | (found.get("baselines") or {})
    found = {k: {"value": v} if isinstance(v, int | float) else v for k, v in found.items()}
    columns: dict[str, dict[str, Any]] = {"this model": found} | {
        name: row for name, row in others.items() if row
    }
    rows, notes = [], []
    for key, (name, meaning) in NAMES.items():
        if not _is_figure(found.get(key)):
            continue
        cells = [cell(found[key])]
        for head, column in list(columns.items())[1:]:
            other = column.get(key) or {}
            if _is_figure(other) and other.get("protocol") != found[key].get("protocol"):
                notes.append(f"{name} of {head} was found in another way and cannot stand beside.")
                other = {}
            cells.append(cell(other))
        rows.append((name, meaning, cells))
    return Table(list(columns), rows, notes + protocols(found))


def classes(found: dict[str, Any]) -> Table:
    """A row for each class."""
    rows = found.get("classes") or {}
    keys = [key for key in NAMES if any(key in row for row in rows.values())]
    shown = [
        (name, f"{next(iter(row.values()))['count']:,}", [cell(row.get(key)) for key in keys])
        for name, row in rows.items()
    ]
    return Table([NAMES[key][0] for key in keys], shown, [])


def protocols(found: dict[str, Any]) -> list[str]:
    """How the figures were made, each way in a line."""
    used: dict[str, list[str]] = {}
    for key, (name, _) in NAMES.items():
        if _is_figure(found.get(key)) and found[key].get("protocol"):
            used.setdefault(found[key]["protocol"], []).append(name)
    known = found.get("protocols") or {}
    return [f"{', '.join(names)}: {facts(known.get(key) or {})} [{key}]" for key, names in used.items()]


def facts(protocol: dict[str, Any]) -> str:
    known = {name.replace("_", " "): value for name, value in protocol.items() if value not in (None, "")}
    return ", ".join(f"{k} {v:,}" if isinstance(v, int) else f"{k} {v}" for k, v in known.items())


def cell(entry: Any) -> tuple[str, str]:
    """A figure, and its interval."""
    if not _is_figure(entry):
        return "–", ""
    interval = entry.get("interval")
    return f"{entry['value']:.4g}", f"{interval[0]:.4g} to {interval[1]:.4g}" if interval else ""


def distinct(found: dict[str, Any]) -> str:
    """The birthday estimate in a sentence."""
    both = found.get("support") or {}
    if not both:
        return ""
    ours, real = both["samples"], both["real"]
    shares = f"{ours['duplicates']:.1%} of the samples have a double among the others"
    return (
        f"{shares} ({real['duplicates']:.1%} of as many real items): by the birthday paradox there are "
        f"{_many(ours)} different ones to be drawn, and {_many(real)} real ones by the same measure."
    )


def _many(one: dict[str, Any]) -> str:
    if not one["pairs"]:
        return f"more than {one['low']:,.0f}"
    if one["high"] is None:
        return f"{one['support']:,.0f} or so, at least {one['low']:,.0f},"
    return f"{one['low']:,.0f} to {one['high']:,.0f}"


def _is_figure(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("value"), int | float)
