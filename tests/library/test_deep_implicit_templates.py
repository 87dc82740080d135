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


def edit(folder, **changes):
    """Change values in specs.json; None deletes one."""
    specs = json.loads((folder / "specs.json").read_text()) | changes
    (folder / "specs.json").write_text(json.dumps({key: value for key, value in specs.items() if value is not None}))


def write_split(folder, shapes):
    """The experiment as the published program leaves it: its split lies beside, named as on the authors' machine."""
    edit(folder, Shapes=None, TrainSplit="examples/splits/chairs_train.json")
    (folder / "chairs_train.json").write_text(json.dumps({"ShapeNetV2": {"03001627": shapes[:1], "04": shapes[1:]}}))


@pytest.mark.parametrize("named_by", ["Shapes", "TrainSplit"])
@pytest.mark.parametrize("order", [[2, 0, 1], [1, 0, 2], [0, 1, 2]])
def test_codes_are_matched_by_name(experiment, caplog, named_by, order):
    model, folder = experiment
    if named_by == "TrainSplit":
        write_split(folder, SHAPES)
    with caplog.at_level("INFO"):
        phase1 = deep_implicit_templates.as_phase1(folder, [SHAPES[index] for index in order])
    assert phase1.shapes == [SHAPES[index] for index in order]
    assert torch.equal(phase1.codes, model.codes[order])
    assert ("are put into the order of the training split" in caplog.text) == (order != [0, 1, 2])


@pytest.mark.parametrize("named_by", ["Shapes", "TrainSplit"])
@pytest.mark.parametrize(
    ("names", "listed", "sentence"),
    [
        (SHAPES, SHAPES[:2], "names cccc, which the training split does not list"),
        (SHAPES, [*SHAPES[:2], "dddd"], "does not name dddd, which the training split lists"),
        (SHAPES, [*SHAPES, "dddd"], "does not name dddd, which the training split lists"),
        (SHAPES[:2], SHAPES[:2], "names 2 different shapes, but the experiment has 3 codes"),
    ],
)
def test_codes_of_other_shapes_are_refused_by_name(experiment, named_by, names, listed, sentence):
    _, folder = experiment
    edit(folder, Shapes=names)
    if named_by == "TrainSplit":
        write_split(folder, names)
    file = "specs.json" if named_by == "Shapes" else "chairs_train.json"
    with pytest.raises(InputError, match=f"{file} {sentence}"):
        deep_implicit_templates.as_phase1(folder, listed)


@pytest.mark.parametrize("names", ["aaaa", [1, 2, 3], {"aaaa": 0}, ["aaaa", "aaaa", "bbbb"]])
def test_names_that_are_no_list_of_ids_are_refused(experiment, names):
    edit(experiment[1], Shapes=names)
    with pytest.raises(InputError, match=r"specs\.json.*(not a list of ids|names 2 different shapes)"):
        deep_implicit_templates.as_phase1(experiment[1], SHAPES)


@pytest.mark.parametrize("split", [None, "gone.json", 3, ""])
def test_codes_without_names_belong_to_the_list_in_order(experiment, caplog, split):
    model, folder = experiment
    edit(folder, Shapes=None, TrainSplit=split)
    phase1 = deep_implicit_templates.as_phase1(folder, SHAPES[::-1])
    assert torch.equal(phase1.codes, model.codes)
    assert "the training split must list them in the order of the training" in caplog.text
    with pytest.raises(InputError, match="has 3 codes, but the training split lists 2 shapes"):
        deep_implicit_templates.as_phase1(folder, SHAPES[:2])


def spoiled(value):
    """Codes of which one is ``value``."""
    codes = torch.rand(3, 8)
    codes[1, 2] = value
    return codes


