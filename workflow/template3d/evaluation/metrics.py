"""How far a reconstruction is from the truth, on every ruler of the field, each in a named frame."""

import numpy as np
import trimesh
from scipy.spatial import cKDTree

from template3d.data.ground_truth import Truth
from template3d.geometry import visibility
from template3d.geometry.meshes import sample_surface

F_SCORE_DISTANCE = 0.01
"""In ShapeNet units, so 1 % of a shape's diagonal (Tatarchenko et al., 2019)."""
DIRECTIONS = 100
MEASURES = (
    "chamfer_shapenet_x1000",
    "chamfer_unit_x1000",
    "chamfer_l1_occnet_x10",
    "f_score_1_percent",
    "normal_consistency",
    "volumetric_iou",
)
"""The names of ``measure``'s values; the first one is the paper's."""


def chamfer(a: np.ndarray, b: np.ndarray) -> float:
    """The Chamfer distance of two point sets: mean squared distance to the nearest, both ways, summed.

    a (N, 3), b (M, 3), in one frame; the result is in that frame's unit, squared.
    Raises ValueError for an empty set or one with non-finite points.

    Source: the report's equation (11); `deep_sdf/metrics/chamfer.py` of DeepSDF.
    """
    (to_b, _), (to_a, _) = nearest(a, b), nearest(b, a)
    return float(np.mean(to_b**2) + np.mean(to_a**2))


def nearest(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For points a (N, 3), distance (N,) to the nearest of b (M, 3) and its index (N,); ValueError as ``chamfer``'s."""
    for name, points in (("first", a), ("second", b)):
        if len(points) == 0:
            raise ValueError(f"the {name} point set is empty; a distance needs points on both sides")
        if not np.isfinite(points).all():
            raise ValueError(f"the {name} point set has non-finite points")
    return cKDTree(b).query(a, workers=-1)


def measure(
    mesh: trimesh.Trimesh, truth: Truth, scale: float, count: int, rng: np.random.Generator
) -> tuple[dict[str, float], bool]:
    """Every measure of one shape, by the names in ``MEASURES``, and whether the mesh has a surface at all.

    ``mesh`` and ``truth`` stand in ShapeNet's frame (diagonal 1); ``scale`` leads from it into the unit sphere;
    ``count`` points are drawn on the mesh. A mesh without faces is a failure: its Chamfer distances are those of a
    single point at the centre of the truth's box, and all else is 0.
    """
    if len(mesh.faces):
        points, normals = sample_surface(mesh, count, rng)
        return of_points(points, normals, truth, scale) | {"volumetric_iou": volumetric_iou(mesh, truth)}, True
    centre = (truth.points.min(axis=0) + truth.points.max(axis=0))[None] / 2
    values = of_points(centre, np.zeros((1, 3)), truth, scale)
    return values | {"f_score_1_percent": 0.0, "volumetric_iou": 0.0}, False


def of_points(points: np.ndarray, normals: np.ndarray, truth: Truth, scale: float) -> dict[str, float]:
    """The measures that points (N, 3) and normals (N, 3) on a reconstruction are enough for."""
    (to_truth, of_truth), (to_points, of_points) = nearest(points, truth.points), nearest(truth.points, points)
    squared = float(np.mean(to_truth**2) + np.mean(to_points**2))
    longest = float(np.ptp(truth.points, axis=0).max())
    precision, recall = (float(np.mean(distances <= F_SCORE_DISTANCE)) for distances in (to_truth, to_points))
    agreement = [
        np.abs((normals * truth.normals[of_truth]).sum(axis=1)).mean(),
        np.abs((truth.normals * normals[of_points]).sum(axis=1)).mean(),
    ]
    return {
        "chamfer_shapenet_x1000": 1000 * squared,
        "chamfer_unit_x1000": 1000 * squared * scale**2,
        # Mescheder et al., "Occupancy Networks" (2019): distances, not squared, where the longest edge of the box is 10
        "chamfer_l1_occnet_x10": 10 / longest * float(np.mean(to_truth) + np.mean(to_points)) / 2,
        "f_score_1_percent": 2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        "normal_consistency": float(np.mean(agreement)),
    }


def volumetric_iou(mesh: trimesh.Trimesh, truth: Truth) -> float:
    """Intersection over union of the insides of a mesh and of the truth, over the truth's volume points.

    Inside is what cannot be seen from outside, in both.
    """
    inside = np.zeros(len(truth.occupied), dtype=bool)
    near = ((truth.volume_points >= mesh.bounds[0]) & (truth.volume_points <= mesh.bounds[1])).all(axis=1)
    inside[near] = ~visibility.escapes(visibility.Scene(mesh), truth.volume_points[near], DIRECTIONS)
    return iou(inside, truth.occupied)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two sets of points, given as bool (N,); 0 where both are empty."""
    union = (a | b).sum()
    return float((a & b).sum() / union) if union else 0.0
