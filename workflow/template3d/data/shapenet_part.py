"""ShapeNetPart: points on shapes of ShapeNet, each with the number of its part (Yi et al., 2016).

Both published layouts are read: ``<synset>/<shape>.txt`` (x y z nx ny nz part) and ``<synset>/points/<shape>.pts``
(x y z) with ``<synset>/points_label/<shape>.seg`` (part).
"""

from pathlib import Path

import numpy as np

from template3d.data import annotation_files
from template3d.geometry.normalization import BUFFER, Normalization
from template3d.runtime import texts
from template3d.runtime.errors import InputError
from template3d.runtime.limits import USUAL, Limits

COLUMNS = {".txt": 7, ".pts": 3, ".seg": 1}
TURN = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
"""A quarter turn about the vertical: ShapeNetPart's front is +x, that of ShapeNet's frame -z.

Source: the published evaluation of Kim et al., "Semantic-Aware Implicit Template Learning via Part Deformation
Consistency" (2023).
"""
FARTHEST = 0.02
"""The most that points may be off the surface on average, in ShapeNet units; their box is known to about 0.01."""


def read(file: Path, limits: Limits = USUAL) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 3), in ShapeNetPart's frame, and the part of each, as text (N,).

    Raises InputError, naming the file, if it or its companion is broken, or if the two differ in length.
    """
    rows = _numbers(file, limits)
    labels_file = annotation_files.parts_file(file)
    if labels_file is None:
        points, labels = rows[:, :3], rows[:, -1]
    else:
        points, labels = rows, _numbers(labels_file, limits)[:, 0]
        if len(points) != len(labels):
            raise InputError(f"{labels_file}: has {len(labels)} parts, but {file} has {len(points)} points")
    if (labels != labels.round()).any():
        raise InputError(f"{labels_file or file}: has a part that is no whole number; is it a file of ShapeNetPart?")
    return points, labels.astype(int).astype(str)


def to_shapenet(points: np.ndarray, normalization: Normalization) -> np.ndarray:
    """Points (N, 3) of ``read`` in the frame of a shape's mesh, which has ``normalization``.

    ShapeNetPart has a scale and an origin of its own. The points cover the whole shape, so the centre of their box and
    their largest radius become those of the mesh, as DeepSDF normalizes meshes.
    """
    turned = points @ TURN.T
    centred = turned - (turned.min(axis=0) + turned.max(axis=0)) / 2
    radius = max(float(np.linalg.norm(centred, axis=1).max()), np.finfo(float).tiny)
    return normalization.to_shapenet(centred / radius / BUFFER)


def check(file: Path, distances: np.ndarray) -> None:
    """Raise InputError if points of ``to_shapenet`` are far from their shape: then the meshes or the frames differ.

    ``distances`` (N,) are to points on the surface, in ShapeNet units.
    """
    if (mean := float(distances.mean())) > FARTHEST:
        raise InputError(
            f"{file}: its points are {mean:.3f} off the surface on average ({FARTHEST} is allowed); ShapeNetPart "
            "describes other meshes, or meshes in another frame, than those of the configuration"
        )


def _numbers(file: Path, limits: Limits) -> np.ndarray:
    """The rows of a file of numbers; raises InputError unless all have as many columns as the format."""
    limits.check_mesh(file)
    try:
        lines = texts.read(file, limits.mesh_mb).split("\n")
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error})") from error
    columns = COLUMNS[file.suffix.lower()]
    rows = []
    for number, line in enumerate(lines, 1):
        if not (cells := line.split()):
            continue
        try:
            row = [float(cell) for cell in cells]
        except ValueError as error:
            raise InputError(f"{file}: line {number} has a word that is not a number: {line[:200]!r}") from error
        if len(row) != columns or not np.isfinite(row).all():
            raise InputError(f"{file}: line {number} must have {columns} finite numbers: {line[:200]!r}")
        rows.append(row)
    if not rows:
        raise InputError(f"{file}: has no points")
    return np.array(rows)
