"""What only a template gives: which places of two shapes belong together, and what follows from that.

The warp leads every point of a shape to its place in the template. Two points of two shapes that are led to one place
belong together. Source: Zheng et al., "Deep Implicit Templates" (2021), sections 4.3 and 4.4.
"""

import csv
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
import torch
import trimesh
from scipy.spatial import cKDTree
from torch import Tensor

from template3d.networks.implicit_template import ImplicitTemplate
from template3d.runtime.errors import InputError
from template3d.runtime.limits import USUAL, Limits

BATCH = 65536
SUFFIXES = (".csv", ".ply")
COLUMNS = ("x", "y", "z", "label")
LONGEST = 200
"""Characters of a label: numpy gives each as much room as the longest."""


class Painted(NamedTuple):
    """Points that somebody labelled on one shape."""

    points: np.ndarray
    """(N, 3), in ShapeNet's frame."""
    labels: np.ndarray
    """(N,) of texts, or (N, 3) uint8, colours."""


def template_coordinates(decoder: ImplicitTemplate, code: Tensor, points_unit: np.ndarray) -> np.ndarray:
    """Where in the template points (N, 3) of the shape with ``code`` (L,) belong: (N, 3) float32.

    Points in the unit sphere, computed on the decoder's device.
    """
    code = code.to(next(decoder.parameters()).device)[None]
    found = [np.empty((0, 3), np.float32)]
    with torch.no_grad():
        for part in torch.from_numpy(np.ascontiguousarray(points_unit, np.float32)).split(BATCH):
            found.append(decoder.warp(code, part[None].to(code.device))[-1, 0].cpu().numpy())
    return np.concatenate(found)


def colours(found: np.ndarray) -> np.ndarray:
    """Places (N, 3) in the template as colours (N, 3) uint8: a place has one colour, on whichever shape it is met."""
    return (255 * (0.5 + found / 2)).clip(0, 255).astype(np.uint8)


def palette(count: int) -> np.ndarray:
    """Colours (count, 3) uint8 that can be told apart, the same every time."""
    chosen = matplotlib.colormaps["tab20"](np.arange(count) % 20)[:, :3]
    return (255 * chosen).round().astype(np.uint8)


def carried(source_places: np.ndarray, labels: np.ndarray, target_places: np.ndarray) -> np.ndarray:
    """Labels (M, ...) of target places (M, 3): each that of the nearest source place (N, 3); ``labels`` (N, ...)."""
    _, nearest = cKDTree(source_places).query(target_places, workers=-1)
    return labels[nearest]


def between(first: Tensor, last: Tensor, count: int) -> Tensor:
    """``count`` codes (count, L) at even steps on the way from one code (L,) to another, both included."""
    steps = torch.linspace(0, 1, count)[:, None]
    return (1 - steps) * first + steps * last


def read_painted(file: Path, limits: Limits = USUAL) -> Painted:
    """Read labels: a CSV file with columns x, y, z, label, or a PLY file with coloured vertices.

    Raises InputError, naming the file and what is wrong; a file may be as large as a mesh.
    """
    limits.check_mesh(file)
    if file.suffix == ".csv":
        return _from_csv(file)
    try:
        cloud = trimesh.load(file, file_type="ply", process=False)
        points, painted = np.asarray(cloud.vertices), np.asarray(cloud.visual.vertex_colors)[:, :3]
    except Exception as error:  # a reader of broken files fails in many ways
        raise InputError(f"{file}: cannot be read as a PLY file with coloured vertices ({error})") from error
    if not len(points) or len(points) != len(painted) or not np.isfinite(points).all():
        raise InputError(f"{file}: has no coloured vertices, or some that are not finite")
    return Painted(points, painted)


def _from_csv(file: Path) -> Painted:
    try:
        rows = list(csv.DictReader(StringIO(file.read_text(encoding="utf-8"))))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}: cannot be read ({error})") from error
    if not rows or not set(COLUMNS) <= set(rows[0]):
        raise InputError(f"{file}: must have a header with {', '.join(COLUMNS)}, and a row at least")
    try:
        points = np.array([[float(row[axis]) for axis in "xyz"] for row in rows])
    except (TypeError, ValueError) as error:
        raise InputError(f"{file}: a coordinate is not a number ({error})") from error
    if not np.isfinite(points).all():
        raise InputError(f"{file}: a coordinate is not finite")
    labels = [row["label"] or "" for row in rows]
    if max(map(len, labels)) > LONGEST:
        raise InputError(f"{file}: a label has more than {LONGEST} characters")
    return Painted(points, np.array(labels))
