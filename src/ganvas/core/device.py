"""Where and how precisely to compute."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Literal

import torch

from ganvas.core.errors import UserError

Precision = Literal["auto", "bf16", "fp32"]
EXACT = 1e-6
"""Relative error of a product of 256 x 256 normal numbers that still counts as that of fp32: MKL and oneDNN
have 3e-7, bf16 2e-3."""


def pick(name: str) -> torch.device:
    """`auto`, or a device by its torch name; under torchrun each process takes the GPU of its local rank."""
    import os

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"there is no device {name!r}; it is auto, cpu, cuda, cuda:1 and so on") from None
    try:
        if device.type == "cuda" and device.index is None:
            device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"device {name!r} cannot be used here ({reason}); try --device auto") from None
    return device


def has_bf16(device: torch.device) -> bool:
    """Whether the hardware multiplies bf16 natively; emulation is slower than fp32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return False


def autocast(precision: Precision, device: torch.device) -> Callable[[], AbstractContextManager]:
    """What each turn is computed in: bf16 where asked for, or where `auto` finds the hardware has it."""
    if precision == "bf16" or (precision == "auto" and has_bf16(device)):
        return partial(torch.autocast, device.type, torch.bfloat16)
    return nullcontext


def precise(x: torch.Tensor) -> torch.Tensor:
    """In fp32 at least, for sums that bf16 would blur."""
    return x.float() if x.element_size() < 4 else x


def quicken(device: torch.device, steady: bool = True) -> None:
    """Take the faster matrix product where it is as exact as fp32.

    On AMD processors "medium" leaves MKL for oneDNN at twice the speed and fp32 accuracy; elsewhere it may
    mean bf16, so its error is measured first. `steady`: whether products come again and again in the same
    shapes, since oneDNN takes about a millisecond for each that is new.
    """
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
        return
    torch.set_flush_denormal(True)
    _choose(steady)


@contextmanager
def quick_products() -> Iterator[None]:
    """The faster product on the CPU for a while, for few and large ones."""
    before = torch.get_float32_matmul_precision()
    _choose(steady=True)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _choose(steady: bool) -> None:
    torch.set_float32_matmul_precision("medium" if steady else "highest")
    if steady and _error() > EXACT:
        torch.set_float32_matmul_precision("highest")


def _error() -> float:
    """Relative, of a product of normal numbers, whose sums do not cancel."""
    a, b = torch.randn(2, 256, 256, generator=torch.Generator().manual_seed(0)).unbind()
    exact = (a.double() @ b.double()).float()
    return ((a @ b - exact).norm() / exact.norm()).item()
