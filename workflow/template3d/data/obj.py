"""The reader of OBJ files: one pass over the text gives polygons, texture coordinates and the names of materials.

Nothing else reads the geometry of an OBJ file. Other readers silently drop what they do not understand: Blender, faces
before their vertices; trimesh, some faces of interleaved blocks. This one raises InputError instead.
"""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from template3d.runtime.errors import InputError

NAMES = (b"usemtl", b"mtllib", b"newmtl", b"map_")
"""Beginnings of lines that hold a name, in which ``#`` is a character like any other."""
CURVED = (b"curv", b"curv2", b"surf")
MISSPELT = re.compile(rb"F|V|fo|[fFvV][^a-zA-Z].*")  # codespell:ignore fo
"""What a face or a vertex looks like without its blank, in capitals, or in the oldest files."""
COMMENT = re.compile(rb"(?:^|(?<=\s))#.*")
LARGEST = 2**40
"""More than any index."""
BLANKS = bytes(10 if byte == 10 else max(byte, 32) for byte in range(256))
"""Turns control characters into blanks."""


class Line(NamedTuple):
    """A line of an OBJ or MTL file: its number, its first word, the other words, and these as one text."""

    number: int
    keyword: bytes
    words: list[bytes]
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


def read(file: Path) -> Polygons:
    """Read an OBJ file; raises InputError, naming the file, the line and the flaw, for a line that it cannot read.

    Indices may be relative, and faces may stand before their vertices. Lines with other keywords than v, vt, f, usemtl
    and mtllib are skipped, but curved surfaces and what looks like a misspelt face or vertex raise InputError.
    """
    vertices: list[tuple[float, ...]] = []
    coordinates: list[tuple[float, ...]] = []
    corners: list[tuple[int, int]] = []
    sizes: list[int] = []
    material: list[int] = []
    names: dict[str, int] = {}
    mtllib_lines: list[str] = []
    numbers: list[int] = []  # of the line of each face
    current = -1
    for number, keyword, words, rest in lines(file):
        try:
            if keyword == b"v":
                vertices.append(_numbers(words, 3))
            elif keyword == b"vt":
                coordinates.append(_numbers([*words, b"0"], 2))
            elif keyword == b"f" and len(words) > 2:  # some programs write edges as faces of two corners
                corners += [_corner(word, len(vertices), len(coordinates)) for word in words]
                sizes.append(len(words))
                material.append(current)
                numbers.append(number)
            elif keyword == b"usemtl":
                current = names.setdefault(text(rest), len(names))
            elif keyword in CURVED or MISSPELT.fullmatch(keyword):
                raise ValueError(f"{text(keyword)} is not supported; export the mesh as vertices (v) and faces (f)")
            elif keyword == b"mtllib":
                mtllib_lines.append(text(rest))
        except ValueError as flaw:
            raise InputError(f"{file}: line {number}: {flaw}") from flaw
    indices = np.array(corners, np.int64).reshape(-1, 2)
    for column, known, what in ((0, vertices, "vertex"), (1, coordinates, "texture coordinate")):
        for corner in np.flatnonzero(indices[:, column] >= len(known))[:1]:
            line = numbers[int(np.searchsorted(np.cumsum(sizes), corner, side="right"))]
            wanted = f"{what} {indices[corner, column] + 1}, but the file has {len(known)}"
            raise InputError(f"{file}: line {line}: this face names {wanted}; is the file complete?")
    textured, uv = indices[:, 1] >= 0, np.zeros((len(indices), 2), np.float32)
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
    begun, started = b"", 0
    for number, content in enumerate([*_unified(file.read_bytes()).split(b"\n"), b""], 1):
        if begun and content.lstrip().startswith(b"#"):
            continue
        line = begun + content
        named = line.lstrip().startswith(NAMES)
        if b"#" in line and not named:
            line = COMMENT.sub(b"", line)
        if line.rstrip().endswith(b"\\"):
            if named:
                raise InputError(f"{file}: line {number}: a name continues in the next line; write it in one")
            begun, started = line.rstrip()[:-1] + b" ", started or number
            continue
        keyword, *words = line.split() or [b""]
        if keyword:
            yield Line(started or number, keyword, words, line.strip()[len(keyword) :].strip())
        begun, started = b"", 0


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
    if b"_" in word:
        raise ValueError(f"{text(word)} is no number")
    return word


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
