"""A quick picture of a mesh, without Blender."""

import numpy as np
import open3d
import trimesh

LIGHT = np.array([0.4, 0.8, -0.5]) / np.linalg.norm([0.4, 0.8, -0.5])


def shaded(mesh: trimesh.Trimesh, size: int = 192) -> np.ndarray:
    """A mesh in the unit sphere, seen from front and above: (``size``, ``size``) uint8, on white; may be empty."""
    if not len(mesh.faces):
        return np.full((size, size), 255, np.uint8)
    scene = open3d.t.geometry.RaycastingScene()
    scene.add_triangles(np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.uint32))
    rays = scene.create_rays_pinhole(
        40, center=[0, 0, 0], eye=[1.8, 1.2, -2.0], up=[0, 1, 0], width_px=size, height_px=size
    )
    hits = scene.cast_rays(rays)
    lit = 0.35 + 0.6 * np.abs(hits["primitive_normals"].numpy() @ LIGHT)
    return np.where(np.isfinite(hits["t_hit"].numpy()), 255 * lit, 255).astype(np.uint8)
