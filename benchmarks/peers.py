"""Two peers' DCGAN steps, each as its users run it: PyTorch's example, retold, and torchgan 0.1.0 itself."""

import importlib
import os
import sys
import tempfile
import types
import warnings
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

LATENT, WIDTH = 100, 64
ADAM = {"lr": 2e-4, "betas": (0.5, 0.999)}
Step = Callable[[], None]


class Pictures(Dataset):
    """uint8 pictures in memory, one by one as [-1, 1], which is how a DataLoader asks for them."""

    def __init__(self, images: np.ndarray):
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        return torch.from_numpy(np.array(self.images[i])).float().div_(127.5).sub_(1), 0


def forever(images: np.ndarray, batch: int) -> Iterator[Tensor]:
    loader = DataLoader(Pictures(images), batch, shuffle=True, drop_last=True)
    while True:
        for pictures, _ in loader:
            yield pictures


def plain(images: np.ndarray, batch: int) -> Step:
    """The loop of pytorch/examples dcgan: eager, fp32, binary cross entropy, real and fake passes apart.

    As there, the critic's gradients are computed in the generator's turn too, and thrown away at the next.
    """
    return playing(plain_generator(*shape(images)), plain_critic(*shape(images)), images, batch)


def shape(images: np.ndarray) -> tuple[int, int]:
    """Channels, and layers between the first and the last: three at 64 pixels."""
    return images.shape[1], images.shape[2].bit_length() - 4


def playing(generator: nn.Module, critic: nn.Module, images: np.ndarray, batch: int) -> Step:
    """A step of the two, on pictures of their size."""
    adam_g, adam_c = (
        torch.optim.Adam(generator.parameters(), **ADAM),
        torch.optim.Adam(critic.parameters(), **ADAM),
    )
    cross_entropy, batches = nn.BCELoss(), forever(images, batch)

    def step() -> None:
        real = next(batches)
        critic.zero_grad()
        cross_entropy(critic(real).view(-1), torch.ones(batch)).backward()
        fake = generator(torch.randn(batch, LATENT, 1, 1))
        cross_entropy(critic(fake.detach()).view(-1), torch.zeros(batch)).backward()
        adam_c.step()
        generator.zero_grad()
        loss = cross_entropy(critic(fake).view(-1), torch.ones(batch))
        loss.backward()
        adam_g.step()
        loss.item()

    return step


def plain_generator(channels: int, between: int) -> nn.Module:
    widths = [WIDTH << k for k in range(between, -1, -1)]
    layers: list[nn.Module] = [nn.ConvTranspose2d(LATENT, widths[0], 4, 1, 0, bias=False)]
    for k, narrower in pairwise(widths):
        layers += [nn.BatchNorm2d(k), nn.ReLU(True), nn.ConvTranspose2d(k, narrower, 4, 2, 1, bias=False)]
    last = nn.ConvTranspose2d(WIDTH, channels, 4, 2, 1, bias=False)
    return nn.Sequential(*layers, nn.BatchNorm2d(WIDTH), nn.ReLU(True), last, nn.Tanh()).apply(
        as_in_the_paper
    )


def plain_critic(channels: int, between: int) -> nn.Module:
    widths = [WIDTH << k for k in range(between + 1)]
    layers: list[nn.Module] = [nn.Conv2d(channels, WIDTH, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    for k, wider in pairwise(widths):
        layers += [nn.Conv2d(k, wider, 4, 2, 1, bias=False), nn.BatchNorm2d(wider), nn.LeakyReLU(0.2, True)]
    layers += [nn.Conv2d(widths[-1], 1, 4, 1, 0, bias=False), nn.Sigmoid()]
    return nn.Sequential(*layers).apply(as_in_the_paper)


def as_in_the_paper(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1, 0.02)


def torchgan(images: np.ndarray, batch: int) -> Step | None:
    """torchgan's own Trainer, networks and losses at the same sizes; None where it is not installed.

    It imports torchvision only to save grids, which is not timed here: an empty module stands in for it.
    """
    for name in ("TENSORBOARD_LOGGING", "VISDOM_LOGGING", "CONSOLE_LOGGING"):
        os.environ[name] = "0"
    sys.modules.setdefault("torchvision", types.ModuleType("torchvision"))
    warnings.filterwarnings("ignore", category=SyntaxWarning)
    try:
        models, losses, trainers = (
            importlib.import_module(f"torchgan.{m}") for m in ("models", "losses", "trainer")
        )
    except ImportError as error:
        print(f"torchgan is left out: {error}; pip install --no-deps torchgan==0.1.0", file=sys.stderr)
        return None
    shape = {"step_channels": WIDTH, "batchnorm": True}
    adam = {"name": torch.optim.Adam, "args": ADAM}
    networks = {
        "generator": {
            "name": models.DCGANGenerator,
            "args": {"encoding_dims": LATENT, "out_size": 64, "nonlinearity": nn.ReLU()} | shape,
            "optimizer": adam,
        },
        "discriminator": {
            "name": models.DCGANDiscriminator,
            "args": {"in_size": 64, "last_nonlinearity": nn.Identity()} | shape,
            "optimizer": adam,
        },
    }
    folder = Path(tempfile.mkdtemp())
    trainer = trainers.Trainer(
        networks,
        [losses.MinimaxGeneratorLoss(), losses.MinimaxDiscriminatorLoss()],
        device=torch.device("cpu"),
        checkpoints=str(folder / "model"),
        recon=str(folder),
    )
    trainer.batch_size, batches = batch, forever(images, batch)

    def step() -> None:
        trainer.real_inputs = next(batches)
        trainer.train_iter()

    return step
