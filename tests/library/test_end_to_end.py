import pytest
import stages
import torch
from template3d.networks.encoder import Encoder
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.runtime.errors import InputError
from template3d.training.embeddings import LossSettings
from template3d.training.end_to_end import EndToEndSettings, EndToEndStage
from template3d.training.loop import fit
from template3d.training.stage import Schedule


def test_end_to_end_training_learns_sizes_from_images():
    torch.manual_seed(0)
    shapes, views = stages.spheres([0.3, 0.4, 0.5, 0.6]), stages.pictures(4, 3)
    settings = EndToEndSettings(4, 256, 3e-3, 3e-3, 3e-3, colour_jitter=0.0)
    encoder, decoder = Encoder(8, backbone=stages.BACKBONE), ImplicitTemplate(**stages.SIZES)
    stage = EndToEndStage(encoder, decoder, views, shapes, settings, LossSettings())
    history = fit(stage, Schedule(60, 1000), "test")
    assert history[-1]["reconstruction"] < 0.5 * history[0]["reconstruction"]
    assert set(stage.pictures()) == {"template", "shape_0", "shape_1"}


def test_the_first_codes_are_spread_as_those_of_phase_1():
    torch.manual_seed(0)
    encoder, images = Encoder(8).eval().double(), torch.randint(0, 255, (64, 3, 32, 32), dtype=torch.uint8)
    encoder.rescale_codes(images)
    assert not encoder.training
    with torch.no_grad():
        codes = encoder.train()(images)
    torch.testing.assert_close(codes.mean(dim=0), torch.zeros(8).double())
    torch.testing.assert_close(codes.std(dim=0), torch.full((8,), 8**-0.5).double())
    with pytest.raises(ValueError, match="the same code"):
        encoder.rescale_codes(images[:1].expand(8, -1, -1, -1))


def test_a_shapes_code_is_the_mean_over_its_views():
    views = stages.pictures(3, 4)
    settings, shapes = EndToEndSettings(2, 64), stages.spheres([0.3, 0.4, 0.5])
    stage = EndToEndStage(Encoder(8), ImplicitTemplate(**stages.SIZES), views, shapes, settings, LossSettings())
    codes = stage.double().eval().mean_codes("cpu")
    with torch.no_grad():
        expected = stage.encoder(views.images[views.shapes == 1]).mean(dim=0)
    assert codes.shape == (3, 8)
    torch.testing.assert_close(codes[1], expected)


def test_a_frozen_trunk_stays_as_it_is_end_to_end():
    encoder = Encoder(8, freeze_trunk=True)
    before = encoder.trunk.conv1.weight.clone()
    settings = EndToEndSettings(2, 64)
    stage = EndToEndStage(
        encoder,
        ImplicitTemplate(**stages.SIZES),
        stages.pictures(2, 2),
        stages.spheres([0.3, 0.5]),
        settings,
        LossSettings(),
    )
    fit(stage, Schedule(2, 100), "test")
    assert torch.equal(encoder.trunk.conv1.weight, before)


def stage_of(shapes: int, scenes: int, **encoder) -> EndToEndStage:
    views, samples = stages.pictures(shapes, 2), stages.spheres([0.3, 0.5, 0.6][:shapes])
    settings, decoder = EndToEndSettings(scenes, 64), ImplicitTemplate(**stages.SIZES)
    return EndToEndStage(Encoder(8, **encoder), decoder, views, samples, settings, LossSettings())


@pytest.mark.parametrize(("shapes", "scenes"), [(1, 4), (1, 1), (3, 1)])
def test_a_batch_too_small_for_its_statistics_is_refused_at_the_start(shapes, scenes):
    with pytest.raises(InputError, match=r"batch of 1 images of 32 pixels.*set end_to_end\.scenes_per_batch to 2"):
        stage_of(shapes, scenes)


def test_a_batch_of_one_works_without_statistics():
    assert fit(stage_of(1, 1, freeze_trunk=True), Schedule(2, 100), "test")[-1]["total"] > 0
    assert fit(stage_of(3, 2), Schedule(2, 100), "test")[-1]["total"] > 0
