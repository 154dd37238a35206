"""Does a critic that learns long enough, the generator at rest, tell the oracle's sequences from samples?

    ganvas reproduce oracle --data seqgan_oracle.npz --rows likelihood --seeds 1
    python benchmarks/critic.py runs/reproduce/oracle seqgan_oracle.npz --steps 3000

The generator is that of the likelihood row. The critics are those of the table's rows, learn by the same
turns as in their meeting, from the 10,000 sequences of the row and fresh samples, and are judged by the
10,000 that are held out, beside as many samples that they have not seen: the share of pairs in which the real
one has the higher verdict (AUC; .5 is a guess), and of both kinds together that are on their side (accuracy).
The best that any critic can do is known: log P(x) under the oracle less that under the generator.

`--judge RUN` says instead how a run of the adversarial stage stands, over temperature as the table has it,
beside the stage of likelihood that it began from: rows of temperature, samples under the oracle with the half
of their 95 % interval, the oracle's sequences under the model, and by how much the row lies beyond the curve
of likelihood.

`--fresh` gives the critics new sequences of the oracle at every step, more than there are to be had: what is
then gained is what 10,000 are too few for.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import ganvas
from ganvas.core.settings import override
from ganvas.data.text import load
from ganvas.recipes.base import adam, find
from ganvas.studies import oracle
from ganvas.studies.beyond import gap
from ganvas.studies.tables.oracle import COMMON, CRITIC, TEMPERATURES, unseen

LENGTH = 20
FEW = 2_000
"""Of each kind, by which the best there is is told."""
ASKED = {"seqgan": CRITIC | {"critic.steps": 1}, "relgan": {"critic.steps": 1}}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="of the reproduction")
    parser.add_argument("oracle")
    parser.add_argument("--critics", default="seqgan,relgan")
    parser.add_argument("--steps", type=int, default=3_000)
    parser.add_argument("--looks", type=int, default=6)
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--judge", type=Path)
    parser.add_argument("--samples", type=int, default=FEW, help="of each temperature, with --judge")
    parser.add_argument("--temperatures", type=float, nargs="+", default=TEMPERATURES)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    law = oracle.read(args.oracle)
    if args.judge:
        print(json.dumps(stands(args, law)))
        return
    likely: Any = ganvas.load(args.folder / "likelihood" / f"seed-{args.seed}", "cpu").objective
    path = next(args.folder.glob(f"sequences-{LENGTH}-*.txt"))
    start = likely.vocabulary.start
    for name in args.critics.split(","):
        settings = COMMON | ASKED[name] | {"text.context": LENGTH + 1}
        recipe = override(find(name), settings)
        data = load(str(path), recipe.text)
        torch.manual_seed(args.seed)
        duel = recipe.build(data.spec)
        duel.model.load_state_dict(likely.model.state_dict())
        real, fake = held_out(duel, data, law, start, args.seed)
        told = {"critic": name, "fresh": args.fresh, "seed": args.seed}
        print(
            json.dumps(told | {"the best there is": judged(*best(duel, law, real[:FEW], fake[:FEW]))}),
            flush=True,
        )
        for line in learnt(duel, recipe, data, law if args.fresh else None, real, fake, args):
            print(json.dumps(told | line), flush=True)


def stands(args: Any, law: oracle.Oracle) -> dict[str, list[list[float | None]]]:
    """The curve of the likelihood stage, and that of the run."""
    after: Any = ganvas.load(args.judge, "cpu").objective
    x, start, curves = unseen(law, LENGTH, FEW, args.folder), after.vocabulary.start, {}
    for name, one in (("before", after.before()), ("after", after)):
        backward = oracle.nll(one.model, start, x, args.temperatures).mean(1).tolist()
        rows = []
        for temperature, back in zip(args.temperatures, backward, strict=True):
            generator = torch.Generator().manual_seed(args.seed)
            made = oracle.sampled(one.model, start, args.samples, LENGTH, temperature, generator)
            nats = law.nll(made)
            spread = 1.96 * float(nats.std()) / len(nats) ** 0.5
            rows.append([temperature, float(nats.mean()), spread, back])
        curves[name] = rows
    curve = [[row[0], row[1], row[3]] for row in curves["before"]]
    for row in curves["after"]:
        row.append(gap([row[0], row[1], row[3]], curve))
    return curves


def held_out(duel: Any, data: Any, law: oracle.Oracle, start: int, seed: int) -> tuple[Tensor, Tensor]:
    """Real sequences that no critic learns from, and as many samples, each after a start and with an end."""
    part = data.held_out
    real = part.ready(part.fetch(np.arange(len(part))))["text"].long()
    generator = torch.Generator().manual_seed(1_000 + seed)
    fake = oracle.sampled(duel.model, start, len(real), LENGTH, 1.0, generator)
    return real, torch.cat([real[:, :1], fake, real[:, :1]], 1)[:, : real.shape[1]]


def best(duel: Any, law: oracle.Oracle, real: Tensor, fake: Tensor) -> list[Tensor]:
    """log P(x) under the oracle less that under the generator, of both kinds."""
    start = duel.vocabulary.start
    return [
        LENGTH * (oracle.nll(duel.model, start, x[:, 1 : LENGTH + 1])[0] - law.nll(x[:, 1 : LENGTH + 1]))
        for x in (real, fake)
    ]


def learnt(
    duel: Any, recipe: Any, data: Any, law: oracle.Oracle | None, real: Tensor, fake: Tensor, args: Any
) -> Iterator[dict[str, Any]]:
    """What the critic can do on the way; with a law, that draws what it learns from."""
    optimiser, rng = adam(recipe)("critic", [*duel.critic.parameters()]), np.random.default_rng(args.seed)
    generator, batch = torch.Generator().manual_seed(args.seed), recipe.training.batch
    seen, began = torch.from_numpy(rng.permutation(len(data))[: len(real)].copy()), time.process_time()
    known = data.ready(data.fetch(seen.numpy()))["text"].long()
    duel.train()
    total = 0.0
    for step in range(1, args.steps + 1):
        rows = known[torch.randint(len(known), (batch,), generator=generator)]
        if law is not None:
            rows[:, 1 : LENGTH + 1] = law.sample(batch, LENGTH, generator)
        for turn in duel.duel(rows, alone=True):
            turn.losses["critic"].backward()
            torch.nn.utils.clip_grad_norm_(duel.critic.parameters(), recipe.training.clip)
            optimiser.step()
            optimiser.zero_grad()
            total += turn.losses["critic"].item()
        if step % (args.steps // args.looks) == 0:
            duel.eval()
            figures = {"held out": judged(verdicts(duel, real), verdicts(duel, fake))}
            figures |= {"learnt from": judged(verdicts(duel, known), verdicts(duel, fake))}
            duel.train()
            yield {"step": step, "loss": round(total / (args.steps // args.looks), 4)} | figures | {
                "processor seconds": round(time.process_time() - began)
            }  # fmt: skip
            total = 0.0


@torch.no_grad()
def verdicts(duel: Any, x: Tensor) -> Tensor:
    """One a sequence: of `seqgan` that on all of it, of `relgan` the mean of all representations."""
    if hasattr(duel, "values"):
        return torch.cat([duel.critic(part)[:, LENGTH - 1] for part in x.split(500)])
    return torch.cat([duel.critic(part[:, 1:]).mean(1) for part in x.split(500)])


def judged(real: Tensor, fake: Tensor) -> dict[str, float]:
    """AUC with the half-width of its 95 % interval (Hanley & McNeil 1982), and accuracy of the best even
    threshold: the median of both kinds."""
    both = torch.cat([real, fake]).double()
    rank = torch.empty_like(both)
    rank[both.argsort()] = torch.arange(1, len(both) + 1, dtype=both.dtype)
    n, m = len(real), len(fake)
    area = float((rank[:n].sum() - n * (n + 1) / 2) / (n * m))
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    spread = (area * (1 - area) + (n - 1) * (q1 - area**2) + (m - 1) * (q2 - area**2)) / (n * m)
    middle = both.median()
    right = float(((real > middle).sum() + (fake <= middle).sum()) / (n + m))
    return {"auc": round(area, 4), "±": round(1.96 * spread**0.5, 4), "accuracy": round(right, 4)}


if __name__ == "__main__":
    main()
