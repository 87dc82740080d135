"""The rendered views of shapes: their names in archives, and readers."""

import json
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from PIL import Image

from template3d.data import archives
from template3d.runtime.errors import InputError

SUFFIXES = {"rgb": "png", "albedo": "png", "mask": "png", "depth": "exr", "normal": "exr"}
"""The passes of a view, each with the suffix of its file."""


def member_name(category: str, shape: str, kind: str, index: int, shown: str = "rgb") -> str:
    """The member with a view, in the layout of the original program."""
    return f"{category}/{shape}/{kind}/image_{shown}/{index:02d}.{SUFFIXES[shown]}"


def cameras_name(category: str, shape: str, kind: str) -> str:
    """The member with the cameras of a shape's views."""
    return f"{category}/{shape}/{kind}/cameras.json"


def read_cameras(archive_of: Mapping[str, Path], category: str, shape: str, kind: str) -> dict:
    """A shape's ``cameras.json``; ``archive_of`` is from ``archives.index``; raises InputError if it is missing."""
    return json.loads(_read_member(archive_of, cameras_name(category, shape, kind)))


def read_bytes(archive_of: Mapping[str, Path], category: str, shape: str, kind: str, index: int) -> bytes:
    """The image file of one view; ``archive_of`` is from ``archives.index``; raises InputError if it is missing."""
    return _read_member(archive_of, member_name(category, shape, kind, index))


def read_one(archive_of: Mapping[str, Path], category: str, shape: str, kind: str, index: int) -> Image.Image:
    """One view of a shape; ``archive_of`` is from ``archives.index``; raises InputError if it is missing."""
    return decode(read_bytes(archive_of, category, shape, kind, index))


def _read_member(archive_of: Mapping[str, Path], name: str) -> bytes:
    if name not in archive_of:
        raise InputError(f"there is no view {name} in any shard")
    return archives.read(archive_of[name], name)


def without_texts(content: bytes) -> bytes:
    """A PNG file without its text chunks, in which Blender writes the date and the render time.

    So the same view always has the same bytes. Source: the chunks of the PNG specification.
    """
    stripped, start = content[:8], 8
    while start < len(content):
        end = start + 12 + int.from_bytes(content[start : start + 4], "big")
        if content[start + 4 : start + 8] not in (b"tEXt", b"zTXt", b"iTXt", b"tIME"):
            stripped += content[start:end]
        start = end
    return stripped


def decode(content: bytes) -> Image.Image:
    """An RGB image from the bytes of an image file."""
    return Image.open(BytesIO(content)).convert("RGB")
