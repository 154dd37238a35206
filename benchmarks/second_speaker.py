"""Speech by flite of lines of text: a speaker to fine-tune to, or one more to read from beside recordings.

    python benchmarks/second_speaker.py captions.txt -n 90 --voice rms --out rms
    python benchmarks/second_speaker.py captions.txt -n 800 --voice slt --beside CLIPS --out both
    ganvas train --data both/table.csv …

`table.csv` lists path, text and speaker of all; recordings are linked, not copied. Needs flite.
"""

import argparse
import csv
import subprocess
from pathlib import Path

import numpy as np

from ganvas.data.recordings import open_recordings
from ganvas.data.transcripts import find

WORDS = range(8, 16)
"""Of a sentence that is said: some 3 to 5 seconds."""


def recorded(clips: Path, out: Path) -> list[tuple[str, str, str]]:
    """Path, text and speaker of each of the recordings, which `out` links to."""
    (out / clips.name).symlink_to(clips.resolve())
    found = find(open_recordings(str(clips))).rows.items()
    return [(f"{clips.name}/{name}", row.text, clips.name) for name, row in found]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("texts", type=Path, help="a sentence a line")
    parser.add_argument("-n", type=int, default=800)
    parser.add_argument("--voice", default="slt")
    parser.add_argument("--beside", type=Path, help="a folder of recordings with transcripts")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir()
    rows = recorded(args.beside, args.out) if args.beside else []
    lines = dict.fromkeys(line.strip() for line in args.texts.read_text().splitlines())
    fit = [line for line in lines if len(line.split()) in WORDS and line.isascii()]
    (args.out / args.voice).mkdir()
    for k in sorted(np.random.default_rng(0).permutation(len(fit))[: args.n]):
        name = f"{args.voice}/{k:05d}.wav"
        said = ["flite", "-voice", args.voice, "-t", fit[k], "-o", str(args.out / name)]
        subprocess.run(said, check=True)
        rows.append((name, fit[k], args.voice))
    with (args.out / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "text", "speaker"), *rows])


if __name__ == "__main__":
    main()
