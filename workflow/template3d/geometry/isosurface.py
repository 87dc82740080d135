"""From signed distance functions to meshes: coarse to fine, then marching cubes."""

from collections.abc import Callable, Iterator

import torch
import trimesh
from skimage.measure import marching_cubes
from torch import Tensor

SLOPE_MARGIN = 1.5
"""Factor on the steepest slope that was found around a cell, because a slope in between may be steeper."""
FARTHEST = 1.25**0.5
"""Largest distance in a cube, in sides, to the nearer one of two opposite corners."""
FARTHEST_SUM = 1 + 2**0.5
"""Largest sum of the distances in a cube, in sides, to two opposite corners."""
GRADIENT_BATCH = 8192
"""Most points in a query with gradients, because it stores all activations."""
BATCH = 2048
"""Points in one query on a CPU, so that a network's activations stay in the processor's cache."""


def reconstruct(
    signed_distance: Callable[[Tensor], Tensor],
    resolution: int = 128,
    coarse: int = 32,
    bound: float = 1.0,
    batch: int = BATCH,
) -> trimesh.Trimesh:
    """The zero level set of one function from points (N, 3) to distances (N,); see ``reconstruct_all``."""
    return reconstruct_all(lambda points, _: signed_distance(points), 1, resolution, coarse, bound, batch)[0]


