"""From signed distance functions to meshes: coarse to fine, then marching cubes."""

from collections.abc import Callable

import torch
import trimesh
from skimage.measure import marching_cubes
from torch import Tensor

SLOPE_MARGIN = 1.5
"""Factor on the steepest slope at cell centres, because a slope within a cell may be steeper."""
SLOPE_BATCH = 8192
BATCH = 65536


def reconstruct(
    signed_distance: Callable[[Tensor], Tensor], resolution: int = 128, coarse: int = 32, bound: float = 1.0
) -> trimesh.Trimesh:
    """The zero level set of one function from points (N, 3) to distances (N,); see ``reconstruct_all``."""
    return reconstruct_all(lambda points, _: signed_distance(points), 1, resolution, coarse, bound)[0]


def reconstruct_all(
    signed_distance: Callable[[Tensor, Tensor], Tensor],
    shapes: int,
    resolution: int = 128,
    coarse: int = 32,
    bound: float = 1.0,
) -> list[trimesh.Trimesh]:
    """The zero level set of several shapes over the cube [-bound, bound]^3; a mesh without faces if a shape has none.

    ``signed_distance`` maps points (N, 3) and the index (N,) of each point's shape to distances (N,), negative inside.
    Points of all shapes share a batch, which keeps a GPU busy.

    Cells are refined from coarse to fine. A cell is skipped only if the absolute distance at its centre exceeds the
    largest change possible within it. This change is the steepest slope at the centres of the coarse cells around it,
    with a margin, times half the cell's diagonal. So surfaces thinner than a cell are found. The other cells are halved
    until they are two fine cells wide.

    ``resolution`` is the number of fine cells a side. Raises ValueError unless it is a multiple of ``coarse``.
    """
    if resolution % coarse:
        raise ValueError(f"resolution {resolution} must be a multiple of the coarse grid's {coarse}")
    side = coarse
    cells = torch.cartesian_prod(torch.arange(shapes), *[torch.arange(side)] * 3)
    slopes = _slopes(signed_distance, -bound + (cells[:, 1:] + 0.5) * (2 * bound / side), cells[:, 0])
    slopes = torch.nn.functional.max_pool3d(slopes.view(shapes, side, side, side), 3, stride=1, padding=1)
    values = torch.empty(shapes, side, side, side)
    while True:
        centres = -bound + (cells[:, 1:] + 0.5) * (2 * bound / side)
        at_centres = _evaluate(signed_distance, centres, cells[:, 0])
        values[tuple(cells.T)] = at_centres
        slope = slopes[(cells[:, 0], *(cells[:, 1:] // (side // coarse)).T)]
        cells = cells[at_centres.abs() <= SLOPE_MARGIN * slope * (2 * bound / side) * 3**0.5 / 2]
        fine = resolution // side
        if not len(cells) or fine <= 2 or fine % 2:
            break
        side *= 2
        values = _repeated(values, 2)
        cells = _refined(cells, 2, 2)
    # every fine corner takes its cell's value, so a skipped cell has no crossing; the other cells overwrite it
    values = _repeated(values, fine)
    for axis in (1, 2, 3):
        values = torch.cat([values, values.narrow(axis, -1, 1)], dim=axis)
    corners = _refined(cells, fine, fine + 1)
    wide = resolution + 1
    flat = torch.unique(((corners[:, 0] * wide + corners[:, 1]) * wide + corners[:, 2]) * wide + corners[:, 3])
    positions = torch.stack([flat // wide**2 % wide, flat // wide % wide, flat % wide], dim=1)
    values = values.contiguous()
    values.view(-1)[flat] = _evaluate(signed_distance, -bound + positions * (2 * bound / resolution), flat // wide**3)
    return [zero_surface(grid, bound) for grid in values]


def zero_surface(grid: Tensor, bound: float) -> trimesh.Trimesh:
    """Marching cubes over values (S, S, S) at the corners of [-bound, bound]^3; no faces if the sign never changes."""
    if not (grid.min() < 0 < grid.max()):
        return trimesh.Trimesh()
    vertices, faces, _, _ = marching_cubes(grid.numpy(), 0.0, spacing=(2 * bound / (len(grid) - 1),) * 3)
    return trimesh.Trimesh(vertices - bound, faces, process=False)


def _refined(cells: Tensor, times: int, steps: int) -> Tensor:
    """For cells (N, 4), each with its shape: ``steps`` a side of the grid ``times`` as fine, from the cell's corner."""
    offsets = torch.cartesian_prod(torch.zeros(1, dtype=torch.long), *[torch.arange(steps)] * 3)
    return (cells[:, None] * torch.tensor([1, times, times, times]) + offsets).reshape(-1, 4)


def _repeated(values: Tensor, times: int) -> Tensor:
    for axis in (1, 2, 3):
        values = values.repeat_interleave(times, dim=axis)
    return values


def _evaluate(signed_distance: Callable[[Tensor, Tensor], Tensor], points: Tensor, owners: Tensor) -> Tensor:
    if not len(points):
        return torch.empty(0)
    parts = zip(points.float().split(BATCH), owners.split(BATCH), strict=True)
    with torch.no_grad():
        return torch.cat([signed_distance(part, of).float().cpu() for part, of in parts])


@torch.enable_grad()  # the caller may have turned gradients off
def _slopes(signed_distance: Callable[[Tensor, Tensor], Tensor], points: Tensor, owners: Tensor) -> Tensor:
    """The slopes of the functions at points (N, 3): the lengths (N,) of their gradients."""
    slopes = []
    for part, of in zip(points.float().split(SLOPE_BATCH), owners.split(SLOPE_BATCH), strict=True):
        part = part.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(signed_distance(part, of).sum(), part)
        slopes.append(gradient.norm(dim=-1).cpu())
    return torch.cat(slopes)
