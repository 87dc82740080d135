"""The normalization of a mesh: from its own frame to the unit sphere, and back."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
import trimesh

from template3d.geometry.meshes import used_vertices
from template3d.runtime import npz

BUFFER = 1.03
"""A shape reaches 1 / 1.03 of the unit sphere's radius, as in DeepSDF."""


@dataclass(frozen=True)
class Normalization:
    """From ShapeNet's frame to the unit sphere: (v + offset) * scale."""

    offset: np.ndarray
    scale: float

    def to_unit(self, points_shapenet: np.ndarray) -> np.ndarray:
        """Points (N, 3) in ShapeNet units, in the unit sphere."""
        return (points_shapenet + self.offset) * self.scale

    def to_shapenet(self, points_unit: np.ndarray) -> np.ndarray:
        """Points (N, 3) in the unit sphere, in ShapeNet units."""
        return points_unit / self.scale - self.offset

    def to_bytes(self) -> bytes:
        """The file that DeepSDF's programs read: an npz with ``offset`` (3,) and ``scale`` ()."""
        file = BytesIO()
        np.savez(file, offset=self.offset.astype(np.float32), scale=np.float32(self.scale))
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Normalization":
        """Read what ``to_bytes`` wrote."""
        arrays = npz.arrays(content, "a normalisation")
        return cls(arrays["offset"].astype(np.float64), float(arrays["scale"]))

    @classmethod
    def of(cls, mesh: trimesh.Trimesh) -> "Normalization":
        """DeepSDF's normalisation: the box's centre and the largest radius of the vertices in use, with a buffer."""
        used = used_vertices(mesh)
        offset = -(used.min(axis=0) + used.max(axis=0)) / 2
        return cls(offset, float(1 / (np.linalg.norm(used + offset, axis=1).max() * BUFFER)))
