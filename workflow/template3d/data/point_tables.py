"""Tables of points with texts, such as labels or the names of keypoints, as spreadsheets write them."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from template3d.runtime import texts
from template3d.runtime.errors import InputError
from template3d.runtime.limits import USUAL, Limits

DELIMITERS = ",;\t"
LONGEST = 200
"""The most characters in a text; NumPy stores every text at the length of the longest one."""
NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?")


class PointTable(NamedTuple):
    """The rows of a table."""

    points: np.ndarray
    """(N, 3), of the columns x, y, z."""
    texts: np.ndarray
    """(N, T) texts, of the other columns."""


def read(file: Path, columns: Sequence[str], limits: Limits = USUAL) -> PointTable:
    """Read a CSV file with columns x, y, z and the given T columns of texts, one at least, in any order.

    The file may be one that a spreadsheet wrote: with a first line ``sep=;``, semicolons or tabs, decimal commas,
    quotes, blanks, other columns, and the names of columns in any case. With commas between columns, numbers must have
    decimal points.

    Raises InputError, naming the file and the line or the flaw. The limits of meshes apply to the file's size.
    """
    limits.check_mesh(file)
    try:
        text = texts.read(file, limits.mesh_mb)
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error})") from error
    text, mark = texts.without_separator(text)
    filled = {number: line for number, line in enumerate(text.split("\n"), 1) if line.strip(f"{DELIMITERS} ")}
    (number, header), *lines = filled.items() or [(1, "")]
    delimiter = mark or max(DELIMITERS, key=header.count)
    table = _Table(file, delimiter, _named(file, number, header, delimiter, ["x", "y", "z", *columns]), columns)
    rows = [table.row(number, line) for number, line in lines]
    if not rows:
        raise InputError(f"{file}: has a header but no points")
    table.check_decimals()
    return PointTable(np.array([point for point, _ in rows]), np.array([words for _, words in rows]))


def _named(file: Path, number: int, header: str, delimiter: str, columns: Sequence[str]) -> list[str]:
    """The names of the columns, in lower case; those without a name at the end are left out."""
    try:
        names = [name.lower() for name in texts.cells(header, delimiter)]
    except ValueError as error:
        raise InputError(f"{file}: line {number} cannot be read: {error}") from error
    while names and not names[-1]:
        names.pop()
    for name in columns:
        if names.count(name) != 1:
            flaw = f"names no column {name}" if name not in names else f"names {names.count(name)} columns {name}"
            raise InputError(
                f"{file}: must have a header with {', '.join(columns)}, but line {number} {flaw}: {header[:LONGEST]!r}"
            )
    return names


class _Table:
    """Reads the rows of a table, and remembers how its numbers are written."""

    def __init__(self, file: Path, delimiter: str, columns: list[str], texts: Sequence[str]) -> None:
        self.file, self.delimiter, self.columns, self.texts = file, delimiter, columns, texts
        self.decimals: dict[str, int] = {}
        """The first line with each decimal mark."""

    def row(self, number: int, line: str) -> tuple[list[float], list[str]]:
        """The point and the texts in a line."""
        try:
            cells = texts.cells(line, self.delimiter)
        except ValueError as error:
            raise self._flaw(number, f"cannot be read: {error}") from error
        if any(cells[len(self.columns) :]):
            quotes = f"; a {self.texts[-1]} with a comma needs quotes"
            commas = f"{quotes}, and numbers decimal points, or semicolons between columns"
            counts = f"has {len(cells)} cells, but there are {len(self.columns)} columns"
            raise self._flaw(number, counts + commas * (self.delimiter == ","))
        values = dict(zip(self.columns, cells, strict=False))
        for name in self.texts:
            if not values.get(name):
                raise self._flaw(number, f"has no {name}; add it or delete the line")
            if len(values[name]) > LONGEST:
                raise self._flaw(number, f"is too long: a {name} has more than {LONGEST} characters")
        return [self._number(number, axis, values.get(axis, "")) for axis in "xyz"], [values[n] for n in self.texts]

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
