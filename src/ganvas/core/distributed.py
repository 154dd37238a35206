"""Several processes as one: started by `torchrun`, over NCCL or gloo; alone, everything here is a no-op."""

import os
from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn


def start(device: torch.device) -> None:
    """Join the other processes that `torchrun` started, if it did."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")


def stop() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


def rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def world() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def barrier() -> None:
    if world() > 1:
        dist.barrier()


def average(values: Tensor) -> Tensor:
    """The mean of `values` over all processes, the same bits on each."""
    if world() > 1:
        dist.all_reduce(values)
        values = values / world()
    return values


def average_gradients(params: Sequence[nn.Parameter]) -> None:
    """Average gradients over processes, in one message for each type of number."""
    if world() == 1:
        return
    for p in params:
        if p.grad is None:  # every process must send the same message
            p.grad = torch.zeros_like(p)
    grads = [p.grad for p in params if p.grad is not None]
    for dtype in sorted({g.dtype for g in grads}, key=str):
        group = [g for g in grads if g.dtype == dtype]
        flat = average(torch.cat([g.flatten() for g in group]))
        for g, part in zip(group, flat.split([g.numel() for g in group]), strict=True):
            g.copy_(part.view_as(g))


class _Average(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values: Tensor) -> Tensor:
        return average(values.clone())

    @staticmethod
    def backward(ctx, *gradients: Tensor) -> Tensor:
        return _Average.apply(gradients[0])  # pyright: ignore[reportReturnType]


def differentiable_average(values: Tensor) -> Tensor:
    """The mean over all processes, through which gradients of any order flow between processes."""
    return _Average.apply(values) if world() > 1 else values  # pyright: ignore[reportReturnType]


def largest(values: Tensor) -> Tensor:
    """The largest of each value over all processes."""
    if world() > 1:
        dist.all_reduce(values, op=dist.ReduceOp.MAX)
    return values


def anyone(yes: bool) -> bool:
    """Whether it is so in any process."""
    if world() == 1:
        return yes
    place = "cuda" if dist.get_backend() == "nccl" else "cpu"
    return bool(largest(torch.tensor(int(yes), device=place)).item())
