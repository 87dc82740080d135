"""Colours of points, by template coordinates, by label or by distance."""

import numpy as np
import trimesh


def of_positions(template_coordinates: np.ndarray) -> np.ndarray:
    """Colours (N, 3) uint8 of template coordinates (N, 3); corresponding points have the same colour."""
    return (255 * (0.5 + template_coordinates / 2)).clip(0, 255).astype(np.uint8)


def painted(mesh: trimesh.Trimesh, template_coordinates: np.ndarray) -> trimesh.Trimesh:
    """A copy of a mesh whose vertices have the colours of their template coordinates (V, 3)."""
    return trimesh.Trimesh(mesh.vertices, mesh.faces, vertex_colors=of_positions(template_coordinates), process=False)


def palette(count: int) -> np.ndarray:
    """A fixed list of distinguishable colours (count, 3) uint8; they repeat after 20."""
    import matplotlib  # slow to import, and the command that colours a mesh by its template does not need it

    colours = matplotlib.colormaps["tab20"](np.arange(count) % 20)[:, :3]
    return (255 * colours).round().astype(np.uint8)


def of_distances(distances: np.ndarray, farthest: float) -> np.ndarray:
    """Colours (N, 3) uint8 of distances (N,): blue at 0, over green and yellow to red at ``farthest`` and beyond."""
    import matplotlib

    colours = matplotlib.colormaps["turbo"](np.clip(distances / farthest, 0, 1))[:, :3]
    return (255 * colours).round().astype(np.uint8)


SUPPORT = np.array([[33, 102, 172], [247, 247, 247], [178, 24, 43]])
"""Blue, white and red, which colour-blind readers also tell apart."""


def of_support(distances: np.ndarray, farthest: float) -> np.ndarray:
    """Colours (N, 3) uint8 of distances (N,) to a scan: blue at 0, white halfway, red at ``farthest`` and beyond."""
    at = np.linspace(0, farthest, len(SUPPORT))
    return np.stack([np.interp(distances, at, channel) for channel in SUPPORT.T], axis=1).round().astype(np.uint8)
