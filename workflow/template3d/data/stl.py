"""STL files, binary or text; trimesh silently drops what it cannot read of text."""

import re
from pathlib import Path

import numpy as np

from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits

HEADER = 84
"""The bytes before the triangles of a binary file; the last four count them."""
RECORD = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
"""A triangle in a binary file."""
FACET = re.compile(
    r"\bfacet(?:\s+(?!facet\b)\S+){0,5}?\s+outer\s+loop"
    + 3 * r"\s+vertex\s+(\S+)\s+(\S+)\s+(\S+)"
    + r"\s+endloop\s+endfacet\b"
)
"""A triangle in a text in lower case: a normal, which is not read, and three corners."""
PART_OF_FACET = re.compile(r"\bfacet\s+normal\b|\bouter\s+loop\b|\bendloop\b|\bendfacet\b")


def read(file: Path, limits: Limits) -> np.ndarray:
    """The corners (3T, 3) of the triangles; raises InputError if the file has more or fewer than it says."""
    content = file.read_bytes()
    count = int.from_bytes(content[80:84], "little")
    needed = HEADER + RECORD.itemsize * count
    if content.lstrip()[:5].lower() == b"solid" and b"\0" not in content[80:84] and len(content) != needed:
        text = re.sub(r"\r\n?", "\n", content.decode(errors="replace").lower())
        limits.check_faces(file, text.count("endloop"))
        return _of_text(text)
    sizes = f"has {len(content)} bytes, but its {count} triangles need {needed}"
    if len(content) < needed:
        raise InputError(f"{sizes}; is it complete?")
    if len(content) >= needed + RECORD.itemsize:
        raise InputError(f"{sizes}; export it again")
    limits.check_faces(file, count)
    return np.frombuffer(content, RECORD, count, offset=HEADER)["corners"].reshape(-1, 3)


def _of_text(text: str) -> np.ndarray:
    facets = list(FACET.finditer(text))
    starts, ends = [facet.start() for facet in facets], [facet.end() for facet in facets]
    for index, (start, end) in enumerate(zip([0, *ends], [*starts, len(text)], strict=True)):
        between = text[start:end]
        if PART_OF_FACET.search(between):
            raise InputError(f"triangle {index + 1} has not three corners; is the file complete?")
        if _leaves_open(between, after_facet=index > 0, at_end=index == len(facets)):
            raise InputError("a solid has no endsolid; is the file complete?")
    if wrong := next((word for facet in facets for word in facet.groups() if "_" in word), None):
        raise InputError(f"has {wrong[:40]!r}, which is not a number")  # Python reads 0_5 as 5
    return np.array([list(map(float, facet.groups())) for facet in facets]).reshape(-1, 3)


def _leaves_open(between: str, *, after_facet: bool, at_end: bool) -> bool:
    """Whether a solid is not ended in the text between two facets, where it ends or another one begins.

    The name of a solid, which follows these words in their line, may be anything.
    """
    words = between.split()
    if after_facet and not at_end:
        return "solid" in words and words[0] != "endsolid"
    last_line = between.rstrip().rpartition("\n")[2]
    return at_end and last_line.split()[:1] != ["endsolid"]
