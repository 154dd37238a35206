"""How often a picture's size can be halved."""

from ganvas.core.errors import UserError


def halvings(height: int, width: int, smallest: int = 4) -> tuple[int, int, int]:
    """How many halvings lead to the smallest feature map, and that map's height and width."""
    h, w, count = height, width, 0
    while h % 2 == 0 and w % 2 == 0 and min(h, w) > smallest:
        h, w, count = h // 2, w // 2, count + 1
    if count == 0 or max(h, w) > 16:
        raise UserError(
            f"Pictures of {height} x {width} cannot be halved down to about {smallest} x {smallest}: "
            f"choose a size that is a power of two, or a small number times one (32, 48, 64, 96, 128 ...)."
        )
    return count, h, w
