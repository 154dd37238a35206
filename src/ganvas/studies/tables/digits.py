"""MNIST's digits: reading them from the idx files, and a small network that tells them apart."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from safetensors.torch import load_file
from torch import Tensor, nn

from ganvas.core.errors import UserError
from ganvas.core.files import beside, save_tensors
from ganvas.core.randomness import reseed
from ganvas.data.image import ImageSettings
from ganvas.data.image import load as load_images

SIDE, CLASSES = 28, 10
EPOCHS, BATCH, RATE = 4, 128, 2e-3
ENOUGH = 0.985
"""Of the test digits; PacGAN's classifier has 99.25 %. Below it, something is wrong with the data."""
READ_AT_ONCE = 2_000
Digits = UInt8[np.ndarray, "n 28 28"]


def read(folder: str) -> tuple[Digits, Int[np.ndarray, " n"], Digits, Int[np.ndarray, " m"]]:
    """Training and test digits with their labels; UserError where these are not MNIST's."""
    training = load_images(folder, ImageSettings(size=SIDE))
    held_out = training.held_out
    if held_out is None or training.spec.shape != (1, SIDE, SIDE) or len(training.spec.classes) != CLASSES:
        shape = " x ".join(map(str, training.spec.shape))
        raise UserError(
            f"{folder} is not MNIST: pictures of 1 x 28 x 28 in ten classes with a test part are needed, "
            f"not {shape} in {len(training.spec.classes)}"
        )
    parts = []
    for data in (training, held_out):
        batch = data.fetch(np.arange(len(data)))
        parts += [batch["image"].numpy()[:, 0], batch["label"].numpy()]
    return tuple(parts)  # pyright: ignore[reportReturnType]


class Classifier(nn.Module):
    """Two convolutions, two dense layers."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *(
                nn.Conv2d(1, 32, 3),
                nn.ReLU(),
                nn.Conv2d(32, 64, 3),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Dropout(0.25),
            ),
            *(nn.Flatten(), nn.Linear(64 * 12 * 12, 128), nn.ReLU(), nn.Dropout(0.5)),
        )
        self.verdict = nn.Linear(128, CLASSES)

    def forward(self, x: Float[Tensor, "n 1 28 28"]) -> Float[Tensor, "n 10"]:
        return self.verdict(self.features(x))


def classifier(folder: str, kept: Path, progress: Callable[[int, int], None]) -> tuple[Classifier, float]:
    """It, and its share of right answers on the test digits; trained once and kept in a file."""
    network = Classifier()
    x, y, test_x, test_y = read(folder)
    if kept.is_file():
        network.load_state_dict(load_file(kept))
    else:
        with torch.random.fork_rng(devices=[]):
            reseed(0, "digits")
            network = _trained(x, y, progress)
        with beside(kept) as draft:
            save_tensors(draft, network.state_dict())
    share = float((told(network.eval(), test_x) == test_y).mean())
    if share < ENOUGH:
        raise UserError(
            f"a network tells only {share:.1%} of the test digits of {folder} right: is this MNIST?"
        )
    return network, share


def _trained(x: Digits, y: Int[np.ndarray, " n"], progress: Callable[[int, int], None]) -> Classifier:
    network = Classifier().train()
    total = EPOCHS * (len(x) // BATCH)
    optimiser = torch.optim.Adam(network.parameters(), RATE, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total)
    for step in range(total):
        if step % (len(x) // BATCH) == 0:
            order = torch.randperm(len(x))
        start = step % (len(x) // BATCH) * BATCH
        index = order[start : start + BATCH]  # pyright: ignore[reportPossiblyUnboundVariable]
        optimiser.zero_grad()
        F.cross_entropy(network(_prepared(x[index])), torch.from_numpy(y[index])).backward()
        optimiser.step()
        schedule.step()
        progress(step + 1, total)
    return network


@torch.no_grad()
def told(network: Classifier, digits: Digits) -> Int[np.ndarray, " n"]:
    """The class of each."""
    parts = np.array_split(digits, max(1, len(digits) // READ_AT_ONCE))
    return np.concatenate([network(_prepared(part)).argmax(1).numpy() for part in parts])


def _prepared(digits: Digits) -> Float[Tensor, "n 1 28 28"]:
    return torch.from_numpy(digits)[:, None].float() / 255
