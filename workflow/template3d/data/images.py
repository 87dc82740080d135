"""Images as tensors: one image, or the views of many shapes, each decoded once."""

import itertools
import logging
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from template3d.data import archives, photos, views
from template3d.data.memory import Memory
from template3d.runtime.errors import InputError
from template3d.runtime.limits import USUAL, Limits

log = logging.getLogger(__name__)


OBJECT = 252
"""The largest value of the darkest channel of a pixel that belongs to the object; JPEG leaves white a little off."""
MARGIN = 0.03


class Views(NamedTuple):
    """Images (V, 3, S, S) uint8, and the index (V,) of each image's shape in the list of shapes."""

    images: Tensor
    shapes: Tensor

    def of_first(self, count: int) -> "Views":
        """The views of the first ``count`` shapes; they must be in the order of the shapes, as from ``read_views``."""
        some = int((self.shapes < count).sum())
        return Views(self.images[:some], self.shapes[:some])


def read_views(
    shards: Sequence[str | Path],
    shapes: Sequence[str],
    image_size: int,
    memory: Memory,
    threads: int = 1,
    crop_to_object: bool = False,
) -> Views:
    """Read all views of ``shapes`` from shard archives, each as by ``to_tensor``.

    ``memory`` decides where they are stored: on the GPU, in RAM, or in an unnamed file beside the first shard that is
    mapped into memory. Raises InputError if there are no shapes or if one has no views.
    """
    if not shapes:
        raise InputError("no training shape can be used; results/data/failed.csv says why")
    files, order = list(map(Path, shards)), {shape: index for index, shape in enumerate(shapes)}
    names = sorted(
        (order[shape], name) for file in files for name in archives.names(file) if (shape := _shape(name, order))
    )
    if missing := set(order.values()) - {index for index, _ in names}:
        raise InputError(f"{shapes[min(missing)]}: no views of it in {', '.join(map(str, files))}")
    size = (len(names), 3, image_size, image_size)
    device = memory.device(int(np.prod(size)))
    log.info(
        "%d views, %.2f GB, %s", len(names), np.prod(size) / 1e9, "in a file" if device is None else f"on {device}"
    )
    images = torch.empty(size, dtype=torch.uint8, device=device) if device else _mapped(size, files[0].parent)
    index_of = {name: index for index, (_, name) in enumerate(names)}
    with ThreadPoolExecutor(threads) as pool:
        contents = ((name, content) for file in files for name, content in archives.members(file) if name in index_of)
        while batch := list(itertools.islice(contents, 64 * threads)):
            decoded = pool.map(
                lambda content: to_tensor(views.decode(content), image_size, crop_to_object), [c for _, c in batch]
            )
            for (name, _), image in zip(batch, decoded, strict=True):
                images[index_of[name]] = image
    return Views(images, torch.tensor([index for index, _ in names]))


def _shape(name: str, order: dict[str, int]) -> str | None:
    shape = name.partition("/")[2].partition("/")[0]
    return shape if "/image_rgb/" in name and shape in order else None


def _mapped(size: tuple[int, ...], folder: Path) -> Tensor:
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        os.posix_fallocate(file.fileno(), 0, int(np.prod(size)))  # a full disk fails here, not as a bus error later
        return torch.from_file(file.name, shared=True, size=int(np.prod(size)), dtype=torch.uint8).view(size)


def _cropped(image: Image.Image) -> Image.Image:
    """The smallest square around the object of an image on white, padded with white; an empty image as it is."""
    seen = np.asarray(image).min(axis=2) <= OBJECT
    rows, columns = (np.flatnonzero(seen.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return image
    height, width = rows[-1] + 1 - rows[0], columns[-1] + 1 - columns[0]
    side = round((1 + 2 * MARGIN) * max(height, width))
    left, top = columns[0] - (side - width) // 2, rows[0] - (side - height) // 2
    square = Image.new("RGB", (side, side), "white")
    square.paste(image, (-int(left), -int(top)))
    return square


def to_tensor(image: Image.Image, image_size: int, crop_to_object: bool = False) -> Tensor:
    """An RGB image as (3, S, S) uint8, scaled with an antialiasing filter.

    With ``crop_to_object``, it is first cropped to the smallest square around all that is not white, with a margin of
    MARGIN of its side, so that the object fills the image from whatever distance it was seen.
    """
    if crop_to_object:
        image = _cropped(image)
    if image.size != (image_size, image_size):
        image = image.resize((image_size, image_size), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()


def read_backgrounds(folder: Path, image_size: int, limits: Limits = USUAL) -> Tensor:
    """The photos of a folder as (K, 3, S, S) uint8, each cropped to its central square.

    Raises InputError if the folder has no photo, or if one is broken or too large.
    """
    files = photos.listed(folder)
    if not files:
        raise InputError(
            f"config: augmentation.backgrounds is {folder}, but it holds no photo ({', '.join(photos.SUFFIXES)}); "
            "put photos there, or set it to null"
        )
    size = (image_size, image_size)
    squares = [ImageOps.fit(photos.opened(file, limits).convert("RGB"), size) for file in files]
    return torch.stack([to_tensor(square, image_size) for square in squares])
