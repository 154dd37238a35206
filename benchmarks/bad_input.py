"""Every bad input, typed as a user types it; what was answered becomes docs/bad-input.md.

python benchmarks/bad_input.py > docs/bad-input.md
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import bad_folders as bad

TRAIN = "ganvas train --steps 2"
MEMORY = 850 << 20
"""Bytes of address space left, once torch is imported, to the command that is to run out of them."""


HEAD = """# Bad input, as typed and as answered

Written by `benchmarks/bad_input.py`, which types every line below and copies what came back on standard
error. A refusal is one sentence and exit code 2, nothing is overwritten, and it takes a few seconds at most
(here {slowest:.1f} s, on a machine with other work to do). After an exit code of 0 the command did
what was asked, and said what it had to change."""


@dataclass(frozen=True)
class Case:
    """One bad input."""

    group: str
    what: str
    line: str
    """As typed, in a folder of its own beside data/ and runs/."""
    code: int = 2
    before: Callable[[Path], None] | None = None
    """Makes the folder as bad as it should be."""
    memory: int | None = None
    """Bytes of address space beyond what the program itself takes; None sets no bound."""


@dataclass(frozen=True)
class Answer:
    """What came of it."""

    code: int
    out: str
    err: str
    seconds: float
    unharmed: bool
    """Whether every file that was there before is there as it was."""


def small_disk(root: Path) -> None:
    (root / "full").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "none", root / "full"], check=True)


BIG = (
    "ganvas train dcgan --data fashion --steps 1 --generator.width 16 --critic.width 16 --training.batch 4096"
)


def may_mount() -> bool:
    """Whether a small disk can be made here, for one to be full."""
    with tempfile.TemporaryDirectory() as folder:
        line = ["mount", "-t", "tmpfs", "-o", "size=300k", "none", folder]
        if subprocess.run(line, capture_output=True, check=False).returncode:
            return False
        subprocess.run(["umount", folder], check=True)
        return True


SMALL = "--model.width 8 --model.heads 1 --text.context 16"
RESUME = "ganvas train --out runs/pets --resume"
FAIR = f"{TRAIN} --data data/speech/fair"
JUDGE, FRESH = "ganvas evaluate runs/all --features", "--data data/pets"
STUDY = "ganvas study --data data/pets --steps 2"
CASES = [
    Case("Data", "path missing", f"{TRAIN} --data data/pest"),
    Case("Data", "nothing like it either", f"{TRAIN} --data xyzzy"),
    Case("Data", "no data given", TRAIN),
    Case("Data", "empty folder", f"{TRAIN} --data data/empty"),
    Case("Data", "no picture in it", f"{TRAIN} --data data/letters"),
    Case("Data", "all broken", f"{TRAIN} --data data/broken"),
    Case("Data", "more than a tenth broken", f"{TRAIN} --data data/holes"),
    Case("Data", "too few", f"{TRAIN} --data data/few"),
    Case("Data", "a decompression bomb among them", f"{TRAIN} --data data/bomb", 0),
    Case("Data", "mixed channels", f"{TRAIN} --data data/mixed", 0),
    Case("Data", "a word in a table of numbers", "ganvas train --data data/table.csv"),
    Case("Data", "a recipe for another kind of data", "ganvas train points --data data/pets"),
    Case("Data", "batch larger than the data", f"{TRAIN} --data data/pets --training.batch 64", 0),
    Case("Data", "inspect: path missing", "ganvas inspect data/pest"),
    Case("Data", "inspect: all broken", "ganvas inspect data/broken"),
    Case("Text", "no text in it", f"{TRAIN} --data data/words/blank.txt"),
    Case("Text", "not text at all", f"{TRAIN} --data data/words/photo.txt"),
    Case("Text", "fewer tokens than the context", f"{TRAIN} --data data/words/short.txt"),
    Case("Text", "one endless line", f"{TRAIN} {SMALL} --data data/words/endless.txt", 0),
    Case("Text", "another encoding", f"{TRAIN} {SMALL} --data data/words/latin1.txt", 0),
    Case("Text", "chats in which nobody replies", f"{TRAIN} --data data/words/chat.jsonl"),
    Case("Text", "chats of unknown roles", f"{TRAIN} --data data/words/roles.jsonl"),
    Case("Text", "rows without text", f"{TRAIN} --data data/words/rows.jsonl"),
    Case("Text", "which column", f"{TRAIN} lm --data data/words/table.csv"),
    Case("Text", "a column misspelt", f"{TRAIN} --data data/words/table.csv --text.column bdy"),
    Case("Text", "labels that are not there", f"{TRAIN} --data data/words/moods.jsonl --text.label colour"),
    Case("Text", "a label never seen", "ganvas write runs/moods --label gladly"),
    Case("Text", "a label, where none was learnt", "ganvas write runs/pets --label cats"),
    Case("Text", "a prompt longer than the context", f"ganvas write runs/moods --prompt {'ever' * 9}", 0),
    Case("Text", "a prompt in letters never seen", "ganvas write runs/moods --prompt 明月", 0),
    Case("Text", "pictures for a model of text", f"{TRAIN} lm --data data/pets"),
    Case("Text", "a critic of what nobody writes", f"{TRAIN} residual --data poems"),
    Case("Text", "a critic of a model of pictures", f"{TRAIN} residual --data poems --init-from runs/pets"),
    Case("Text", "writing by a model of pictures", "ganvas write runs/pets --prompt Once"),
    Case("Speech", "no transcripts", f"{TRAIN} voice --data data/speech/mute"),
    Case("Speech", "a list that names other recordings", f"{TRAIN} voice --data data/speech/renamed"),
    Case("Speech", "a list of recordings that are not there", f"{TRAIN} --data data/speech/list.csv"),
    Case("Speech", "all recordings broken", f"{TRAIN} --data data/speech/cut"),
    Case("Speech", "all silent", f"{TRAIN} --data data/speech/silent"),
    Case("Speech", "all too short", f"{TRAIN} --data data/speech/brief"),
    Case("Speech", "all too long", f"{TRAIN} --data data/speech/long"),
    Case("Speech", "a rate that no sound has", f"{TRAIN} --data data/speech/odd"),
    Case("Speech", "all say the same", f"{TRAIN} --data data/speech/alike"),
    Case("Speech", "text in another script", f"{TRAIN} --data data/speech/moon"),
    Case("Speech", "a language that nobody speaks", f"{FAIR} --speech.pronunciation.language xx-yy"),
    Case("Speech", "a lexicon that is not there", f"{FAIR} --speech.pronunciation.lexicon words.txt"),
    Case("Speech", "a damaged archive", f"{TRAIN} voice --data data/speech/packed.tar.gz"),
    Case("Speech", "a folder that is not there", f"{TRAIN} voice --data data/speech/fare"),
    Case("Speech", "pictures for a voice", f"{TRAIN} voice --data data/pets"),
    Case("Speech", "stages out of order", f"{FAIR} --sharpen 0.9"),
    Case("Speech", "a voice that starts from nothing", f"{FAIR} --init-from runs/pest"),
    Case("Speech", "a voice that starts from pictures", f"{FAIR} --init-from runs/pets --out runs/me"),
    Case("Speech", "say: nothing", "ganvas say -"),
    Case("Speech", "say: text without quotes", "ganvas say Good morning."),
    Case("Speech", "say: signs that have no sound", "ganvas say asterisk 🦊"),
    Case("Speech", "say: a file that is not there", "ganvas say asterisk chapter.txt"),
    Case("Speech", "say: a sound file", "ganvas say asterisk data/speech/fair/00.wav"),
    Case("Speech", "say: a folder", "ganvas say asterisk data/speech"),
    Case("Speech", "say: by a model of pictures", "ganvas say runs/pets Hello"),
    Case("Speech", "say: another speaker", "ganvas say asterisk Hello --speaker ann"),
    Case("Speech", "say: too fast", "ganvas say asterisk Hello --speed 9"),
    Case("Speech", "say: into a file of unknown kind", "ganvas say asterisk Hello -o hello.doc"),
    Case("Speech", "say: where nothing can be written", "ganvas say asterisk Hello -o /proc/hello.wav"),
    Case("Speech", "evaluate: a voice that ganvas brings", "ganvas evaluate asterisk"),
    Case("Settings", "command misspelt", "ganvas trian --data data/pets"),
    Case("Settings", "option misspelt", "ganvas train --dta data/pets"),
    Case("Settings", "recipe misspelt", "ganvas train dcgna --data data/pets"),
    Case("Settings", "recipe unknown", "ganvas train xyzzy --data data/pets"),
    Case("Settings", "setting misspelt", "ganvas train --data data/pets --generator.widht 8"),
    Case("Settings", "setting unknown", "ganvas train --data data/pets --xyzzy 8"),
    Case("Settings", "setting of another player", "ganvas train --data data/pets --critic.latent 8"),
    Case("Settings", "augmentation of points", "ganvas train points --data ring --augment.shift 0.1"),
    Case("Settings", "critics of points at scales", "ganvas train points --data ring --critic.differ scale"),
    Case("Settings", "setting without a value", "ganvas train --data data/pets --generator.width"),
    Case("Settings", "out of range", "ganvas train --data data/pets --generator.latent 0"),
    Case("Settings", "no number", "ganvas train --data data/pets --generator.width wide"),
    Case("Settings", "held out: nothing", f"{TRAIN} --data data/pets --image.held_out 0", 0),
    Case("Settings", "held out: all", "ganvas train --data data/pets --image.held_out 1"),
    Case("Settings", "size that is none", "ganvas train --data data/pets --image.size 50"),
    Case("Settings", "steps: none", "ganvas train --data data/pets --steps 0"),
    Case("Settings", "steps: a word", "ganvas train --data data/pets --steps many"),
    Case("Settings", "epochs: below 0", "ganvas train --data data/pets --epochs -1"),
    Case("Settings", "budget: nonsense", "ganvas train --data data/pets --budget soon"),
    Case("Settings", "how long, said twice", "ganvas train --data data/pets --steps 5 --budget 1m"),
    Case("Settings", "no GPU here", "ganvas train --data data/pets --device cuda"),
    Case("Settings", "unknown device", "ganvas train --data data/pets --device abacus"),
    Case("Settings", "parts that do not fit", f"{TRAIN} --data data/pets --training.accumulate 3"),
    Case("Runs", "run folder exists", f"{TRAIN} --data data/pets --out runs/pets"),
    Case("Runs", "run folder is a file", f"{TRAIN} --data data/pets --out data/table.csv"),
    Case("Runs", "run folder cannot be made", f"{TRAIN} --data data/pets --out /proc/pets"),
    Case("Runs", "start from no run", f"{TRAIN} --data data/pets --init-from runs/pest"),
    Case("Runs", "start from what does not fit", f"{TRAIN} r3gan --data data/pets --init-from runs/pets"),
    Case("Runs", "resume: which run?", "ganvas train --resume"),
    Case("Runs", "resume: no such run", "ganvas train --out runs/pest --resume"),
    Case("Runs", "resume: not a run", "ganvas train --out data/pets --resume"),
    Case("Runs", "resume with other data", f"{RESUME} --data data/other"),
    Case("Runs", "resume, the data has changed", RESUME, before=bad.change_data),
    Case("Runs", "resume with another setting", f"{RESUME} --generator.width 8"),
    Case("Runs", "resume with another length", f"{RESUME} --steps 9"),
    Case("Runs", "resume with another recipe", "ganvas train r3gan --out runs/pets --resume"),
    Case("Runs", "resume before the first checkpoint", RESUME, 0, before=bad.no_checkpoint),
    Case("Runs", "newest checkpoint damaged", RESUME, 0, before=bad.damage_newest),
    Case("Runs", "all checkpoints damaged", RESUME, before=bad.damage_all),
    Case("Runs", "recipe.json damaged", RESUME, before=bad.damage_record),
    Case("Samples", "no such run", "ganvas sample runs/pest"),
    Case("Samples", "not a run", "ganvas sample data/pets"),
    Case("Samples", "no model yet", "ganvas sample runs/pets", before=bad.no_model),
    Case("Samples", "model damaged", "ganvas sample runs/pets", before=bad.damage_model),
    Case("Samples", "none asked for", "ganvas sample runs/pets -n 0"),
    Case("Samples", "class misspelt", "ganvas sample runs/pets --label cat"),
    Case("Samples", "class unknown", "ganvas sample runs/pets --label 7"),
    Case("Samples", "truncation out of range", "ganvas sample runs/pets --truncation 0"),
    Case("Samples", "output cannot be written", "ganvas sample runs/pets -o /proc/grid.png"),
    Case("Samples", "output of unknown kind", "ganvas sample runs/pets -o grid.doc"),
    Case("Samples", "output is a folder", "ganvas sample runs/pets -o data"),
    Case("Samples", "output there already", "ganvas sample runs/pets -n 2 -o taken/", before=bad.taken),
    Case("Samples", "report of nothing", "ganvas report runs/pest"),
    Case("Evaluation", "too few held out", "ganvas evaluate runs/pets --features pixels"),
    Case("Evaluation", "nothing held out", "ganvas evaluate runs/all --features pixels"),
    Case("Evaluation", "judged by what it learnt from", f"{JUDGE} pixels --data data/other"),
    Case("Evaluation", "held-out items without classes", "ganvas evaluate runs/pets --data data/other"),
    Case("Evaluation", "features unknown", f"{JUDGE} inception"),
    Case("Evaluation", "features in a file of another kind", f"{JUDGE} data/table.csv"),
    Case("Evaluation", "features file missing", f"{JUDGE} inception.onnx"),
    Case("Evaluation", "features file damaged", f"{JUDGE} data/networks/damaged.onnx {FRESH}"),
    Case("Evaluation", "TorchScript damaged", f"{JUDGE} data/networks/damaged.pt {FRESH}"),
    Case("Evaluation", "features of other pictures", f"{JUDGE} data/networks/stacks.onnx {FRESH}"),
    Case("Evaluation", "features that are no vectors", f"{JUDGE} data/networks/rows.onnx {FRESH}"),
    Case("Evaluation", "too few samples", "ganvas evaluate runs/pets --samples 3"),
    Case("Evaluation", "no such run", "ganvas evaluate runs/pest"),
    Case("Evaluation", "a run without a model", "ganvas evaluate runs/pets", before=bad.no_model),
    Case("Evaluation", "the model is damaged", "ganvas evaluate runs/pets", before=bad.damage_model),
    Case("Evaluation", "doctor: not a run", "ganvas doctor data/pets"),
    Case("Evaluation", "doctor: a run without a log", "ganvas doctor runs/pets", before=bad.no_log),
    Case("Studies", "nothing to compare", "ganvas study --data data/pets --steps 2"),
    Case("Studies", "no data", "ganvas study dcgan --steps 2"),
    Case("Studies", "recipe misspelt", f"{STUDY} dcgna"),
    Case("Studies", "a recipe for other data", f"{STUDY} points"),
    Case("Studies", "the same twice", f"{STUDY} dcgan dcgan"),
    Case("Studies", "setting misspelt", f"{STUDY} dcgan --generator.widht 8"),
    Case("Studies", "how long is not said", "ganvas study dcgan --data ring"),
    Case("Studies", "how long, said twice", f"{STUDY} dcgan --budget 1m"),
    Case("Studies", "no seeds", f"{STUDY} dcgan --seeds 0"),
    Case("Studies", "no workers", "ganvas study points --data ring --steps 2 --workers 0"),
    Case("Studies", "too few held out", f"{STUDY} dcgan"),
    Case("Studies", "features unknown", "ganvas study dcgan --data fashion --steps 2 --features inception"),
    Case("Studies", "a figure that nobody knows", f"{STUDY} dcgan --by beauty"),
    Case("Studies", "a range that is none", f"{STUDY} dcgan --search critic.lr=1e-2..1e-4"),
    Case("Studies", "a folder of something else", "ganvas study points --data ring --steps 2 --out data"),
    Case("Studies", "table misspelt", "ganvas reproduce rign"),
    Case("Studies", "row unknown", "ganvas reproduce ring --rows PacGAN3"),
    Case("Studies", "a table without its data", "ganvas reproduce stacked-mnist"),
    Case("The machine", "not enough memory for the batch", BIG, 0, memory=MEMORY),
    Case("The machine", "disk full", f"{TRAIN} --data data/pets --out full/run", before=small_disk),
]  # fmt: skip


def prepare(root: Path) -> None:
    """The data; a run of four steps with two checkpoints, one for which nothing was held out, one that knows
    labels of text."""
    bad.data(root)
    pets = "ganvas train --data data/pets --steps 4 --training.checkpoint_every 0 --training.batch 8"
    moods = f"{TRAIN} {SMALL} --data data/words/moods.jsonl --text.label mood --out runs/moods"
    plain = f"{TRAIN} --data data/other --image.held_out 0 --out runs/all"
    for line in (pets, plain, moods):
        if (found := run(line, root)).code:
            raise SystemExit(found.err)


def run(line: str, folder: Path, memory: int | None = None) -> Answer:
    """A command line, as typed, but with this Python."""
    words = line.split()
    before = stamps(folder)
    began = time.monotonic()
    found = subprocess.run(
        [sys.executable, "-m", "ganvas", *words[1:]],
        cwd=folder, env=environment(), preexec_fn=memory and bound(memory), check=False,
        capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    seconds = time.monotonic() - began
    after = stamps(folder)
    unharmed = all(after.get(name) == stamp for name, stamp in before.items())
    return Answer(found.returncode, found.stdout, found.stderr, seconds, unharmed)


def environment() -> dict[str, str]:
    return {"OMP_NUM_THREADS": "1"} | os.environ


def bound(memory: int) -> Callable[[], None]:
    """Leaves a process that much beside the program: a torch for CUDA maps gigabytes more."""
    imports = "import ganvas.api; print(open('/proc/self/statm').read().split()[0])"
    line = [sys.executable, "-c", imports]
    pages = subprocess.run(line, env=environment(), check=True, capture_output=True, text=True).stdout
    limit = memory + int(pages) * resource.getpagesize()
    return partial(resource.setrlimit, resource.RLIMIT_AS, (limit, limit))


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    files = [(p, p.stat()) for p in folder.rglob("*") if p.is_file()]
    return {str(p): (s.st_mtime_ns, s.st_size) for p, s in files}


def answer(case: Case, root: Path) -> Answer:
    """In a copy of the prepared folder, so that each case finds it as it was."""
    with tempfile.TemporaryDirectory() as copy:
        folder = Path(copy) / "here"
        shutil.copytree(root, folder)
        try:
            if case.before:
                case.before(folder)
            return run(case.line, folder, case.memory)
        finally:
            if (folder / "full").is_mount():
                subprocess.run(["umount", folder / "full"], check=True)


def answers(cases: list[Case], at_once: int = 2) -> list[Answer]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "here"
        root.mkdir()
        prepare(root)
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(partial(answer, root=root), cases))


def told(found: Answer) -> str:
    """The words without the progress and what is said at every end."""
    lines = [line for line in found.err.splitlines() if line]
    said = [line for line in lines if not line.startswith(("step ", "The model,", "Make more"))]
    return "\n".join(said or lines[-3:-2])


def main() -> None:
    with tempfile.TemporaryDirectory() as cache:
        os.environ["GANVAS_CACHE"] = cache
        found = answers(CASES)
    slowest = max(f.seconds for c, f in zip(CASES, found, strict=True) if c.code)
    print(HEAD.format(slowest=slowest))
    group = ""
    for case, f in zip(CASES, found, strict=True):
        if case.group != group:
            group = case.group
            print(f"\n## {group}")
        print(f"\n**{case.what}**\n\n```console\n$ {case.line}\n{told(f)}\n```\nExit code {f.code}.")
        if f.code != case.code or "Traceback" in f.err:
            print(
                f"bad_input: {case.what}: exit code {f.code}, expected {case.code}\n{f.err}", file=sys.stderr
            )


if __name__ == "__main__":
    main()
