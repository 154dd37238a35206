"""The doctor's ward: troubles provoked on purpose, and healthy runs; what is found, and what helps.

    python benchmarks/ward.py --kind points --seeds 2 --out ward.jsonl       what the doctor says
    python benchmarks/ward.py --kind pictures --seeds 2 --out ward.jsonl     of every recipe
    python benchmarks/ward.py --kind text --seeds 2 --out ward.jsonl         and sound
    python benchmarks/ward.py --treat --seeds 2 --out ward.jsonl             what treatment makes of them
    python benchmarks/ward.py --out ward.jsonl --keep ward --again           new rules on what was seen
    python benchmarks/ward.py --out ward.jsonl --table docs/results/ward.md  runs nothing

Sick is what was provoked; found is whether one of the findings that it must lead to was made. Of a healthy
run any finding is a false alarm, unless it is true: of ring and grid the modes are counted at the end, and
a run that has lost some is neither. A collapse or an oscillation has ended well where the distance of samples
to held-out items is not above what one more healthy run of the same networks, data and steps would have (by
a Student law, one-sided, at 95 %), and no mode is lost that healthy runs have. A run that was to be made ill
and ended so untreated came to no harm: it is neither sick nor healthy, and there is nothing to cure. What is
in the results already is not run again. Networks are small and runs short: 5 to 60 s of one core each.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from patients import PATIENTS, Patient, made

SAMPLES = 2_500
PIXELS = 8
"""Pictures are compared at so many a side."""
STUDENT = {2: 6.31, 3: 2.92, 4: 2.35, 5: 2.13, 6: 2.02, 7: 1.94, 8: 1.89, 9: 1.86, 10: 1.83}
"""95 % quantiles, by how many runs there are."""


def one(name: str, seed: int, doctor: str, keep: Path | None) -> dict[str, Any]:
    """Train, and ask the doctor and the held-out items; `keep`: where the run's records go, without its
    models."""
    from ganvas.remedies.doctor import DIARY

    patient = PATIENTS[name]
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        data = made(patient.data, Path(folder))
        before = None
        if patient.after:
            before = trained(PATIENTS[patient.after], data, Path(folder, "before"), seed, "off")
        run = trained(patient, data, Path(folder, "run"), seed, doctor, before)
        found = sayings(run)
        end = judged(run, patient, data, seed) if patient.like or not patient.must else {}
        did = [line for line in run.lines(DIARY) if "change" in line]
        if keep:
            records = kept(keep, name, seed, doctor)
            records.mkdir(parents=True, exist_ok=True)
            for file in run.path.glob("*.json*"):
                shutil.copy(file, records)
    return {
        "patient": name,
        "doctor": doctor,
        "seed": seed,
        "findings": found,
        "treatments": [(next(k for k in line if k != "step"), line["step"], line["change"]) for line in did],
        "seconds": round(time.process_time() - began),
    } | end


def trained(patient: Patient, data: str, out: Path, seed: int, doctor: str, before: Any = None) -> Any:
    from ganvas import api
    from ganvas.core.loop import Observer

    run = api.train(
        data,
        patient.recipe,
        out=out,
        steps=patient.steps,
        seed=seed,
        doctor=doctor,
        settings={"training.snapshots": 0} | patient.settings,
        init_from=before,
        observer=Observer(said=lambda sentence: None),
    )
    if not run.progress()["finished"]:
        raise SystemExit("stopped: this run is not counted")
    return run


def sayings(run: Any) -> list[tuple[str, int, int, int | None]]:
    """What today's rules find in what was seen: name, since when, at which step, until when."""
    from ganvas.remedies.doctor import diagnose

    return [(f["found"], f["since"], f["step"], f["until"]) for f in diagnose(run)["findings"]]


def kept(keep: Path, name: str, seed: int, doctor: str) -> Path:
    return keep / "".join(c if c.isalnum() else "-" for c in name) / f"{doctor}-{seed}"


def again(rows: Sequence[dict[str, Any]], keep: Path) -> Iterator[dict[str, Any]]:
    """The results, watched runs judged by today's rules, which change nothing in such a run."""
    from ganvas.core.run import Run

    for row in rows:
        records = kept(keep, row["patient"], row["seed"], row["doctor"])
        if row["doctor"] == "watch" and records.exists():
            yield row | {"findings": sayings(Run.open(records))}
        else:
            yield row


