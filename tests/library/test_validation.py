"""Held-out shapes: what is not learned from, the loss on it, and stopping by that loss."""

import pytest
import stages
import torch
from template3d.data.splits import held_out
from template3d.networks.encoder import Encoder
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.training.checkpoints import Checkpoint
from template3d.training.embeddings import EmbeddingSettings, EmbeddingStage, LossSettings
from template3d.training.encoder import EncoderSettings, EncoderStage
from template3d.training.end_to_end import EndToEndSettings, EndToEndStage
from template3d.training.loop import fit
from template3d.training.stage import Schedule


def encoder_stage(shapes) -> EncoderStage:
    torch.manual_seed(0)
    encoder = Encoder(8, backbone=stages.BACKBONE)
    return EncoderStage(encoder, stages.pictures(), torch.randn(4, 8), EncoderSettings(4), shapes)


def end_to_end_stage(shapes) -> EndToEndStage:
    torch.manual_seed(0)
    encoder, decoder = Encoder(8, backbone=stages.BACKBONE), ImplicitTemplate(**stages.SIZES)
    samples = stages.spheres([0.3, 0.4, 0.5, 0.6])
    return EndToEndStage(encoder, decoder, stages.pictures(), samples, EndToEndSettings(2, 64), LossSettings(), shapes)


def test_held_out_shapes_are_never_in_a_batch():
    of_encoder, of_end_to_end = encoder_stage([1, 3]), end_to_end_stage([1, 3])
    generator = torch.Generator().manual_seed(0)
    learned = {int(shape) for _, shapes in of_encoder.batches(1, generator) for shape in shapes}
    assert learned == {0, 2}
    views = stages.pictures()
    for epoch in range(1, 5):
        for images, *_ in of_end_to_end.batches(epoch, generator):
            for image in images:
                (index,) = torch.nonzero((views.images == image).flatten(1).all(dim=1))[:, 0].tolist()
                assert int(views.shapes[index]) in (0, 2)


def test_validation_of_phase_2_is_its_loss_on_all_views_of_the_held_out_shapes():
    stage, views = encoder_stage([1, 3]).eval(), stages.pictures()
    theirs = torch.isin(views.shapes, torch.tensor([1, 3]))
    with torch.no_grad():
        errors = (stage.encoder(views.images[theirs]) - stage.codes[views.shapes[theirs]]).abs()
        terms = stage.validation()
    torch.testing.assert_close(terms["l1_per_entry"], errors.mean())
    torch.testing.assert_close(terms["total"], 4 * errors.sum(dim=1).mean())


@pytest.mark.parametrize("make", [encoder_stage, end_to_end_stage])
def test_validation_changes_nothing_of_the_training(make):
    stage, without = make([1]), make([1])
    without.validation = dict
    history = fit(stage, Schedule(3, 100), "test")
    fit(without, Schedule(3, 100), "test")
    assert all(row["validation_total"] > 0 for row in history)
    for name, value in without.state_dict().items():
        assert torch.equal(stage.state_dict()[name], value), name


def test_without_held_out_shapes_nothing_is_validated():
    assert encoder_stage([]).validation() == end_to_end_stage([]).validation() == {}


class Scripted(EmbeddingStage):
    """A stage whose loss on held-out shapes is given, one value after each epoch."""

    def __init__(self, losses) -> None:
        torch.manual_seed(0)
        samples = stages.spheres([0.3, 0.5])
        super().__init__(ImplicitTemplate(**stages.SIZES), samples, EmbeddingSettings(2, 64), LossSettings())
        self.losses, self.weights = iter(losses), []

    def validation(self):
        self.weights.append({name: value.clone() for name, value in self.state_dict().items()})
        return {"total": torch.tensor(next(self.losses))}


def assert_weights(stage: Scripted, weights: dict) -> None:
    for name, value in weights.items():
        assert torch.equal(stage.state_dict()[name], value), name


def test_training_stops_without_improvement_and_has_the_weights_of_the_best_epoch():
    stage = Scripted([5.0, 3.0, 4.0, 3.0, 9.0])
    history = fit(stage, Schedule(20, 100, patience=2), "test")
    assert [row["validation_total"] for row in history] == [5.0, 3.0, 4.0, 3.0]
    assert_weights(stage, stage.weights[1])


def test_patience_does_not_stop_what_improves():
    stage = Scripted([5.0, 6.0, 4.0, 6.0, 3.0])
    assert len(fit(stage, Schedule(5, 100, patience=2), "test")) == 5
    assert_weights(stage, stage.weights[4])


def test_a_stopped_training_that_is_started_again_keeps_its_best_weights(tmp_path):
    def checkpoint() -> Checkpoint:
        return Checkpoint(tmp_path / "checkpoint.safetensors", 100.0, settings="a")

    first = Scripted([5.0, 3.0, 4.0, 4.0])
    fit(first, Schedule(20, 100, patience=2), "test", checkpoint())
    again = Scripted([])
    history = fit(again, Schedule(20, 100, patience=2), "test", checkpoint())
    assert len(history) == 4
    assert_weights(again, first.weights[1])


def test_the_share_is_rounded_and_a_new_shape_exchanges_one_at_most():
    shapes = [f"shape{index}" for index in range(20)]
    some = held_out(shapes, 0.25, seed=0)
    assert len(some) == 5
    assert held_out(shapes[::-1], 0.25, seed=0) == some
    assert held_out(shapes, 0.25, seed=1) != some
    assert len(set(some) - set(held_out([*shapes, "new"], 0.25, seed=0))) <= 1
    assert held_out(shapes, 0, seed=0) == []
