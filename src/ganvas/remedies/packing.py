"""Packing: the critic judges several items at once, so it sees lack of variety (Lin et al. 2018, PacGAN)."""

from jaxtyping import Float, Shaped
from torch import Tensor


def pack(x: Float[Tensor, "batch features ..."], m: int) -> Float[Tensor, "packs packed ..."]:
    """`m` items a pack, along channels or features; what does not fill a pack is left out."""
    if m == 1:
        return x
    packs = len(x) // m
    return x[: packs * m].reshape(packs, m * x.shape[1], *x.shape[2:])


def pack_labels(label: Shaped[Tensor, " batch"] | None, m: int) -> Shaped[Tensor, "packs m"] | None:
    """The labels of each pack's items."""
    if label is None:
        return None
    return label[: len(label) // m * m].reshape(-1, m)
