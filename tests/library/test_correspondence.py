import numpy as np
import pytest
import torch
import trimesh
from template3d.data import labels
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.reconstruction import correspondence, inference
from template3d.report import colours
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits

SIZES = {"code_length": 4, "warp_hidden": 16, "warp_steps": 4, "template_hidden": [16, 16], "dropout": 0.0}


def test_template_coordinates_are_warped_points():
    torch.manual_seed(0)
    decoder = ImplicitTemplate(**SIZES).eval().double()
    torch.nn.init.normal_(decoder.warp.affine.weight, std=0.3)
    points, code = np.random.default_rng(0).uniform(-1, 1, (100, 3)), torch.randn(4).double()
    coordinates = correspondence.template_coordinates(decoder, code, points)
    with torch.no_grad():
        expected = decoder.warp(code[None], torch.from_numpy(points[None]).float())[-1, 0]
    np.testing.assert_allclose(coordinates, expected, atol=1e-6)  # coordinates are float32, networks float64
    assert np.abs(coordinates - points).max() > 0.01
    assert correspondence.template_coordinates(decoder, code, np.empty((0, 3))).shape == (0, 3)


def test_labels_follow_the_template_and_not_space():
    """A shape of two parts, and its copy, moved by the distance between the parts."""
    parts = np.array([[0.0, 0, 0], [1.0, 0, 0]])
    moved = parts + [1.0, 0, 0]  # its left part is where the right part of the first shape is
    names = np.array(["left", "right"])
    assert correspondence.transferred(parts, names, moved).tolist() == ["right", "right"]  # by space: wrong
    assert correspondence.transferred(parts, names, moved - [1.0, 0, 0]).tolist() == ["left", "right"]


def test_a_position_has_one_colour():
    assert colours.of_positions(np.array([[-1.0, 0, 1], [5, -5, 0]])).tolist() == [[0, 127, 255], [255, 0, 127]]


def test_interpolation_begins_and_ends_with_its_two_codes():
    first, last = torch.zeros(3), torch.tensor([4.0, 8.0, 0.0])
    codes = inference.interpolated(first, last, 5)
    assert codes.tolist() == [[0, 0, 0], [1, 2, 0], [2, 4, 0], [3, 6, 0], [4, 8, 0]]


@pytest.mark.parametrize(
    "text",
    ["\ufeffx,y,z,label\n0.5,0.25,0,seat\n", "x;y;z;label\n0,5;0,25;0;seat\n", "x\ty\tz\tlabel\n0.5\t0.25\t0\tseat\n"],
)
def test_labels_come_from_what_spreadsheets_write(tmp_path, text):
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    labelled = labels.read_labels(tmp_path / "a.csv")
    assert labelled.points.tolist() == [[0.5, 0.25, 0]]
    assert labelled.labels.tolist() == ["seat"]


def test_labels_come_from_csv_and_painted_ply(tmp_path):
    (tmp_path / "a.csv").write_text("x,y,z,label\n0,0,0,seat\n0.1,0.2,-3e-1,leg\n")
    painted = labels.read_labels(tmp_path / "a.csv")
    assert painted.labels.tolist() == ["seat", "leg"]
    np.testing.assert_allclose(painted.points[1], [0.1, 0.2, -0.3])
    box = trimesh.creation.box()
    box.visual.vertex_colors = np.tile([[10, 20, 30, 255]], (8, 1))
    box.export(tmp_path / "a.ply")
    painted = labels.read_labels(tmp_path / "a.ply")
    assert painted.labels.tolist() == [[10, 20, 30]] * 8


@pytest.mark.parametrize(
    "text", ["", "x,y,z\n1,2,3\n", "x,y,z,label\n", "x,y,z,label\n1,b,3,seat\n", "x,y,z,label\n1,nan,3,seat\n"]
)
def test_broken_labels_are_named(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=r"a\.csv"):
        labels.read_labels(tmp_path / "a.csv")


def test_labels_that_would_fill_the_memory_are_named(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("x,y,z,label\n1,2,3," + "seat" * 100 + "\n1,2,3,b\n")
    with pytest.raises(InputError, match="a label has more than 200 characters"):
        labels.read_labels(file)
    with pytest.raises(InputError, match=r"more than limits\.mesh_mb"):
        labels.read_labels(file, Limits(mesh_mb=1e-6))


def test_a_broken_ply_is_named(tmp_path):
    (tmp_path / "a.ply").write_bytes(b"ply\nbroken")
    with pytest.raises(InputError, match=r"a\.ply"):
        labels.read_labels(tmp_path / "a.ply")
