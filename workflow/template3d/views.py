"""The rendered views of shapes: where they lie, and how to read one."""

import json
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

from PIL import Image

from template3d import archives
from template3d.errors import InputError

KINDS = ("easy", "hard")


SUFFIXES = {"rgb": "png", "albedo": "png", "mask": "png", "depth": "exr", "normal": "exr"}
"""What a view can show, and the format of its file."""


def member_name(category: str, shape: str, kind: str, index: int, shown: str = "rgb") -> str:
    """Where a view lies in an archive, and after unzipping: the original's layout."""
    return f"{category}/{shape}/{kind}/image_{shown}/{index:02d}.{SUFFIXES[shown]}"


def cameras_name(category: str, shape: str, kind: str) -> str:
    """Where the cameras of a shape's views lie in an archive."""
    return f"{category}/{shape}/{kind}/cameras.json"


def read_cameras(shards: Iterable[Path], category: str, shape: str, kind: str) -> dict:
    """What stands in a shape's ``cameras.json``; raises InputError if no shard has it."""
    return json.loads(_read_member(shards, cameras_name(category, shape, kind)))


def read_one(shards: Iterable[Path], category: str, shape: str, kind: str, index: int) -> Image.Image:
    """One view of a shape; raises InputError if no shard has it."""
    return decode(_read_member(shards, member_name(category, shape, kind, index)))


def _read_member(shards: Iterable[Path], name: str) -> bytes:
    for shard in shards:
        if name in archives.names(shard):
            return archives.read(shard, name)
    raise InputError(f"no view {name} in {', '.join(map(str, shards))}")


def decode(content: bytes) -> Image.Image:
    """An RGB image from the bytes of an image file."""
    return Image.open(BytesIO(content)).convert("RGB")
