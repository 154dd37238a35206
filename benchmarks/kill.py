"""A run that is killed again and again ends with the same bits as one that never was.

    python benchmarks/kill.py                20 x SIGKILL, 20 x Ctrl-C, of one process and of two by torchrun
    python benchmarks/kill.py --kills 3       the same, shorter
    python benchmarks/kill.py --recipe hvae   of another (vae, textvae, relgan, voice …), or dcgan-treated

A kill comes at a random moment: while Python starts, while data is read, in a step, while a checkpoint is
written. A checkpoint follows every step, so that many kills hit one. The GAN has lazy R1, two critics and
adaptive augmentation, the VAEs have a rising weight of the KL and free bits, and all of them accumulated
gradients and averaged weights. dcgan-treated goes wrong, and the doctor sets it back.
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

RECIPES = {
    "dcgan": [
        *("--generator.width", "8", "--critic.width", "8", "--critic.count", "2", "--critic.steps", "2"),
        *("--penalty.r1", "1", "--penalty.every", "4", "--augment.colour", "true", "--augment.shift", "0.1"),
        *("--augment.adaptive", "true", "--augment.p", "0.3", "--augment.speed", "2000"),
    ],
    "dcgan-treated": [
        *("--generator.width", "8", "--critic.width", "8", "--critic.lr", "0.5", "--doctor", "treat"),
    ],
    "vae": ["--width", "8", "--free-bits", "0.1", "--warmup", "0.5"],
    "vaegan": ["--encoder.width", "8", "--decoder.width", "8", "--critic.width", "8"],
    "hvae": ["--width", "8", "--hidden", "16", "--free-bits", "0.1", "--warmup", "0.5"],
    "lm": ["--model.width", "16", "--model.depth", "1", "--model.heads", "2", "--model.dropout", "0.1"],
    "textvae": [
        *("--encoder.width", "16", "--encoder.depth", "1", "--encoder.heads", "2", "--text.context", "32"),
        *("--decoder.width", "16", "--decoder.depth", "1", "--decoder.heads", "2", "--word-dropout", "0.1"),
    ],
    "seqgan": [
        *("--model.network", "lstm", "--model.width", "16", "--likelihood", "0.4", "--meeting", "0.1"),
        *("--critic.width", "16", "--critic.depth", "1", "--critic.heads", "2", "--text.context", "24"),
    ],
    "relgan": [
        *("--model.width", "16", "--model.depth", "1", "--model.heads", "2", "--text.context", "24"),
        *("--critic.width", "8", "--critic.representations", "2", "--likelihood", "0.4", "--rise", "10"),
    ],
    "residual": ["--critic.width", "16", "--critic.depth", "1", "--critic.heads", "2", "--drafts", "2"],
    "voice": [
        *("--encoder.width", "16", "--encoder.depth", "1", "--decoder.width", "16", "--decoder.depth", "1"),
        *("--critic.width", "2", "--segment", "8", "--prior.width", "16", "--prior.depth", "1"),
        *("--prior.flow", "16", "--prior.moves", "2"),
    ],
}
TEXT = ["--data", "poems"]
DATA = dict.fromkeys(("lm", "textvae", "seqgan", "relgan", "residual"), TEXT)
DATA |= {"voice": ["--data", "asterisk"]}
BASES = {"residual": ["template", *TEXT, "--text.context", "24"]}
"""What some are begun from."""
PICTURES = ["--data", "fashion", "--image.size", "32"]
COMMON = [
    *("--training.batch", "16", "--training.accumulate", "2", "--training.checkpoint-every", "0"),
    *("--training.log-every", "5", "--training.snapshots", "5"),
]


@dataclass(frozen=True)
class Kill:
    """What one kill met."""

    after: float
    """Seconds since the session began."""
    step: int
    """Of the newest checkpoint that it left."""
    writing: bool
    """Whether it left something half written."""


@dataclass(frozen=True)
class Trial:
    name: str
    kills: list[Kill]
    equal: bool
    """Whether every file of model/ has the same bytes as of the run that was never killed."""
    logs_equal: bool
    """Whether both logs tell of the same steps and losses."""


def trial(
    name: str,
    folder: Path,
    signals: Sequence[int],
    *,
    steps: int,
    processes: int = 1,
    seed: int = 0,
    recipe: str = "dcgan",
) -> Trial:
    """One run undisturbed, one that gets these signals, at random moments spread over its length."""
    whole, broken = folder / f"{name}-whole", folder / f"{name}-killed"
    arguments = [
        recipe.partition("-")[0],
        *RECIPES[recipe],
        *DATA.get(recipe, PICTURES),
        *COMMON,
        "--steps",
        str(steps),
    ]
    if recipe in BASES:
        undisturbed(command(BASES[recipe], folder / "base", 1))
        arguments += ["--init-from", str(folder / "base")]
    began = time.monotonic()
    undisturbed(command(arguments, whole, processes))
    took = time.monotonic() - began
    training = json.loads((whole / f"checkpoints/step-{steps}/state.json").read_text())["elapsed"]
    starting = took - training
    chance, kills = random.Random(seed), []
    for done, number in enumerate(signals):
        late, sooner = True, 1.0
        while late:  # busy machines are not as fast as they were: try again, sooner
            left = pace(broken, training / steps) * (steps - newest(broken)) / (len(signals) - done + 1)
            early = 0.3 if chance.random() < 0.2 else 0.7
            after = sooner * chance.uniform(early * starting, 0.7 * starting + 1.6 * left)
            late = ended(command(resumed(arguments, broken), broken, processes), after, number)
            sooner *= 0.8
            if late and not kills:  # nothing is lost by starting over
                shutil.rmtree(broken)
        kills.append(Kill(after, newest(broken), any(broken.rglob(".*tmp*"))))
    undisturbed(command(resumed(arguments, broken), broken, processes))
    equal = all(
        digest(whole / f"model/{f}") == digest(broken / f"model/{f}")
        for f in ("config.json", "model.safetensors")
    )
    return Trial(name, kills, equal, told(whole) == told(broken))


def undisturbed(line: list[str]) -> None:
    found = subprocess.run(line, env=environment(), capture_output=True, text=True, check=False)
    if found.returncode:
        raise RuntimeError(f"{' '.join(line)}\n{found.stdout}\n{found.stderr}")


def environment() -> dict[str, str]:
    return {"OMP_NUM_THREADS": "1"} | os.environ | {"PYTHONUNBUFFERED": "1"}


def command(arguments: list[str], out: Path, processes: int) -> list[str]:
    launcher = [sys.executable, "-m"]
    if processes > 1:
        launcher += ["torch.distributed.run", "--standalone", "--nproc-per-node", str(processes), "-m"]
    return [*launcher, "ganvas", "train", *arguments, "--out", str(out)]


def resumed(arguments: list[str], run: Path) -> list[str]:
    """The same command; with --resume once there is something to resume."""
    return [*arguments, "--resume"] if (run / "recipe.json").is_file() else arguments


def ended(line: list[str], after: float, number: int) -> bool:
    """Start, and send the signal after so many seconds; True if it had ended by itself before."""
    with tempfile.TemporaryFile("w+") as words:
        process = subprocess.Popen(
            line, env=environment(), stdout=words, stderr=words, start_new_session=True
        )
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            family = [process.pid, *offspring(process.pid)]
            for pid in family if number == signal.SIGKILL else [process.pid]:
                send(pid, number)
            process.wait()
            while any(alive(pid) for pid in family):
                time.sleep(0.01)
            return False
        words.seek(0)
        if process.returncode:
            raise RuntimeError(words.read())
        return True


def offspring(pid: int) -> Iterator[int]:
    """Every process that this one has started, and theirs."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in map(int, children):
        yield child
        yield from offspring(child)


