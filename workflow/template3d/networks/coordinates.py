"""Products of coordinates in lower precision that keep the coordinates' full precision."""

import torch
from torch import Tensor

PARTS = 3
"""The number of bfloat16 values that hold the 24 bits of a coordinate."""
ALIGNED = 16
"""Matrix products are fast for widths that are multiples of this."""
WHOLE = (torch.float32, torch.float64)
"""Types that hold a coordinate in one part."""


def in_parts(points: Tensor, dtype: torch.dtype) -> list[Tensor]:
    """Split coordinates (N, 3) into parts of lower precision that sum to them; one bfloat16 alone errs by up to 0.004.

    Each part is multiplied by the same weights (``repeated``), and the products are summed in full precision. Only the
    first part has a gradient.
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
    """The weights (K, 3) of coordinates, once for each part of the coordinates."""
    return [weight.to(dtype)] * (1 if dtype in WHOLE else PARTS)


def columns(parts: list[Tensor]) -> Tensor:
    """Parts (N, ...) side by side, padded with zeros to a multiple of ALIGNED columns."""
    missing = -sum(part.shape[1] for part in parts) % ALIGNED
    return torch.cat([*parts, parts[0].new_zeros(len(parts[0]), missing)], dim=1)


def product_dtype(weight: Tensor) -> torch.dtype:
    """The type of matrix products with a weight: autocast's if it is enabled, else the weight's."""
    device = weight.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weight.dtype
