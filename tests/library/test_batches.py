import pytest
import torch
from stages import pictures, spheres
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.training.contrastive import ContrastiveSettings, ContrastiveStage
from template3d.training.embeddings import EmbeddingSettings, EmbeddingStage, LossSettings
from template3d.training.encoder import EncoderSettings, EncoderStage
from template3d.training.end_to_end import EndToEndSettings, EndToEndStage
from template3d.training.stage import random_batches
from torch import nn

SHAPES, VIEWS = 4, 6


def drawn(items: int, size: int, min_batches: int, seed: int = 0) -> list[list[int]]:
    generator = torch.Generator().manual_seed(seed)
    return [batch.tolist() for batch in random_batches(torch.arange(items), size, min_batches, generator)]


def test_an_epoch_draws_each_item_once_and_drops_the_incomplete_batch():
    first, second = drawn(11, 5, 1)
    assert len({*first, *second}) == 10
    assert drawn(11, 5, 1, seed=1) != [first, second]
    assert sorted(drawn(3, 5, 1)[0]) == [0, 1, 2]  # fewer than a batch


def test_few_items_are_drawn_again_in_another_order():
    batches = drawn(8, 4, 5)
    assert len(batches) == 5
    assert sorted(batches[0] + batches[1]) == sorted(batches[2] + batches[3]) == list(range(8))
    assert batches[0] != batches[2]
    assert drawn(8, 4, 1) == batches[:2]  # the minimum changes nothing else


def stage_of(name: str, min_steps: int):
    """A stage of four shapes with six views each, with batches of two; its decoder and encoder are not used."""
    samples, views = spheres([0.3, 0.4, 0.5, 0.6]), pictures(SHAPES, VIEWS)
    decoder = ImplicitTemplate(code_length=8, warp_hidden=16, warp_steps=4, template_hidden=[16], dropout=0.0)
    if name == "phase1":
        return EmbeddingStage(decoder, samples, EmbeddingSettings(2, 64, min_steps_per_epoch=min_steps), LossSettings())
    if name == "phase2":
        settings = EncoderSettings(batch_size=2, min_steps_per_epoch=min_steps)
        return EncoderStage(nn.Identity(), views, torch.zeros(SHAPES, 8), settings)
    if name == "end_to_end":
        settings = EndToEndSettings(2, 64, min_steps_per_epoch=min_steps)
        return EndToEndStage(nn.Identity(), decoder, views, samples, settings, LossSettings())
    settings = ContrastiveSettings(positives=name, batch_size=2, min_steps_per_epoch=min_steps)
    return ContrastiveStage(nn.Identity(), nn.Identity(), views, settings)


@pytest.mark.parametrize(
    ("name", "steps"), [("phase1", 2), ("phase2", 12), ("end_to_end", 2), ("views", 6), ("augmentations", 12)]
)
def test_min_steps_per_epoch_is_a_lower_bound_in_each_stage(name, steps):
    for min_steps, expected in ((1, steps), (steps + 3, steps + 3)):
        batches = list(stage_of(name, min_steps).batches(1, torch.Generator().manual_seed(0)))
        assert len(batches) == expected
        assert all(len(batch[0]) == 2 for batch in batches)
