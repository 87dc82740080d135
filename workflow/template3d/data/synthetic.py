"""Synthetic shapes: meshes of a decoder for random codes. A category's ``shapes.zip`` holds one npz for each."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from template3d.data import archives
from template3d.runtime import npz


class SyntheticShape(NamedTuple):
    """The mesh of a random code, in ShapeNet's frame."""

    vertices: np.ndarray  # (V, 3) float32
    faces: np.ndarray  # (F, 3) int32
    code: np.ndarray  # (L,) float32

    def to_bytes(self) -> bytes:
        """The npz file of a shape, uncompressed, with an array for each field."""
        file = BytesIO()
        np.savez(file, **self._asdict())
        return file.getvalue()


def names(count: int) -> list[str]:
    """The names of ``count`` synthetic shapes; none can be the id of a shape (``shapenet.is_id``)."""
    return [f"synthetic~{index:04d}" for index in range(count)]


def member_name(shape: str) -> str:
    """The member of ``shapes.zip`` with a shape."""
    return f"{shape}.npz"


def read(archive: Path, shape: str) -> SyntheticShape:
    """A shape of ``shapes.zip``; raises InputError if it is missing or damaged."""
    return SyntheticShape(**npz.arrays(archives.read(archive, member_name(shape)), "a synthetic shape"))


def codes(shapes: Sequence[str | Path], views: Sequence[str | Path]) -> dict[str, np.ndarray]:
    """The codes (L,) of the shapes in some ``shapes.zip``, by name, without those that some ``views.zip`` lack."""
    lacking = {shape for archive in views for shape in archives.failures(Path(archive))}
    members = [(Path(file), PurePosixPath(name).stem) for file in shapes for name in archives.names(Path(file))]
    return {shape: read(archive, shape).code for archive, shape in sorted(members) if shape not in lacking}
