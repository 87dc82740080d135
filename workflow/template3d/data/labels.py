"""Labelled or coloured points on a shape, read from a user's file or from ShapeNetPart."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import trimesh

from template3d.data import annotation_files, point_tables, shapenet_part, surface_colours
from template3d.geometry.normalization import Normalization
from template3d.runtime.errors import InputError
from template3d.runtime.limits import USUAL, Limits


class LabelledPoints(NamedTuple):
    """Points on one shape, each with a label or a colour."""

    points: np.ndarray
    """(N, 3), in ShapeNet's frame."""
    labels: np.ndarray
    """(N,) texts, or (N, 3) uint8 colours."""


def read_labels(file: Path, normalization: Normalization, limits: Limits = USUAL) -> LabelledPoints:
    """Read the labels or colours of a shape, which has ``normalization``.

    A CSV file has columns x, y, z, label (``point_tables.read`` says in which forms); a PLY file, coloured vertices; a
    GLB or OBJ file, a painted or textured mesh, whose colours are sampled. These are in ShapeNet's frame. Files of
    ShapeNetPart are read by ``shapenet_part.read``.

    Raises InputError, naming the file and the line or the flaw. The limits of meshes apply to the file's size.
    """
    limits.check_mesh(file)
    suffix = file.suffix.lower()
    if suffix == ".csv":
        table = point_tables.read(file, ["label"], limits)
        return LabelledPoints(table.points, table.texts[:, 0])
    if suffix in annotation_files.MESHES:
        return LabelledPoints(*surface_colours.sampled(file, limits))
    if suffix in annotation_files.PART_POINTS:
        points, labels = shapenet_part.read(file, limits)
        return LabelledPoints(shapenet_part.to_shapenet(points, normalization), labels)
    try:
        cloud: Any = trimesh.load(file, file_type="ply", process=False)
        points, colours = np.asarray(cloud.vertices), np.asarray(cloud.visual.vertex_colors)[:, :3]
    except Exception as error:  # trimesh raises many kinds of errors for broken files
        raise InputError(f"{file}: cannot be read as a PLY file with coloured vertices ({error})") from error
    if not len(points) or len(points) != len(colours) or not np.isfinite(points).all():
        raise InputError(f"{file}: has no coloured vertices, or some vertices are not finite")
    return LabelledPoints(points, colours)
