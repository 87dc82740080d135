"""A model that is handed over: the same model, its card, its checksums, and what is refused."""

import hashlib
import json
import shutil
import sys
import zipfile

import pytest
import stages
import torch
from template3d import __main__
from template3d.networks import models
from template3d.networks.calibration import Calibration
from template3d.networks.encoder import Encoder
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.networks.origin import Origin
from template3d.report import model_card
from template3d.runtime import seals
from template3d.runtime.errors import InputError

TABLE = """category,method,views,measure,mean,median,scored,mean_low,mean_high
chairs,two_phase,fixed,chamfer_shapenet_x1000,0.95,0.87,16,0.70,1.26
chairs,nearest_code,hard_fixed,chamfer_shapenet_x1000,1.70,1.44,16,1.27,2.28
chairs,two_phase,fixed,volumetric_iou,0.56,0.5,16,0.5,0.6
sofas,two_phase,fixed,chamfer_shapenet_x1000,9.99,0.87,16,0.70,1.26
"""


@pytest.fixture
def weights(tmp_path):
    """A sealed model of a run, as the workflow leaves it."""
    folder = tmp_path / "run/results/models/chairs/two_phase"
    torch.manual_seed(0)
    encoder = Encoder(8, backbone=stages.BACKBONE).eval()
    size = encoder.head.in_features
    known = Calibration(torch.zeros(size), torch.eye(size), torch.arange(1.0, 21.0))
    decoder = ImplicitTemplate(**stages.SIZES)
    codes, shapes, origin = torch.randn(2, 8), ["aa", "bb"], Origin("chairs", 2, True)
    model = models.Model(decoder, stages.SIZES, codes, shapes, encoder, 32, False, known, origin)
    models.save(model, folder / "model.safetensors", folder / "model.json")
    of_phase1 = "results/models/chairs/embeddings/model.safetensors"
    sealed(tmp_path / "run", of_phase1, {"phase1": {"epochs": 400}, "shapes": ["aa", "bb"]}, b"phase 1")
    sealed(tmp_path / "run", f"{folder.relative_to(tmp_path / 'run')}/model.json", {})
    name = f"{folder.relative_to(tmp_path / 'run')}/model.safetensors"
    sealed(tmp_path / "run", name, {"phase2": {"epochs": 14}}, inputs={of_phase1: "digest"})
    reconstructions = "results/reconstructions/chairs/two_phase/test.zip"
    digest = seals.digest(folder / "model.safetensors")
    sealed(tmp_path / "run", reconstructions, {}, b"a zip", inputs={name: digest})
    (tmp_path / "run/results/tables").mkdir()
    (tmp_path / "run/results/tables/table1.csv").write_text(TABLE)
    return folder / "model.safetensors"


def sealed(root, name, settings, content=None, inputs=None):
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    if content is not None:
        file.write_bytes(content)
    seals.Seal(name, seals.digest(file), "", "rule", settings={"settings": settings}, inputs=inputs or {}).write(file)


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["template3d", "export-model", *map(str, arguments)])
    __main__.main()


