"""From a photo to a mesh: in Python, and from the command line."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import stages
import torch
import trimesh
import yaml
from PIL import Image
from template3d import __main__, command_line
from template3d.data import codes, photos
from template3d.networks import models
from template3d.networks.origin import Origin
from template3d.reconstruction.photo import reconstruct_photo, reconstruct_views
from template3d.runtime.errors import InputError

ONES = torch.ones(1, 8)


@pytest.fixture
def model(tmp_path):
    """A model, written to ``model.safetensors``."""
    model = stages.sphere_model()
    models.save(model, tmp_path / "model.safetensors", tmp_path / "model.json")
    return model


@pytest.fixture
def photo(tmp_path):
    array = np.full((60, 80, 3), 240, np.uint8)
    array[20:40, 30:60] = (200, 30, 30)
    Image.fromarray(array).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["template3d", *map(str, arguments)])
    __main__.main()


@pytest.mark.parametrize("suffix", [".glb", ".obj", ".ply", ".stl", ".GLB"])
def test_the_command_writes_the_mesh_of_a_photo(model, photo, tmp_path, monkeypatch, capsys, suffix):
    output = tmp_path / f"mesh{suffix}"
    run(monkeypatch, "reconstruct", photo, "--model", tmp_path, "-o", output, "--resolution", 32)
    mesh = trimesh.load(output, force="mesh")
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices, axis=1), 0.5, atol=0.1)
    assert (
        f"{output}: {len(mesh.faces)} triangles; background: border; confidence: not known (" in capsys.readouterr().out
    )
    same, _ = reconstruct_photo(model, photo, resolution=32)
    assert len(same.faces) == len(mesh.faces)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["photo.png", "-o", "mesh.off"], "must end with .glb or .obj or .ply or .stl, or be a folder with --format$"),
        (["photo.png", "-o", "mesh.glb", "--format", "obj"], "-o is mesh.glb, one file; for several photos or formats"),
        (["photo.png", "photo.png", "-o", "mesh.glb"], "-o is mesh.glb, one file"),
        (["photo.png", "photo.png", "-o", "out"], "photo.png and photo.png: their meshes would have one name, photo"),
        (["photo.png", "-o", "out", "--format", "glb,fbx"], "--format has 'fbx', but knows only glb, obj, ply, stl$"),
        (["photo.png", "-o", "out", "--format", ""], "--format has '', but knows only"),
        (["-o", "mesh.glb"], "name a photo, a folder of photos, or, with --views"),
        (["photo.png", "--views", "photo.png", "-o", "mesh.glb"], "--views takes all photos of one object"),
        (["folder.glb", "-o", "out"], "folder.glb: holds no photo .*png"),
        (["a.png", "b.png", "--mask", "m.png", "-o", "out"], "--mask is for one photo; put a mask beside each"),
        (["photo.png", "-o", "mesh.ply", "--resolution", "33"], "--resolution is 33, but .* of 32 from 32 to 512$"),
        (
            ["photo.png", "-o", "mesh.ply", "--resolution", "3200000"],
            "--resolution is 3200000, but .* of 32 from 32 to 512$",
        ),
        (["photo.png", "-o", "mesh.ply", "--resolution", "544"], "--resolution is 544, but .* of 32 from 32 to 512$"),
        (["photo.png", "-o", "mesh.ply", "--resolution", "0"], "--resolution is 0, but .* of 32 from 32 to 512$"),
        (["photo.png", "-o", "mesh.ply", "--resolution", "-32"], "--resolution is -32, but .* of 32 from 32 to 512$"),
        (["photo.png", "-o", "mesh.ply", "--resolution", "-32"], "--resolution is -32"),
        (["missing.png", "-o", "mesh.ply"], "no such photo"),
        (
            ["photo.png", "-o", "photo.png/mesh.glb"],
            "photo.png/mesh.glb: cannot be written .a part of its path is a file.; give",
        ),
        (["photo.png", "-o", "photo.png/a/mesh.glb"], "photo.png/a/mesh.glb: cannot be written"),
        (["photo.png", "-o", "folder.glb"], "folder.glb: cannot be written .*is a folder; add the name of a file"),
        (["photo.png", "-o", "/proc/mesh.glb"], "/proc/mesh.glb: cannot be written"),  # as a folder without permission
        (["photo.png", "-o", "a" * 300 + ".glb"], "File name too long"),
    ],
)
@pytest.mark.usefixtures("model", "photo")
def test_a_mistake_ends_the_command_with_a_sentence(tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.glb").mkdir()
    before = sorted(tmp_path.iterdir())
    with pytest.raises(SystemExit, match=sentence) as stopped:
        run(monkeypatch, "reconstruct", *arguments, "--model", tmp_path)
    assert "\n" not in str(stopped.value)
    assert sorted(tmp_path.iterdir()) == before


@pytest.fixture
def folder(tmp_path, photo):
    """A folder with two photos, one of them broken, and a mask."""
    folder = tmp_path / "photos"
    folder.mkdir()
    photo.rename(folder / "chair.png")
    (folder / "broken.jpg").write_bytes(b"no image")
    Image.new("L", (80, 60), 255).save(folder / "chair.mask.png")
    return folder


@pytest.mark.usefixtures("model")
def test_photos_of_a_folder_are_reconstructed_and_a_broken_one_is_named(folder, tmp_path, monkeypatch, capsys):
    arguments = ["reconstruct", folder, "--model", tmp_path, "-o", tmp_path / "out", "--resolution", 32]
    with pytest.raises(SystemExit, match="1 of 2 failed, as said above"):
        run(monkeypatch, *arguments, "--format", "stl, OBJ", "--preview")
    said = capsys.readouterr()
    assert "broken.jpg: cannot be read as an image" in said.err
    assert "out/chair.stl" in said.out
    assert " s\n" in said.out
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["chair.obj", "chair.preview.png", "chair.stl"]
    preview = np.asarray(Image.open(tmp_path / "out/chair.preview.png"))
    assert preview.shape == (256, 768, 3)
    assert preview[:, 256:512].std() > 10
    assert preview[:24, :150].min() < 100  # the confidence, in words


def test_what_a_model_has_seen_comes_first(model, photo, tmp_path):
    model.trained_on = Origin("chairs", 2, True)
    models.save(model, tmp_path / "model.safetensors", tmp_path / "model.json")
    command = [sys.executable, "-m", "template3d", "reconstruct", photo, "--model", tmp_path, "-o", tmp_path / "a.glb"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()
    assert said[0].startswith("this model learned from 2 simple built-in demo shapes (chairs)")
    assert len(said) == 1
    assert not subprocess.run([*command, "--quiet"], capture_output=True, text=True, check=True).stderr


@pytest.mark.usefixtures("model")
def test_a_broken_photo_alone_ends_with_its_name(folder, tmp_path, monkeypatch, capsys):
    arguments = ["reconstruct", folder / "broken.jpg", "--model", tmp_path, "-o", tmp_path / "out", "--quiet"]
    with pytest.raises(SystemExit, match=r"broken.jpg: cannot be read as an image"):
        run(monkeypatch, *arguments)
    assert capsys.readouterr().out == ""


def test_several_photos_of_one_object_have_the_mean_code(model, photo, tmp_path, monkeypatch, capsys):
    other = tmp_path / "other.png"
    Image.open(photo).transpose(Image.Transpose.ROTATE_90).save(other)
    monkeypatch.setattr(
        models.Model, "encode", lambda model, images: images.float().mean(dim=(1, 2, 3))[:, None] * ONES
    )
    seen = [photos.read(file) for file in (photo, other)]
    both, code = reconstruct_views(model, seen, resolution=32)
    codes_of_each = [reconstruct_views(model, [one], resolution=32)[1] for one in seen]
    torch.testing.assert_close(code, torch.stack(codes_of_each).mean(dim=0))
    run(
        monkeypatch,
        "reconstruct",
        "--views",
        photo,
        other,
        "--model",
        tmp_path,
        "-o",
        tmp_path / "one.ply",
        "--resolution",
        32,
    )
    assert "background: border, border" in capsys.readouterr().out
    assert len(trimesh.load(tmp_path / "one.ply").faces) == len(both.faces)


@pytest.mark.usefixtures("model")
def test_a_given_mask_counts_and_colours_are_those_of_the_template(photo, tmp_path, monkeypatch, capsys):
    mask = np.zeros((60, 80), np.uint8)
    mask[20:40, 30:60] = 255
    Image.fromarray(mask).save(tmp_path / "white.png")
    output = tmp_path / "mesh.ply"
    arguments = ["--mask", tmp_path / "white.png", "--colour", "template", "--resolution", 32]
    run(monkeypatch, "reconstruct", photo, "--model", tmp_path, "-o", output, *arguments)
    assert "background: mask" in capsys.readouterr().out
    mesh = trimesh.load(output, force="mesh")
    # the untrained warp hardly moves a point: its place in the template is nearly its own
    expected = 255 * (0.5 + mesh.vertices / 2)
    assert np.abs(mesh.visual.vertex_colors[:, :3] - expected).mean() < 40


def test_help_and_mistakes_load_neither_pytorch_nor_matplotlib():
    program = (
        "import sys; from template3d import reconstruct\ntry: reconstruct.main({arguments})\nexcept SystemExit: pass\n"
    )
    program += "print(sorted(name for name in ('torch', 'matplotlib', 'bpy') if name in sys.modules))"
    for arguments in (["--help"], ["missing.png", "--model", "nowhere", "-o", "a.glb"]):
        command = [sys.executable, "-c", program.format(arguments=arguments)]
        said = subprocess.run(command, capture_output=True, text=True, check=True)
        assert said.stdout.splitlines()[-1] == "[]", said.stdout + said.stderr


@pytest.mark.usefixtures("model", "photo")
def test_an_output_that_cannot_be_written_is_named_before_anything_is_computed(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "load_model", lambda weights: pytest.fail("the model was read"))
    with pytest.raises(SystemExit, match="cannot be written"):
        run(monkeypatch, "reconstruct", tmp_path / "photo.png", "-o", "/proc/mesh.glb", "--model", tmp_path)


@pytest.mark.usefixtures("model")
def test_a_full_disk_is_a_sentence(tmp_path, monkeypatch, photo):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(command_line.files.os, "fsync", full)
    with pytest.raises(SystemExit, match=r"mesh\.glb: cannot be written \(No space left on device\)"):
        run(monkeypatch, "reconstruct", photo, "-o", tmp_path / "mesh.glb", "--model", tmp_path, "--resolution", "32")
    assert not (tmp_path / "mesh.glb").exists()


@pytest.mark.usefixtures("model")
def test_the_output_may_be_in_a_new_folder_and_the_model_may_be_its_file(tmp_path, monkeypatch, photo):
    output = tmp_path / "new/folder/mesh.glb"
    for name in ("model.safetensors", "model.json"):
        run(monkeypatch, "reconstruct", photo, "-o", output, "--model", tmp_path / name, "--resolution", "32")
        output.unlink()


@pytest.fixture
def results(model, tmp_path):
    """``results/models`` with two methods, a stage without encoder, and an unfinished training."""
    for name in ("chairs/two_phase", "chairs/end_to_end", "chairs/embeddings", "planes/two_phase"):
        model.encoder = None if name == "chairs/embeddings" else stages.Encoder(8, backbone=stages.BACKBONE)
        models.save(model, tmp_path / "models" / name / "model.safetensors", tmp_path / "models" / name / "model.json")
    (tmp_path / "models/planes/two_phase/model.json").write_text('{"backbone": "resnet18"}')
    (tmp_path / "models/sofas/end_to_end").mkdir(parents=True)
    (tmp_path / "models/model.zip").touch()
    return tmp_path / "models"


@pytest.mark.parametrize(
    ("folder", "sentence"),
    [
        ("chairs", "there is no model.safetensors in {}; it has end_to_end, two_phase: add one to the path$"),
        ("", "it has chairs/end_to_end, chairs/two_phase, planes/two_phase: add one to the path$"),
        ("sofas", "there is no model.safetensors in {}; nor a folder with one$"),
        ("sofas/end_to_end", "there is no model.safetensors in {}; nor a folder with one$"),
        ("benches", "--model is {}, but that is no folder with a model; .venv/bin/snakemake trains"),
        ("../photo.png", "--model is {}, but that is no folder with a model"),
        ("model.zip", "--model is {}, a ZIP file; unzip it, and give the folder in it$"),
        ("planes/two_phase", "model.json: describes no model; decoder is missing: copy the model's folder again"),
        ("chairs/embeddings", "this model has no encoder: use two_phase or end_to_end, not embeddings$"),
    ],
)
def test_a_model_that_is_not_there_is_named_with_those_that_are(
    results, photo, tmp_path, monkeypatch, folder, sentence
):
    expected = sentence.format(results / folder)
    with pytest.raises(SystemExit, match=expected) as stopped:
        run(monkeypatch, "reconstruct", photo, "-o", tmp_path / "mesh.glb", "--model", results / folder)
    assert "\n" not in str(stopped.value)


def test_a_model_without_an_encoder_is_refused(model, photo):
    model.encoder = None
    with pytest.raises(InputError, match="has no encoder"):
        reconstruct_photo(model, photo)


def test_codes_are_read_without_the_networks(model, tmp_path):
    by_shape = codes.read(tmp_path / "model.safetensors")
    assert list(by_shape) == ["aaaa", "bbbb"]
    np.testing.assert_array_equal(by_shape["bbbb"], model.codes[1].numpy())
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(InputError, match="cannot be read"):
        codes.read(tmp_path / "model.safetensors")


def test_the_highest_resolution_is_that_of_the_configuration():
    schema = yaml.safe_load((Path(command_line.__file__).parents[1] / "schemas/config.schema.yaml").read_text())
    assert schema["properties"]["isosurface"]["properties"]["resolution"]["maximum"] == command_line.MOST_CELLS