def judged(run: Any, patient: Patient, data: str, seed: int) -> dict[str, Any]:
    """Energy distance of samples to held-out items, as a share; modes of ring and grid."""
    import ganvas
    from ganvas.data.load import load
    from ganvas.data.points import MIXTURES
    from ganvas.metrics.points import mixture
    from ganvas.recipes.base import data_settings, find

    mixed = MIXTURES.get(patient.data)
    model = ganvas.load(run.path)
    if patient.kind in ("text", "sound") or not (mixed or hasattr(model.objective, "judge")):
        return {}
    recipe = type(find(patient.recipe)).model_validate(run.record["settings"])
    held_out: Any = load(data, data_settings(recipe)).held_out
    n = min(SAMPLES, len(held_out))
    samples = model.sample(n, seed=seed)
    real = held_out.ready(held_out.fetch(np.arange(n)))["point" if mixed else "image"].numpy()
    real = model.spec.restore(real)
    found: dict[str, Any] = {"distance": energy(small(samples), small(real))}
    if mixed:
        nearest = np.linalg.norm(samples[:, None] - mixed.modes, axis=-1).argmin(1)
        good = mixture(samples, mixed.modes, mixed.sigma).high_quality
        found |= {"lost": len(mixed.modes) - len(np.unique(nearest)), "high_quality": good}
    return found


