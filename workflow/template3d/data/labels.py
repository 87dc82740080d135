"""Labelled or coloured points on a shape, read from a user's file."""

import csv
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import trimesh

from template3d.runtime.errors import InputError
from template3d.runtime.limits import USUAL, Limits

COLUMNS = ("x", "y", "z", "label")
DELIMITERS = ",;\t"
LONGEST = 200
"""The most characters in a label; NumPy stores every label at the length of the longest one."""


class LabelledPoints(NamedTuple):
    """Points on one shape, each with a label or a colour."""

    points: np.ndarray
    """(N, 3), in ShapeNet's frame."""
    labels: np.ndarray
    """(N,) texts, or (N, 3) uint8 colours."""


def read_labels(file: Path, limits: Limits = USUAL) -> LabelledPoints:
    """Read labels from a CSV file with columns x, y, z, label, or colours from a PLY file with coloured vertices.

    Raises InputError, naming the file and the flaw. The limits of meshes apply to the file's size.
    """
    limits.check_mesh(file)
    if file.suffix == ".csv":
        return _from_csv(file)
    try:
        cloud: Any = trimesh.load(file, file_type="ply", process=False)
        points, colours = np.asarray(cloud.vertices), np.asarray(cloud.visual.vertex_colors)[:, :3]
    except Exception as error:  # trimesh raises many kinds of errors for broken files
        raise InputError(f"{file}: cannot be read as a PLY file with coloured vertices ({error})") from error
    if not len(points) or len(points) != len(colours) or not np.isfinite(points).all():
        raise InputError(f"{file}: has no coloured vertices, or some vertices are not finite")
    return LabelledPoints(points, colours)


def _from_csv(file: Path) -> LabelledPoints:
    try:
        text = file.read_text(encoding="utf-8-sig")
        header = text.partition("\n")[0]
        delimiter = max(DELIMITERS, key=header.count)  # spreadsheets of many countries write semicolons
        # with semicolons they write decimal commas
        text = text.replace(",", ".") if delimiter == ";" else text
        rows = list(csv.DictReader(StringIO(text), delimiter=delimiter))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}: cannot be read ({error})") from error
    if not rows or not set(COLUMNS) <= set(rows[0]):
        raise InputError(f"{file}: must have a header with {', '.join(COLUMNS)}, and at least one row")
    try:
        points = np.array([[float(row[axis]) for axis in "xyz"] for row in rows])
    except (TypeError, ValueError) as error:
        raise InputError(f"{file}: a coordinate is not a number ({error})") from error
    if not np.isfinite(points).all():
        raise InputError(f"{file}: a coordinate is not finite")
    labels = [row["label"] or "" for row in rows]
    if max(map(len, labels)) > LONGEST:
        raise InputError(f"{file}: a label has more than {LONGEST} characters")
    return LabelledPoints(points, np.array(labels))
