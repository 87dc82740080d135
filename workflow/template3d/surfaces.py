"""The true surfaces that reconstructions are measured against: point sets in ShapeNet's frame."""

from collections.abc import Collection, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import trimesh

from template3d import archives
from template3d.errors import InputError


def member_name(synset: str, shape: str) -> str:
    """Where a shape's surface points lie in an archive, and after unzipping: DeepSDF's layout."""
    return f"SurfaceSamples/ShapeNetV2/{synset}/{shape}.ply"


def normalization_name(synset: str, shape: str) -> str:
    """Where a shape's normalisation lies in an archive: DeepSDF's layout."""
    return f"NormalizationParameters/ShapeNetV2/{synset}/{shape}.npz"


def to_bytes(points: np.ndarray, normals: np.ndarray) -> bytes:
    """Points (N, 3) and normals (N, 3) as a binary PLY file of float32."""
    names = ("x", "y", "z", "nx", "ny", "nz")
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(points)}"]
    header += [f"property float {name}" for name in names] + ["end_header", ""]
    return "\n".join(header).encode() + np.hstack([points, normals]).astype("<f4").tobytes()


def read(shards: Sequence[str | Path], synset: str, shapes: Collection[str]) -> dict[str, np.ndarray]:
    """The surface points (N, 3), in ShapeNet units, of each of ``shapes``; raises InputError if one is missing."""
    wanted = {member_name(synset, shape): shape for shape in shapes}
    found = {}
    for shard in map(Path, shards):
        for name in archives.names(shard) & set(wanted):
            cloud = trimesh.load(BytesIO(archives.read(shard, name)), file_type="ply", process=False)
            found[wanted[name]] = np.asarray(cloud.vertices)
    if missing := [shape for shape in shapes if shape not in found]:
        raise InputError(f"{missing[0]}: no surface points of it in {', '.join(map(str, shards))}")
    return {shape: found[shape] for shape in shapes}
