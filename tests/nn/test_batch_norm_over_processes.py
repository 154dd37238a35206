"""Two gloo processes see the statistics, and get the gradients, of one on the joined batch."""

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

from ganvas.core.distributed import average_gradients
from ganvas.nn.norm import BatchNorm


def penalised(net, x):
    """A loss with a gradient penalty, so that second derivatives cross processes too."""
    x = x.clone().requires_grad_()
    y = net(x).square().flatten(1).sum(1)
    (slope,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    return y.mean() + slope.square().flatten(1).sum(1).mean()


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 3, 3), BatchNorm(3), nn.Tanh(), nn.Conv2d(3, 2, 3), BatchNorm(2)
    ).double()


def data():
    return torch.randn(8, 2, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def process(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    net = network()
    penalised(net, data().chunk(2)[rank]).backward()
    average_gradients(list(net.parameters()))
    torch.save(([p.grad for p in net.parameters()], dict(net.named_buffers())), f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def test_two_processes_equal_one(tmp_path):
    mp.spawn(process, (str(tmp_path),), nprocs=2)
    net = network()
    penalised(net, data()).backward()
    for rank in range(2):
        grads, buffers = torch.load(tmp_path / f"{rank}.pt")
        for p, grad in zip(net.parameters(), grads, strict=True):
            torch.testing.assert_close(p.grad, grad, rtol=1e-9, atol=1e-9)
        for name, value in net.named_buffers():
            torch.testing.assert_close(value, buffers[name])