def reconstruct_all(
    signed_distance: Callable[[Tensor, Tensor], Tensor],
    shapes: int,
    resolution: int = 128,
    coarse: int = 32,
    bound: float = 1.0,
    batch: int = BATCH,
) -> list[trimesh.Trimesh]:
    """The zero level set of several shapes over the cube [-bound, bound]^3; a mesh without faces if a shape has none.

    ``signed_distance`` maps points (N, 3) and the index (N,) of each point's shape to distances (N,), negative inside.
    Points of all shapes share a batch of at most ``batch``, which keeps a GPU busy.

    Cells are refined from coarse to fine. A cell is skipped only if the absolute distance at its centre exceeds the
    largest change possible within it, and no neighbour's distance has the other sign. This change is the steepest slope
    at the centres of the coarse cells around it, with a margin, times half the cell's diagonal. So surfaces thinner
    than a cell are found. Cells two fine cells wide are not halved. Distances at their corners and centres decide which
    octants are evaluated, by the slope between these points if it is less steep.

    ``resolution`` is the number of fine cells a side. Raises ValueError unless it is a multiple of ``coarse``.
    """
    if resolution % coarse:
        raise ValueError(f"resolution {resolution} must be a multiple of the coarse grid's {coarse}")
    query, side = _Query(signed_distance, bound, batch), coarse
    cells = torch.cartesian_prod(torch.arange(shapes), *[torch.arange(side)] * 3)
    at_centres, slopes_there = query.with_slopes(cells, side)
    values = at_centres.view(shapes, side, side, side)
    coarse_slopes = _largest_around(slopes_there.view(shapes, side, side, side))
    while True:
        slopes = coarse_slopes[(cells[:, 0], *(cells[:, 1:] // (side // coarse)).T)]
        near = values[tuple(cells.T)].abs() <= SLOPE_MARGIN * slopes * query.width(side) * 3**0.5 / 2
        near |= ((_largest_around(values) > 0) & (_largest_around(-values) > 0))[tuple(cells.T)]
        cells, slopes = cells[near], slopes[near]
        fine = resolution // side
        if not len(cells) or fine <= 2 or fine % 2:
            break
        side *= 2
        values, cells = _repeated(values, 2), _refined(cells, 2, 2)
        values[tuple(cells.T)] = query.at_centres(cells, side)
    # every fine corner takes its cell's value, so a skipped cell has no crossing; the other cells overwrite it
    values = _repeated(values, fine)
    for axis in (1, 2, 3):
        values = torch.cat([values, values.narrow(axis, -1, 1)], dim=axis)
    values = values.contiguous()
    if fine == 2:
        query.at_corners(_refined(cells, 1, 2) * torch.tensor([1, 2, 2, 2]), values)
        corners = _octant_corners(cells, values, slopes * query.width(resolution))
    else:
        corners = _refined(cells, fine, fine + 1)
    query.at_corners(corners, values)
    return [zero_surface(grid, bound) for grid in values]


class _Query:
    """The functions on grids over the cube, at the centres of cells or at their corners."""

    def __init__(self, signed_distance: Callable[[Tensor, Tensor], Tensor], bound: float, batch: int) -> None:
        self.signed_distance, self.bound, self.batch = signed_distance, bound, batch

    def width(self, side: int) -> float:
        """The width of a cell, of ``side`` cells a side."""
        return 2 * self.bound / side

    def at_centres(self, cells: Tensor, side: int) -> Tensor:
        """Distances (N,) at the centres of cells (N, 4), each with its shape."""
        return self._distances(cells, 0.5, side)

    def with_slopes(self, cells: Tensor, side: int) -> tuple[Tensor, Tensor]:
        """Distances (N,) at the centres of cells (N, 4), and the lengths (N,) of their gradients."""
        values, slopes = [], []
        with torch.enable_grad():  # the caller may have turned gradients off
            for points, owners in self._parts(cells, 0.5, side, min(self.batch, GRADIENT_BATCH)):
                points.requires_grad_()
                distances = self.signed_distance(points, owners)
                (gradient,) = torch.autograd.grad(distances.sum(), points)
                values.append(distances.detach().float().cpu())
                slopes.append(gradient.norm(dim=-1).float().cpu())
        return torch.cat(values), torch.cat(slopes)

    def at_corners(self, corners: Tensor, values: Tensor) -> None:
        """Write the distances at corners (N, 4), each with its shape, into the grid ``values`` (B, S, S, S)."""
        if not len(corners):
            return
        across = values.shape[1]
        wanted = torch.zeros(values.numel(), dtype=torch.bool)
        wanted[((corners[:, 0] * across + corners[:, 1]) * across + corners[:, 2]) * across + corners[:, 3]] = True
        flat = wanted.nonzero()[:, 0]
        grid_points = torch.stack(torch.unravel_index(flat, values.shape), dim=1)
        values.view(-1)[flat] = self._distances(grid_points, 0.0, across - 1)

    def _distances(self, cells: Tensor, offset: float, side: int) -> Tensor:
        """Distances (N,) at ``offset`` in cells, or at corners, (N, 4)."""
        with torch.no_grad():
            parts = self._parts(cells, offset, side, self.batch)
            return torch.cat([self.signed_distance(*part).float().cpu() for part in parts])

    def _parts(self, cells: Tensor, offset: float, side: int, batch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Points (N, 3) and their shapes (N,), of cells or corners (M, 4), at most ``batch`` at a time."""
        for part in cells.split(batch):
            yield -self.bound + (part[:, 1:] + offset) * self.width(side), part[:, 0]


def _largest_around(values: Tensor) -> Tensor:
    """The largest of the values (B, S, S, S) of each cell and of its neighbours."""
    return torch.nn.functional.max_pool3d(values, 3, stride=1, padding=1)


def _octant_corners(cells: Tensor, values: Tensor, change: Tensor) -> Tensor:
    """The fine corners (M, 4) that are not in ``values`` yet, of those octants of cells that the surface can cross.

    The cells (N, 4) are two fine cells wide. The distances at their corners and centres are in ``values``. Over a fine
    cell they change by ``change`` (N,) at most, or by as much as between these points around it, if that is less; with
    the margin. Two opposite corners of an octant are a corner and the centre of a cell.
    """
    octants = _refined(cells, 2, 2)
    towards_corner = octants % 2
    towards_corner[:, 0] = 0  # the index of the shape
    at_corner = values[tuple((octants + towards_corner).T)]
    at_centre = values[tuple((octants + torch.tensor([0, 1, 1, 1]) - towards_corner).T)]
    found = torch.zeros([len(values), *[values.shape[1] // 2] * 3])
    found[tuple(cells.T)] = (at_corner - at_centre).abs().view(-1, 8).amax(dim=1) / 3**0.5
    change = SLOPE_MARGIN * torch.minimum(change, _largest_around(found)[tuple(cells.T)]).repeat_interleave(8)
    pair = torch.stack([at_corner, at_centre]).abs()
    possible = (pair.amin(dim=0) <= FARTHEST * change) & (pair.sum(dim=0) <= FARTHEST_SUM * change)
    corners = _refined(octants[possible | (at_corner * at_centre <= 0)], 1, 2)
    odd = (corners[:, 1:] % 2).sum(dim=1)
    return corners[(odd > 0) & (odd < 3)]


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