@pytest.mark.parametrize(
    ("codes", "sentence"),
    [
        (spoiled(float("nan")), "1 of the 24 numbers in latent_codes are not finite"),
        (spoiled(float("inf")), "1 of the 24 numbers in latent_codes are not finite"),
        (torch.full((3, 8), 1e300, dtype=torch.float64), "24 of the 24 numbers"),
        (torch.rand(3, 8, dtype=torch.complex64), r"latent_codes is of type torch\.complex64, but must be"),
        (torch.ones(3, 8, dtype=torch.int64), r"latent_codes is of type torch\.int64"),
        (torch.rand(8, 3), "the array of codes is 8 x 3, but must be <shapes> x 8 .*; it is transposed"),
        (torch.rand(24), "the array of codes is 24, but must be"),
        (torch.rand(4, 6), "the array of codes is 4 x 6"),
        (torch.rand(1, 3, 8), "the array of codes is 1 x 3 x 8"),
        (torch.rand(3, 8, 1), "the array of codes is 3 x 8 x 1"),
        ({"weight": torch.rand(8, 3)}, "the array of codes is 8 x 3"),
    ],
)
def test_codes_that_are_no_codes_are_refused(experiment, codes, sentence):
    _, folder = experiment
    torch.save({"latent_codes": codes}, folder / "LatentCodes/latest.pth")
    with pytest.raises(InputError, match=rf"LatentCodes/latest\.pth: .*{sentence}"):
        deep_implicit_templates.as_phase1(folder, SHAPES)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("shape", [(3, 8), (3, 1, 8)])
def test_codes_of_any_precision_are_read(experiment, dtype, shape):
    _, folder = experiment
    codes = torch.rand(shape).to(dtype)
    torch.save({"latent_codes": codes}, folder / "LatentCodes/latest.pth")
    assert torch.equal(deep_implicit_templates.as_phase1(folder, SHAPES).codes, codes.float().reshape(3, 8))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda weight: weight.fill_(float("nan")), "numbers in module.warper.lstm.weight_ih are not finite"),
        (lambda weight: weight.to(torch.complex64), "is of type torch.complex64"),
        (lambda weight: weight.long(), "is of type torch.int64"),
        (lambda weight: weight.tolist(), "is of type list"),
    ],
)
def test_weights_that_are_not_finite_real_numbers_are_refused(experiment, spoil, reason):
    _, folder = experiment
    content = torch.load(folder / "ModelParameters/latest.pth", weights_only=True)
    name = "module.warper.lstm.weight_ih"
    content["model_state_dict"][name] = spoil(content["model_state_dict"][name])
    torch.save(content, folder / "ModelParameters/latest.pth")
    with pytest.raises(InputError, match=rf"ModelParameters/latest\.pth: .*{reason}"):
        deep_implicit_templates.as_phase1(folder, SHAPES)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_specs_may_be_saved_on_windows(experiment, encoding):
    model, folder = experiment
    file = folder / "specs.json"
    file.write_bytes(file.read_text().replace("\n", "\r\n").encode(encoding))
    assert torch.equal(deep_implicit_templates.as_phase1(folder, SHAPES).codes, model.codes)


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


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (
            ("NetworkSpecs", "warper_kargs", "steps"),
            10**9,
            "warp_steps is 1000000000, but must be a whole number from 1",
        ),
        (("NetworkSpecs", "warper_kargs", "hidden_size"), 10**30, "warp_hidden is 10{30}, but must be"),
        (("NetworkSpecs", "decoder_kargs", "dims"), [16] * 1000, "this value of norm_layers|template_hidden must be"),
        (("NetworkSpecs", "decoder_kargs", "dims"), [16.5, 16], "a width in template_hidden is 16.5, but must be"),
        (("CodeLength",), 10**12, "code_length is 1000000000000, but must be a whole number from 1"),
        (("CodeLength",), "256", "code_length is '256', but must be a whole number from 1"),
        (("CodeLength",), 10**7, "weights do not fit"),
    ],
)
def test_absurd_sizes_are_refused_by_name(experiment, path, value, reason):
    _, folder = experiment
    specs = json.loads((folder / "specs.json").read_text())
    at = specs
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    (folder / "specs.json").write_text(json.dumps(specs))
    with pytest.raises(InputError, match=reason) as refused:
        deep_implicit_templates.as_phase1(folder, SHAPES)
    assert str(folder) in str(refused.value)
