"""Signed distances to the visible surface of a mesh, and the points at which they are sampled."""

import os
from collections.abc import Sequence

import igl
import numpy as np
import trimesh

from template3d.geometry import visibility
from template3d.geometry.consistency import consistent
from template3d.geometry.meshes import flaw, sample_surface, without_doubles
from template3d.runtime.errors import InputError

DIRECTIONS = 100
NEAR_STDS = (0.005**0.5, 0.0005**0.5)
UNIFORM_SHARE = 0.06
STRETCH_STD = 0.25
"""Standard deviation of the logarithm of the factors by which copies of a surface are stretched."""
NO_INSIDE = "none of {} points lies inside the mesh: open sheets have no inside to learn"


def signed_distances(
    mesh: trimesh.Trimesh, points: np.ndarray, backend: str = "rays", directions: int = DIRECTIONS
) -> np.ndarray:
    """Compute signed distances from points (N, 3) to the visible surface of a mesh; returns (N,) float32.

    Distances are in the unit of the mesh and negative inside. The visible surface is the part of the mesh that can be
    seen from outside.

    * ``backend="rays"``: the distance is exact. A point is outside if one of ``directions`` fixed rays from it leaves
      the mesh without hitting a face.
    * ``backend="mesh_to_sdf"``: distance and sign come from the virtual scans of the package mesh-to-sdf.

    Raises ValueError for any other backend. Raises InputError if the mesh has no faces, non-finite vertices, no extent
    or no area, if no face can be seen from outside, or if a point or a distance is not finite.

    Source: Park et al., "DeepSDF" (2019), section 5: distances to the surface that virtual cameras see.
    """
    if reason := flaw(mesh):
        raise InputError(f"the mesh {reason}; it has no signed distance")
    single = without_doubles(mesh)
    return _distances(single, visibility.visible_surface(single, directions), points, backend, directions)


def _distances(
    mesh: trimesh.Trimesh, surface: trimesh.Trimesh, points: np.ndarray, backend: str, directions: int
) -> np.ndarray:
    if not np.isfinite(points).all():
        raise InputError("some of the points are not finite; they have no signed distance")
    if backend == "rays":
        distances = _by_rays(mesh, surface, points, directions)
    elif backend == "mesh_to_sdf":
        distances = _by_scans(mesh, points)
    else:
        raise ValueError(f"there is no backend {backend!r}; there are: rays, mesh_to_sdf")
    if bad := int((~np.isfinite(distances)).sum()):
        raise InputError(f"{bad} of {len(points)} distances to the mesh are not finite; check its size and its faces")
    return distances


def _by_rays(mesh: trimesh.Trimesh, surface: trimesh.Trimesh, points: np.ndarray, directions: int) -> np.ndarray:
    queries = np.ascontiguousarray(points, dtype=np.float32)
    distances = unsigned_distances(surface, queries)
    outside = visibility.escapes(visibility.Scene(mesh), queries, directions, clear=distances)
    return np.where(outside, distances, -distances)


def unsigned_distances(mesh: trimesh.Trimesh, points: np.ndarray) -> np.ndarray:
    """Exact unsigned distances (N,) float32 from points (N, 3) to a mesh, in the mesh's unit.

    Raises InputError for a mesh without faces, because libigl would abort the process.
    """
    if not len(mesh.faces):
        raise InputError("the mesh has no faces, so no point has a distance to it")
    order = visibility.by_cells(points)
    vertices, faces = np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces, np.int64)
    squared, _, _ = igl.point_mesh_squared_distance(np.asarray(points[order], np.float64), vertices, faces)
    distances = np.empty(len(points), np.float32)
    distances[order] = np.sqrt(squared)
    return distances


def _by_scans(mesh: trimesh.Trimesh, points: np.ndarray) -> np.ndarray:
    if not os.environ.get("DISPLAY"):
        os.environ.setdefault("PYOPENGL_PLATFORM", "egl")  # pyrender, imported below by mesh_to_sdf, reads it
    import mesh_to_sdf

    centre = (mesh.bounds[0] + mesh.bounds[1]) / 2
    radius = float(np.linalg.norm(mesh.vertices - centre, axis=1).max())
    unit = trimesh.Trimesh((mesh.vertices - centre) / radius, mesh.faces, process=False)
    scans = mesh_to_sdf.get_surface_point_cloud(unit, "scan", 1.0, 100, 400, calculate_normals=False)
    return (radius * scans.get_sdf_in_batches((points - centre) / radius, use_depth_buffer=True)).astype(np.float32)


