"""VAE 784-400-20: pictures a second of ganvas beside pythae 0.1.2, sides in turn.

    pip install pythae==0.1.2
    python benchmarks/vae_speed.py --threads 2

Both have the same layers (784-400-20-400-784, ReLU), Bernoulli loss, Adam 1e-3 and batches of 100 of the same
pictures; each reads them as its users do: pythae's trainer goes through an epoch, ours makes as many of its
steps, binarisation, gradient norms and averaging of the weights included. One epoch of each in turn; printed
are medians, and the median of the ratios within a round. One thread is measured by its processor time, which
other programs on the machine disturb least; several by the clock. Freed memory is kept, as in any training
of ours; it is of the process, and so pythae has it too.
"""

import argparse
import json
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from training_speed import Pictures, settled

from ganvas.core import memory
from ganvas.core.loop import Trainer
from ganvas.core.run import Run
from ganvas.core.settings import override
from ganvas.data.spec import Spec
from ganvas.recipes.base import adam, find

SIDE, HIDDEN, LATENT = 28, 400, 20
Epoch = Callable[[], None]


def ours(images: np.ndarray, batch: int, folder: Path, precision: str) -> Epoch:
    sizes = {"network": "dense", "hidden": HIDDEN, "latent": LATENT, "observation": "bernoulli"}
    recipe = override(find("vae"), sizes | {"training.batch": batch, "training.precision": precision})
    objective = recipe.build(Spec(kind="image", shape=(1, SIDE, SIDE)))
    trainer = Trainer(
        objective, Pictures(images), recipe.training, Run(folder), 0, torch.device("cpu"), adam(recipe), {}
    )

    def epoch() -> None:
        for _ in range(len(images) // batch):
            trainer.advance()

    return epoch


def pythae(images: np.ndarray, batch: int, folder: Path) -> Epoch:
    """Its own VAE and trainer; the networks are given, since its own have another size."""
    from pythae.data.datasets import BaseDataset  # pyright: ignore[reportMissingImports]
    from pythae.models import VAE, VAEConfig  # pyright: ignore[reportMissingImports]
    from pythae.models.base.base_utils import ModelOutput  # pyright: ignore[reportMissingImports]
    from pythae.models.nn import BaseDecoder, BaseEncoder  # pyright: ignore[reportMissingImports]
    from pythae.trainers import BaseTrainer, BaseTrainerConfig  # pyright: ignore[reportMissingImports]

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            BaseEncoder.__init__(self)
            self.hidden = torch.nn.Linear(SIDE**2, HIDDEN)
            self.mean = torch.nn.Linear(HIDDEN, LATENT)
            self.log_var = torch.nn.Linear(HIDDEN, LATENT)

        def forward(self, x: torch.Tensor) -> ModelOutput:
            h = self.hidden(x.flatten(1)).relu()
            return ModelOutput(embedding=self.mean(h), log_covariance=self.log_var(h))

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            BaseDecoder.__init__(self)
            self.net = torch.nn.Sequential(
                torch.nn.Linear(LATENT, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, SIDE**2)
            )

        def forward(self, z: torch.Tensor) -> ModelOutput:
            return ModelOutput(reconstruction=self.net(z).sigmoid().view(-1, 1, SIDE, SIDE))

    logging.disable(logging.INFO)
    config = VAEConfig(input_dim=(1, SIDE, SIDE), latent_dim=LATENT, reconstruction_loss="bce")
    x = torch.from_numpy(np.array(images)).float() / 255
    trainer = BaseTrainer(
        model=VAE(config, encoder=Encoder(), decoder=Decoder()),
        train_dataset=BaseDataset(x, torch.zeros(len(x))),
        training_config=BaseTrainerConfig(
            output_dir=str(folder), per_device_train_batch_size=batch, learning_rate=1e-3, no_cuda=True
        ),
        callbacks=[],
    )
    trainer.prepare_training()
    return lambda: trainer.train_step(0)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    ask = parser.parse_args()
    torch.set_num_threads(ask.threads)
    memory.keep()
    clock = time.process_time if ask.threads == 1 else time.perf_counter
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "pictures.npy"
        pixels = np.random.default_rng(0).integers(256, size=(ask.items, 1, SIDE, SIDE), dtype=np.uint8)
        np.save(path, pixels)
        images = np.load(path, mmap_mode="r")
        sides = {
            "pythae 0.1.2": pythae(images, ask.batch, Path(name)),
            "ganvas": ours(images, ask.batch, Path(name), "auto"),
            "ganvas, fp32": ours(images, ask.batch, Path(name), "fp32"),
        }
        seconds: dict[str, list[float]] = {side: [] for side in sides}
        for turn in range(ask.rounds + 1):
            for side, epoch in sides.items():
                settled(side.startswith("ganvas"))
                began = clock()
                epoch()
                if turn:  # the first warms up
                    seconds[side].append(clock() - began)
    result = {}
    for side, taken in seconds.items():
        ratios = [peer / own for peer, own in zip(seconds["pythae 0.1.2"], taken, strict=True)]
        speed = ask.items / statistics.median(taken)
        result[side] = {
            "pictures_per_second": round(speed),
            "times pythae": round(statistics.median(ratios), 2),
        }
    if ask.json:
        print(json.dumps(vars(ask) | {"sides": result}))
    else:
        print("\n".join(f"{side:14s} {row}" for side, row in result.items()))


if __name__ == "__main__":
    main()
