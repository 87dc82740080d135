"""Measures of the distance between a reconstruction and its ground truth, each in a named frame."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import trimesh
from scipy.spatial import cKDTree

from template3d.data.ground_truth import Truth
from template3d.geometry import visibility
from template3d.geometry.meshes import sample_surface

F_SCORE_PERCENTS = (0.5, 1, 2, 5, 10)
"""Distances of the F-scores, in percent of a ShapeNet unit, a shape's diagonal. Tatarchenko et al. (2019) use 1 %."""


def chamfer(a: np.ndarray, b: np.ndarray) -> float:
    """Compute the Chamfer distance of two point sets: the mean squared distance to the nearest point, summed both ways.

    a (N, 3) and b (M, 3) are in the same frame, of any float type. The result is in that frame's unit, squared, and is
    computed in float64.

    Raises ValueError if a set is empty or has non-finite points.

    Source: the report's equation (11); `deep_sdf/metrics/chamfer.py` of DeepSDF.
    """
    (to_b, _), (to_a, _) = nearest(a, b), nearest(b, a)
    return float(np.mean(to_b**2) + np.mean(to_a**2))


def nearest(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances (N,) and indices (N,) of the points in b (M, 3) nearest to a (N, 3); raises as ``chamfer`` does."""
    for name, points in (("first", a), ("second", b)):
        if len(points) == 0:
            raise ValueError(f"the {name} point set is empty; a distance needs points on both sides")
        if not np.isfinite(points).all():
            raise ValueError(f"the {name} point set has non-finite points")
    return cKDTree(b).query(a)


@dataclass(frozen=True)
class Comparison:
    """The comparison of a reconstruction with its ground truth, in ShapeNet's frame; measures are functions of it."""

    to_truth: np.ndarray
    """Distances (N,) from points on the reconstruction to the nearest ground-truth point."""
    to_reconstruction: np.ndarray
    """Distances (M,) from ground-truth points to the nearest point on the reconstruction."""
    normals_agree: tuple[float, float]
    """Mean absolute cosine between the normals of a point and of its nearest neighbour, both ways."""
    inside: np.ndarray
    """Whether each volume point of the ground truth lies inside the reconstruction; bool (V,)."""
    truth: Truth
    scale: float
    """The scale from ShapeNet's frame to the unit sphere."""

    @classmethod
    def of(
        cls, points: np.ndarray, normals: np.ndarray, inside: np.ndarray, truth: Truth, scale: float
    ) -> "Comparison":
        """From points (N, 3) and normals (N, 3) on a reconstruction, and ``inside``, as in the field."""
        (to_truth, of_truth), (back, of_points) = nearest(points, truth.points), nearest(truth.points, points)
        agree = (
            np.abs((normals * truth.normals[of_truth]).sum(axis=1)).mean(),
            np.abs((truth.normals * normals[of_points]).sum(axis=1)).mean(),
        )
        return cls(to_truth, back, agree, inside, truth, scale)

    @property
    def chamfer(self) -> float:
        """The Chamfer distance, the report's equation (11)."""
        return float(np.mean(self.to_truth**2) + np.mean(self.to_reconstruction**2))


def chamfer_l1_occnet(comparison: Comparison) -> float:
    """Chamfer-L1, with unsquared distances, in a unit in which the longest edge of the shape's box is 10.

    Source: Mescheder et al., "Occupancy Networks" (2019).
    """
    longest = float(np.ptp(comparison.truth.points, axis=0).max())
    both = float(np.mean(comparison.to_truth) + np.mean(comparison.to_reconstruction))
    return 10 / longest * both / 2


def f_score(comparison: Comparison, percent: float) -> float:
    """The harmonic mean of precision and recall: the shares of points at most ``percent`` of a ShapeNet unit away.

    Source: Tatarchenko et al. (2019).
    """
    both = (comparison.to_truth, comparison.to_reconstruction)
    precision, recall = (float(np.mean(distances <= percent / 100)) for distances in both)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


class Measure(NamedTuple):
    """A measure: its title in tables, its function, and its value for a reconstruction without surface."""

    title: str
    of: Callable[[Comparison], float]
    without_surface: float | None = None
    """None means the value of a single point at the centre of the ground truth's box."""

    @property
    def higher_is_better(self) -> bool:
        """Whether it is a score, 0 at worst; otherwise it is a distance."""
        return self.without_surface is not None


MEASURES = {
    "chamfer_shapenet_x1000": Measure("Chamfer, ShapeNet units, x 1000", lambda c: 1000 * c.chamfer),
    "chamfer_unit_x1000": Measure("Chamfer, unit sphere, x 1000", lambda c: 1000 * c.chamfer * c.scale**2),
    "chamfer_l1_occnet_x10": Measure("Chamfer-L1 of Occupancy Networks, x 10", chamfer_l1_occnet),
    **{
        f"f_score_{d}_percent": Measure(f"F-score at {d} %", functools.partial(f_score, percent=d), 0.0)
        for d in F_SCORE_PERCENTS
    },
    "normal_consistency": Measure("normal consistency", lambda c: float(np.mean(c.normals_agree)), 0.0),
    "volumetric_iou": Measure("volumetric IoU", lambda c: iou(c.inside, c.truth.occupied), 0.0),
}
"""The registry of measures, by column; the first one is the paper's. Tables show all of them."""


def measured(comparison: Comparison, has_surface: bool = True) -> dict[str, float]:
    """Every measure of a comparison, by its name in MEASURES."""
    return {
        name: measure.of(comparison) if has_surface or measure.without_surface is None else measure.without_surface
        for name, measure in MEASURES.items()
    }


def measure(
    mesh: trimesh.Trimesh, truth: Truth, scale: float, count: int, directions: int, rng: np.random.Generator
) -> tuple[dict[str, float], bool]:
    """Every measure of one shape, by its name in MEASURES, and whether the mesh has a surface.

    ``mesh`` and ``truth`` are in ShapeNet's frame (diagonal 1); ``scale`` maps it to the unit sphere; ``count`` is the
    number of points sampled on the mesh; ``directions`` is that of ``sdf.signed_distances``. A mesh without faces is a
    failure: its Chamfer distances are those of a single point at the centre of the ground truth's box, and its other
    measures are 0.
    """
    if len(mesh.faces):
        points, normals = sample_surface(mesh, count, rng)
        return measured(Comparison.of(points, normals, inside(mesh, truth, directions), truth, scale)), True
    centre = (truth.points.min(axis=0) + truth.points.max(axis=0))[None] / 2
    nothing = np.zeros(len(truth.occupied), dtype=bool)
    return measured(Comparison.of(centre, np.zeros((1, 3)), nothing, truth, scale), has_surface=False), False


def inside(mesh: trimesh.Trimesh, truth: Truth, directions: int) -> np.ndarray:
    """Whether each volume point of the ground truth is inside a mesh, that is, not visible from outside; bool (V,)."""
    inside = np.zeros(len(truth.occupied), dtype=bool)
    near = ((truth.volume_points >= mesh.bounds[0]) & (truth.volume_points <= mesh.bounds[1])).all(axis=1)
    inside[near] = ~visibility.escapes(visibility.Scene(mesh), truth.volume_points[near], directions)
    return inside


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two sets of points, as masks bool (N,); 0 if both are empty."""
    union = (a | b).sum()
    return float((a & b).sum() / union) if union else 0.0
