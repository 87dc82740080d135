"""PLY files: their headers, and checks before trimesh, which skips what it does not know, reads them."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from template3d.runtime.errors import InputError
from template3d.runtime.limits import USUAL, Limits

BYTES_OF = {"char": 1, "short": 2, "int": 4, "float": 4, "double": 8, "int8": 1, "int16": 2, "int32": 4}
BYTES_OF |= {f"u{name}": size for name, size in BYTES_OF.items()} | {"float32": 4, "float64": 8}
"""The bytes of a number in a binary file, by the name of its type."""
LONGEST_HEADER = 100_000
"""The most bytes of a header."""
TEXTURE = "texturefile"
"""What stands before the name of a texture in a comment, in any case."""
NO_NUMBER = re.compile(r"\S*[^0-9\s.eE+\-nNaAiIfF]\S*")
"""A word in the body of a text file that is no number, not even ``nan`` or ``inf``."""


class _Element(NamedTuple):
    name: str
    number: int
    properties: list[list[str]]  # the words of each: its type, or list and the types of its length and its entries


def check(file: Path, limits: Limits = USUAL) -> None:
    """Raise InputError if the elements that the header counts are others than the file has, or too many.

    Also raises it for elements other than faces that may hold triangles. What else is wrong, trimesh says.
    """
    with file.open("rb") as opened:
        header = _header(opened)
        binary = "ascii" not in " ".join(header[1] if len(header) > 1 else []).lower()
        body = b"" if binary else opened.read()
    elements = _elements(header)
    smallest = 0
    for name, count, properties in elements:
        kinds = [
            words[1 if words[0] == "list" else 0] for words in properties
        ]  # of a list, its length; it may be empty
        smallest += count * max(sum(BYTES_OF.get(kind, 1) if binary else 2 for kind in kinds), 1)  # 2: a digit, a blank
        if count < 0 or smallest > file.stat().st_size + 1:
            raise InputError(f"claims {count} of {name}, which its bytes do not hold; is the file complete?")
    names = [element.name for element in elements]
    for name, count, properties in elements:
        if names.count(name) > 1:
            raise InputError(f"its header counts {name} more than once; export it again")
        if count and name not in ("vertex", "face") and any(words[0] == "list" for words in properties):
            raise InputError(f"has {count} of {name}, which are not read; export it with faces instead")
    limits.check_faces(file, sum(element.number for element in elements if element.name == "face"))
    if not binary:
        _check_lines(body.decode(errors="replace"), elements)


def texture_files(file: Path) -> list[str]:
    """The names of the textures that the comments in a header give."""
    with file.open("rb") as opened:
        lines = [" ".join(words) for words in _header(opened) if words[:1] not in (["element"], ["property"])]
    return [line[line.lower().index(TEXTURE) + len(TEXTURE) :].strip() for line in lines if TEXTURE in line.lower()]


def _header(opened: BinaryIO) -> list[list[str]]:
    """The words of the header's lines; leaves the file at the first byte of its body."""
    header: list[list[str]] = [[]]
    while "end_header" not in header[-1]:
        line = opened.readline(LONGEST_HEADER)
        if not line or opened.tell() > LONGEST_HEADER:
            raise InputError(f"cannot be read as PLY: has no end_header in its first {LONGEST_HEADER} bytes")
        header.append(line.decode(errors="replace").split())
    return header[1:]


def _elements(header: Sequence[list[str]]) -> list[_Element]:
    elements: list[_Element] = []
    for words in header:
        if words[:1] == ["element"] and len(words) == 3:
            elements.append(_Element(words[1], int(words[2]), []))
        elif words[:1] == ["property"] and elements:
            elements[-1].properties.append(words[1:])
    return elements


def _check_lines(body: str, elements: Sequence[_Element]) -> None:
    """Raise InputError unless a text has a line for each element, and each face has as many numbers as it says."""
    if wrong := NO_NUMBER.search(body):
        raise InputError(f"has {wrong[0][:40]!r}, which is not a number")
    lines, start = body.splitlines(), 0  # blank lines count, as trimesh counts them
    whole = True
    for name, count, properties in elements:
        if name == "face":
            lists = [words[0] == "list" for words in properties]
            whole = whole and all(_is_whole(line.split(), lists) for line in lines[start : start + count])
        start += count
    if not whole or len(lines) < start or any(map(str.strip, lines[start:])):
        raise InputError("has other faces than its header says; is the file complete?")


def _is_whole(words: list[str], lists: Sequence[bool]) -> bool:
    """Whether a line has the numbers of one element, whose properties are lists or single numbers."""
    end = 0
    for is_list in lists:
        if end >= len(words):
            return False
        end += 1 + (int(float(words[end])) if is_list else 0)
    return end == len(words)
