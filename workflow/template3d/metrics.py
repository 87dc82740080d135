"""How far a reconstruction is from the truth."""

import numpy as np
import trimesh
from scipy.spatial import cKDTree

from template3d.meshes import sample_surface


def chamfer(a: np.ndarray, b: np.ndarray) -> float:
    """The Chamfer distance of two point sets: mean squared distance to the nearest, both ways, summed.

    a (N, 3), b (M, 3), in one frame; the result is in that frame's unit, squared.
    Raises ValueError for an empty set or one with non-finite points.

    Source: the report's equation (11); `deep_sdf/metrics/chamfer.py` of DeepSDF.
    """
    for name, points in (("first", a), ("second", b)):
        if len(points) == 0:
            raise ValueError(f"the {name} point set is empty; a Chamfer distance needs points on both sides")
        if not np.isfinite(points).all():
            raise ValueError(f"the {name} point set has non-finite points")
    to_b, _ = cKDTree(b).query(a, workers=-1)
    to_a, _ = cKDTree(a).query(b, workers=-1)
    return float(np.mean(to_b**2) + np.mean(to_a**2))


def chamfer_shapenet_x1000(
    mesh: trimesh.Trimesh, truth: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[float, bool]:
    """The paper's measure of one shape, and whether the mesh has a surface at all.

    ``mesh`` and ``truth`` (N, 3) stand in ShapeNet's frame (diagonal 1); ``count`` points are drawn on the mesh. A mesh
    without faces is a failure, and counts as a single point at the centre of the truth's box.
    """
    if not len(mesh.faces):
        return 1000 * chamfer((truth.min(axis=0) + truth.max(axis=0))[None] / 2, truth), False
    points, _ = sample_surface(mesh, count, rng)
    return 1000 * chamfer(points, truth), True
