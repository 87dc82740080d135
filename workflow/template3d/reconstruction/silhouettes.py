"""How well a reconstruction's outline agrees with a photo's, seen from the best of many directions."""

from functools import cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from template3d.geometry import isosurface
from template3d.networks.implicit_template import ImplicitTemplate

CELLS = 32
"""Cells a side of the grid of points that stands for a shape."""
PIXELS = 24
"""Pixels a side of an outline: the grid has a point in each."""
EYE_DISTANCE = 2.95
"""From the shape's centre, as for previews."""
AZIMUTHS_DEG, ELEVATIONS_DEG = range(0, 360, 15), (5, 25, 40)
"""The directions, which cover those of both kinds of views."""


def agreement(decoder: ImplicitTemplate, code: Tensor, mask: np.ndarray) -> float:
    """The largest overlap, 0 to 1, of the outline of the shape with ``code`` (L,) and an object's mask (H, W), bool.

    The overlap is the intersection over the union, after both are scaled to fill a square. 0 if the shape is empty.
    """
    points = _inside(decoder, code)
    if not len(points):
        return 0.0
    seen = outline(mask)
    outlines = np.stack([_projected(points, axes) for axes in _directions()])
    return float(((outlines & seen).sum(axis=(1, 2)) / (outlines | seen).sum(axis=(1, 2))).max())


def outline(mask: np.ndarray) -> np.ndarray:
    """A mask (H, W), bool, that is not empty, cropped to its object and centred in a square of ``PIXELS`` a side."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    inner = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    side = max(inner.shape)
    top, left = (side - inner.shape[0]) // 2, (side - inner.shape[1]) // 2
    square = np.zeros((side, side), np.uint8)
    square[top : top + inner.shape[0], left : left + inner.shape[1]] = 255 * inner
    return np.asarray(Image.fromarray(square).resize((PIXELS, PIXELS), Image.Resampling.BOX)) > 127


def _inside(decoder: ImplicitTemplate, code: Tensor) -> np.ndarray:
    """The points (N, 3) of a grid over the unit cube that are inside the shape, or within half a cell of it."""
    axis = (torch.arange(CELLS) + 0.5) * (2 / CELLS) - 1
    grid = torch.cartesian_prod(axis, axis, axis)
    code = code.to(next(decoder.parameters()).device)[None]
    with torch.no_grad():
        parts = [decoder.signed_distance(code, part[None].to(code.device))[0] for part in grid.split(isosurface.BATCH)]
    return grid[torch.cat(parts).cpu() < 1 / CELLS].numpy()


def _projected(points: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """The outline of points (N, 3), seen along the last of the axes (3, 3): down, right and forward."""
    seen = points @ axes.T
    seen = seen[:, :2] / (seen[:, 2:] + EYE_DISTANCE)
    low, high = seen.min(axis=0), seen.max(axis=0)
    pixels = (seen - (low + high) / 2) / max((high - low).max(), 1e-9) * PIXELS + PIXELS / 2
    rows, columns = pixels.astype(int).clip(0, PIXELS - 1).T
    square = np.zeros((PIXELS, PIXELS), dtype=bool)
    square[rows, columns] = True
    return square


@cache
def _directions() -> tuple[np.ndarray, ...]:
    return tuple(_axes(azimuth, elevation) for azimuth in AZIMUTHS_DEG for elevation in ELEVATIONS_DEG)


def _axes(azimuth_deg: float, elevation_deg: float) -> np.ndarray:
    """The camera's axes down, right and forward, as rows (3, 3), in the frame of ``rendering.previews``."""
    azimuth, elevation = np.radians([azimuth_deg, elevation_deg])
    forward = np.array([-np.sin(azimuth) * np.cos(elevation), -np.sin(elevation), np.cos(azimuth) * np.cos(elevation)])
    right = np.cross([0, -1, 0], forward) / np.cos(elevation)
    return np.stack([np.cross(forward, right), right, forward])
