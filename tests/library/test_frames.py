import numpy as np
import pytest
from template3d.geometry import frames

AXES = [f"{sign}{axis}" for sign in ("", "-") for axis in "xyz"]


@pytest.mark.parametrize("up", AXES)
@pytest.mark.parametrize("front", AXES)
def test_axes_are_turned_to_shapenets(up, front):
    if up[-1] == front[-1]:
        with pytest.raises(ValueError, match="one axis"):
            frames.to_shapenet(up, front)
        return
    rotation = frames.to_shapenet(up, front)
    assert np.linalg.det(rotation) == pytest.approx(1)
    for axis, target in ((up, [0, 1, 0]), (front, [0, 0, -1])):
        direction = np.eye(3)["xyz".index(axis[-1])] * (-1 if axis[0] == "-" else 1)
        np.testing.assert_allclose(rotation @ direction, target)


def test_normalizing_looks_at_the_used_vertices_only():
    vertices = np.array([[1.0, 2, 3], [4, 6, 3], [99, 99, 99]])
    np.testing.assert_allclose(frames.normalized(vertices, np.array([0, 1]))[:2], [[-0.3, -0.4, 0], [0.3, 0.4, 0]])
    np.testing.assert_array_equal(frames.normalized(vertices, np.array([2])), vertices)  # no extent