def sample_points(
    surface: trimesh.Trimesh,
    count: int,
    rng: np.random.Generator,
    near_stds: Sequence[float] = NEAR_STDS,
    uniform_share: float = UNIFORM_SHARE,
    stretched_share: float = 0.0,
) -> np.ndarray:
    """Points (count, 3) at which to sample the distances of a shape in the unit sphere, most of them near its surface.

    Gaussian noise moves points that are uniform by area on the surface; each standard deviation in ``near_stds`` moves
    equally many. The share ``uniform_share`` of all points is uniform in the cube [-1, 1]^3. The share
    ``stretched_share`` lies on stretched copies of the surface: each coordinate of a surface point times its own
    factor, whose logarithm is normal with STRETCH_STD. Few other points show where a thin part, such as a wing, ends.
    Raises ValueError if both shares are more than 1 together.

    The defaults are those of DeepSDF: 47 % per standard deviation, 6 % uniform (Park et al., 2019, section 5, and its
    published preprocessing).
    """
    if uniform_share + stretched_share > 1:
        raise ValueError(f"shares of {uniform_share} and {stretched_share} are more than all points")
    stretched = round(stretched_share * count)
    near_share = 1 - uniform_share - stretched_share
    near = min(round(near_share / len(near_stds) * count), (count - stretched) // len(near_stds))
    seeds, _ = sample_surface(surface, near, rng)
    near_points = [seeds + rng.normal(scale=std, size=seeds.shape) for std in near_stds]
    uniform_points = rng.uniform(-1, 1, size=(count - stretched - near * len(near_stds), 3))
    surface_points, _ = sample_surface(surface, stretched, rng)
    stretched_points = surface_points * rng.lognormal(sigma=STRETCH_STD, size=surface_points.shape)
    return np.concatenate([*near_points, uniform_points, stretched_points])


def sample_sdf(
    mesh_unit: trimesh.Trimesh,
    count: int,
    rng: np.random.Generator,
    backend: str = "rays",
    directions: int = DIRECTIONS,
    near_stds: Sequence[float] = NEAR_STDS,
    uniform_share: float = UNIFORM_SHARE,
    stretched_share: float = 0.0,
) -> dict[str, np.ndarray]:
    """Sample the signed distances of one shape in the unit sphere, most of them near its surface.

    Returns ``pos`` (P, 4), the samples outside, and ``neg`` (M, 4), those inside, both float32, in random order. Each
    row is x, y, z and the signed distance, in the unit of ``mesh_unit``. ``near_stds``, ``uniform_share`` and
    ``stretched_share`` say where the points are, as in ``sample_points``; the surface is the visible one. ``backend``
    and ``directions`` are those of ``signed_distances``.

    P + M is ``count``, less the samples of ``rays`` that ``consistent`` drops. The distances of ``mesh_to_sdf`` are too
    coarse for that.

    Raises InputError if the mesh has a flaw, as for ``signed_distances``, or if no point lies inside, as for an open
    sheet. Raises ValueError for an unknown backend.

    Source: Park et al., "DeepSDF" (2019), section 5, and its published preprocessing.
    """
    if reason := flaw(mesh_unit):
        raise InputError(f"the mesh {reason}; it has no signed distance")
    single = without_doubles(mesh_unit)
    surface = visibility.visible_surface(single, directions)
    points = sample_points(surface, count, rng, near_stds, uniform_share, stretched_share)
    distances = _distances(single, surface, points, backend, directions)
    samples = np.column_stack([points, distances]).astype(np.float32)
    inside = distances < 0
    # in random order, so that any window of the file is an unbiased sample
    order = rng.permutation(count)
    samples, inside = samples[order], inside[order]
    outer, inner = samples[~inside], samples[inside]
    if backend == "rays":
        inner, outer = consistent(inner, outer)
    if not len(inner):
        raise InputError(NO_INSIDE.format(count))
    return {"pos": outer, "neg": inner}


def check_inside(mesh_unit: trimesh.Trimesh, directions: int = DIRECTIONS, count: int = 4000) -> None:
    """Raise InputError unless some of ``count`` samples lie inside a mesh in the unit sphere; an open sheet fails."""
    single = without_doubles(mesh_unit)
    points = sample_points(single, count, np.random.default_rng(0))
    if visibility.escapes(visibility.Scene(single), points, directions).all():
        raise InputError(NO_INSIDE.format(count))
