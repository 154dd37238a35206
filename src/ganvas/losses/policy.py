"""Policy gradient (Williams 1992): what is written is rewarded place by place. Places of no text count 0."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ganvas.core import distributed

Places = Float[Tensor, "batch place"]
Written = Bool[Tensor, "batch place"]


def returns(rewards: Places, written: Written, discount: float) -> Places:
    """R_t = sum_{s >= t} discount^(s - t) r_s (de Masson d'Autume et al. 2019, eq. 5)."""
    found, after = [], torch.zeros_like(rewards[:, 0])
    for reward in (rewards * written).unbind(1)[::-1]:
        after = reward + discount * after
        found.append(after)
    return torch.stack(found[::-1], 1)


def advantages(values: Places, written: Written) -> Places:
    """By how much each is above the mean of the others at its place, over all processes.

    An item is not in its own baseline, so that the gradient stays without bias (Kool et al. 2019).
    """
    total, count = (
        distributed.average(x.sum(0)) * distributed.world() for x in (values * written, written.to(values))
    )
    others = ((total - values) / (count - 1).clamp(min=1)) * (count > 1)
    return (values - others) * written


def loss(log_prob: Places, weights: Places) -> Float[Tensor, ""]:
    """-E sum_t A_t log p(x_t | x_<t): its gradient is that of -E sum_t r_t (Yu et al. 2017, eq. 6)."""
    return -(log_prob * weights.detach()).sum(1).mean()
