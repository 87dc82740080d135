"""Random changes of images, computed on the device."""

from collections.abc import Callable

import torch
from torch import Tensor
from torchvision.transforms import v2


def jitter(images: Tensor, amount: float) -> Tensor:
    """Change brightness, contrast and saturation of images (B, 3, S, S), each by its own random factors.

    Takes uint8, or float in [0, 1]; returns float in [0, 1]. The factors, in [1 - ``amount``, 1 + ``amount``], apply in
    turn, as in torchvision's ColorJitter. That class draws one set of factors for a whole batch, and image
    by image it would cost more than the network.
    """
    images = images.float() / 255 if images.dtype == torch.uint8 else images
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
    gray = torch.rand(len(images), 1, 1, 1, device=images.device) < probability
    return torch.where(gray, v2.functional.rgb_to_grayscale(images, num_output_channels=3), images)


def one_by_one(transform: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Images (B, 3, S, S), each transformed separately, so that each gets its own random draw."""
    return torch.stack([transform(image) for image in images])
