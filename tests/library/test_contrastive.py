import numpy as np
import pytest
import stages
import torch
from template3d.data.images import Views
from template3d.networks.encoder import Encoder
from template3d.networks.projection import Projection
from template3d.training.contrastive import ContrastiveSettings, ContrastiveStage
from template3d.training.loop import fit
from template3d.training.stage import Schedule


@pytest.mark.parametrize(
    ("positives", "backbone", "epochs"),
    [
        ("views", stages.BACKBONE, 24),
        # with augmentations, the small backbone learns nothing in a test's time
        pytest.param("augmentations", "resnet18", 10, marks=pytest.mark.slow),
    ],
)
def test_contrastive_pretraining_pairs_images(positives, backbone, epochs):
    views = stages.pictures()
    if positives == "augmentations":  # blocks: after a blur, nothing of pixel noise tells one image from another
        blocks = torch.randint(0, 256, (24, 3, 4, 4), dtype=torch.uint8)
        views = Views(blocks.repeat_interleave(8, dim=2).repeat_interleave(8, dim=3), views.shapes)
    torch.manual_seed(0)
    settings = ContrastiveSettings(
        positives, batch_size=4, temperature=0.2, learning_rate=2e-3, colour_jitter=0.1, smallest_crop=0.8
    )
    stage = ContrastiveStage(Encoder(8, backbone=backbone), Projection(8, 16), views, settings)
    history = fit(stage, Schedule(epochs, 100), "test")
    first, last = (np.mean([row["total"] for row in rows]) for rows in (history[:3], history[-3:]))
    assert last < 0.95 * first
    if positives == "views":
        assert history[-1]["partners_found"] > history[0]["partners_found"]


def test_a_contrastive_batch_has_two_different_views_of_each_of_different_objects():
    views = stages.pictures()
    shape_of = {image.numpy().tobytes(): int(shape) for image, shape in zip(*views, strict=True)}
    stage = ContrastiveStage(
        Encoder(8, backbone=stages.BACKBONE), Projection(8, 16), views, ContrastiveSettings(batch_size=3)
    )
    batches = list(stage.batches(1, torch.Generator().manual_seed(0)))
    assert len(batches) == 24 // 6
    for first, second in batches:
        shapes = [[shape_of[image.numpy().tobytes()] for image in images] for images in (first, second)]
        assert shapes[0] == shapes[1]
        assert len(set(shapes[0])) == 3
        assert not any(torch.equal(one, other) for one, other in zip(first, second, strict=True))
