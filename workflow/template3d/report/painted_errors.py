"""Precision and recall painted on meshes: where a reconstruction is off, and what it lacks."""

from typing import Any

import numpy as np
import trimesh

from template3d.evaluation.metrics import nearest
from template3d.geometry.meshes import glb_bytes, ply_bytes, sample_surface
from template3d.report import colours

LAST_COLOUR_DISTANCE = 0.05
"""In ShapeNet units: 5 % of the diagonal."""


def files(mesh: trimesh.Trimesh, truth_points: np.ndarray, count: int, rng: np.random.Generator) -> dict[str, bytes]:
    """PLY and GLB files, by the end of their name, of a reconstruction with faces; all in ShapeNet's frame.

    ``precision`` is the reconstruction; each vertex has the colour of its distance to the nearest of ``truth_points``
    (N, 3) on the ground truth. ``recall`` is these points, each with the colour of its distance to the nearest of
    ``count`` points on the reconstruction. Raises ValueError for points that are not finite.
    """
    to_truth, _ = nearest(mesh.vertices, truth_points)
    points, _ = sample_surface(mesh, count, rng)
    to_reconstruction, _ = nearest(truth_points, points)
    painted = trimesh.Trimesh(
        mesh.vertices, mesh.faces, vertex_colors=colours.of_distances(to_truth, LAST_COLOUR_DISTANCE), process=False
    )
    cloud = trimesh.PointCloud(truth_points, colours.of_distances(to_reconstruction, LAST_COLOUR_DISTANCE))
    return {
        "precision.ply": ply_bytes(painted),
        "precision.glb": glb_bytes(painted),
        "recall.ply": _exported(cloud, "ply"),
        "recall.glb": _exported(trimesh.Scene([cloud]), "glb"),
    }


def _exported(shape: Any, file_type: str) -> bytes:
    content = shape.export(file_type=file_type)
    assert isinstance(content, bytes)
    return content
