"""Random changes of images, made on the device."""

from collections.abc import Callable

import torch
from torch import Tensor
from torchvision.transforms import v2


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


def grayscale(images: Tensor, share: float) -> Tensor:
    """Images (B, 3, S, S), of which about a ``share`` lose their colours, each by its own draw."""
    if not share:
        return images
    chosen = torch.rand(len(images), 1, 1, 1, device=images.device) < share
    return torch.where(chosen, v2.functional.rgb_to_grayscale(images, num_output_channels=3), images)


def one_by_one(transform: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Images (B, 3, S, S), each changed by a random draw of its own."""
    return torch.stack([transform(image) for image in images])
