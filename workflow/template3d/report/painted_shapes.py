"""Meshes that show what was carried to a shape: painted all over, or with a ball at each keypoint."""

from collections.abc import Callable, Mapping

import numpy as np
import trimesh

from template3d.report import colours

LONGEST_EDGE = 0.03
"""Of a painted mesh, in ShapeNet units: vertices hold the colours, so large triangles are cut."""
RADIUS = 0.012
"""Of the ball at a keypoint, in ShapeNet units."""
GREY = (200, 200, 200, 255)


def painted(mesh: trimesh.Trimesh, colours_at: Callable[[np.ndarray], np.ndarray]) -> trimesh.Trimesh:
    """A mesh whose vertices have the colours (V, 3) uint8 that ``colours_at`` gives for points (V, 3).

    Its triangles are cut until no edge is longer than LONGEST_EDGE.
    """
    vertices, faces = trimesh.remesh.subdivide_to_size(mesh.vertices, mesh.faces, LONGEST_EDGE)
    return trimesh.Trimesh(vertices, faces, vertex_colors=colours_at(vertices), process=False)


def marked(mesh: trimesh.Trimesh, keypoints: Mapping[str, np.ndarray]) -> trimesh.Trimesh:
    """A grey mesh with a ball at each keypoint (3,), whose colour is that of its name's rank among the names."""
    grey = np.tile(GREY, (len(mesh.vertices), 1))
    pieces = [trimesh.Trimesh(mesh.vertices, mesh.faces, vertex_colors=grey, process=False)]
    for name, colour in zip(sorted(keypoints), colours.palette(len(keypoints)), strict=True):
        ball = trimesh.creation.icosphere(subdivisions=2, radius=RADIUS)
        ball.apply_translation(keypoints[name])
        ball.visual.vertex_colors = np.tile([*colour, 255], (len(ball.vertices), 1))
        pieces.append(ball)
    joined = trimesh.util.concatenate(pieces)
    assert isinstance(joined, trimesh.Trimesh)  # it may also join other kinds of geometry
    return joined
