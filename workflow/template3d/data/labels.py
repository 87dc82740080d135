"""Labelled or coloured points on a shape, read from a user's file."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from template3d.runtime import texts
from template3d.runtime.errors import InputError
from template3d.runtime.limits import USUAL, Limits

COLUMNS = ("x", "y", "z", "label")
SUFFIXES = (".csv", ".ply")
DELIMITERS = ",;\t"
LONGEST = 200
"""The most characters in a label; NumPy stores every label at the length of the longest one."""
NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?")


class LabelledPoints(NamedTuple):
    """Points on one shape, each with a label or a colour."""

    points: np.ndarray
    """(N, 3), in ShapeNet's frame."""
    labels: np.ndarray
    """(N,) texts, or (N, 3) uint8 colours."""


def listed(folder: Path) -> list[Path]:
    """The files with labels in a folder, sorted; empty if the folder does not exist."""
    return sorted(file for file in folder.glob("*") if file.suffix.lower() in SUFFIXES) if folder.is_dir() else []


def read_labels(file: Path, limits: Limits = USUAL) -> LabelledPoints:
    """Read labels from a CSV file with columns x, y, z, label, or colours from a PLY file with coloured vertices.

    The CSV file may be one that a spreadsheet wrote: with a first line ``sep=;``, semicolons or tabs, decimal commas,
    quotes, blanks, other columns, and the names of columns in any case. With commas
    between columns, numbers must have decimal points.

    Raises InputError, naming the file and the line or the flaw. The limits of meshes apply to the file's size.
    """
    limits.check_mesh(file)
    if file.suffix.lower() == ".csv":
        return _from_csv(file, limits)
    import trimesh  # slow to import; Snakemake imports this module at every start

    try:
        cloud: Any = trimesh.load(file, file_type="ply", process=False)
        points, colours = np.asarray(cloud.vertices), np.asarray(cloud.visual.vertex_colors)[:, :3]
    except Exception as error:  # trimesh raises many kinds of errors for broken files
        raise InputError(f"{file}: cannot be read as a PLY file with coloured vertices ({error})") from error
    if not len(points) or len(points) != len(colours) or not np.isfinite(points).all():
        raise InputError(f"{file}: has no coloured vertices, or some vertices are not finite")
    return LabelledPoints(points, colours)


def _from_csv(file: Path, limits: Limits) -> LabelledPoints:
    try:
        text = texts.read(file, limits.mesh_mb)
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error})") from error
    text, mark = texts.without_separator(text)
    filled = {number: line for number, line in enumerate(text.split("\n"), 1) if line.strip(f"{DELIMITERS} ")}
    (number, header), *lines = filled.items() or [(1, "")]
    delimiter = mark or max(DELIMITERS, key=header.count)
    table = _Table(file, delimiter, _columns(file, number, header, delimiter))
    rows = [table.row(number, line) for number, line in lines]
    if not rows:
        raise InputError(f"{file}: has a header but no points")
    table.check_decimals()
    return LabelledPoints(np.array([point for point, _ in rows]), np.array([label for _, label in rows]))


def _columns(file: Path, number: int, header: str, delimiter: str) -> list[str]:
    """The names of the columns, in lower case; those without a name at the end are left out."""
    try:
        names = [name.lower() for name in texts.cells(header, delimiter)]
    except ValueError as error:
        raise InputError(f"{file}: line {number} cannot be read: {error}") from error
    while names and not names[-1]:
        names.pop()
    for name in COLUMNS:
        if names.count(name) != 1:
            flaw = f"names no column {name}" if name not in names else f"names {names.count(name)} columns {name}"
            raise InputError(
                f"{file}: must have a header with {', '.join(COLUMNS)}, but line {number} {flaw}: {header[:LONGEST]!r}"
            )
    return names


class _Table:
    """Reads the rows of a table, and remembers how its numbers are written."""

    def __init__(self, file: Path, delimiter: str, columns: list[str]) -> None:
        self.file, self.delimiter, self.columns = file, delimiter, columns
        self.decimals: dict[str, int] = {}
        """The first line with each decimal mark."""

    def row(self, number: int, line: str) -> tuple[list[float], str]:
        """The point and the label in a line."""
        try:
            cells = texts.cells(line, self.delimiter)
        except ValueError as error:
            raise self._flaw(number, f"cannot be read: {error}") from error
        if any(cells[len(self.columns) :]):
            commas = "; a label with a comma needs quotes, and numbers decimal points, or semicolons between columns"
            counts = f"has {len(cells)} cells, but there are {len(self.columns)} columns"
            raise self._flaw(number, counts + commas * (self.delimiter == ","))
        values = dict(zip(self.columns, cells, strict=False))
        if not values.get("label"):
            raise self._flaw(number, "has no label; label the point or delete the line")
        if len(values["label"]) > LONGEST:
            raise self._flaw(number, f"is too long: a label has more than {LONGEST} characters")
        return [self._number(number, axis, values.get(axis, "")) for axis in "xyz"], values["label"]

    def _number(self, number: int, axis: str, cell: str) -> float:
        if not NUMBER.fullmatch(cell):
            raise self._flaw(number, f"has {cell[:LONGEST]!r} for {axis}, which is not a number")
        if "," in cell and self.delimiter == ",":
            raise self._flaw(number, f"has {cell!r} for {axis}; write a decimal point, or semicolons between columns")
        for mark in ".,":
            if mark in cell:
                self.decimals.setdefault(mark, number)
        value = float(cell.replace(",", "."))
        if not np.isfinite(value):
            raise self._flaw(number, f"has {cell!r} for {axis}, which is not finite")
        return value

    def check_decimals(self) -> None:
        """Raise InputError if some numbers have decimal points and others have commas: one of them marks thousands."""
        if len(self.decimals) > 1:
            lines = f"points (line {self.decimals['.']}) and commas (line {self.decimals[',']})"
            raise InputError(f"{self.file}: its numbers have decimal {lines}; write them all in one form")

    def _flaw(self, number: int, what: str) -> InputError:
        return InputError(f"{self.file}: line {number} {what}")
