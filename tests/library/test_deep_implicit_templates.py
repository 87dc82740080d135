import json
import os
import pickle
import shutil
import zipfile

import pytest
import torch
from template3d.networks import deep_implicit_templates
from template3d.networks.encoder import Encoder
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.networks.models import Model
from template3d.runtime.errors import InputError
from template3d.training import pretrained

SIZES = {"code_length": 8, "warp_hidden": 16, "warp_steps": 8, "template_hidden": [16, 24], "dropout": 0.05}
SHAPES = ["aaaa", "bbbb", "cccc"]


@pytest.fixture
def experiment(tmp_path):
    torch.manual_seed(0)
    model = Model(ImplicitTemplate(**SIZES).eval(), SIZES, torch.randn(3, 8), SHAPES)
    deep_implicit_templates.save_deep_implicit_template(model, tmp_path / "chairs", clamp=0.1)
    return model, tmp_path / "chairs"


def test_a_written_experiment_is_read_back(experiment):
    model, folder = experiment
    points = torch.rand(3, 20, 3)
    phase1 = deep_implicit_templates.as_phase1(folder, SHAPES)
    assert (phase1.shapes, phase1.sizes) == (SHAPES, SIZES)
    assert torch.equal(phase1.codes, model.codes)
    for parameter, original in zip(phase1.decoder.parameters(), model.decoder.parameters(), strict=True):
        assert torch.equal(parameter, original)
    with torch.no_grad():
        expected = model.decoder.signed_distance(model.codes, points)
        # rounding depends on memory addresses
        torch.testing.assert_close(phase1.decoder.signed_distance(phase1.codes, points), expected)


def test_the_names_are_the_published_ones(experiment):
    _, folder = experiment
    content = torch.load(folder / "ModelParameters/latest.pth", weights_only=True)
    names = set(content["model_state_dict"])
    assert {"module.warper.lstm.weight_ih", "module.warper.out_layer_coord_affine.bias"} <= names
    assert {f"module.sdf_decoder.lin1.{name}" for name in ("bias", "weight_g", "weight_v")} <= names
    assert {"module.sdf_decoder.lin2.weight", "module.sdf_decoder.lin2.bias"} <= names
    assert all(name.startswith("module.") for name in names)


def test_codes_of_another_split_are_refused(experiment):
    with pytest.raises(InputError, match="has 3 codes, but the training split lists 2 shapes"):
        deep_implicit_templates.as_phase1(experiment[1], SHAPES[:2])


class Attack:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("file", ["ModelParameters/latest.pth", "LatentCodes/latest.pth"])
@pytest.mark.parametrize("write", [torch.save, lambda content, file: file.write_bytes(pickle.dumps(content))])
def test_no_code_of_an_experiment_is_run(experiment, tmp_path, file, write):
    _, folder = experiment
    write({"model_state_dict": Attack(tmp_path / "harm"), "latent_codes": Attack(tmp_path / "harm")}, folder / file)
    with pytest.raises(InputError, match="is not an experiment that can be read"):
        deep_implicit_templates.as_phase1(folder, SHAPES)
    with pytest.raises(InputError, match="cannot be read as weights"):
        pretrained.load_trunk(Encoder(8), str(folder / file))
    assert not (tmp_path / "harm").exists()


def test_no_code_of_weights_in_torchvisions_cache_is_run(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    cached = tmp_path / "hub/checkpoints/resnet18-f37072fd.pth"
    cached.parent.mkdir(parents=True)
    torch.save({"conv1.weight": Attack(tmp_path / "harm")}, cached)
    with pytest.raises(InputError, match="torchvision cannot fetch the weights"):
        pretrained.load_trunk(Encoder(8), "imagenet")
    assert not (tmp_path / "harm").exists()


def test_weights_that_grow_are_not_read(experiment, tmp_path):
    _, folder = experiment
    grown = tmp_path / "grown.pth"
    torch.save({"model_state_dict": {"a": torch.zeros(1_000_000)}}, tmp_path / "plain.pth")
    with zipfile.ZipFile(tmp_path / "plain.pth") as plain, zipfile.ZipFile(grown, "w", zipfile.ZIP_DEFLATED) as small:
        for name in plain.namelist():
            small.writestr(name, plain.read(name))
    with pytest.raises(InputError, match="more bytes than it has"):
        pretrained.load_trunk(Encoder(8), str(grown))
    shutil.copy(grown, folder / "ModelParameters/latest.pth")
    with pytest.raises(InputError, match="more bytes than it has"):
        deep_implicit_templates.as_phase1(folder, SHAPES)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("specs.json", b"{"),
        ("specs.json", b"{}"),
        ("specs.json", b'{"NetworkArch": 3, "NetworkSpecs": []}'),
        ("ModelParameters/latest.pth", b"not a model"),
        ("ModelParameters/latest.pth", b""),
        ("LatentCodes/latest.pth", b"PK\x03\x04 cut off"),
        ("LatentCodes/latest.pth", None),
    ],
)
def test_a_broken_experiment_is_refused_by_name(experiment, file, content):
    _, folder = experiment
    (folder / file).unlink() if content is None else (folder / file).write_bytes(content)
    with pytest.raises(InputError, match=rf"phase1.from: {folder} is not an experiment that can be read"):
        deep_implicit_templates.as_phase1(folder, SHAPES)


def test_a_network_larger_than_its_weights_is_refused_before_it_takes_memory(experiment):
    _, folder = experiment
    specs = json.loads((folder / "specs.json").read_text())
    specs["NetworkSpecs"]["warper_kargs"]["hidden_size"] = 10**7  # 10^14 weights
    (folder / "specs.json").write_text(json.dumps(specs))
    with pytest.raises(InputError, match="weights do not fit"):
        deep_implicit_templates.as_phase1(folder, SHAPES)


def test_a_tensor_that_claims_more_numbers_than_its_file_holds_is_refused(experiment):
    _, folder = experiment
    torch.save({"latent_codes": torch.zeros(1).expand(10**6, 8)}, folder / "LatentCodes/latest.pth")
    with pytest.raises(InputError, match="claims more numbers than the file holds"):
        deep_implicit_templates.as_phase1(folder, SHAPES)


def test_a_network_of_another_kind_is_refused(experiment):
    _, folder = experiment
    specs = json.loads((folder / "specs.json").read_text())
    specs["NetworkSpecs"]["decoder_kargs"]["xyz_in_all"] = True
    (folder / "specs.json").write_text(json.dumps(specs))
    with pytest.raises(InputError, match="this value of xyz_in_all is not supported"):
        deep_implicit_templates.as_phase1(folder, SHAPES)
