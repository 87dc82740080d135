"""The ground truth of a shape: points on its surface and in its volume, in ShapeNet's frame."""

from collections.abc import Collection, Iterator, Mapping, Sequence
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
    """The ground truth of one shape; reconstructions are compared with it."""

    points: np.ndarray
    """Points (N, 3) on the visible surface."""
    normals: np.ndarray
    """Their normals (N, 3), which point outwards."""
    volume_points: np.ndarray
    """Points (V, 3), uniform in the shape's box, enlarged on each side by a tenth of its longest side."""
    occupied: np.ndarray
    """Whether each volume point lies inside the shape; bool (V,)."""


def member_name(synset: str, shape: str) -> str:
    """The member with a shape's surface points, in DeepSDF's layout."""
    return f"SurfaceSamples/ShapeNetV2/{synset}/{shape}.ply"


def normalization_name(synset: str, shape: str) -> str:
    """The member with a shape's normalization, in DeepSDF's layout."""
    return f"NormalizationParameters/ShapeNetV2/{synset}/{shape}.npz"


def volume_name(synset: str, shape: str) -> str:
    """The member with a shape's volume points."""
    return f"OccupancySamples/ShapeNetV2/{synset}/{shape}.npz"


def volume_to_bytes(points: np.ndarray, occupied: np.ndarray) -> bytes:
    """Points (V, 3) and whether each is inside, bool (V,), as the npz of Occupancy Networks, which packs the bits."""
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
    """The ground truth of ``shapes``, in their order; raises InputError if one is missing."""
    truths = dict(each(shards, synset, shapes))
    return {shape: truths[shape] for shape in shapes}


def each(shards: Sequence[str | Path], synset: str, shapes: Collection[str]) -> Iterator[tuple[str, Truth]]:
    """The ground truth of ``shapes``, one at a time; raises InputError, at the end, if one is missing."""
    shape_of = {member_name(synset, shape): shape for shape in shapes}
    for shard in map(Path, shards):
        for name in sorted(archives.names(shard) & set(shape_of)):
            shape = shape_of.pop(name)
            cloud = trimesh.load(BytesIO(archives.read(shard, name)), file_type="ply", process=False)
            assert isinstance(cloud, trimesh.PointCloud)  # ``to_bytes`` writes no faces
            raw = cloud.metadata["_ply_raw"]["vertex"]["data"]
            volume_member = volume_name(synset, shape)
            volume = npz.arrays(archives.read(shard, volume_member), f"{shard}: {volume_member}")
            inside = np.unpackbits(volume["occupancies"], count=len(volume["points"])).astype(bool)
            normals = np.stack([raw[axis] for axis in ("nx", "ny", "nz")], axis=1)
            yield shape, Truth(np.asarray(cloud.vertices), normals, volume["points"].astype(np.float32), inside)
    if shape_of:
        missing = next(iter(shape_of.values()))
        raise InputError(f"{missing}: no surface points of it in {', '.join(map(str, shards))}")


class Surfaces(Mapping[str, np.ndarray]):
    """The points (N, 3) on the visible surface of each of some shapes; they are read on access."""

    def __init__(self, shards: Sequence[str | Path], synset: str, shapes: Sequence[str]) -> None:
        """Index ``shapes`` in the archives ``shards``."""
        archive_of, self._synset = archives.index(map(Path, shards)), synset
        self._shards = {shape: archive_of.get(member_name(synset, shape), Path(shards[0])) for shape in shapes}

    def __getitem__(self, shape: str) -> np.ndarray:
        """The points of a shape; raises InputError if the archives lack it."""
        return read([self._shards[shape]], self._synset, [shape])[shape].points

    def __contains__(self, shape: object) -> bool:
        """Whether it is one of the shapes; reads nothing."""
        return shape in self._shards

    def __iter__(self) -> Iterator[str]:
        """The shapes, in order."""
        return iter(self._shards)

    def __len__(self) -> int:
        """How many shapes there are."""
        return len(self._shards)
