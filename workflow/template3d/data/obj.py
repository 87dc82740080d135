"""The reader of OBJ files: one pass over the text gives polygons, texture coordinates and the names of materials.

Nothing else reads the geometry of an OBJ file. Other readers silently drop what they do not understand: Blender, faces
before their vertices; trimesh, some faces of interleaved blocks. This one raises InputError instead.
"""

import codecs
import itertools
import re
from array import array
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np

from template3d.runtime import files
from template3d.runtime.errors import InputError
from template3d.runtime.limits import USUAL, Limits

NAMES = (b"usemtl", b"mtllib", b"newmtl", b"map_")
"""Beginnings of lines that hold a name, in which ``#`` is a character like any other."""
CURVED = (b"curv", b"curv2", b"surf")
MISSPELT = re.compile(rb"F|V|fo|[fFvV][^a-zA-Z].*")  # codespell:ignore fo
"""What a face or a vertex looks like without its blank, in capitals, or in the oldest files."""
COMMENT = re.compile(rb"(?:^|(?<=\s))#.*")
LARGEST = 2**40
"""More than any index."""
LONGEST_WORD = 400
"""The most characters of a number."""
LONGEST_NAME = 1000
"""The most characters of a material's name; NumPy stores every name at the length of the longest one."""
LONGEST_MTLLIB, MOST_MTLLIB = 10_000, 1000
"""The most characters after an ``mtllib``, and the most lines with one."""
BLANKS = bytes(10 if byte == 10 else max(byte, 32) for byte in range(256))
"""Turns control characters into blanks."""


class Line(NamedTuple):
    """A line of an OBJ or MTL file: its number, its first word, and what follows."""

    number: int
    keyword: bytes
    rest: bytes


class Polygons(NamedTuple):
    """The polygons of an OBJ file, each with any number of corners."""

    vertices: np.ndarray  # (V, 3) float64
    corners: np.ndarray  # (C,) int64, the vertex of each corner; the corners of a polygon follow each other
    sizes: np.ndarray  # (P,) int64, the number of corners of each polygon
    uv: np.ndarray  # (C, 2) float32, texture coordinates; zero at corners without
    material: np.ndarray  # (P,) int32, an index into ``material_names``; -1 without
    material_names: tuple[str, ...]
    mtllib_lines: tuple[str, ...]
    """What follows each ``mtllib``: one or more names of MTL files."""


