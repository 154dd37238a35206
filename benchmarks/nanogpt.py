"""tinyshakespeare in the same seconds: our default recipe beside nanoGPT's recipe for CPUs.

    python benchmarks/nanogpt.py tinyshakespeare.txt --seconds 600 --threads 2 --seeds 3

Theirs is written anew from what is published: README.md and config/train_shakespeare_char.py of
karpathy/nanoGPT, “I only have a macbook”. Characters; 4 layers, 4 heads, width 128, learnt places, layer norm
without bias, GELU, tied embedding, no dropout; blocks of 64, batch 12; AdamW 1e-3 (beta2 .99, decay .1 of
matrices), 100 steps of warm-up, then a cosine down to 1e-4, gradients clipped at 1; fp32, not compiled. It
has 2,000 steps there; here as many as fit into the seconds, with the cosine fitted to them. Evaluation and
its time are left out on both sides.

Both train on the first 90 % of the characters and are judged by all of the last 10 %, in nats a character, in
blocks of 64 that do not overlap; ours in blocks of its own context too.
"""

import argparse
import json
import math
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import ganvas
from ganvas.core.device import quicken
from ganvas.core.loop import Observer

BLOCK, BATCH, LAYERS, HEADS, WIDTH = 64, 12, 4, 4, 128
RATE, LOWEST, WARMUP, DECAY, CLIP = 1e-3, 1e-4, 100, 0.1, 1.0
TRIED = 10
"""Steps by which the speed is known."""
REFIT = 100
"""Steps after which it is looked at again."""


class Norm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.weight.shape, self.weight, None, 1e-5)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.ln1, self.ln2 = Norm(), Norm()
        self.attention = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH, bias=False), nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.attention(self.ln1(x)).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.ln2(x))))


class NanoGPT(nn.Module):
    def __init__(self, characters: int):
        super().__init__()
        self.embedding, self.places = nn.Embedding(characters, WIDTH), nn.Embedding(BLOCK, WIDTH)
        self.blocks, self.norm = nn.Sequential(*(Block() for _ in range(LAYERS))), Norm()
        for name, weight in self.named_parameters():
            if weight.ndim > 1:
                last = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(weight, 0, 0.02 / math.sqrt(2 * LAYERS) if last else 0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens) + self.places.weight[: tokens.shape[1]]
        return self.norm(self.blocks(x)) @ self.embedding.weight.T


def rate(step: int, total: int) -> float:
    if step < WARMUP:
        return RATE * (step + 1) / (WARMUP + 1)
    share = min(1.0, (step - WARMUP) / max(1, total - WARMUP))
    return LOWEST + 0.5 * (1 + math.cos(math.pi * share)) * (RATE - LOWEST)


def theirs(training: Tensor, seconds: float, seed: int) -> tuple[NanoGPT, int]:
    """Trained for so long, and its steps."""
    torch.set_float32_matmul_precision("highest")
    torch.manual_seed(seed)
    model = NanoGPT(int(training.max()) + 1)
    groups = [[p for p in model.parameters() if (p.ndim > 1) == wanted] for wanted in (True, False)]
    optimiser = torch.optim.AdamW(
        [{"params": groups[0], "weight_decay": DECAY}, {"params": groups[1], "weight_decay": 0.0}],
        RATE,
        (0.9, 0.99),
    )
    step, total, began = 0, 2_000, time.monotonic()
    while (spent := time.monotonic() - began) < seconds:
        if step == TRIED or (step and step % REFIT == 0):
            total = max(step + 1, round(step * seconds / spent))
        for group in optimiser.param_groups:
            group["lr"] = rate(step, total)
        first = torch.randint(len(training) - BLOCK, (BATCH,))
        x = torch.stack([training[k : k + BLOCK] for k in first.tolist()])
        y = torch.stack([training[k + 1 : k + 1 + BLOCK] for k in first.tolist()])
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        step += 1
    return model.eval(), step


@torch.no_grad()
def nats(model: nn.Module, text: Tensor, block: int = BLOCK) -> float:
    """A character, of all but the first, each from those before it in its block."""
    total = 0.0
    for start in range(0, len(text) - 1, block * 64):
        part = text[start : start + block * 64 + 1]
        whole = (len(part) - 1) // block * block
        rows = [(part[:whole].view(-1, block), part[1 : whole + 1].view(-1, block))] if whole else []
        rows += [(part[None, whole:-1], part[None, whole + 1 :])] if whole < len(part) - 1 else []
        total += sum(F.cross_entropy(model(x).mT.float(), y, reduction="sum").item() for x, y in rows)
    return total / (len(text) - 1)


def ours(
    path: Path, seconds: float, seed: int, folder: Path, settings: dict[str, str]
) -> tuple[nn.Module, int, int]:
    """Our network, trained for so long, its context, and its steps."""
    quicken(torch.device("cpu"))
    quiet = Observer(said=lambda sentence: None)
    run = ganvas.train(
        path,
        "lm",
        out=folder,
        budget=seconds,
        seed=seed,
        doctor="off",
        settings={"training.snapshots": 0, "training.checkpoint_every": 3600} | settings,
        observer=quiet,
    )
    model = ganvas.load(folder, "cpu")
    return model.objective.get_submodule("model"), model.spec.shape[0], run.progress()["step"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("text", type=Path)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", choices=("theirs", "ours"))
    parser.add_argument("--set", nargs="*", default=[], help="settings of ours, as in model.width=128")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    raw = np.frombuffer(args.text.read_bytes(), np.uint8).astype(np.int64)
    if raw.max() > 127:
        parser.error("characters are bytes in plain ASCII only")
    known, cut = np.unique(raw), int(0.9 * len(raw))
    characters, whole = torch.from_numpy(np.searchsorted(known, raw)), torch.from_numpy(raw)
    settings = dict(pair.split("=", 1) for pair in args.set)
    for seed in range(args.seeds):
        found: dict[str, object] = {"seconds": args.seconds, "threads": args.threads, "seed": seed}
        if args.only != "ours":
            model, steps = theirs(characters[:cut], args.seconds, seed)
            found["nanoGPT"] = {"steps": steps, "nats_per_character": round(nats(model, characters[cut:]), 4)}
        if args.only != "theirs":
            with tempfile.TemporaryDirectory() as folder:
                net, context, steps = ours(args.text, args.seconds, seed, Path(folder) / "run", settings)
            own = {
                f"blocks of {block}": round(nats(net, whole[cut:], block), 4) for block in {BLOCK, context}
            }
            found["ganvas"] = {"steps": steps, "nats_per_character": own}
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
