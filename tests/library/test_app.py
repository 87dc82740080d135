"""The app without its page: models, drawings, actions, and the command; no Gradio is needed."""

import builtins
import shutil
import socket

import numpy as np
import pytest
import stages
import torch
import trimesh
from PIL import Image, ImageDraw
from template3d import __main__
from template3d.app import actions, command, drawing, pieces
from template3d.app.models import SLIDERS, Models
from template3d.app.page import Page
from template3d.app.reconstructor import Reconstructor
from template3d.data import photos
from template3d.networks import models
from template3d.networks.origin import Origin
from template3d.runtime.errors import InputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """``models`` of demo chairs and of planes of five made-up shapes, and a stage without an encoder."""
    folder = tmp_path_factory.mktemp("app") / "models"
    model = stages.sphere_model()
    torch.nn.init.normal_(model.decoder.warp.affine.weight, std=0.3)  # so that codes matter
    model.codes, model.shapes = torch.randn(5, 8), ["a", "b", "c", "d", "e"]
    save(model, folder / "planes/two_phase")
    model.trained_on = Origin("chairs", 5, built_in=True)
    save(model, folder / "chairs/two_phase")
    save(model, folder / "chairs/end_to_end")
    model.encoder = None
    save(model, folder / "chairs/embeddings")
    return folder


def save(model, folder):
    folder.mkdir(parents=True)
    models.save(model, folder / "model.safetensors", folder / "model.json")


@pytest.fixture
def page(folder, tmp_path):
    """The actions of a page, for which a change is a dictionary."""
    return actions.Actions(Reconstructor(Models(folder), 32), tmp_path, dict)


@pytest.fixture
def photo(tmp_path):
    array = np.full((60, 80, 3), 240, np.uint8)
    array[20:40, 30:60] = (200, 30, 30)
    Image.fromarray(array).save(tmp_path / "my photo.png")
    return str(tmp_path / "my photo.png")


def test_models_are_listed_by_category_and_method(folder):
    offered = Models(folder)
    assert (offered.categories, offered.methods) == (["chairs", "planes"], ["two_phase", "end_to_end"])
    assert offered.with_method("end_to_end") == ["chairs"]
    assert Models(folder / "chairs").folders == {"chairs": offered.folders["chairs"]}
    assert Models(folder / "chairs/end_to_end").folders["chairs"].keys() == {"end_to_end"}
    with pytest.raises(InputError, match="there is no end_to_end model of planes; choose the method two_phase"):
        offered.load("planes", "end_to_end")


def test_the_page_says_what_its_models_have_seen(folder, tmp_path):
    header = pieces.header(Models(folder))
    assert "The models of chairs have only seen simple built-in demo shapes" in header
    assert "What the model of planes has seen is not known" in header
    shutil.copytree(folder / "planes/two_phase", tmp_path / "handed_over")
    model = models.load_model(tmp_path / "handed_over/model.safetensors")
    model.trained_on = Origin("cars", 3000, built_in=False)
    models.save(model, tmp_path / "handed_over/model.safetensors", tmp_path / "handed_over/model.json")
    given = Models(tmp_path / "handed_over")
    assert given.folders == {"cars": {"handed_over": tmp_path / "handed_over"}}
    assert "The model of cars learned from 3000 meshes" in pieces.header(given)


def test_a_damaged_model_is_named(folder, tmp_path):
    copy = tmp_path / "models/chairs/two_phase"
    shutil.copytree(folder / "chairs/two_phase", copy)
    (copy / "model.safetensors").write_bytes(b"x")
    with pytest.raises(InputError, match=r"model\.safetensors: it or model\.json cannot be read"):
        Models(tmp_path / "models").load("chairs", "two_phase")


@pytest.fixture
def cut():
    """A cut-out of a box."""
    shares = np.zeros((60, 80))
    shares[20:40, 30:60] = 1
    return photos.CutOut(Image.new("RGB", (80, 60), "red"), shares, "border")


