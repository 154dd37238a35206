"""One speaker of a voice that has several, as a voice of its own that says the same.

    python benchmarks/one_speaker.py RUN SPEAKER --out alone
    ganvas train --data CLIPS --init-from alone …

What a speaker adds to the symbols and to the flow's layers is added once and for all.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

import ganvas
from ganvas.core.run import Run
from ganvas.models.voice import Voice
from ganvas.nn.speaking import Move

SENTENCE = "The birch canoe slid on the smooth planks."


@torch.no_grad()
def alone(voice: Voice, speaker: int) -> dict[str, torch.Tensor]:
    """Its weights, as those of a voice of one speaker."""
    state = {name: value.clone() for name, value in voice.state_dict().items()}
    beside, tone = voice.prior.voices(torch.tensor([speaker]))
    if beside is None or tone is None:
        raise SystemExit("this voice has one speaker")
    state["prior.text.embedding.weight"] += beside[0]
    for name, module in voice.prior.named_modules():
        if isinstance(module, Move):
            state[f"prior.{name}.trunk.norm.bias"] += tone[0, 0]
    return {k: v for k, v in state.items() if not k.startswith(("prior.speaker.", "prior.tone.", "critic."))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("speaker")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    model = ganvas.load(args.run, "cpu")
    assert isinstance(model.objective, Voice)
    state = alone(model.objective, model.spec.number(args.speaker))
    config = model.config | {"spec": model.config["spec"] | {"classes": []}}
    Run.create(args.out, Run.open(Path(args.run)).record).save_model(state, config)
    difference = model.say(SENTENCE, speaker=args.speaker) - ganvas.load(args.out, "cpu").say(SENTENCE)
    print(f"says the same, to {np.abs(difference).max():.1e}")


if __name__ == "__main__":
    main()
