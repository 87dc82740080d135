"""Meshes as the page holds them: few triangles, in whole numbers, as text."""

import base64

import fast_simplification
import numpy as np
import trimesh

from template3d.evaluation.metrics import nearest
from template3d.report.painted_errors import LAST_COLOUR_DISTANCE

FACES = 4000
"""Triangles of a mesh on the page; larger ones are simplified."""
STEPS = 65535
"""Steps of a vertex coordinate along the longest side of the mesh."""
MANY = 65536
"""The most vertices that two bytes can number."""


def packed(mesh: trimesh.Trimesh, truth_points: np.ndarray | None = None) -> dict | None:
    """A mesh as data of the page; None if it has no faces.

    ``vertices`` (V, 3) are uint16, with ``low`` (3,) and ``size``: a coordinate is ``low + size * vertex / STEPS``.
    ``faces`` (F, 3) are uint16, or uint32 if V is over MANY. A mesh whose vertices have colours has ``colours`` (V, 3)
    uint8. With ``truth_points`` (N, 3) it has ``errors`` (V,) uint8: distances to the nearest of them, 255 at
    LAST_COLOUR_DISTANCE and beyond. Arrays are little-endian, in base64.
    """
    if not len(mesh.faces):
        return None
    vertices, faces = np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.int32)
    if len(faces) > FACES:
        vertices, faces = fast_simplification.simplify(vertices, faces, target_count=FACES)
    low, size = vertices.min(axis=0), float(np.ptp(vertices, axis=0).max())
    data = {
        "low": [round(float(value), 6) for value in low],
        "size": round(size, 6),
        "vertices": _text(np.round((vertices - low) / size * STEPS), "<u2"),
        "faces": _text(faces, "<u2" if len(vertices) <= MANY else "<u4"),
    }
    if isinstance(mesh.visual, trimesh.visual.ColorVisuals) and mesh.visual.kind == "vertex":
        _, originals = nearest(vertices, mesh.vertices)
        data["colours"] = _text(mesh.visual.vertex_colors[originals, :3], "u1")
    if truth_points is not None:
        distances, _ = nearest(vertices, truth_points)
        data["errors"] = _text(np.clip(255 * distances / LAST_COLOUR_DISTANCE, 0, 255), "u1")
    return data


def _text(values: np.ndarray, dtype: str) -> str:
    return base64.b64encode(values.astype(dtype).tobytes()).decode()
