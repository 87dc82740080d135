"""Coordinates in full precision through products of a lower one."""

import torch
from torch import Tensor

PARTS = 3
"""So many bfloat16 numbers hold the 24 bits of a coordinate."""
ALIGNED = 16
WHOLE = (torch.float32, torch.float64)
"""Types in which a coordinate is a single part."""


def in_parts(points: Tensor, dtype: torch.dtype) -> list[Tensor]:
    """Coordinates (N, 3) as parts of a lower precision whose sum they are: bfloat16 alone would move a place by 0.004.

    Each part meets the same weights (``repeated``), and products are summed in full precision. The first part has the
    gradient.
    """
    if dtype in WHOLE:
        return [points.to(dtype)]
    points = points.float()
    parts = [points.to(dtype)]
    rest = points.detach()
    for _ in range(PARTS - 1):
        rest = rest - parts[-1].detach().float()
        parts.append(rest.to(dtype))
    return parts


def repeated(weight: Tensor, dtype: torch.dtype) -> list[Tensor]:
    """The weights (K, 3) of coordinates, once for each of their parts."""
    return [weight.to(dtype)] * (1 if dtype in WHOLE else PARTS)


def columns(parts: list[Tensor]) -> Tensor:
    """Parts (N, ...) side by side, and zeros up to a width that matrix products like."""
    missing = -sum(part.shape[1] for part in parts) % ALIGNED
    return torch.cat([*parts, parts[0].new_zeros(len(parts[0]), missing)], dim=1)


def product_dtype(weight: Tensor) -> torch.dtype:
    """What matrix products with a weight are computed in now: autocast's type, or the weight's."""
    device = weight.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weight.dtype
