"""Quick images of meshes, without Blender."""

import numpy as np
import trimesh

from template3d.geometry.visibility import Scene

EYE_DISTANCE = 2.95
HALF_WIDTH = np.tan(np.radians(40 / 2))
"""Half the image's width at distance 1 from the eye: a field of view of 40 degrees."""
LIGHT = np.array([0.4, 0.8, -0.5]) / np.linalg.norm([0.4, 0.8, -0.5])


def shaded(
    mesh: trimesh.Trimesh, size: int = 192, azimuth_deg: float = 42.0, elevation_deg: float = 24.0
) -> np.ndarray:
    """Render a mesh in the unit sphere on white, (``size``, ``size``) uint8; the mesh may be empty."""
    if not len(mesh.faces):
        return np.full((size, size), 255, np.uint8)
    azimuth, elevation = np.radians([azimuth_deg, elevation_deg])
    forward = np.array([-np.sin(azimuth) * np.cos(elevation), -np.sin(elevation), np.cos(azimuth) * np.cos(elevation)])
    right = np.cross([0, -1, 0], forward) / np.cos(elevation)
    steps = HALF_WIDTH * ((2 * np.arange(size) + 1) / size - 1)  # pixel centres
    rays = forward + steps[:, None, None] * np.cross(forward, right) + steps[:, None] * right  # (size, size, 3)
    rays = rays.reshape(-1, 3).astype(np.float32)
    eye = np.broadcast_to((-EYE_DISTANCE * forward).astype(np.float32), rays.shape)
    distances, normals = Scene(mesh).first_hits(np.ascontiguousarray(eye), rays)
    lit = 255 * (0.35 + 0.6 * np.abs(normals @ LIGHT))
    return np.where(np.isfinite(distances), lit, 255).reshape(size, size).astype(np.uint8)