def test_a_drawing_of_a_cut_out_gives_that_cut_out(cut):
    drawn = drawing.of_cut_out(cut)
    np.testing.assert_allclose(drawing.to_cut_out(drawn, cut).shares, cut.shares, atol=0.01)


def test_paint_takes_from_the_object_and_the_eraser_adds_to_it(cut):
    drawn, expected = drawing.of_cut_out(cut), cut.shares.copy()
    drawn["layers"][0].paste(drawing.PAINT, (30, 20, 45, 40))
    drawn["layers"][0].paste((0, 0, 0, 0), (60, 20, 70, 40))
    expected[20:40, 30:45], expected[20:40, 60:70] = 0, 1
    np.testing.assert_allclose(drawing.to_cut_out(drawn, cut).shares, expected, atol=0.01)


def test_a_line_keeps_the_box_around_it(cut):
    drawn, expected = drawing.of_cut_out(cut), cut.shares.copy()
    ImageDraw.Draw(drawn["layers"][0]).line((20, 10, 44, 50), fill=drawing.LINE, width=1)
    expected[:, 45:] = 0
    np.testing.assert_allclose(drawing.to_cut_out(drawn, cut).shares, expected, atol=0.01)
    whole = photos.CutOut(cut.image, None, "kept")
    drawn = drawing.of_cut_out(whole)
    ImageDraw.Draw(drawn["layers"][0]).line((20, 10, 44, 50), fill=drawing.LINE, width=1)
    expected = np.zeros((60, 80))
    expected[10:51, 20:45] = 1
    np.testing.assert_array_equal(drawing.to_cut_out(drawn, whole).shares, expected)


def test_without_a_photo_there_is_no_drawing(cut):
    with pytest.raises(InputError, match="there is no cut-out yet"):
        drawing.to_cut_out({"background": None, "layers": [], "composite": None}, cut)


def test_a_large_photo_is_shrunk_with_its_mask():
    shares = np.zeros((1500, 3000))
    shares[:, :1500] = 1
    cut = drawing.shrunk(photos.CutOut(Image.new("RGB", (3000, 1500)), shares, "border"))
    assert cut.image.size == (1024, 512)
    assert cut.shares.shape == (512, 1024)
    assert cut.shares.mean() == pytest.approx(0.5, abs=0.01)


def test_from_a_photo_to_files(page, photo, tmp_path):
    seen, drawn, _ = page.read(photo)
    assert drawn["background"].size == (80, 60)
    shape, seen, status, *sliders = page.reconstruct(seen, actions.GUESS, "two_phase")
    assert set(shape.agreements) == {"chairs", "planes"}
    assert shape.category == max(shape.agreements, key=shape.agreements.get)
    assert f"<strong>{shape.category}</strong>, two-phase" in status
    assert "Confidence: <strong>not known</strong> (this model has no calibration)." in status
    assert len(sliders) == 1 + SLIDERS
    _, neighbours = page.show(shape, seen, False)
    assert neighbours.count("<figure>") == 2 + 3
    for suffix in (".glb", ".obj", ".ply", ".stl"):
        file, _ = page.write(suffix, shape, True)
        assert file.endswith(f"/my_photo{suffix}")
        mesh = trimesh.load(file, force="mesh")
        assert len(mesh.faces) == len(shape.mesh.faces)
        np.testing.assert_allclose(mesh.bounds, shape.mesh.bounds, atol=1e-5)


def test_a_chosen_category_is_not_guessed(page, photo):
    seen, *_ = page.read(photo)
    shape, *_ = page.reconstruct(seen, "planes", "two_phase")
    assert (shape.category, shape.agreements) == ("planes", {})
    _, _, status, *_ = page.reconstruct(seen, "planes", "end_to_end")
    assert "There is no end_to_end model of planes" in status


