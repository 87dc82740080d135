"""From a signed distance function to a mesh: coarse to fine, then marching cubes."""

from collections.abc import Callable

import torch
import trimesh
from skimage.measure import marching_cubes
from torch import Tensor

SLOPE_MARGIN = 1.5
SLOPE_BATCH = 8192
BATCH = 65536


def reconstruct(
    signed_distance: Callable[[Tensor], Tensor], resolution: int = 128, coarse: int = 32, bound: float = 1.0
) -> trimesh.Trimesh:
    """The zero surface of a function over the cube [-bound, bound]^3, as a mesh; no faces if it has none.

    ``signed_distance`` maps points (N, 3) to distances (N,), negative inside. A cell is left out only if the
    function, at its centre, is larger than it can change within the cell: the steepest slope at the centres of the
    coarse cells around it, with a margin, times the cell's half diagonal. So what is thinner than a cell is found all
    the same. What is kept is halved and asked again, until its cells are two fine ones wide.

    ``resolution`` is the number of fine cells a side, a multiple of ``coarse``; a ValueError says so.
    """
    if resolution % coarse:
        raise ValueError(f"resolution {resolution} must be a multiple of the coarse grid's {coarse}")
    side = coarse
    cells = torch.cartesian_prod(*[torch.arange(side)] * 3)
    values = torch.empty(side, side, side)
    slopes = _slopes(signed_distance, -bound + (cells + 0.5) * (2 * bound / side)).view(1, side, side, side)
    slopes = torch.nn.functional.max_pool3d(slopes, 3, stride=1, padding=1)[0]
    while True:
        centres = -bound + (cells + 0.5) * (2 * bound / side)
        at_centres = _evaluate(signed_distance, centres)
        values[tuple(cells.T)] = at_centres
        slope = slopes[tuple((cells // (side // coarse)).T)]
        cells = cells[at_centres.abs() <= SLOPE_MARGIN * slope * (2 * bound / side) * 3**0.5 / 2]
        fine = resolution // side
        if not len(cells) or fine <= 2 or fine % 2:
            break
        side *= 2
        values = _repeated(values, 2)
        cells = (cells[:, None] * 2 + torch.cartesian_prod(*[torch.arange(2)] * 3)).reshape(-1, 3)
    # every fine corner takes its cell's value, so a cell that was left out has no crossing; kept cells overwrite it
    values = _repeated(values, fine)
    for axis in range(3):
        values = torch.cat([values, values.narrow(axis, -1, 1)], dim=axis)
    corners = (cells[:, None] * fine + torch.cartesian_prod(*[torch.arange(fine + 1)] * 3)).reshape(-1, 3)
    wide = resolution + 1
    flat = torch.unique((corners[:, 0] * wide + corners[:, 1]) * wide + corners[:, 2])
    places = torch.stack([flat // wide**2, flat // wide % wide, flat % wide], dim=1)
    values = values.contiguous()
    values.view(-1)[flat] = _evaluate(signed_distance, -bound + places * (2 * bound / resolution))
    if not (values.min() < 0 < values.max()):
        return trimesh.Trimesh()
    vertices, faces, _, _ = marching_cubes(values.numpy(), 0.0, spacing=(2 * bound / resolution,) * 3)
    return trimesh.Trimesh(vertices - bound, faces, process=False)


def _repeated(values: Tensor, times: int) -> Tensor:
    for axis in range(3):
        values = values.repeat_interleave(times, dim=axis)
    return values


def _evaluate(signed_distance: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    if not len(points):
        return torch.empty(0)
    with torch.no_grad():
        return torch.cat([signed_distance(part).float().cpu() for part in points.float().split(BATCH)])


def _slopes(signed_distance: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    """How steep the function is at points (N, 3): the lengths (N,) of its gradients."""
    slopes = []
    for part in points.float().split(SLOPE_BATCH):
        part = part.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(signed_distance(part).sum(), part)
        slopes.append(gradient.norm(dim=-1).cpu())
    return torch.cat(slopes)
