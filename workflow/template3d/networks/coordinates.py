"""Coordinates in full precision through products of a lower one."""

import torch
from torch import Tensor

PARTS = 3
"""So many bfloat16 numbers hold the 24 bits of a coordinate."""
ALIGNED = 16


def in_parts(points: Tensor, dtype: torch.dtype) -> list[Tensor]:
    """Coordinates (N, 3) as parts of a lower precision whose sum they are: bfloat16 alone would move a place by 0.004.

    Each part meets the same weights (``repeated``), and products are summed in full precision. The first part has the
    gradient.
    """
    if dtype == torch.float32:
        return [points.float()]
    points = points.float()
    parts = [points.to(dtype)]
    rest = points.detach()
    for _ in range(PARTS - 1):
        rest = rest - parts[-1].detach().float()
        parts.append(rest.to(dtype))
    return parts


def repeated(weight: Tensor, dtype: torch.dtype) -> list[Tensor]:
    """The weights (K, 3) of coordinates, once for each of their parts."""
    return [weight.to(dtype)] * (1 if dtype == torch.float32 else PARTS)


def columns(parts: list[Tensor]) -> Tensor:
    """Parts (N, ...) side by side, and zeros up to a width that matrix products like."""
    missing = -sum(part.shape[1] for part in parts) % ALIGNED
    return torch.cat([*parts, parts[0].new_zeros(len(parts[0]), missing)], dim=1)


def product_dtype(device: torch.device) -> torch.dtype:
    """What matrix products are computed in now: autocast's type, or float32."""
    return torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else torch.float32
