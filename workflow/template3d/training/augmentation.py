"""Random changes of images, computed on the device."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.transforms import v2

from template3d.data.images import OBJECT

GRIDS = (2, 5, 32)
"""Random colours a side of a made-up background: a gradient, patches, and noise."""
QUALITIES = (30, 91)
"""The range of JPEG qualities."""


@dataclass(frozen=True)
class Augmentation:
    """How much training images differ from renderings, beyond their colours; by default, not at all.

    Each image draws its own amounts, from PyTorch's generator.
    """

    shift: float = 0.0
    """Largest shift of the object in each direction, as a share of the image."""
    scale: float = 0.0
    """Largest share by which the object grows or shrinks."""
    rotation_deg: float = 0.0
    """Largest rotation in the image's plane."""
    light: float = 0.0
    """Largest share by which one side is lighter, and the other darker."""
    blur: float = 0.0
    """Largest standard deviation of a Gaussian blur, in pixels."""
    jpeg_probability: float = 0.0
    background_probability: float = 0.0
    """Probability that the white around an object is replaced."""
    photos: Tensor | None = None
    """Photos (K, 3, S, S) uint8 that half of the new backgrounds show; without, all are made up."""

    def __call__(self, images: Tensor, colour_jitter: float, grayscale_probability: float) -> Tensor:
        """Change images (B, 3, S, S) of objects on white: uint8, or float in [0, 1]. Returns float in [0, 1]."""
        if self.shift or self.scale or self.rotation_deg:
            images = moved(images, self.shift, self.scale, self.rotation_deg)
        objects = on_white(images) if self.background_probability else None
        images = grayscale(jitter(images, colour_jitter), grayscale_probability)
        images = lit(images, self.light) if self.light else images
        if objects is not None:
            behind = made_up_backgrounds(images) if self.photos is None else _mixed(images, self.photos)
            images = torch.where(~objects & _drawn(images, self.background_probability), behind, images)
        images = blurred(images, self.blur) if self.blur else images
        return compressed(images, self.jpeg_probability) if self.jpeg_probability else images


NO_AUGMENTATION = Augmentation()


def jitter(images: Tensor, amount: float) -> Tensor:
    """Change brightness, contrast and saturation of images (B, 3, S, S), each by its own random factors.

    Takes uint8, or float in [0, 1]; returns float in [0, 1]. The factors, in [1 - ``amount``, 1 + ``amount``], apply in
    turn, as in torchvision's ColorJitter. That class draws one set of factors for a whole batch, and image
    by image it would cost more than the network.
    """
    images = _in_unit_interval(images)
    if not amount:
        return images
    factors = 1 + amount * (2 * torch.rand(3, len(images), 1, 1, 1, device=images.device) - 1)
    brightness, contrast, saturation = factors
    images = (brightness * images).clamp(0, 1)
    mean = v2.functional.rgb_to_grayscale(images).mean(dim=(1, 2, 3), keepdim=True)
    images = (contrast * images + (1 - contrast) * mean).clamp(0, 1)
    grey = v2.functional.rgb_to_grayscale(images)
    return (saturation * images + (1 - saturation) * grey).clamp(0, 1)


def grayscale(images: Tensor, probability: float) -> Tensor:
    """Convert each of the images (B, 3, S, S) to grayscale with a ``probability``."""
    if not probability:
        return images
    gray = _drawn(images, probability)
    return torch.where(gray, v2.functional.rgb_to_grayscale(images, num_output_channels=3), images)


def moved(images: Tensor, shift: float, scale: float, rotation_deg: float) -> Tensor:
    """Shift, scale and rotate the object on each of the images (B, 3, S, S), which are filled up with white.

    The amounts are the largest ones, as in ``Augmentation``. Takes uint8, or float in [0, 1]; returns float.
    """
    images = _in_unit_interval(images)
    grow, turn, right, down = (2 * torch.rand(4, len(images), device=images.device) - 1).to(images.dtype)
    factor, angle = 1 + scale * grow, math.radians(rotation_deg) * turn
    cos, sin = torch.cos(angle) / factor, torch.sin(angle) / factor
    # twice, because the image's coordinates reach from -1 to 1
    rows = [torch.stack([cos, sin, 2 * shift * right], dim=1), torch.stack([-sin, cos, 2 * shift * down], dim=1)]
    grid = functional.affine_grid(torch.stack(rows, dim=1), list(images.shape), align_corners=False)
    return 1 - functional.grid_sample(1 - images, grid, align_corners=False)  # outside is 0, so white


