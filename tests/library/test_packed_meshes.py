import base64

import numpy as np
import pytest
import trimesh
from template3d.report import colours, packed_meshes
from template3d.report.packed_meshes import packed


def array(text, dtype, *shape):
    return np.frombuffer(base64.b64decode(text), dtype).reshape(*shape)


def vertices_of(data):
    return data["low"] + data["size"] * array(data["vertices"], "<u2", -1, 3) / packed_meshes.STEPS


def test_a_small_mesh_keeps_its_triangles():
    box = trimesh.creation.box([0.3, 0.5, 0.2]).apply_translation([1, 2, 3])
    data = packed(box)
    np.testing.assert_allclose(vertices_of(data), box.vertices, atol=1e-5)
    np.testing.assert_array_equal(array(data["faces"], "<u2", -1, 3), box.faces)
    assert not {"colours", "errors"} & data.keys()


def test_a_large_mesh_is_simplified_and_keeps_its_colours():
    ball = trimesh.creation.icosphere(subdivisions=6, radius=0.8)
    data = packed(colours.painted(ball, ball.vertices))
    assert len(array(data["faces"], "<u2", -1, 3)) <= packed_meshes.FACES
    vertices = vertices_of(data)
    np.testing.assert_allclose(np.linalg.norm(vertices, axis=1), 0.8, atol=0.01)
    expected = colours.of_positions(vertices).astype(int)
    np.testing.assert_allclose(array(data["colours"], "u1", -1, 3), expected, atol=5)  # of the nearest old vertex


def test_errors_are_distances_to_the_ground_truth_up_to_the_last_colour():
    box = trimesh.creation.box([2, 2, 2])
    farthest = packed_meshes.LAST_COLOUR_DISTANCE
    for distance, byte in ((0, 0), (farthest / 2, 127), (farthest, 255), (3 * farthest, 255)):
        data = packed(box, box.vertices * (1 + distance / np.sqrt(3)))
        assert array(data["errors"], "u1", -1) == pytest.approx(byte, abs=1)


def test_a_mesh_without_faces_has_no_data():
    assert packed(trimesh.Trimesh()) is None
