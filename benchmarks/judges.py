"""Whether the judges of speech rank a human voice, flite and espeak-ng as a listener would.

    python benchmarks/judges.py CLIPS core-sounds-en.txt.gz -n 20

CLIPS: the folder of g722 files of Debian's asterisk-core-sounds-en-g722. Needs flite and espeak-ng.
"""

import argparse
import gzip
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from ganvas.data.audio import load
from ganvas.data.phonemes.wording import in_words
from ganvas.metrics.judges import RATE, DistillMOS, SpeakerEncoder, Whisper
from ganvas.metrics.speech import Prosody, Quality, Read, Similarity, plain

SPEAKERS = {
    "flite rms": ["flite", "-voice", "rms", "-t", "TEXT", "-o", "FILE"],
    "flite slt": ["flite", "-voice", "slt", "-t", "TEXT", "-o", "FILE"],
    "flite kal16": ["flite", "-voice", "kal16", "-t", "TEXT", "-o", "FILE"],
    "espeak-ng": ["espeak-ng", "-v", "en-us", "-w", "FILE", "TEXT"],
}


def texts(path):
    rows = (line.partition(": ") for line in gzip.decompress(path.read_bytes()).decode().splitlines())
    return {key: text for key, _, text in rows if text and not set("[(<*") & set(text)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("clips", type=Path)
    parser.add_argument("texts", type=Path)
    parser.add_argument("-n", type=int, default=20)
    args = parser.parse_args()
    known = texts(args.texts)
    long = sorted(
        k for k, text in known.items() if 40 < len(text) < 160 and (args.clips / f"{k}.g722").is_file()
    )
    chosen = [long[k] for k in np.random.default_rng(0).permutation(len(long))]
    judged, others = chosen[: args.n], chosen[args.n : 2 * args.n]
    human = {k: load(args.clips / f"{k}.g722", RATE) for k in judged + others}
    recogniser, quality, encoder = Whisper(), DistillMOS(), SpeakerEncoder()
    voices = {"human": [human[k] for k in judged]}
    with tempfile.TemporaryDirectory() as folder:
        for name, command in SPEAKERS.items():
            voices[name] = []
            for k in judged:
                file = f"{folder}/a.wav"
                fill = {"TEXT": in_words(known[k]), "FILE": file}
                subprocess.run([fill.get(word, word) for word in command], check=True)
                voices[name].append(load(file, RATE))
    for name, sounds in voices.items():
        metrics = [
            Read(recogniser, lambda text: plain(in_words(text))),
            Quality(quality),
            Similarity([human[k] for k in others], encoder),
            Prosody(),
        ]
        start = time.process_time()
        for k, sound in zip(judged, sounds, strict=True):
            metrics[0].update(known[k], sound)
            metrics[1].update(sound)
            metrics[2].update(sound)
            metrics[3].update(sound, in_words(known[k]))
        took = time.process_time() - start
        found = {key: value for metric in metrics for key, value in metric.compute().items()}
        print(name, f"({took / sum(map(len, sounds)) * RATE:.2f} s of processor a second)")
        for key, (value, low, high) in found.items():
            print(f"  {key:22} {value:8.3f}  {low:8.3f} to {high:8.3f}")


if __name__ == "__main__":
    main()
