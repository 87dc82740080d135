"""Images are changed as the configuration's ``augmentation`` says, each by its own amounts."""

import numpy as np
import pytest
import torch
from PIL import Image
from template3d.data.images import read_backgrounds
from template3d.runtime.errors import InputError
from template3d.training.augmentation import (
    NO_AUGMENTATION,
    Augmentation,
    blurred,
    compressed,
    grayscale,
    jitter,
    lit,
    moved,
    on_white,
)
from torchvision.transforms.v2 import functional

SIDE = 65


def bars(count: int = 64) -> torch.Tensor:
    """Dark horizontal bars, 31 x 7 pixels, in the middle of white images."""
    images = torch.full((count, 3, SIDE, SIDE), 255, dtype=torch.uint8)
    images[:, :, 29:36, 17:48] = 10
    return images


def moments(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Of the dark object on each image: its area, its centre (B, 2) as x and y, and its direction in degrees."""
    dark = (1 - images.mean(dim=1)).double()
    area = dark.sum(dim=(1, 2))
    axis = torch.arange(SIDE, dtype=torch.float64) - SIDE // 2
    x, y = (dark.sum(dim=1) @ axis) / area, (dark.sum(dim=2) @ axis) / area
    dx, dy = axis - x[:, None], axis - y[:, None]
    xx, yy = (dark.sum(dim=1) * dx**2).sum(dim=1), (dark.sum(dim=2) * dy**2).sum(dim=1)
    xy = torch.einsum("brc,br,bc->b", dark, dy, dx)
    return area, torch.stack([x, y], dim=1), torch.rad2deg(0.5 * torch.atan2(2 * xy, xx - yy))


def test_without_augmentation_only_colours_change():
    torch.manual_seed(0)
    changed = NO_AUGMENTATION(bars(), 0.3, 0.5)
    torch.manual_seed(0)
    assert torch.equal(changed, grayscale(jitter(bars(), 0.3), 0.5))


def test_objects_are_shifted_by_up_to_the_given_share_of_the_image():
    area, centre, angle = moments(moved(bars(), 0.1, 0.0, 0.0))
    assert 0.8 * 6.5 < centre.abs().max() <= 6.5 + 1e-3  # a tenth of 65 pixels
    assert len(centre.round(decimals=3).unique(dim=0)) == len(centre)
    torch.testing.assert_close(area, area[:1].expand(len(area)), rtol=1e-4, atol=0)
    assert angle.abs().max() < 1e-3


def test_objects_are_scaled_by_up_to_the_given_share():
    before = moments(bars(1).float() / 255)[0]
    area, centre, _ = moments(moved(bars(), 0.0, 0.2, 0.0))
    factors = (area / before).sqrt()
    assert 0.79 < factors.min() < 0.85
    assert 1.15 < factors.max() < 1.21
    assert centre.abs().max() < 1e-3


def test_objects_are_rotated_by_up_to_the_given_angle():
    area, _, angle = moments(moved(bars(), 0.0, 0.0, 20.0))
    assert 16 < angle.abs().max() <= 20.1
    assert angle.min() < -10 < 10 < angle.max()
    torch.testing.assert_close(area, area[:1].expand(len(area)), rtol=2e-3, atol=0)


def test_what_comes_into_the_image_is_white():
    assert moved(torch.full((8, 3, 32, 32), 255, dtype=torch.uint8), 0.5, 0.5, 90.0).min() == 1


def test_light_comes_from_one_side():
    grey = torch.full((16, 3, SIDE, SIDE), 0.5)
    shown = lit(grey, 0.4)
    assert torch.equal(shown[:, :, SIDE // 2, SIDE // 2], grey[:, :, 0, 0])
    torch.testing.assert_close(shown + shown.flip(2, 3), 2 * grey)
    assert 0.05 < (shown - grey).abs().amax(dim=(1, 2, 3)).max() <= 0.5 * 0.4 * 2**0.5


def test_only_the_white_around_an_object_is_replaced():
    inside = on_white(bars())
    assert inside.sum(dim=(1, 2, 3)).unique().tolist() == [31 * 7]
    shown = Augmentation(background_probability=1.0)(bars(), 0.0, 0.0)
    inside = inside.expand_as(shown)
    assert torch.equal(shown[inside], (bars() / 255)[inside])
    assert (shown[~inside] < 1).float().mean() > 0.99


def test_the_share_of_new_backgrounds_is_the_probability():
    shown = Augmentation(background_probability=0.25)(bars(1600), 0.0, 0.0)
    assert 0.2 < (shown[:, :, 0, 0].amin(dim=1) < 1).float().mean() < 0.3


def test_half_of_the_new_backgrounds_are_photos(tmp_path):
    for name, colour in (("a.png", "red"), ("b.jpg", "blue")):
        Image.new("RGB", (90, 40), colour).save(tmp_path / name)
    photos = read_backgrounds(tmp_path, SIDE)
    assert photos.shape == (2, 3, SIDE, SIDE)
    shown = Augmentation(background_probability=1.0, photos=photos)(bars(400), 0.0, 0.0)
    colours = photos[:, :, :1, :1] / 255
    is_red, is_blue = ((shown[:, :, :5, :5] - colour).abs().amax(dim=(1, 2, 3)) < 0.02 for colour in colours)
    assert 0.18 < is_red.float().mean() < 0.32
    assert 0.18 < is_blue.float().mean() < 0.32


def test_a_folder_of_backgrounds_without_photos_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"augmentation.backgrounds is .*, but it holds no photo"):
        read_backgrounds(tmp_path, 32)


def test_a_blur_is_a_gaussian_of_at_most_the_given_deviation():
    point = torch.zeros(64, 3, SIDE, SIDE)
    point[:, :, SIDE // 2, SIDE // 2] = 1
    shown = blurred(point, 2.0).double()
    torch.testing.assert_close(shown.sum(dim=(2, 3)), torch.ones(64, 3, dtype=torch.float64), atol=1e-6, rtol=0)
    offsets = torch.arange(SIDE, dtype=torch.float64) - SIDE // 2
    deviations = (shown[:, 0].sum(dim=1) @ offsets**2).sqrt()
    assert deviations.max() <= 2.0
    assert deviations.max() > 1.7
    assert deviations.min() < 0.5


def test_compression_is_jpegs():
    torch.manual_seed(0)
    image = torch.rand(1, 3, 16, 16)
    candidates = [functional.jpeg((255 * image[0]).round().byte(), quality) / 255 for quality in range(30, 91)]
    shown = compressed(image, 1.0)[0]
    assert any(torch.equal(shown, candidate) for candidate in candidates)
    assert torch.equal(compressed(image, 0.0), image)


def test_all_at_once_gives_images():
    everything = Augmentation(0.1, 0.1, 10, 0.3, 1.0, 0.5, 0.5)
    shown = everything(bars(), 0.3, 0.5)
    assert shown.shape == (64, 3, SIDE, SIDE)
    assert shown.dtype == torch.float32
    assert np.isfinite(shown.numpy()).all()
    assert 0 <= shown.min() < shown.max() <= 1
