"""Scans: point clouds with or without normals, read from files of points and of meshes."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import trimesh

from template3d.data import mesh_folders, obj, ply, prepared_meshes
from template3d.geometry import visibility
from template3d.runtime import npz
from template3d.runtime.errors import InputError
from template3d.runtime.limits import USUAL, Limits

MOST = 1_000_000
"""Points that are kept of a larger scan, drawn at random."""
FEWEST = 50
"""Points below which a scan cannot fix a shape."""
ON_MESH = 20_000
"""Points drawn on a mesh."""
DIRECTIONS = 100
"""Rays from each point on a mesh, to find those that can be seen from outside."""
FLAT = 1e-3
"""A scan whose thickness is a smaller share of its length is a plane."""
AT_ORIGIN = 0.01
"""If a larger share of the points is exactly zero, these are the pixels for which a depth camera had no value."""
UNIT = 0.02
"""How far the median length of normals may be from 1; other columns are colours."""
TEXTS = (".xyz", ".txt", ".pts", ".asc", ".csv")
ARRAYS = (".npy", ".npz")
ALIGN = ("scale", "turn")
"""What can be unknown of a scan: its size and position, and its turn about the vertical axis."""
SUFFIXES = (*dict.fromkeys((".ply", *TEXTS, *ARRAYS, *mesh_folders.FORMATS)),)
"""The files that hold scans."""


class Scan(NamedTuple):
    """Points (N, 3) on the surface of an object, in the frame and unit of their file."""

    points: np.ndarray  # (N, 3) float64, finite
    normals: np.ndarray | None = None  # (N, 3) float64, unit vectors, which may point inwards
    notes: tuple[str, ...] = ()
    """What was left out of the file, in words."""

    def turned(self, rotation: np.ndarray) -> "Scan":
        """The scan in a frame with other axes, by a rotation (3, 3)."""
        normals = None if self.normals is None else self.normals @ rotation.T
        return self._replace(points=self.points @ rotation.T, normals=normals)


def read(file: Path, rng: np.random.Generator, limits: Limits = USUAL) -> Scan:
    """Read a scan from a file of points, or draw ON_MESH points on the visible surface of a mesh file.

    At most MOST points are kept, drawn by ``rng``. Points that are not finite, and the zeros that depth cameras write
    for missing values, are left out.

    Raises InputError, naming the file, if it cannot be read, is too large, or has too few points or only a plane.
    """
    suffix = file.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"{file}: is no scan that can be read ({', '.join(SUFFIXES)}); save it as PLY, for example")
    limits.check_mesh(file)
    try:
        cloud = _READERS.get(suffix, _no_cloud)(file, limits)
        scan = _on_mesh(file, rng, limits) if cloud is None else _cleaned(*cloud, rng)
        _check(scan.points)
    except InputError as error:
        raise InputError(str(error) if str(file) in str(error) else f"{file}: {error}") from error
    return scan


Cloud = tuple[np.ndarray, np.ndarray | None]
"""Points (N, 3) and their normals (N, 3), if any."""


def _no_cloud(file: Path, limits: Limits) -> None:
    return None


def _of_ply(file: Path, limits: Limits) -> Cloud | None:
    """The points of a PLY file; None if it has faces."""
    try:
        ply.check(file, limits)
        cloud = trimesh.load(file, process=False, skip_materials=True)
    except InputError:
        raise
    except Exception as error:  # trimesh raises many kinds of errors for broken files
        raise InputError(f"cannot be read as a scan ({type(error).__name__}: {error})") from error
    if isinstance(cloud, trimesh.Trimesh):
        return None
    if not isinstance(cloud, trimesh.PointCloud):
        raise InputError("has no points")
    raw = cloud.metadata["_ply_raw"]["vertex"]["data"]
    names = raw.dtype.names if isinstance(raw, np.ndarray) else raw
    if not {"nx", "ny", "nz"} <= set(names or ()):
        return np.asarray(cloud.vertices), None
    return np.asarray(cloud.vertices), np.stack([np.ravel(raw[axis]) for axis in ("nx", "ny", "nz")], axis=1)


def _of_obj(file: Path, limits: Limits) -> Cloud | None:
    """The vertices of an OBJ file; None if it has faces."""
    polygons = obj.read(file, limits)
    return None if len(polygons.sizes) else (polygons.vertices, None)


def _of_text(file: Path, limits: Limits) -> Cloud:
    """The columns of a text file, separated by blanks, commas or semicolons; the first line may be a header."""
    text = re.sub(r"[,;]", " ", file.read_text(errors="replace")).strip("\ufeff \t\r\n")
    first, _, others = text.partition("\n")
    text = text if _is_row(first) else others
    if not text.strip():
        raise InputError("has no points")
    try:
        rows = np.loadtxt(io.StringIO(text), comments=("#", "//"), ndmin=2)
    except ValueError as error:
        raise InputError(f"cannot be read as a table of numbers ({error}); each line must hold x y z") from error
    return _of_columns(rows)


def _is_row(line: str) -> bool:
    """Whether a line has at least three numbers."""
    try:
        return len([float(word) for word in line.split()]) >= 3
    except ValueError:
        return False


def _of_array(file: Path, limits: Limits) -> Cloud:
    """An array (N, 3) of points or (N, 6) with normals; of an npz, ``points`` and ``normals``, or its only array."""
    if file.suffix.lower() == ".npz":
        arrays = npz.arrays(file.read_bytes(), file)
        points = arrays.get("points", next(iter(arrays.values())) if len(arrays) == 1 else None)
        if points is None:
            raise InputError(f"holds {', '.join(arrays) or 'nothing'}, but no array called points")
        if "normals" in arrays and points.ndim == 2 and arrays["normals"].shape == points[:, :3].shape:
            points = np.hstack([points[:, :3], arrays["normals"]])
    else:
        try:
            points = np.load(file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"cannot be read as an array ({error}); save it with numpy.save") from error
    if points.ndim != 2 or points.shape[1] < 3 or points.dtype.kind not in "fiu":
        raise InputError(f"has an array of {points.dtype} {points.shape}, but points must be numbers (N, 3)")
    return _of_columns(points)


def _of_columns(rows: np.ndarray) -> Cloud:
    """Points from columns x, y, z, and normals from the next three, or the three after, if these are unit vectors."""
    if len(rows) and rows.shape[1] < 3:
        raise InputError(f"has {rows.shape[1]} columns, but needs x, y and z")
    for start in (3, 6):
        columns = rows[:, start : start + 3]
        if columns.shape == (len(rows), 3) and len(rows):
            lengths = np.linalg.norm(columns[:: max(1, len(rows) // 1000)].astype(float), axis=1)
            if abs(np.nanmedian(lengths) - 1) < UNIT:
                return rows[:, :3], columns
    return rows[:, :3], None


_READERS: dict[str, Callable[[Path, Limits], Cloud | None]] = {".ply": _of_ply, ".obj": _of_obj}
_READERS |= dict.fromkeys(TEXTS, _of_text) | dict.fromkeys(ARRAYS, _of_array)


def _on_mesh(file: Path, rng: np.random.Generator, limits: Limits) -> Scan:
    mesh = prepared_meshes.read_file(file, limits=limits).mesh
    points, normals = visibility.sample_visible(mesh, ON_MESH, DIRECTIONS, rng)
    return Scan(points, normals, (f"{ON_MESH} points drawn on its {len(mesh.faces)} triangles",))


def _cleaned(points: np.ndarray, normals: np.ndarray | None, rng: np.random.Generator) -> Scan:
    """A scan of at most MOST usable points."""
    notes, count = [], len(points)
    kept = np.isfinite(points).all(axis=1)
    if missing := count - int(kept.sum()):
        notes.append(f"{missing} of {count} points are not finite and left out")
    zero = ~points.any(axis=1)
    if zero.mean() > AT_ORIGIN if count else False:
        kept &= ~zero
        notes.append(f"{int(zero.sum())} of {count} points are exactly zero and left out")
    rows = np.flatnonzero(kept)
    if len(rows) > MOST:
        notes.append(f"{MOST} of {len(rows)} points drawn at random")
        rows = np.sort(rng.choice(rows, MOST, replace=False))
    points = np.asarray(points[rows], float)
    if normals is not None:
        normals = np.asarray(normals[rows], float)
        lengths = np.linalg.norm(normals, axis=1, keepdims=True)
        if np.isfinite(lengths).all() and lengths.min(initial=1) > 0:
            normals = normals / lengths
        else:
            normals = None
            notes.append("normals without a direction are not used")
    return Scan(points, normals, tuple(notes))


def _check(points: np.ndarray) -> None:
    """Raise InputError for points (N, 3) that cannot fix a shape."""
    if len(points) < FEWEST:
        raise InputError(f"has {len(points)} usable points, but a fit needs at least {FEWEST}")
    extents = np.linalg.svd(points - points.mean(axis=0), compute_uv=False) if len(points) else np.zeros(3)
    if extents[0] == 0:
        raise InputError(f"its {len(points)} points are one point; is it the right file?")
    if extents[2] < FLAT * extents[0]:
        raise InputError("its points lie in a plane, which fixes no shape; scan the object from more sides")
