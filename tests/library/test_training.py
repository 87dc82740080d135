import numpy as np
import pytest
import torch
from template3d import models
from template3d.errors import InputError
from template3d.networks.encoder import Encoder
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.training.distances import Samples
from template3d.training.embeddings import EmbeddingSettings, EmbeddingStage
from template3d.training.encoder import EncoderSettings, EncoderStage
from template3d.training.images import Views
from template3d.training.loop import Schedule, fit

SIZES = {"code_length": 8, "warp_hidden": 16, "warp_steps": 4, "template_hidden": [32, 32], "dropout": 0.0}


def spheres(radii):
    """The samples of spheres, exact."""
    rng = np.random.default_rng(0)
    shapes = []
    for radius in radii:
        points = rng.uniform(-1, 1, size=(4000, 3)).astype(np.float32)
        samples = np.column_stack([points, np.linalg.norm(points, axis=1) - radius]).astype(np.float32)
        shapes.append({"pos": samples[samples[:, 3] >= 0], "neg": samples[samples[:, 3] < 0]})
    return Samples(shapes)


def train(epochs, samples, precision="32"):
    torch.manual_seed(0)
    stage = EmbeddingStage(ImplicitTemplate(**SIZES), samples, EmbeddingSettings(4, 256, 3e-3, 3e-3, 1e-2))
    return stage, fit(stage, Schedule(epochs, 1000, precision), "test")


@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_phase_1_learns_spheres_of_different_size(precision):
    stage, history = train(150, spheres([0.3, 0.4, 0.5, 0.6]), precision)
    assert history[-1]["reconstruction"] < 0.35 * history[0]["reconstruction"]
    along = torch.linspace(0.1, 0.9, 50)[:, None] * torch.tensor([[1.0, 0, 0]])
    with torch.no_grad():
        found = stage.decoder.signed_distance(stage.codes.weight, along.expand(4, -1, -1))
    crossings = (found < 0).sum(dim=1)
    assert (crossings.diff() > 0).all()  # a larger sphere is inside for longer


def test_training_is_deterministic():
    (first, one), (second, two) = (train(3, spheres([0.3, 0.5])) for _ in range(2))
    assert [row["total"] for row in one] == [row["total"] for row in two]
    for ours, theirs in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)


def test_learning_rates_are_halved_on_time():
    torch.manual_seed(0)
    stage = EmbeddingStage(ImplicitTemplate(**SIZES), spheres([0.4]), EmbeddingSettings(1, 64))
    rates = [row["rate_warp"] for row in fit(stage, Schedule(4, 2), "test")]
    assert rates == [5e-4, 2.5e-4, 2.5e-4, 1.25e-4]


def test_a_loss_that_explodes_stops_the_run():
    samples = spheres([0.4])
    samples.sides[0][0][:, 3] = float("nan")
    with pytest.raises(FloatingPointError, match="not finite at step 1"):
        train(2, samples)


def test_half_of_a_batch_lies_inside():
    points, distances = spheres([0.3, 0.6]).draw(torch.tensor([1, 0, 1]), 64, torch.Generator().manual_seed(0))
    assert points.shape == (3, 64, 3)
    assert ((distances < 0).sum(dim=1) == 32).all()
    radii = torch.tensor([0.6, 0.3, 0.6])[:, None]
    torch.testing.assert_close(points.norm(dim=-1) - radii, distances)


def test_phase_2_learns_which_image_is_which_shape():
    torch.manual_seed(0)
    images = torch.randint(0, 256, (16, 3, 32, 32), dtype=torch.uint8)
    shapes = torch.arange(16) % 2
    images[shapes == 1, :, :, :16] = 0  # one shape is dark on the left
    codes = torch.tensor([[0.5, -0.5], [-0.5, 0.5]])
    stage = EncoderStage(Encoder(2), Views(images, shapes), codes, EncoderSettings(batch=8, colour_jitter=0.1))
    history = fit(stage, Schedule(50, 20), "test")
    assert history[-1]["l1_per_entry"] < 0.4 * history[0]["l1_per_entry"]
    with torch.no_grad():
        predicted = stage.encoder(images)
    assert torch.equal(predicted.sign(), codes[shapes].sign())


def test_a_frozen_trunk_stays_as_it_is():
    encoder = Encoder(2, freeze_trunk=True).train()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    images = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    stage = EncoderStage(encoder, Views(images, torch.arange(4)), torch.zeros(4, 2), EncoderSettings(batch=4))
    fit(stage, Schedule(2, 100), "test")
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, before[name]) == (not name.startswith("trunk.fc."))


def test_a_model_survives_the_disk(tmp_path):
    decoder, encoder = ImplicitTemplate(**SIZES), Encoder(8).eval()
    model = models.Model(decoder, SIZES, torch.randn(3, 8), ["aa", "bb", "cc"], encoder, 32)
    models.save(model, tmp_path / "model.safetensors", tmp_path / "model.json")
    loaded = models.load(tmp_path / "model.safetensors")
    points, images = torch.rand(3, 10, 3), torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    assert torch.equal(
        loaded.decoder.signed_distance(loaded.codes, points), decoder.signed_distance(model.codes, points)
    )
    assert torch.equal(loaded.encode(images), model.encode(images))
    assert (loaded.shapes, loaded.image_size) == (["aa", "bb", "cc"], 32)
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(InputError, match="cannot be read"):
        models.load(tmp_path / "model.safetensors")


def test_encoder_weights_come_from_a_path_or_not_at_all(tmp_path):
    encoder, other = Encoder(2), Encoder(2)
    torch.save(other.trunk.state_dict(), tmp_path / "resnet18.pth")
    encoder.load_trunk(str(tmp_path / "resnet18.pth"))
    assert torch.equal(encoder.trunk.conv1.weight, other.trunk.conv1.weight)
    assert not torch.equal(encoder.trunk.fc.weight, other.trunk.fc.weight)
    with pytest.raises(InputError, match="no such file"):
        encoder.load_trunk(str(tmp_path / "missing.pth"))
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"other\.pth is not the state"):
        encoder.load_trunk(str(tmp_path / "other.pth"))
