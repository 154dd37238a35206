"""Causal convolutions: what comes out at a place depends on the places before it, row by row, alone."""

from collections.abc import Callable
from itertools import cycle, islice

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

Maps = Float[Tensor, "batch channel height width"]
Labels = Int[Tensor, " batch"] | None

DILATIONS = (1, 2, 4)
"""Of the layers in turn: few of them see far."""
ROWS, COLUMNS = 3, 3
"""What the first layer sees: rows above, columns to each side."""


class Block(nn.Module):
    """A gated layer of both stacks (van den Oord et al. 2016, Conditional PixelCNN, fig. 2), as residuals.

    The vertical stack sees the rows above whole, the horizontal one its own row up to here, and the vertical
    one's output, so that no place before is left unseen. The gate is a * sigmoid(b) as in PixelCNN++.
    Both parts are valid convolutions: padded maps give whole maps, a slab or window gives one row or place.
    """

    def __init__(self, width: int, reach: int, dilation: int, classes: int, dropout: float):
        super().__init__()
        self.side, self.above = reach * dilation, dilation
        self.down = nn.Conv2d(width, 2 * width, (2, 2 * reach + 1), dilation=dilation)
        self.right = nn.Conv2d(width, 2 * width, (1, reach + 1), dilation=dilation)
        self.link = nn.Conv2d(width, 2 * width, 1)
        self.out = nn.Conv2d(width, width, 1)
        self.drop = nn.Dropout2d(dropout) if dropout else nn.Identity()
        self.embed = nn.Embedding(classes, 4 * width) if classes else None
        if self.embed is not None:
            nn.init.normal_(self.embed.weight, 0, 0.2)

    def label(self, label: Labels) -> tuple[Tensor | float, Tensor | float]:
        """What a class adds before the gates (ibid., eq. 4)."""
        if self.embed is None:
            return 0.0, 0.0
        if label is None:
            raise ValueError("this model was built for labels: give one for each item")
        down, right = self.embed(label)[:, :, None, None].chunk(2, 1)
        return down, right

    def vertical(self, v: Maps, slab: Maps, bias: Tensor | float) -> Maps:
        return v + F.glu(self.down(slab) + bias, 1)

    def horizontal(self, h: Maps, window: Maps, linked: Maps) -> Maps:
        return h + self.out(self.drop(F.glu(self.right(window) + linked, 1)))

    def forward(self, v: Maps, h: Maps, label: Labels) -> tuple[Maps, Maps]:
        down, right = self.label(label)
        v = self.vertical(v, F.pad(v, (self.side, self.side, self.above, 0)), down)
        return v, self.horizontal(h, F.pad(h, (self.side, 0)), self.link(v) + right)


class PixelCNN(nn.Module):
    """Picture (and label) -> `out` numbers for each place, from the places before it in raster order."""

    def __init__(
        self, shape: tuple[int, ...], width: int, layers: int, reach: int, out: int, classes: int = 0,
        dropout: float = 0.0,
    ):  # fmt: skip
        super().__init__()
        channels, height, wide = shape
        self.shape, self.width = shape, width
        self.down = nn.Conv2d(channels, width, (ROWS, 2 * COLUMNS + 1))
        self.right = nn.Conv2d(channels, width, (1, COLUMNS))
        self.position = nn.Parameter(torch.zeros(2, width, height, wide))
        self.blocks: list[Block] = nn.ModuleList(  # pyright: ignore[reportAttributeAccessIssue]
            Block(width, reach, d, classes, dropout) for d in islice(cycle(DILATIONS), layers)
        )
        self.head = nn.Sequential(nn.SiLU(), nn.Conv2d(width, width, 1), nn.SiLU(), nn.Conv2d(width, out, 1))

    def forward(self, x: Maps, label: Labels = None) -> Maps:
        v = self.down(F.pad(x, (COLUMNS, COLUMNS, ROWS, -1))) + self.position[0]
        h = self.right(F.pad(x, (COLUMNS, -1))) + self.position[1]
        for block in self.blocks:
            v, h = block(v, h, label)
        return self.head(h)

    @torch.no_grad()
    def generate(self, n: int, label: Labels, pick: Callable[[Maps], Maps]) -> Maps:
        """`n` pictures, place by place: `pick` draws a place, (n, channel, 1, 1), from its `out` numbers.

        Every feature is computed once and kept (Ramachandran et al. 2017): the arithmetic of one pass
        forward, in height x width x layers small steps; memory for a few rows of each layer.
        """
        channels, height, wide = self.shape
        zeros = self.position.new_zeros
        x = zeros(n, channels, ROWS + height, wide + 2 * COLUMNS)
        slabs = [zeros(n, self.width, b.above + 1, wide + 2 * b.side) for b in self.blocks]
        biases = [b.label(label) for b in self.blocks]
        for i in range(height):
            v = self.down(x[:, :, i : i + ROWS]) + self.position[0, :, i : i + 1]
            linked = []
            for k, (block, (down, right)) in enumerate(zip(self.blocks, biases, strict=True)):
                new = F.pad(v, (block.side, block.side))
                slabs[k] = torch.cat([slabs[k][:, :, 1:], new], 2)
                v = block.vertical(v, slabs[k], down)
                linked.append(block.link(v) + right)
            self._row(x[:, :, ROWS + i : ROWS + i + 1], self.position[1, :, i : i + 1], linked, pick)
        return x[:, :, ROWS:, COLUMNS:-COLUMNS].contiguous()

    def _row(self, row: Maps, position: Tensor, linked: list[Maps], pick: Callable[[Maps], Maps]) -> None:
        """Fill in one row, which is padded by COLUMNS on either side."""
        kept = [
            F.pad(torch.zeros_like(m[:, : self.width]), (b.side, 0))
            for m, b in zip(linked, self.blocks, strict=True)
        ]
        for j in range(row.shape[-1] - 2 * COLUMNS):
            h = self.right(row[..., j : j + COLUMNS]) + position[..., j : j + 1]
            for block, h_row, from_above in zip(self.blocks, kept, linked, strict=True):
                h_row[..., j + block.side] = h[..., 0]
                window = h_row[..., j : j + block.side + 1]
                h = block.horizontal(h, window, from_above[..., j : j + 1])
            row[..., j + COLUMNS] = pick(self.head(h))[..., 0]
