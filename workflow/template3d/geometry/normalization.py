"""The normalization of a mesh: from ShapeNet's frame to the unit sphere, and back."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
import trimesh

from template3d.geometry.meshes import used_vertices
from template3d.runtime import npz

BUFFER = 1.03
"""A normalized shape reaches 1 / 1.03 of the unit sphere's radius, as in DeepSDF."""


@dataclass(frozen=True)
class Normalization:
    """The map from ShapeNet's frame to the unit sphere: (v + offset) * scale."""

    offset: np.ndarray
    scale: float

    def to_unit(self, points_shapenet: np.ndarray) -> np.ndarray:
        """Map points (N, 3) from ShapeNet's frame to the unit sphere."""
        return (points_shapenet + self.offset) * self.scale

    def to_shapenet(self, points_unit: np.ndarray) -> np.ndarray:
        """Map points (N, 3) from the unit sphere to ShapeNet's frame."""
        return points_unit / self.scale - self.offset

    def to_json(self) -> dict[str, float | list[float]]:
        """``offset`` and ``scale`` as JSON values."""
        return {"offset": self.offset.tolist(), "scale": self.scale}

    def to_bytes(self) -> bytes:
        """The npz file that DeepSDF's programs read, with float32 ``offset`` (3,) and ``scale`` ()."""
        file = BytesIO()
        np.savez(file, offset=self.offset.astype(np.float32), scale=np.float32(self.scale))
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Normalization":
        """Read the npz file of ``to_bytes``; raises InputError if it is damaged."""
        arrays = npz.arrays(content, "a normalization")
        return cls(arrays["offset"].astype(np.float64), float(arrays["scale"]))

    @classmethod
    def of(cls, mesh: trimesh.Trimesh) -> "Normalization":
        """DeepSDF's normalization: centre of the box and largest radius of the vertices in use, with a buffer."""
        used = used_vertices(mesh)
        offset = -(used.min(axis=0) + used.max(axis=0)) / 2
        return cls(offset, float(1 / (np.linalg.norm(used + offset, axis=1).max() * BUFFER)))
