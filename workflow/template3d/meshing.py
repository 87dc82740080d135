"""From a signed distance function to a mesh: coarse to fine, then marching cubes."""

from collections.abc import Callable

import torch
import trimesh
from skimage.measure import marching_cubes
from torch import Tensor

SLOPE_MARGIN = 1.5
SLOPE_PROBES = 4096
BATCH = 65536


def reconstruct(
    signed_distance: Callable[[Tensor], Tensor], resolution: int = 128, coarse: int = 32, bound: float = 1.0
) -> trimesh.Trimesh:
    """The zero surface of a function over the cube [-bound, bound]^3, as a mesh; no faces if it has none.

    ``signed_distance`` maps points (N, 3) to distances (N,), negative inside. A coarse cell is left out only if the
    function, at its centre, is larger than it can change within the cell: the steepest slope found anywhere, with a
    margin, times the cell's half diagonal. So what is thinner than a cell is found all the same.

    ``resolution`` is the number of fine cells a side, a multiple of ``coarse``; a ValueError says so.
    """
    if resolution % coarse:
        raise ValueError(f"resolution {resolution} must be a multiple of the coarse grid's {coarse}")
    fine = resolution // coarse
    cell = 2 * bound / coarse
    ticks = -bound + (torch.arange(coarse) + 0.5) * cell
    centres = torch.cartesian_prod(ticks, ticks, ticks)
    at_centres = _evaluate(signed_distance, centres)
    reach = SLOPE_MARGIN * _steepest(signed_distance, centres, at_centres) * cell * 3**0.5 / 2
    kept = at_centres.abs() <= reach
    # every fine corner takes its cell's value, so a cell that was left out has no crossing; kept cells overwrite it
    cells = torch.nonzero(kept.view(coarse, coarse, coarse))
    values = at_centres.view(coarse, coarse, coarse)
    for axis in range(3):
        values = values.repeat_interleave(fine, dim=axis)
        values = torch.cat([values, values.narrow(axis, -1, 1)], dim=axis)
    offsets = torch.arange(fine + 1)
    offsets = torch.cartesian_prod(offsets, offsets, offsets)
    corners = (cells[:, None] * fine + offsets).reshape(-1, 3)
    flat = torch.unique((corners[:, 0] * (resolution + 1) + corners[:, 1]) * (resolution + 1) + corners[:, 2])
    places = torch.stack(
        [flat // (resolution + 1) ** 2, flat // (resolution + 1) % (resolution + 1), flat % (resolution + 1)],
        1,
    )
    values = values.contiguous()
    values.view(-1)[flat] = _evaluate(signed_distance, -bound + places * (2 * bound / resolution))
    if not (values.min() < 0 < values.max()):
        return trimesh.Trimesh()
    vertices, faces, _, _ = marching_cubes(values.numpy(), 0.0, spacing=(2 * bound / resolution,) * 3)
    return trimesh.Trimesh(vertices - bound, faces, process=False)


def _evaluate(signed_distance: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.cat([signed_distance(part).float().cpu() for part in points.float().split(BATCH)])


def _steepest(signed_distance: Callable[[Tensor], Tensor], points: Tensor, values: Tensor) -> float:
    """The steepest slope of the function near its surface, by gradients at the points that lie nearest to it."""
    nearest = points[values.abs().argsort()[:SLOPE_PROBES]].clone().requires_grad_()
    (gradient,) = torch.autograd.grad(signed_distance(nearest).sum(), nearest)
    return gradient.norm(dim=-1).max().item()
