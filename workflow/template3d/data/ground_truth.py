"""The truth that reconstructions are measured against: points on the surface and in the volume, in ShapeNet's frame."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import trimesh

from template3d.data import archives
from template3d.runtime import npz
from template3d.runtime.errors import InputError


@dataclass(frozen=True)
class Truth:
    """What a reconstruction is measured against."""

    points: np.ndarray
    """Points (N, 3) on the visible surface."""
    normals: np.ndarray
    """Their normals (N, 3), which point outside."""
    volume_points: np.ndarray
    """Points (V, 3) anywhere in the shape's box, and a tenth of its size around it."""
    occupied: np.ndarray
    """Which of those (V,) lie inside the shape."""


def member_name(synset: str, shape: str) -> str:
    """Where a shape's surface points lie in an archive, and after unzipping: DeepSDF's layout."""
    return f"SurfaceSamples/ShapeNetV2/{synset}/{shape}.ply"


def normalization_name(synset: str, shape: str) -> str:
    """Where a shape's normalisation lies in an archive: DeepSDF's layout."""
    return f"NormalizationParameters/ShapeNetV2/{synset}/{shape}.npz"


def volume_name(synset: str, shape: str) -> str:
    """Where the points in a shape's volume lie in an archive."""
    return f"OccupancySamples/ShapeNetV2/{synset}/{shape}.npz"


def volume_to_bytes(points: np.ndarray, occupied: np.ndarray) -> bytes:
    """Points (V, 3) and whether each is inside (V,), as Occupancy Networks' npz: the latter packed in bits."""
    file = BytesIO()
    np.savez(file, points=points, occupancies=np.packbits(occupied))
    return file.getvalue()


def to_bytes(points: np.ndarray, normals: np.ndarray) -> bytes:
    """Points (N, 3) and normals (N, 3) as a binary PLY file of float32."""
    names = ("x", "y", "z", "nx", "ny", "nz")
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(points)}"]
    header += [f"property float {name}" for name in names] + ["end_header", ""]
    return "\n".join(header).encode() + np.hstack([points, normals]).astype("<f4").tobytes()


def read(shards: Sequence[str | Path], synset: str, shapes: Collection[str]) -> dict[str, Truth]:
    """The truth of each of ``shapes``, in their order; raises InputError if one is missing."""
    found = dict(each(shards, synset, shapes))
    return {shape: found[shape] for shape in shapes}


def each(shards: Sequence[str | Path], synset: str, shapes: Collection[str]) -> Iterator[tuple[str, Truth]]:
    """The truth of each of ``shapes``, one at a time; InputError, at the end, if one is missing."""
    wanted = {member_name(synset, shape): shape for shape in shapes}
    for shard in map(Path, shards):
        for name in sorted(archives.names(shard) & set(wanted)):
            shape = wanted.pop(name)
            cloud = trimesh.load(BytesIO(archives.read(shard, name)), file_type="ply", process=False)
            assert isinstance(cloud, trimesh.PointCloud)  # ``to_bytes`` writes no faces
            raw = cloud.metadata["_ply_raw"]["vertex"]["data"]
            within = volume_name(synset, shape)
            volume = npz.arrays(archives.read(shard, within), f"{shard}: {within}")
            inside = np.unpackbits(volume["occupancies"], count=len(volume["points"])).astype(bool)
            normals = np.stack([raw[axis] for axis in ("nx", "ny", "nz")], axis=1)
            yield shape, Truth(np.asarray(cloud.vertices), normals, volume["points"].astype(np.float32), inside)
    if wanted:
        missing = next(iter(wanted.values()))
        raise InputError(f"{missing}: no surface points of it in {', '.join(map(str, shards))}")