def small(items: np.ndarray) -> np.ndarray:
    """(n, values)"""
    if items.ndim == 2:
        return items.astype(np.float64)
    n, h, w, c = items.shape
    blocks = items.reshape(n, PIXELS, h // PIXELS, PIXELS, w // PIXELS, c) / 255.0
    return blocks.mean((2, 4)).reshape(n, -1)


def energy(x: np.ndarray, y: np.ndarray) -> float:
    """2 E|X - Y| - E|X - X'| - E|Y - Y'| as a share of 2 E|X - Y| (Székely & Rizzo 2013)."""
    if not np.isfinite(x).all():
        return 1.0

    def apart(a: np.ndarray, b: np.ndarray) -> float:
        squared = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
        return float(np.sqrt(np.maximum(squared, 0)).mean())

    across = 2 * apart(x, y)
    return (across - apart(x, x) - apart(y, y)) / across


def bound(values: Sequence[float]) -> float:
    """What one more of these would exceed in 5 % of cases."""
    n = len(values)
    if n < 2:
        return float("nan")
    return mean(values) + STUDENT.get(n, 1.8) * stdev(values) * (1 + 1 / n) ** 0.5


def ended_well(row: dict[str, Any], rows: Sequence[dict[str, Any]]) -> bool | None:
    """Whether it is within the spread of healthy runs; None: there are fewer than two of these."""
    healthy = [r for r in rows if r["patient"] == PATIENTS[row["patient"]].like]
    if len(healthy) < 2:
        return None
    near = row["distance"] <= bound([r["distance"] for r in healthy])
    return near and row.get("lost", 0) <= max(r.get("lost", 0) for r in healthy)


def harmed(row: dict[str, Any], rows: Sequence[dict[str, Any]]) -> bool:
    """Whether a run that was to be made ill did end ill."""
    return not (PATIENTS[row["patient"]].like and ended_well(row, rows))


def confusion(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """In how many runs of each patient each finding was made."""
    names = sorted({f[0] for row in rows for f in row["findings"]})
    yield f"| patient | runs | verdict | {' | '.join(names)} |"
    yield "|" + "---|" * (len(names) + 3)
    sick, caught, unharmed, healthy, false, lost = 0, 0, 0, 0, 0, 0
    for name, patient in PATIENTS.items():
        of = [row for row in rows if row["patient"] == name]
        if not of:
            continue
        said = [{f[0] for f in row["findings"]} for row in of]
        if patient.must:
            ill = [s for s, row in zip(said, of, strict=True) if harmed(row, rows)]
            right = sum(bool(s & set(patient.must)) for s in ill)
            sick, caught, unharmed = sick + len(ill), caught + right, unharmed + len(of) - len(ill)
            verdict = f"found {right} of {len(ill)}" if ill else ""
            more = f"{len(of) - len(ill)} came to no harm" if len(ill) < len(of) else ""
            verdict = ", ".join(filter(None, (verdict, more)))
        else:
            clean = [s for s, row in zip(said, of, strict=True) if not row.get("lost")]
            alarms = sum(map(bool, clean))
            healthy, false, lost = healthy + len(clean), false + alarms, lost + len(of) - len(clean)
            verdict = f"{alarms} false of {len(clean)}"
            verdict += f", {len(of) - len(clean)} lost modes" if len(clean) < len(of) else ""
        cells = [str(sum(column in s for s in said) or "") for column in names]
        yield f"| {name} | {len(of)} | {verdict} | {' | '.join(cells)} |"
    yield ""
    alarms = f"False alarms: {false} of {healthy} healthy** ({lost} more had lost modes)."
    yield f"**Found: {caught} of {sick} sick ({unharmed} more came to no harm). {alarms}"


def cures(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What became of the collapses and oscillations, with treatment and without."""
    heads = ("patient", "healthy: up to", "untreated", "ended well", "treated", "ended well", "what stayed")
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    total = {"watch": [0, 0], "treat": [0, 0]}
    for name, patient in PATIENTS.items():
        of = {m: [r for r in rows if r["patient"] == name and r["doctor"] == m] for m in total}
        if not patient.like or not of["treat"]:
            continue
        healthy = [r["distance"] for r in rows if r["patient"] == patient.like]
        ill = {r["seed"] for r in of["watch"] if harmed(r, rows)}
        cells = []
        for mode, runs in of.items():
            good = [ended_well(row, rows) for row in runs if row["seed"] in ill]
            total[mode] = [total[mode][0] + sum(map(bool, good)), total[mode][1] + len(good)]
            cells += [
                ", ".join(f"{r['distance']:.3f}" for r in runs),
                f"{sum(map(bool, good))} of {len(good)}",
            ]
        yield f"| {name} | {bound(healthy):.3f} | {' | '.join(cells)} | {stayed(of['treat'])} |"
    yield ""
    (well_, all_), (before, of_) = total["treat"], total["watch"]
    yield f"**Within the spread of healthy runs: {well_} of {all_} treated, {before} of {of_} untreated.**"


def stayed(runs: Sequence[dict[str, Any]]) -> str:
    """Changes in force at the end, by how many runs had them."""
    found: dict[str, int] = {}
    for run in runs:
        kept: list[dict[str, Any]] = []
        for what, _, change in run["treatments"]:
            kept = [*kept, change] if what == "treated" else kept[:-1] if what == "undone" else kept
        for change in kept:
            words = ", ".join(f"{k} {v}" for k, v in change.items())
            found[words] = found.get(words, 0) + 1
    return "; ".join(f"{words} ({n})" for words, n in found.items()) or "nothing"


def page(rows: Sequence[dict[str, Any]]) -> str:
    watched = [r for r in rows if r["doctor"] == "watch"]
    seconds = sum(r["seconds"] for r in rows)
    yours = "python benchmarks/ward.py --seeds N; python benchmarks/ward.py --treat --seeds N"
    return "\n".join(
        [
            "# The doctor's ward",
            "",
            f"`{yours}`: {len(rows)} runs, {seconds / 60:.0f} minutes of one core.",
            "How each was provoked, and what counts as found and as ended well, is said in the script.",
            "",
            "## What is found",
            "",
            *confusion(watched),
            "",
            "## What treatment makes of collapses and oscillations",
            "",
            "Energy distance of samples to held-out items, of 1; each run's.",
            "",
            *cures(rows),
            "",
        ]
    )


def main() -> None:
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("--kind", choices=("points", "pictures", "text", "sound"))
    parser.add_argument("--only", nargs="*", metavar="PATIENT", help="only these, by name")
    parser.add_argument(
        "--treat", action="store_true", help="collapses and oscillations, under --doctor treat"
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("ward.jsonl"))
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep what was seen of each run here")
    parser.add_argument("--again", action="store_true", help="today's rules on what was kept, only")
    parser.add_argument(
        "--table", type=Path, metavar="FILE.md", help="write the tables of what there is, only"
    )
    ask = parser.parse_args()
    rows = [json.loads(line) for line in ask.out.read_text().splitlines()] if ask.out.exists() else []
    if ask.table:
        ask.table.write_text(page(rows))
        return
    if ask.again:
        lines = [
            json.dumps(row) + "\n" for row in again(rows, ask.keep or parser.error("--again needs --keep"))
        ]
        ask.out.write_text("".join(lines))
        return
    doctor = "treat" if ask.treat else "watch"
    done = {(row["patient"], row["seed"], row["doctor"]) for row in rows}
    names = [n for n, p in PATIENTS.items() if ask.kind in (None, p.kind) and n in (ask.only or PATIENTS)]
    for seed in range(ask.seeds):
        for name in names:
            if (name, seed, doctor) in done or (ask.treat and not PATIENTS[name].like):
                continue
            rows.append(one(name, seed, doctor, ask.keep))
            with ask.out.open("a") as file:
                file.write(json.dumps(rows[-1]) + "\n")
            print(json.dumps(rows[-1]), flush=True)
    print(page(rows))


if __name__ == "__main__":
    main()