def test_sliders_move_the_code_and_zero_is_the_photos(page, photo):
    seen, *_ = page.read(photo)
    shape, *_ = page.reconstruct(seen, "chairs", "two_phase")
    changed, status = page.change(shape, 0, 1.0, 0, 0, 0)
    assert "Changed in" in status
    directions = page.reconstructor.models.load("chairs", "two_phase").directions
    torch.testing.assert_close(
        (changed.code - shape.first) @ directions.axes.T / directions.deviations, torch.eye(4)[0]
    )
    again, _, *sliders = page.reset(changed)
    np.testing.assert_array_equal(again.mesh.vertices, shape.mesh.vertices)
    assert not any(sliders)


def test_between_two_photos_lies_a_line_of_codes(page, photo, tmp_path):
    Image.open(photo).transpose(Image.Transpose.ROTATE_90).resize((200, 90)).save(tmp_path / "other.png")
    seen, *_ = page.read(photo)
    shape, *_ = page.reconstruct(seen, "chairs", "two_phase")
    both, _, middle, *_ = page.add_second(shape, str(tmp_path / "other.png"))
    assert middle == 0.5
    torch.testing.assert_close(both.code, (both.first + both.second) / 2)
    ends = [page.change(both, end, 0, 0, 0, 0)[0].code for end in (0, 1)]
    torch.testing.assert_close(ends, [both.first, both.second])
    assert not torch.equal(both.first, both.second)


def test_what_fails_is_a_sentence_and_clears_the_page(page, photo, tmp_path, monkeypatch):
    (tmp_path / "broken.png").write_bytes(b"no image")
    seen, drawn, status = page.read(str(tmp_path / "broken.png"))
    assert (seen, drawn) == (None, None)
    assert "broken.png: cannot be read as an image" in status
    assert str(tmp_path) not in status
    assert page.show(None, None, False) == (None, "")
    assert "add a photo first" in page.change(None, 0, 0)[1]
    assert "add a photo first" in page.add_second(None, photo)[1]
    seen, drawn, _ = page.read(photo)
    drawn["layers"] = [Image.new("RGBA", (80, 60), "white")]
    painted, _, _ = page.redraw(seen, drawn)
    shape, _, status, *_ = page.reconstruct(painted, "chairs", "two_phase")
    assert shape is None
    assert "the drawing leaves nothing of the object" in status
    monkeypatch.setattr("template3d.reconstruction.inference.meshes_of", lambda *_: [trimesh.Trimesh()])
    assert "The network sees no surface" in page.reconstruct(seen, "chairs", "two_phase")[2]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--models", "nowhere"], "--models is nowhere, but there is no such folder; run make"),
        (["--models", "."], "holds no model with an encoder"),
        (["--models", "{}/chairs/embeddings"], "holds models, but none with an encoder"),
        (["--port", "0"], "--port is 0, but must be from 1 to 65535"),
        (["--resolution", "100"], "--resolution is 100, but must be a multiple of 32"),
    ],
)
def test_a_mistake_ends_the_command_with_a_sentence(folder, tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "PORT", free_port())
    monkeypatch.setattr("sys.argv", ["template3d", "app", *(argument.format(folder) for argument in arguments)])
    with pytest.raises(SystemExit, match=sentence) as stopped:
        __main__.main()
    assert "\n" not in str(stopped.value)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_a_port_in_use_is_named_with_another():
    with socket.socket() as used:
        used.bind(("127.0.0.1", 0))
        used.listen()
        port = used.getsockname()[1]
        with pytest.raises(InputError, match=rf"port {port} cannot be used .*Add --port {port % 65535 + 1}"):
            command.check_port(port)


def test_without_gradio_the_command_says_what_to_install(folder, tmp_path, monkeypatch):
    imported = builtins.__import__

    def without(name, *arguments):
        if name == "gradio":
            raise ImportError(name)
        return imported(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match="the app needs Gradio: run `make app`"):
        Page(Reconstructor(Models(folder), 32), tmp_path)