def test_the_exported_model_is_the_same_one(weights, tmp_path, monkeypatch):
    run(monkeypatch, weights.parent, "-o", tmp_path / "new/chairs_model")
    folder = tmp_path / "new/chairs_model"
    assert sorted(file.name for file in folder.iterdir()) == [
        "README.md",
        "SHA256SUMS",
        "model.json",
        "model.safetensors",
    ]
    loaded, original = models.load_model(folder / "model.safetensors"), models.load_model(weights)
    assert loaded.trained_on == Origin("chairs", 2, True)
    for one, other in ((loaded.encoder, original.encoder), (loaded.decoder, original.decoder)):
        for value, expected in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
            assert torch.equal(value, expected)
    for value, expected in zip(loaded.calibration, original.calibration, strict=True):
        assert torch.equal(value, expected)
    sums = dict(reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert sums == {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("model.safetensors", "model.json")
    }


@pytest.mark.parametrize("name", ["model.safetensors", "model.json"])
def test_a_changed_byte_is_refused_by_name(weights, tmp_path, monkeypatch, name):
    run(monkeypatch, weights.parent, "-o", tmp_path / "out")
    content = bytearray((tmp_path / "out" / name).read_bytes())
    content[-7] ^= 1
    (tmp_path / "out" / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: is not what SHA256SUMS beside it says"):
        models.load_model(tmp_path / "out/model.safetensors")


def test_the_card_says_what_the_run_knows(weights, tmp_path, monkeypatch):
    run(monkeypatch, weights.parent, "-o", tmp_path / "out", "--licence", "CC BY 4.0", "--note", "Our first.")
    card = (tmp_path / "out/README.md").read_text()
    assert "# template3d: chairs, two-phase" in card
    assert "2 simple built-in demo shapes (chairs), as rendered pictures; it has never seen a real photo" in card
    assert "| Reconstruction from one view (two-phase) | fixed | 0.95 [0.70, 1.26] | 0.87 |" in card
    assert "| The training shape with the nearest code | hard fixed | 1.70 [1.27, 2.28] | 1.44 |" in card
    assert "9.99" not in card
    assert "0.56" not in card
    assert json.loads(card.partition("```json\n")[2].partition("```")[0]) == {
        "phase1": {"epochs": 400},
        "phase2": {"epochs": 14},
    }
    assert "Calibrated on 20 views" in card
    assert "CC BY 4.0" in card
    assert "Our first." in card


def test_the_card_has_no_accuracy_of_another_model_and_no_invented_facts(weights, tmp_path):
    model = models.load_model(weights)
    root = tmp_path / "run"
    sealed(root, "results/reconstructions/chairs/two_phase/test.zip", {}, inputs={"results/models/chairs": "another"})
    assert "Not measured." in model_card.text(model, weights)
    alone = shutil.copytree(weights.parent, tmp_path / "copy", ignore=shutil.ignore_patterns(".*"))
    model.trained_on = model.calibration = None
    card = model_card.text(model, alone / "model.safetensors")
    assert [card.count(words) for words in ("Not recorded.", "Not measured.", "Not calibrated", "Not stated")] == [
        2,
        1,
        1,
        1,
    ]


def test_a_zip_holds_the_folder_and_its_sha256_is_printed(weights, tmp_path, monkeypatch, capsys):
    run(monkeypatch, weights.parent, "-o", tmp_path / "chairs.zip")
    digest = hashlib.sha256((tmp_path / "chairs.zip").read_bytes()).hexdigest()
    assert capsys.readouterr().out.endswith(f"--model https://<host>/chairs.zip#sha256={digest}\n")
    with zipfile.ZipFile(tmp_path / "chairs.zip") as opened:
        names = {name for name in opened.namelist() if not name.endswith("/")}
    assert names == {f"chairs/{name}" for name in ("README.md", "SHA256SUMS", "model.json", "model.safetensors")}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["chairs.zip", "run"]


def test_nothing_is_overwritten_and_mistakes_are_sentences(weights, tmp_path, monkeypatch):
    (tmp_path / "other.zip").write_text("the only copy")
    (tmp_path / "out").mkdir()
    for output in ("other.zip", "out"):
        with pytest.raises(SystemExit, match=f"{output}: is there already; give a new path after -o"):
            run(monkeypatch, weights.parent, "-o", tmp_path / output)
    assert (tmp_path / "other.zip").read_text() == "the only copy"
    with pytest.raises(SystemExit, match="cannot be written"):
        run(monkeypatch, weights.parent, "-o", tmp_path / "other.zip/folder")
    with pytest.raises(SystemExit, match=r"it has two_phase: add one to the path"):
        run(monkeypatch, weights.parents[1], "-o", tmp_path / "new")
    run(monkeypatch, weights.parent, "-o", tmp_path / "new")
    with pytest.raises(SystemExit, match="new: is an exported model already; copy it as it is"):
        run(monkeypatch, tmp_path / "new", "-o", tmp_path / "newer")
