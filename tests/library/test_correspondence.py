import numpy as np
import torch
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.reconstruction import correspondence, inference
from template3d.report import colours

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
