import pytest
import stages
import torch
from template3d.networks import models
from template3d.networks.encoder import Encoder
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.runtime.errors import InputError


def test_a_model_survives_the_disk(tmp_path):
    decoder, encoder = ImplicitTemplate(**stages.SIZES), Encoder(8).eval()
    model = models.Model(decoder, stages.SIZES, torch.randn(3, 8), ["aa", "bb", "cc"], encoder, 32)
    models.save(model, tmp_path / "model.safetensors", tmp_path / "model.json")
    loaded = models.load_model(tmp_path / "model.safetensors")
    points, images = torch.rand(3, 10, 3), torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    for module, original in ((loaded.decoder, decoder), (loaded.encoder, encoder)):
        for value, expected in zip(module.state_dict().values(), original.state_dict().values(), strict=True):
            assert torch.equal(value, expected)
    assert torch.equal(loaded.codes, model.codes)
    # rounding depends on memory addresses
    torch.testing.assert_close(
        loaded.decoder.signed_distance(loaded.codes, points), decoder.signed_distance(model.codes, points)
    )
    torch.testing.assert_close(loaded.encode(images), model.encode(images))
    assert (loaded.shapes, loaded.image_size) == (["aa", "bb", "cc"], 32)
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(InputError, match="cannot be read"):
        models.load_model(tmp_path / "model.safetensors")
