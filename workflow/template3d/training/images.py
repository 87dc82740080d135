"""The views of many shapes as tensors, decoded once, and what is done to them on the device."""

import itertools
import logging
import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from template3d import archives, views
from template3d.errors import InputError
from template3d.training.memory import Memory

log = logging.getLogger(__name__)


class Views(NamedTuple):
    """Images (V, 3, S, S) uint8, and for each the index (V,) of its shape in the order of the shapes."""

    images: Tensor
    shapes: Tensor


def read_views(
    shards: Sequence[Path], shapes: Sequence[str], image_size: int, memory: Memory, threads: int = 1
) -> Views:
    """Read all views of ``shapes`` from shard archives, scaled to ``image_size`` pixels a side.

    They go where there is room; without room in memory, into a file without a name beside the first shard, mapped.
    Raises InputError if there are no shapes, or one has no views.
    """
    if not shapes:
        raise InputError("no training shape can be used; results/data/failed.csv says why")
    order = {shape: index for index, shape in enumerate(shapes)}
    names = sorted(
        (order[shape], name) for shard in shards for name in archives.names(shard) if (shape := _shape(name, order))
    )
    if missing := set(order.values()) - {index for index, _ in names}:
        raise InputError(f"{shapes[min(missing)]}: no views of it in {', '.join(map(str, shards))}")
    size = (len(names), 3, image_size, image_size)
    device = memory.place(int(np.prod(size)))
    log.info(
        "%d views, %.2f GB, %s", len(names), np.prod(size) / 1e9, "in a file" if device is None else f"on {device}"
    )
    images = torch.empty(size, dtype=torch.uint8, device=device) if device else _mapped(size, shards[0].parent)
    place = {name: index for index, (_, name) in enumerate(names)}
    with ThreadPoolExecutor(threads) as pool:
        wanted = ((name, content) for shard in shards for name, content in archives.members(shard) if name in place)
        while batch := list(itertools.islice(wanted, 64 * threads)):
            read = pool.map(lambda content: to_tensor(views.decode(content), image_size), [c for _, c in batch])
            for (name, _), image in zip(batch, read, strict=True):
                images[place[name]] = image
    return Views(images, torch.tensor([index for index, _ in names]))


def _shape(name: str, order: dict[str, int]) -> str | None:
    shape = name.partition("/")[2].partition("/")[0]
    return shape if "/image_rgb/" in name and shape in order else None


def _mapped(size: tuple[int, ...], folder: Path) -> Tensor:
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        os.posix_fallocate(file.fileno(), 0, int(np.prod(size)))  # a full disk shows here, not as a bus error later
        return torch.from_file(file.name, shared=True, size=int(np.prod(size)), dtype=torch.uint8).view(size)


def to_tensor(image: Image.Image, image_size: int) -> Tensor:
    """An RGB image as (3, S, S) uint8, scaled with an antialiasing filter."""
    if image.size != (image_size, image_size):
        image = image.resize((image_size, image_size), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()


def jitter(images: Tensor, amount: float) -> Tensor:
    """Change brightness, contrast and saturation of images (B, 3, S, S), uint8 or in [0, 1], each by its own draws.

    Factors in [1 - ``amount``, 1 + ``amount``], one after the other, as torchvision's ColorJitter has them; float in
    [0, 1] comes out. torchvision draws once for a whole batch, and image by image it would cost more than the network.
    """
    images = images.float() / 255 if images.dtype == torch.uint8 else images
    if not amount:
        return images
    drawn = 1 + amount * (2 * torch.rand(3, len(images), 1, 1, 1, device=images.device) - 1)
    brightness, contrast, saturation = drawn
    images = (brightness * images).clamp(0, 1)
    mean = v2.functional.rgb_to_grayscale(images).mean(dim=(1, 2, 3), keepdim=True)
    images = (contrast * images + (1 - contrast) * mean).clamp(0, 1)
    grey = v2.functional.rgb_to_grayscale(images)
    return (saturation * images + (1 - saturation) * grey).clamp(0, 1)


def greyed(images: Tensor, share: float) -> Tensor:
    """Images (B, 3, S, S), of which about a ``share`` lose their colours, each by its own draw."""
    if not share:
        return images
    chosen = torch.rand(len(images), 1, 1, 1, device=images.device) < share
    return torch.where(chosen, v2.functional.rgb_to_grayscale(images, num_output_channels=3), images)


def one_by_one(transform: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Images (B, 3, S, S), each changed by a random draw of its own."""
    return torch.stack([transform(image) for image in images])
