"""The views of many shapes as tensors."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from template3d import archives, views
from template3d.errors import InputError


class Views(NamedTuple):
    """Images (V, 3, S, S) uint8, and for each the index (V,) of its shape in the order of the shapes."""

    images: Tensor
    shapes: Tensor


def read_views(shards: Sequence[Path], shapes: Sequence[str], image_size: int) -> Views:
    """Read all views of ``shapes`` from shard archives, scaled to ``image_size`` pixels a side.

    Raises InputError if a shape has no views.
    """
    place = {shape: index for index, shape in enumerate(shapes)}
    found = []
    for shard in shards:
        for name, content in archives.members(shard):
            shape = name.partition("/")[2].partition("/")[0]
            if "/image_rgb/" in name and shape in place:
                found.append((place[shape], name, to_tensor(views.decode(content), image_size)))
    missing = set(place.values()) - {index for index, _, _ in found}
    if missing:
        raise InputError(f"{shapes[min(missing)]}: no views of it in {', '.join(map(str, shards))}")
    found.sort(key=lambda view: view[:2])
    return Views(torch.stack([image for _, _, image in found]), torch.tensor([index for index, _, _ in found]))


def to_tensor(image: Image.Image, image_size: int) -> Tensor:
    """An RGB image as (3, S, S) uint8, scaled with an antialiasing filter."""
    if image.size != (image_size, image_size):
        image = image.resize((image_size, image_size), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