def on_white(images: Tensor) -> Tensor:
    """The pixels (B, 1, S, S) of objects on white in images (B, 3, S, S), as ``data.images`` tells them apart."""
    return (_in_unit_interval(images).amin(dim=1, keepdim=True) * 255).round() <= OBJECT


def lit(images: Tensor, amount: float) -> Tensor:
    """Lighten one side of each image (B, 3, S, S), float in [0, 1], by up to ``amount``, and darken the other."""
    ramp = torch.linspace(-1, 1, images.shape[-1], device=images.device, dtype=images.dtype)
    strength, angle = torch.rand(2, len(images), 1, 1, 1, device=images.device).to(images.dtype)
    across = torch.cos(2 * math.pi * angle) * ramp[None, :] + torch.sin(2 * math.pi * angle) * ramp[:, None]
    return (images * (1 + amount * strength * across)).clamp(0, 1)


def made_up_backgrounds(images: Tensor) -> Tensor:
    """Random gradients, patches and noise (B, 3, S, S), one for each of the images."""
    size = list(images.shape[-2:])
    kinds = [torch.rand(len(images), 3, side, side, device=images.device).to(images.dtype) for side in GRIDS]
    drawn = torch.stack([functional.interpolate(kind, size, mode="bilinear", align_corners=True) for kind in kinds])
    return drawn[torch.randint(len(GRIDS), (len(images),), device=images.device), torch.arange(len(images))]


def _mixed(images: Tensor, photos: Tensor) -> Tensor:
    """A made-up background, or one of the ``photos``, for each of the images."""
    drawn = photos[torch.randint(len(photos), (len(images),)).to(photos.device)].to(images.device)
    return torch.where(_drawn(images, 0.5), _in_unit_interval(drawn).to(images.dtype), made_up_backgrounds(images))


def blurred(images: Tensor, largest: float) -> Tensor:
    """Blur each image (B, 3, S, S) by a Gaussian whose standard deviation is at most ``largest`` pixels."""
    reach = max(1, math.ceil(3 * largest))
    offsets = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    std = (largest * torch.rand(len(images), 1, device=images.device)).to(images.dtype).clamp_min(1e-3)
    kernel = torch.softmax(-0.5 * (offsets / std).square(), dim=1).repeat_interleave(3, dim=0)[:, None]
    flat = functional.pad(images, [reach] * 4, mode="replicate").flatten(0, 1)[None]
    for weights in (kernel[:, :, None, :], kernel[:, :, :, None]):
        flat = functional.conv2d(flat, weights, groups=len(kernel))
    return flat.view_as(images).clamp(0, 1)  # the weights sum to 1 but for rounding


def compressed(images: Tensor, probability: float) -> Tensor:
    """Save each image (B, 3, S, S), float in [0, 1], as JPEG of a random quality with a ``probability``."""
    qualities = torch.randint(*QUALITIES, (len(images),)).tolist()
    changes = (torch.rand(len(images)) < probability).tolist()
    stored = (255 * images).round().clamp(0, 255).to("cpu", torch.uint8)  # torchvision compresses on the processor
    parts = [
        v2.functional.jpeg(image, quality).to(images.device) / 255 if changed else original
        for image, original, quality, changed in zip(stored, images, qualities, changes, strict=True)
    ]
    return torch.stack([part.to(images.dtype) for part in parts])


def one_by_one(transform: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Images (B, 3, S, S), each transformed separately, so that each gets its own random draw."""
    return torch.stack([transform(image) for image in images])


def _drawn(images: Tensor, probability: float) -> Tensor:
    """Which of the images are changed, (B, 1, 1, 1) bool."""
    return torch.rand(len(images), 1, 1, 1, device=images.device) < probability


def _in_unit_interval(images: Tensor) -> Tensor:
    return images.float() / 255 if images.dtype == torch.uint8 else images
