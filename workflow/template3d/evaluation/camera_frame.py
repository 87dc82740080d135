"""Measures in the camera's frame: how a reconstruction looks from the camera that took its view.

Distances in space do not depend on the frame, because a camera's pose is a rigid motion. What the camera sees does: the
silhouette, and the depth of what is in front.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import trimesh

from template3d.data import archives, views
from template3d.data.prepared_meshes import PreparedMeshes
from template3d.geometry import visibility
from template3d.rendering import cameras

PIXELS = 128
"""Pixels a side of the image in which the measures are taken."""


class Seen(NamedTuple):
    """Depths (S, S) of a reconstruction and of its ground truth in one image, infinite where nothing is seen."""

    reconstruction: np.ndarray
    truth: np.ndarray


class Measure(NamedTuple):
    """A measure: its title in tables, its function, and whether a higher value is better."""

    title: str
    of: Callable[[Seen], float]
    higher_is_better: bool


def depth_map(mesh: trimesh.Trimesh, view: cameras.View, pixels: int = PIXELS) -> np.ndarray:
    """The depth (S, S) of the first face on the ray of each pixel, along the camera's axis, in ShapeNet units.

    ``mesh`` is in ShapeNet's frame. Where a ray meets no face, and for a mesh without faces, the depth is infinite.
    """
    if not len(mesh.faces):
        return np.full((pixels, pixels), np.inf)
    pose = view.world_to_camera()
    rows, columns = np.mgrid[:pixels, :pixels] + 0.5
    rays = np.stack([columns, rows, np.ones_like(rows)], axis=-1).reshape(-1, 3)
    rays = rays @ np.linalg.inv(cameras.intrinsics(pixels)).T @ pose[:, :3]
    origin = -pose[:, :3].T @ pose[:, 3]
    # the rays advance by one along the camera's axis, so distances in lengths of the ray are depths
    depth, _ = visibility.Scene(mesh).first_hits(
        np.broadcast_to(origin, rays.shape).astype(np.float32), rays.astype(np.float32)
    )
    return depth.reshape(pixels, pixels)


def silhouette_iou(seen: Seen) -> float:
    """Intersection over union of the two silhouettes; 0 if both are empty."""
    ours, truth = np.isfinite(seen.reconstruction), np.isfinite(seen.truth)
    union = (ours | truth).sum()
    return float((ours & truth).sum() / union) if union else 0.0


def depth_error(seen: Seen) -> float:
    """The mean absolute difference in depth, in ShapeNet units, over the pixels where both are seen; else NaN."""
    both = np.isfinite(seen.reconstruction) & np.isfinite(seen.truth)
    return float(np.abs(seen.reconstruction[both] - seen.truth[both]).mean()) if both.any() else np.nan


MEASURES = {
    "silhouette_iou": Measure("silhouette IoU", silhouette_iou, True),
    "depth_shapenet_x1000": Measure("depth, ShapeNet units, x 1000", lambda seen: 1000 * depth_error(seen), False),
}
"""The registry of measures of what a camera sees, by column."""


def measured(mesh: trimesh.Trimesh, truth: trimesh.Trimesh, view: cameras.View) -> dict[str, float]:
    """Every measure of a mesh from one camera, by its name in MEASURES; both meshes are in ShapeNet's frame."""
    seen = Seen(depth_map(mesh, view), depth_map(truth, view))
    return {name: measure.of(seen) for name, measure in MEASURES.items()}


class Cameras:
    """The cameras of a category's views, and the meshes that they saw."""

    def __init__(self, category: str, view_shards: Iterable[str | Path], mesh_shards: Iterable[str | Path]) -> None:
        """Index archives of views and of prepared meshes."""
        self._category, self._truths = category, PreparedMeshes(mesh_shards)
        self._archive_of = archives.index([Path(shard) for shard in view_shards])

    def measured(self, mesh: trimesh.Trimesh, shape: str, kind: str, index: int) -> dict[str, float]:
        """Every measure of a mesh in ShapeNet's frame, predicted from one view of a shape."""
        described = views.read_cameras(self._archive_of, self._category, shape, kind)
        return measured(mesh, self._truths[shape], cameras.described_view(described, index))
