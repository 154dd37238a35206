"""How much chance a voice bears, and how much of what it read it has learnt by heart.

    python benchmarks/chance.py RUN CLIPS --held-out 0.08 --variation .667 .4 .2 --rhythm .8 .4 0

First nats a frame of held-out latents given their text, beside those of as many that were learnt from. Then
the held-out prompts of CLIPS are said with each share of chance, and heard by the judges of docs/judges.md:
characters misheard, opinion score, pace.
"""

import argparse

import numpy as np
import torch

import ganvas
from ganvas.core.settings import override
from ganvas.data.load import load
from ganvas.data.phonemes.wording import in_words
from ganvas.metrics.judges import DistillMOS, Whisper
from ganvas.metrics.speech import Quality, Read, plain
from ganvas.models.wave import COPYING
from ganvas.recipes.base import data_settings, find

SEED = 1


def by_heart(objective, items, index: np.ndarray) -> float:
    """Nats a frame, once it reads."""
    objective.stage.fill_(COPYING)
    torch.manual_seed(0)
    return float(objective.figures(items.ready(items.fetch(index)))["reading/held_out"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("clips")
    parser.add_argument("--held-out", type=float, default=0.05)
    parser.add_argument("--variation", type=float, nargs="*", default=[0.667, 0.4, 0.2])
    parser.add_argument("--rhythm", type=float, nargs="*", default=[0.8, 0.4, 0.0])
    args = parser.parse_args()
    torch.set_num_threads(1)
    voice = ganvas.load(args.run, "cpu")
    data = load(args.clips, data_settings(override(find("voice"), {"speech.held_out": args.held_out})))
    unseen = data.held_out
    for name, items in (("held out", unseen), ("learnt from", data)):
        index = np.linspace(0, len(items) - 1, len(unseen)).astype(int)
        print(f"{name}: {by_heart(voice.objective, items, index):.2f} nats a frame", flush=True)
    recogniser, quality = Whisper(), DistillMOS()
    pace = sum(map(len, unseen.transcripts)) / unseen.seconds
    print(f"{len(unseen)} held-out utterances, recorded at {pace:.1f} characters a second")
    for variation in args.variation:
        for rhythm in args.rhythm:
            read, good, lasting = Read(recogniser, lambda text: plain(in_words(text))), Quality(quality), 0
            for text in unseen.transcripts:
                sound = voice.say(text, seed=SEED, variation=variation, rhythm=rhythm)
                lasting += len(sound)
                read.update(text, sound)
                good.update(sound)
            found = read.compute() | good.compute()
            told = {k: f"{v:.3f} ({low:.3f} to {high:.3f})" for k, (v, low, high) in found.items()}
            told["pace"] = f"{sum(map(len, unseen.transcripts)) / lasting * voice.spec.rate:.1f}"
            print(variation, rhythm, told, flush=True)


if __name__ == "__main__":
    main()
