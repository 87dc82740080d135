"""A quick picture of a mesh, without Blender."""

import numpy as np
import open3d
import trimesh

EYE_DISTANCE = 2.95
LIGHT = np.array([0.4, 0.8, -0.5]) / np.linalg.norm([0.4, 0.8, -0.5])


def shaded(
    mesh: trimesh.Trimesh, size: int = 192, azimuth_deg: float = 42.0, elevation_deg: float = 24.0
) -> np.ndarray:
    """A mesh in the unit sphere on white, (``size``, ``size``) uint8; azimuth 0 looks at its front; may be empty."""
    if not len(mesh.faces):
        return np.full((size, size), 255, np.uint8)
    scene = open3d.t.geometry.RaycastingScene()
    scene.add_triangles(np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.uint32))
    azimuth, elevation = np.radians([azimuth_deg, elevation_deg])
    eye = [np.sin(azimuth) * np.cos(elevation), np.sin(elevation), -np.cos(azimuth) * np.cos(elevation)]
    eye = (EYE_DISTANCE * np.array(eye)).tolist()
    rays = scene.create_rays_pinhole(40, center=[0, 0, 0], eye=eye, up=[0, -1, 0], width_px=size, height_px=size)
    hits = scene.cast_rays(rays)
    lit = 0.35 + 0.6 * np.abs(hits["primitive_normals"].numpy() @ LIGHT)
    return np.where(np.isfinite(hits["t_hit"].numpy()), 255 * lit, 255).astype(np.uint8)