def read(file: Path, limits: Limits = USUAL) -> Polygons:
    """Read an OBJ file; raises InputError, naming the file, the line and the flaw, for a line that it cannot read.

    Also raises InputError as soon as more faces, corners or materials were read than ``limits`` allows.

    Indices may be relative, and faces may stand before their vertices. Lines with other keywords than v, vt, f, usemtl
    and mtllib are skipped, but curved surfaces and what looks like a misspelt face or vertex raise InputError.
    """
    vertices, coordinates = array("d"), array("d")  # arrays take as much memory as the file, lists ten times as much
    corners, sizes, material = array("q"), array("q"), array("i")
    numbers = array("q")  # of the line of each face
    names: dict[str, int] = {}
    mtllib_lines: list[str] = []
    current, triangles = -1, 0
    for number, keyword, rest in lines(file):
        try:
            if keyword == b"v":
                vertices.extend(_numbers(rest.split(maxsplit=3), 3))
            elif keyword == b"vt":
                coordinates.extend(_numbers([*rest.split(maxsplit=2), b"0"], 2))
            elif keyword == b"f":
                words = rest.split(maxsplit=limits.polygon_corners)
                if len(words) < 3:  # some programs write edges as faces of two corners
                    continue
                limits.check_corners(file, len(words))
                triangles += len(words) - 2
                limits.check_faces(file, triangles)
                for word in words:
                    corners.extend(_corner(word, len(vertices) // 3, len(coordinates) // 2))
                sizes.append(len(words))
                material.append(current)
                numbers.append(number)
            elif keyword == b"usemtl":
                current = names.setdefault(_name(rest, LONGEST_NAME), len(names))
                limits.check_materials(file, len(names))
            elif keyword in CURVED or MISSPELT.fullmatch(keyword):
                raise ValueError(f"{_start(keyword)} is not supported; export the mesh as vertices (v) and faces (f)")
            elif keyword == b"mtllib":
                mtllib_lines.append(_name(rest, LONGEST_MTLLIB))
                if len(mtllib_lines) > MOST_MTLLIB:
                    raise ValueError(f"more than {MOST_MTLLIB} lines with mtllib; put the materials into one file")
        except InputError:
            raise
        except ValueError as flaw:
            raise InputError(f"{file}: line {number}: {flaw}") from flaw
    indices = np.array(corners, np.int64).reshape(-1, 2)
    for column, count, what in ((0, len(vertices) // 3, "vertex"), (1, len(coordinates) // 2, "texture coordinate")):
        for corner in np.flatnonzero(indices[:, column] >= count)[:1]:
            line = numbers[int(np.searchsorted(np.cumsum(sizes), corner, side="right"))]
            wanted = f"{what} {indices[corner, column] + 1}, but the file has {count}"
            raise InputError(f"{file}: line {line}: this face names {wanted}; is the file complete?")
    textured, uv = indices[:, 1] >= 0, np.zeros((len(indices), 2), np.float32)
    with np.errstate(over="ignore"):
        uv[textured] = np.array(coordinates, np.float32).reshape(-1, 2)[indices[textured, 1]]
    return Polygons(
        np.array(vertices, np.float64).reshape(-1, 3),
        indices[:, 0],
        np.array(sizes, np.int64),
        uv,
        np.array(material, np.int32),
        tuple(names),
        tuple(mtllib_lines),
    )


def text(content: bytes) -> str:
    """A name in UTF-8, as most programs write it, or else in Latin-1."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def lines(file: Path) -> Iterator[Line]:
    """The lines of an OBJ or MTL file that are not empty, without comments.

    Any control character is a blank, as for Blender. A backslash joins a line with the next one; it raises InputError
    where that would join a name, because Windows paths end like that.
    """
    files.check_regular(file)
    begun: list[bytes] = []  # the lines that a backslash joins with the present one, without blanks around them
    started = 0
    for number, content in enumerate(itertools.chain(BytesIO(_unified(file.read_bytes())), [b""]), 1):
        line = content.strip()
        if started and line.startswith(b"#"):
            continue
        named = (begun[0] if begun else line).startswith(NAMES)
        if b"#" in line and not named:
            line = COMMENT.sub(b"", line).rstrip()
        continues = line.endswith(b"\\")
        if continues and named:
            raise InputError(f"{file}: line {number}: a name continues in the next line; write it in one")
        if part := line.removesuffix(b"\\").rstrip() if continues else line:
            begun.append(part)
        started = started or number
        if not continues:
            if begun:
                keyword, *rest = b" ".join(begun).split(maxsplit=1)
                yield Line(started, keyword, rest[0] if rest else b"")
            begun, started = [], 0


def _unified(content: bytes) -> bytes:
    """The same text in UTF-8 if it was in UTF-16, without a byte order mark, with ``\\n`` after each line."""
    start = content[:64]
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        content = content.decode("utf-16", errors="replace").encode()
    elif len(start) > 1 and not any(start[1::2]):
        content = content.decode("utf-16-le", errors="replace").encode()
    elif len(start) > 1 and not any(start[::2]):
        content = content.decode("utf-16-be", errors="replace").encode()
    content = content.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return content.translate(BLANKS)


def _numbers(words: list[bytes], count: int) -> tuple[float, ...]:
    if len(words) < count:
        raise ValueError(f"{len(words)} numbers, where there must be {count}")
    return tuple(float(_digits(word)) for word in words[:count])


def _digits(word: bytes) -> bytes:
    """The same word; raises ValueError for one with an underscore, which Python takes for a part of a number."""
    if b"_" in word or len(word) > LONGEST_WORD:
        raise ValueError(f"{_start(word)} is no number")
    return word


def _start(word: bytes) -> str:
    """A word in a message; of a long one, its first characters."""
    return text(word[:40]) + "..." * (len(word) > 40)


def _name(content: bytes, longest: int) -> str:
    """A name as text; raises ValueError if it is too long."""
    if len(content) > longest:
        raise ValueError(f"a name of {len(content)} characters, where {longest} are allowed")
    return text(content)


def _corner(word: bytes, vertices: int, coordinates: int) -> tuple[int, int]:
    """The vertex of a corner such as ``v/vt/vn``, and its texture coordinate, or -1 without one."""
    vertex, _, others = word.partition(b"/")
    texture = others.partition(b"/")[0]
    index = _index(vertex, vertices, "vertex")
    return index, _index(texture, coordinates, "texture coordinate") if texture else -1


def _index(word: bytes, count: int, what: str) -> int:
    """An index from 0, from one that counts from 1, or backwards from the last of the ``count`` so far."""
    index = int(_digits(word))
    if abs(index) > LARGEST:
        raise ValueError(f"this face names {what} {index}")
    if index == 0:
        raise ValueError(f"this face names {what} 0, but they count from 1")
    if index < -count:
        raise ValueError(f"this face names {what} {index}, but only {count} stand before it")
    return index - 1 if index > 0 else count + index
