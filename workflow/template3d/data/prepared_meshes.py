"""Prepared meshes: one geometry a shape, from which distances, ground truth, views and pictures are made.

A shard's ``meshes.zip`` holds, for each shape, an npz file with its triangles and a JSON file with its measures.
"""

import json
import os
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import trimesh

from template3d.data import archives, mesh_folders, obj, scenes
from template3d.data.mesh_folders import Location
from template3d.geometry import frames, meshes
from template3d.geometry.triangulation import triangulate
from template3d.runtime import npz
from template3d.runtime.errors import InputError
from template3d.runtime.limits import USUAL, Limits

TEXTS = ("material_names", "mtllib_lines")
"""The fields of a prepared mesh that hold texts."""


class PreparedMesh(NamedTuple):
    """The triangles of a shape in ShapeNet's frame, without duplicates, with the material of each."""

    vertices: np.ndarray  # (V, 3) float32, all in use
    triangles: np.ndarray  # (T, 3) int32
    material: np.ndarray  # (T,) int32, an index into ``material_names``; -1 without
    uv: np.ndarray  # (T, 3, 2) float32, texture coordinates of each corner; (0, 3, 2) if the file has none
    material_names: tuple[str, ...]
    mtllib_lines: tuple[str, ...]
    """What follows each ``mtllib`` of the OBJ file."""

    @property
    def mesh(self) -> trimesh.Trimesh:
        """The triangles alone."""
        return trimesh.Trimesh(self.vertices, self.triangles, process=False)

    def to_bytes(self) -> bytes:
        """The npz file of a shape, uncompressed, with an array for each field."""
        arrays = {name: np.array(value, str) if name in TEXTS else value for name, value in self._asdict().items()}
        file = BytesIO()
        np.savez(file, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "PreparedMesh":
        """Read the npz file of ``to_bytes``; raises InputError if it is damaged."""
        arrays = npz.arrays(content, "a prepared mesh")
        texts = {name: tuple(map(str, arrays.pop(name))) for name in TEXTS}
        return cls(**arrays, **texts)  # type: ignore[arg-type]  # mypy cannot match two dictionaries to the fields


def prepare(polygons: obj.Polygons) -> PreparedMesh:
    """Triangulate polygons, and drop duplicate triangles and vertices that no triangle uses.

    Raises InputError for a mesh without faces, with non-finite vertices in use, without an extent or without an area.
    """
    with np.errstate(over="ignore"):  # infinite vertices are a flaw
        vertices = polygons.vertices.astype(np.float32)
    if reason := meshes.vertex_flaw(vertices[np.unique(polygons.corners)]):
        raise InputError(reason)
    cut, polygon = triangulate(polygons.vertices, polygons.corners, polygons.sizes)
    triangles, material, uv = polygons.corners[cut], polygons.material[polygon], polygons.uv[cut]
    unique = meshes.distinct(vertices[triangles], material) if len(triangles) else np.zeros(0, dtype=bool)
    if not trimesh.triangles.area(vertices[triangles[unique]]).any():
        raise InputError("has no area")
    used, triangles = np.unique(triangles[unique], return_inverse=True)
    return PreparedMesh(
        vertices[used],
        triangles.reshape(-1, 3).astype(np.int32),
        material[unique],
        uv[unique] if polygons.uv.any() else np.empty((0, 3, 2), np.float32),
        polygons.material_names,
        polygons.mtllib_lines,
    )


def read_file(
    file: Path, rotation: np.ndarray | None = None, normalize: bool = False, limits: Limits = USUAL
) -> PreparedMesh:
    """Read and prepare a mesh file in one of ``mesh_folders.FORMATS``.

    ``rotation`` (3, 3) is that of ``frames.to_shapenet``, for a file with other axes; with ``normalize``, the box gets
    diagonal 1 around the origin. Raises InputError, naming the file and the flaw, if the mesh is unusable or too large.
    """
    if not os.path.lexists(file):
        raise InputError(f"{file}: no such mesh; is the folder complete?")
    for part in mesh_folders.files_of(Location(file)):
        limits.check_mesh(part)
    polygons = obj.read(file, limits) if file.suffix.lower() == ".obj" else scenes.read(file, limits)
    vertices = polygons.vertices if rotation is None else polygons.vertices @ rotation.T
    if normalize:
        vertices = frames.normalized(vertices, np.unique(polygons.corners))
    try:
        return prepare(polygons._replace(vertices=vertices))
    except InputError as flaw:
        raise InputError(f"{file}: {flaw}") from flaw


def member_name(synset: str, shape: str) -> str:
    """The member of ``meshes.zip`` with a shape's triangles."""
    return f"meshes/{synset}/{shape}.npz"


def entry_name(synset: str, shape: str) -> str:
    """The member of ``meshes.zip`` with a shape's entry in the manifest."""
    return f"meshes/{synset}/{shape}.json"


def members(archive: Path) -> dict[str, str]:
    """The members of a ``meshes.zip`` with triangles, by shape."""
    names = map(PurePosixPath, sorted(archives.names(archive)))
    return {name.stem: str(name) for name in names if name.suffix == ".npz"}


def entries(archive: Path) -> dict[str, dict[str, Any]]:
    """The manifest's entry of each shape in a ``meshes.zip``."""
    found = ((name, content) for name, content in archives.members(archive, ".json") if name != archives.FAILED)
    return {ids(name)[1]: json.loads(content) for name, content in found}


def digests(archive: Path) -> dict[str, str]:
    """The digest of the triangles of each shape in a ``meshes.zip``."""
    return {ids(name)[1]: archives.digest(content) for name, content in archives.members(archive, ".npz")}


def ids(member: str) -> tuple[str, str]:
    """The synset and the shape of a member."""
    return PurePosixPath(member).parent.name, PurePosixPath(member).stem


def read(archive: Path, member: str) -> PreparedMesh:
    """The triangles of a member; raises InputError if it is missing or damaged."""
    return PreparedMesh.from_bytes(archives.read(archive, member))


class PreparedMeshes:
    """The prepared meshes of some archives, by shape; each is read on access."""

    def __init__(self, shards: Iterable[str | Path]) -> None:
        """Index the shapes of some ``meshes.zip`` files."""
        self._members = {shape: (Path(shard), name) for shard in shards for shape, name in members(Path(shard)).items()}

    def __getitem__(self, shape: str) -> trimesh.Trimesh:
        """The triangles of a shape in ShapeNet's frame."""
        archive, member = self._members[shape]
        return read(archive, member).mesh
