"""From a photo to a mesh: in Python, and from the command line."""

import sys

import numpy as np
import pytest
import stages
import trimesh
from PIL import Image
from template3d import __main__
from template3d.data import codes
from template3d.networks import models
from template3d.reconstruction.photo import reconstruct_photo
from template3d.runtime.errors import InputError


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


@pytest.mark.parametrize("suffix", [".glb", ".ply"])
def test_the_command_writes_the_mesh_of_a_photo(model, photo, tmp_path, monkeypatch, capsys, suffix):
    output = tmp_path / f"mesh{suffix}"
    run(monkeypatch, "reconstruct", photo, "--model", tmp_path, "-o", output, "--resolution", 32)
    mesh = trimesh.load(output, force="mesh")
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices, axis=1), 0.5, atol=0.1)
    assert f"{output}: {len(mesh.faces)} triangles; background: border" in capsys.readouterr().out
    same, _ = reconstruct_photo(model, photo, resolution=32)
    assert len(same.faces) == len(mesh.faces)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["photo.png", "-o", "mesh.stl"], "must end with .glb or .ply"),
        (["photo.png", "-o", "mesh.ply", "--resolution", "33"], "positive multiple of 32"),
        (["missing.png", "-o", "mesh.ply"], "no such photo"),
    ],
)
@pytest.mark.usefixtures("model", "photo")
def test_a_mistake_ends_the_command_with_a_sentence(tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=sentence):
        run(monkeypatch, "reconstruct", *arguments, "--model", tmp_path)


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
