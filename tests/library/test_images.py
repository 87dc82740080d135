from io import BytesIO

import numpy as np
import pytest
import stages
import torch
from PIL import Image
from template3d.data import archives
from template3d.data.images import read_views, to_tensor
from template3d.data.memory import Memory
from template3d.data.views import member_name
from template3d.runtime.errors import InputError
from template3d.training.augmentation import grayscale, jitter
from template3d.training.contrastive import ContrastiveSettings
from template3d.training.encoder import EncoderSettings
from template3d.training.end_to_end import EndToEndSettings
from torchvision.transforms.v2 import functional


def test_views_are_the_same_in_memory_and_in_a_file(tmp_path, caplog):
    caplog.set_level("INFO")

    def files(shape):
        rng = np.random.default_rng(int(shape, 16))
        for index in range(3):
            file = BytesIO()
            Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(file, format="PNG")
            yield member_name("chairs", shape, "easy", index), file.getvalue()

    shard = tmp_path / "easy.zip"
    archives.update(shard, {"aaaa": "1", "bbbb": "1"}, lambda stale: ((shape, dict(files(shape))) for shape in stale))
    held, mapped = (read_views([shard], ["bbbb", "aaaa"], 32, Memory(ram_gb=ram), threads=2) for ram in (1, 0))
    assert held.shapes.tolist() == [0, 0, 0, 1, 1, 1]
    assert torch.equal(held.images, mapped.images)
    assert [line.split(", ")[-1] for line in caplog.messages[-2:]] == ["on cpu", "in a file"]
    assert [file.name for file in tmp_path.iterdir()] == ["easy.zip"]
    with pytest.raises(InputError, match="cccc: no views of it"):
        read_views([shard], ["aaaa", "cccc"], 32, Memory())


def drawn(left: int, top: int, width: int, height: int) -> Image.Image:
    """A box, dark on its left half, on white."""
    image = Image.new("RGB", (240, 240), "white")
    image.paste((200, 120, 60), (left, top, left + width, top + height))
    image.paste((20, 20, 20), (left, top, left + width // 2, top + height))
    return image


@pytest.mark.parametrize("box", [(10, 20, 80, 40), (160, 200, 80, 40), (0, 0, 80, 40), (40, 60, 160, 80)])
def test_a_cropped_object_looks_the_same_wherever_it_is_and_whatever_its_size(box):
    expected = to_tensor(drawn(70, 80, 120, 60), 32, crop_to_object=True).float()
    assert (to_tensor(drawn(*box), 32, crop_to_object=True).float() - expected).abs().mean() < 4


def test_a_cropped_object_is_whole_and_not_stretched():
    seen = (to_tensor(drawn(100, 30, 20, 100), 100, crop_to_object=True).float().mean(dim=0) < 200).numpy()
    assert seen.any(axis=1).sum() == pytest.approx(94, abs=2)
    assert seen.any(axis=0).sum() == pytest.approx(19, abs=2)
    assert np.argwhere(seen).mean(axis=0) == pytest.approx([49.5, 49.5], abs=1.5)


def test_an_empty_image_is_not_cropped():
    white = Image.new("RGB", (40, 40), "white")
    assert torch.equal(to_tensor(white, 32, crop_to_object=True), to_tensor(white, 32))


def test_a_share_of_the_images_loses_its_colours_and_nothing_else():
    torch.manual_seed(0)
    images = torch.rand(400, 3, 4, 4)
    converted = grayscale(images, 0.25)
    grey = functional.rgb_to_grayscale(images, num_output_channels=3)
    kept = (converted == images).all(dim=(1, 2, 3))
    assert 0.15 < 1 - kept.float().mean() < 0.35
    assert torch.equal(converted[~kept], grey[~kept])
    assert torch.equal(grayscale(images, 0.0), images)


@pytest.mark.parametrize(
    ("name", "settings"),
    [("encoder", EncoderSettings), ("contrastive", ContrastiveSettings), ("end_to_end", EndToEndSettings)],
)
def test_training_on_images_changes_their_colours_as_configured(name, settings):
    stage = stages.make(name)
    images, *rest = next(stage.batches(1, torch.Generator()))
    stage.settings = settings(colour_jitter=0.0, grayscale_probability=1.0)
    augmented, *_ = stage.augment(images, *rest)
    assert torch.equal(augmented, functional.rgb_to_grayscale(images / 255, num_output_channels=3))
    stage.settings = settings(colour_jitter=0.3, grayscale_probability=0.0)
    torch.manual_seed(1)
    augmented, *_ = stage.augment(images, *rest)
    torch.manual_seed(1)
    assert torch.equal(augmented, jitter(images, 0.3))


def test_jitter_is_torchvisions_with_other_factors_for_each_image():
    images = torch.randint(0, 256, (5, 3, 16, 16), dtype=torch.uint8)
    exact = images.double() / 255
    torch.manual_seed(3)
    all_jittered = jitter(exact, 0.4)
    torch.manual_seed(3)
    factors = (1 + 0.4 * (2 * torch.rand(3, 5, 1, 1, 1) - 1)).view(3, 5)
    assert len(factors.unique()) == 15
    for image, jittered, (brightness, contrast, saturation) in zip(
        exact, all_jittered, factors.T.tolist(), strict=True
    ):
        image = functional.adjust_brightness(image, brightness)
        image = functional.adjust_saturation(functional.adjust_contrast(image, contrast), saturation)
        torch.testing.assert_close(jittered, image, atol=1e-12, rtol=0)
    assert torch.equal(jitter(images, 0.0), images.float() / 255)
