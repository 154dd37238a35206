"""The doctor's ward: troubles provoked on purpose, and healthy runs; what `--doctor watch` says of each.

    python benchmarks/ward.py --kind points --seeds 5 --out ward.jsonl       seconds to a minute each
    python benchmarks/ward.py --seeds 5 --out ward.jsonl                     pictures too

Sick is what was provoked; found is whether one of the findings that it must lead to was made. Of a healthy
run any finding is a false alarm, unless it is true: of ring and grid the modes are counted at the end, and
a run that has lost some is neither. What is in the results already is not run again.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

SAMPLES = 2_500
SMALL = {"generator.width": 64, "critic.width": 64, "training.batch": 64}
UNBOUND = {"penalty__r1": 0.0, "penalty__r2": 0.0}
COLLAPSE = ("mode collapse", "partial mode collapse")
UNSTABLE = (
    "exploding gradients",
    "oscillation",
    "the critic wins",
    "not a number",
    "samples astray",
    *COLLAPSE,
)


@dataclass(frozen=True)
class Patient:
    """A run, and which findings it must lead to; none: it is healthy."""

    data: str
    recipe: str
    steps: int
    settings: dict[str, Any] = field(default_factory=dict)
    must: tuple[str, ...] = ()
    kind: str = "points"


def points(data: str, must: tuple[str, ...] = (), steps: int = 2_000, **settings: Any) -> Patient:
    return Patient(data, "points", steps, SMALL | _dotted(settings), must)


def pictures(
    recipe: str, must: tuple[str, ...] = (), data: str = "fashion", steps: int = 2_000, **settings: Any
) -> Patient:
    return Patient(data, recipe, steps, _dotted(settings), must, "pictures")


def _dotted(settings: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("__", "."): value for name, value in settings.items()}


def rates(both: float) -> dict[str, float]:
    return {"generator__lr": both, "critic__lr": both}


PATIENTS = {
    "ring": Patient("ring", "points", 4_000),
    "grid": Patient("grid", "points", 4_000),
    "ring, small": points("ring"),
    "grid, small": points("grid"),
    "ring, lr of the critic x 20": points("ring", UNSTABLE, critic__lr=0.02),
    "grid, lr of the critic x 20": points("grid", UNSTABLE, critic__lr=0.02),
    "ring, lr 0.1": points("ring", UNSTABLE, steps=1_000, **rates(0.1)),
    "grid, lr 0.1": points("grid", UNSTABLE, steps=1_000, **rates(0.1)),
    "ring, no penalty, momentum": points(
        "ring", UNSTABLE, game="nonsaturating", generator__beta1=0.9, critic__beta1=0.9, **UNBOUND
    ),
    "grid, no penalty, minimax": points("grid", UNSTABLE, game="minimax", **UNBOUND),
    "grid, latent of 1": points("grid", (*COLLAPSE, "oscillation"), generator__latent=1),
    "ring, generator stands": points("ring", ("stalled",), steps=1_000, generator__lr=1e-7),
    "ring, critic stands": points(
        "ring", ("the critic is of no use", *COLLAPSE), steps=1_000, critic__lr=1e-7
    ),
    "fashion, dcgan": pictures("dcgan"),
    "fashion, gan": pictures("gan"),
    "fashion, vaegan": pictures("vaegan"),
    "fashion, wgan": pictures("wgan"),
    "fashion, r3gan": pictures("r3gan", steps=1_000),
    "fashion, sagan": pictures("sagan", steps=1_000),
    "fashion, vae": pictures("vae"),
    "fashion, hvae": pictures("hvae", steps=1_000),
    "fashion, flow": pictures("flow", steps=1_000),
    "emoji, dcgan": pictures("dcgan", data="emoji", image__size=32),
    "fashion, lr of the critic x 20": pictures("dcgan", UNSTABLE, critic__lr=0.016),
    "fashion, lr 0.1": pictures(
        "dcgan", (*UNSTABLE, "saturated samples", "blank samples", "the critic is of no use"), **rates(0.1)
    ),
    "fashion, no penalty": pictures("dcgan", UNSTABLE, game="nonsaturating", **UNBOUND),
    "fashion, generator stands": pictures(
        "dcgan", ("stalled", "the critic wins"), steps=500, generator__lr=1e-7
    ),
    "fashion, critic stands": pictures(
        "dcgan", ("the critic is of no use", *COLLAPSE), steps=500, critic__lr=1e-7
    ),
    "fashion, beta of 100": pictures("vae", ("posterior collapse",), steps=500, beta=100.0),
    "100 garments": pictures("dcgan", ("the critic overfits", "memorisation"), data="few", steps=3_000),
    "dark pictures": pictures("vae", ("wrong data range",), data="dark", steps=200),
}


def made(name: str, folder: Path) -> str:
    """Data sets of the ward's own; others by their name."""
    if name not in ("few", "dark"):
        return name
    from ganvas.data.load import load

    fashion: Any = load("fashion")
    index = np.arange(100 if name == "few" else 1_000)
    array = fashion.fetch(index)["image"].numpy().transpose(0, 2, 3, 1)
    path = folder / f"{name}.npy"
    np.save(path, array if name == "few" else array // 64)
    return str(path)


def one(name: str, seed: int) -> dict[str, Any]:
    """Train, and ask the doctor."""
    from ganvas import api
    from ganvas.core.loop import Observer
    from ganvas.remedies.doctor import diagnose

    patient = PATIENTS[name]
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        run = api.train(
            made(patient.data, Path(folder)),
            patient.recipe,
            out=f"{folder}/run",
            steps=patient.steps,
            seed=seed,
            settings={"training.snapshots": 0} | patient.settings,
            observer=Observer(said=lambda sentence: None),
        )
        found = diagnose(run)
        lost = _lost(run, patient.data, seed)
    findings = [(f["found"], f["since"], f["step"], f["until"]) for f in found["findings"]]
    spent = round(time.process_time() - began)
    return {"patient": name, "seed": seed, "findings": findings, "lost": lost, "seconds": spent}


def _lost(run: Any, data: str, seed: int) -> int | None:
    """Modes of ring and grid that the finished model never makes."""
    import ganvas
    from ganvas.data.points import MIXTURES

    if data not in MIXTURES:
        return None
    samples = ganvas.load(run.path).sample(SAMPLES, seed=seed)
    nearest = np.linalg.norm(samples[:, None] - MIXTURES[data].modes, axis=-1).argmin(1)
    return len(MIXTURES[data].modes) - len(np.unique(nearest))


def table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """The confusion matrix: in how many runs of each patient each finding was made."""
    names = sorted({f[0] for row in rows for f in row["findings"]})
    yield f"| patient | runs | verdict | {' | '.join(names)} |"
    yield "|" + "---|" * (len(names) + 3)
    sick, caught, healthy, false, lost = 0, 0, 0, 0, 0
    for name, patient in PATIENTS.items():
        of = [row for row in rows if row["patient"] == name]
        if not of:
            continue
        said = [{f[0] for f in row["findings"]} for row in of]
        if patient.must:
            right = sum(bool(s & set(patient.must)) for s in said)
            sick, caught = sick + len(of), caught + right
            verdict = f"found {right} of {len(of)}"
        else:
            well = [s for s, row in zip(said, of, strict=True) if not row["lost"]]
            alarms = sum(map(bool, well))
            healthy, false, lost = healthy + len(well), false + alarms, lost + len(of) - len(well)
            verdict = f"{alarms} false of {len(well)}"
            verdict += f", {len(of) - len(well)} lost modes" if len(well) < len(of) else ""
        cells = [str(sum(column in s for s in said) or "") for column in names]
        yield f"| {name} | {len(of)} | {verdict} | {' | '.join(cells)} |"
    yield ""
    yield f"Found: {caught} of {sick} sick. False alarms: {false} of {healthy} healthy ({lost} lost modes)."


def main() -> None:
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("--kind", choices=("points", "pictures"))
    parser.add_argument("--patients", nargs="*", help="only these, by name")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("ward.jsonl"))
    ask = parser.parse_args()
    rows = [json.loads(line) for line in ask.out.read_text().splitlines()] if ask.out.exists() else []
    done = {(row["patient"], row["seed"]) for row in rows}
    names = [n for n, p in PATIENTS.items() if ask.kind in (None, p.kind) and n in (ask.patients or PATIENTS)]
    for seed in range(ask.seeds):
        for name in names:
            if (name, seed) in done:
                continue
            rows.append(one(name, seed))
            with ask.out.open("a") as file:
                file.write(json.dumps(rows[-1]) + "\n")
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