def send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def newest(run: Path) -> int:
    return max((int(p.name[5:]) for p in run.glob("checkpoints/step-*")), default=0)


def pace(run: Path, otherwise: float) -> float:
    """Seconds a step, as it was in this run so far."""
    try:
        state = json.loads((run / f"checkpoints/step-{newest(run)}/state.json").read_text())
        return state["elapsed"] / state["step"]
    except OSError:
        return otherwise


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def told(run: Path) -> list[dict[str, float]]:
    """The log without what depends on the clock."""
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in ("time", "items_per_second")} for line in lines]


def row(found: Trial) -> str:
    moments = " ".join(f"{k.step}{'*' if k.writing else ''}" for k in found.kills)
    answers = " | ".join("yes" if ok else "**NO**" for ok in (found.equal, found.logs_equal))
    return f"| {found.name} | {len(found.kills)} | {moments} | {answers} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--recipe", choices=RECIPES, default="dcgan")
    ask = parser.parse_args()
    kinds = [("SIGKILL", signal.SIGKILL, 1), ("Ctrl-C", signal.SIGINT, 1)]
    kinds += [("SIGKILL-of-2-processes", signal.SIGKILL, 2), ("Ctrl-C-of-2-processes", signal.SIGINT, 2)]
    print("| | kills | newest checkpoint then (*: something was half written) | same model | same log |")
    print("|---|---|---|---|---|", flush=True)
    fine = True
    for name, number, processes in kinds:
        with tempfile.TemporaryDirectory() as folder:
            signals = [number] * ask.kills
            place = Path(folder)
            found = trial(
                name, place, signals, steps=ask.steps, processes=processes, seed=ask.seed, recipe=ask.recipe
            )
        print(row(found), flush=True)
        fine &= found.equal and found.logs_equal
    raise SystemExit(not fine)


if __name__ == "__main__":
    main()
