import numpy as np
import trimesh
from template3d.geometry import meshes


def test_of_double_faces_only_the_first_stays():
    box = trimesh.creation.box()
    doubled = np.concatenate([box.triangles, box.triangles[:, ::-1], np.roll(box.triangles, 1, axis=1)])
    np.testing.assert_array_equal(np.flatnonzero(meshes.distinct(doubled)), np.arange(12))
    tilted = box.triangles + 0.01 * np.random.default_rng(0).random(box.triangles.shape)
    assert meshes.distinct(tilted).all()


def test_doubles_of_two_materials_stay_if_their_windings_differ():
    triangle = np.array([[[0, 0, 0], [1, 0, 0], [0, 1, 0]]], dtype=float)
    stack = np.concatenate([triangle, triangle[:, ::-1], triangle, triangle[:, ::-1]])
    np.testing.assert_array_equal(meshes.distinct(stack, np.array([0, 1, 1, 0])), [True, True, False, False])
    np.testing.assert_array_equal(meshes.distinct(stack, np.array([5, 5, 1, 0])), [True, False, False, False])
    sliver = np.array([[[0, 0, 0], [0, 0, 0], [0, 1, 0]]], dtype=float)
    assert not meshes.distinct(sliver).any()
