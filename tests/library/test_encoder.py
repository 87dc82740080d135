import pytest
import stages
import torch
from template3d.data.images import Views
from template3d.networks.encoder import Encoder
from template3d.runtime.errors import InputError
from template3d.training import pretrained
from template3d.training.encoder import EncoderSettings, EncoderStage
from template3d.training.loop import fit
from template3d.training.stage import Schedule


def test_phase_2_learns_which_image_is_which_shape():
    torch.manual_seed(0)
    images = torch.randint(0, 256, (16, 3, 32, 32), dtype=torch.uint8)
    shapes = torch.arange(16) % 2
    images[shapes == 1, :, :, :16] = 0  # one shape is dark on the left
    codes = torch.tensor([[0.5, -0.5], [-0.5, 0.5]])
    encoder, settings = Encoder(2, backbone=stages.BACKBONE), EncoderSettings(8, learning_rate=1e-2, colour_jitter=0.1)
    stage = EncoderStage(encoder, Views(images, shapes), codes, settings)
    history = fit(stage, Schedule(60, 20), "test")
    assert history[-1]["l1_per_entry"] < 0.4 * history[0]["l1_per_entry"]
    with torch.no_grad():
        predicted = stage.encoder(images)
    assert torch.equal(predicted.sign(), codes[shapes].sign())


def test_a_frozen_trunk_stays_as_it_is():
    encoder = Encoder(2, freeze_trunk=True).train()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    images = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    stage = EncoderStage(encoder, Views(images, torch.arange(4)), torch.zeros(4, 2), EncoderSettings(batch_size=4))
    fit(stage, Schedule(2, 100), "test")
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, before[name]) == (not name.startswith("trunk.fc."))


def test_encoder_weights_come_from_a_path_or_not_at_all(tmp_path):
    encoder, other = Encoder(2), Encoder(2)
    torch.save(other.trunk.state_dict(), tmp_path / "resnet18.pth")
    pretrained.load_trunk(encoder, str(tmp_path / "resnet18.pth"))
    assert torch.equal(encoder.trunk.conv1.weight, other.trunk.conv1.weight)
    assert not torch.equal(encoder.trunk.fc.weight, other.trunk.fc.weight)
    with pytest.raises(InputError, match="no such file"):
        pretrained.load_trunk(encoder, str(tmp_path / "missing.pth"))
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"other\.pth is not the state"):
        pretrained.load_trunk(encoder, str(tmp_path / "other.pth"))


def test_half_a_resnet_is_its_first_two_stages(tmp_path):
    half, whole = Encoder(2, backbone="resnet18_half").eval(), Encoder(2).eval()
    torch.save(whole.trunk.state_dict(), tmp_path / "resnet18.pth")
    pretrained.load_trunk(half, str(tmp_path / "resnet18.pth"))
    images = torch.rand(2, 3, 64, 64)
    pooled: list[torch.Tensor] = []
    whole.trunk.layer2.register_forward_hook(lambda layer, given, maps: pooled.append(maps.mean(dim=(2, 3))))
    with torch.no_grad():
        whole(images)
        assert torch.allclose(half.features(images), pooled[0], atol=1e-5)
    assert not any("layer3" in name or "layer4" in name for name in half.state_dict())


def test_an_encoder_starts_at_the_mean_code():
    encoder, code = Encoder(8).eval().double(), torch.randn(8).double()
    images = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    before = encoder(images) - encoder.trunk.fc.bias
    encoder.start_at(code)
    torch.testing.assert_close(encoder(images) - code, 0.1 * before)
