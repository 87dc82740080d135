"""The rendered views of many shapes: where they lie, and how they become batches for a network."""

import json
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from template3d import archives
from template3d.cameras import View
from template3d.errors import InputError

KINDS = ("easy", "hard")


def member_name(category: str, shape: str, kind: str, index: int) -> str:
    """Where a view lies in an archive, and after unzipping: the original's layout."""
    return f"{category}/{shape}/{kind}/image_rgb/{index:02d}.png"


def cameras_name(category: str, shape: str, kind: str) -> str:
    """Where the cameras of a shape's views lie in an archive."""
    return f"{category}/{shape}/{kind}/cameras.json"


class Views(NamedTuple):
    """Images (V, 3, S, S) uint8, and for each the index (V,) of its shape in the order of the shapes."""

    images: Tensor
    shapes: Tensor


def read(shards: Sequence[Path], shapes: Sequence[str], image_size: int) -> Views:
    """Read all views of ``shapes`` from shard archives, scaled to ``image_size`` pixels a side.

    Raises InputError if a shape has no views.
    """
    place = {shape: index for index, shape in enumerate(shapes)}
    found = []
    for shard in shards:
        for name, content in archives.members(shard):
            _, shape, *_ = name.split("/")
            if name.endswith(".png") and shape in place:
                found.append((place[shape], name, to_tensor(decode(content), image_size)))
    missing = set(place.values()) - {index for index, _, _ in found}
    if missing:
        raise InputError(f"{shapes[min(missing)]}: no views of it in {', '.join(map(str, shards))}")
    found.sort(key=lambda view: view[:2])
    return Views(torch.stack([image for _, _, image in found]), torch.tensor([index for index, _, _ in found]))


def read_view(shards: Iterable[Path], category: str, shape: str, kind: str, index: int) -> View:
    """The camera of one view of a shape; raises InputError if no shard has it."""
    described = json.loads(_read_member(shards, cameras_name(category, shape, kind)))["views"][index]
    described.pop("world_to_camera")
    return View(**described)


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


def to_tensor(image: Image.Image, image_size: int) -> Tensor:
    """An RGB image as (3, S, S) uint8, scaled with an antialiasing filter."""
    if image.size != (image_size, image_size):
        image = image.resize((image_size, image_size), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
