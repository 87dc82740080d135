import numpy as np
import pytest
from template3d.rendering import cameras, protocols
from template3d.rendering.cameras import View
from template3d.runtime.errors import InputError

CUBE = np.stack(np.meshgrid(*[[-0.28, 0.28]] * 3), axis=-1).reshape(-1, 3)


def test_the_origin_is_in_the_middle_of_the_image():
    for azimuth, elevation in ((0, 0), (43, 25), (200, 45)):
        np.testing.assert_allclose(cameras.project(View(azimuth, elevation, 1.5), np.zeros((1, 3)), 224), [[112, 112]])


def test_projection_worked_out_by_hand_from_the_front():
    # in front (at -z), looking towards +z: the object's +x is at the image's left; focal = 35 / 32 * 224 = 245 pixels
    view = View(azimuth_deg=0, elevation_deg=0, distance=2.0)
    points = np.array([[0.4, 0, 0], [0, 0.4, 0], [0, 0.2, 1.0]])
    expected = [[112 - 245 * 0.4 / 2, 112], [112, 112 - 245 * 0.4 / 2], [112, 112 - 245 * 0.2 / 3]]
    np.testing.assert_allclose(cameras.project(view, points, 224), expected)


def test_projection_worked_out_by_hand_from_the_side_and_above():
    # from +x, 90 degrees round: the object's front (-z) is at the image's right... and depth runs along -x
    side = View(azimuth_deg=90, elevation_deg=0, distance=2.0)
    np.testing.assert_allclose(
        cameras.project(side, np.array([[0.5, 0, -0.3]]), 224), [[112 + sign(side) * 245 * 0.3 / 1.5, 112]]
    )
    # from 30 degrees above the front, a point 0.2 up is 0.2 sin 30 nearer and 0.2 cos 30 higher in the image
    above = View(azimuth_deg=0, elevation_deg=30, distance=2.0)
    np.testing.assert_allclose(
        cameras.project(above, np.array([[0, 0.2, 0]]), 224), [[112, 112 - 245 * 0.2 * np.cos(np.pi / 6) / (2 - 0.1)]]
    )


def sign(view):
    """1 if the object's front (-z) is at the image's right, -1 if at its left; by the cross product."""
    backward = np.array([np.sin(np.radians(view.azimuth_deg)), 0, -np.cos(np.radians(view.azimuth_deg))])
    right = np.cross([0, 1, 0], backward)
    return np.sign(right @ [0, 0, -1])


def test_the_rotation_is_a_rotation():
    for azimuth, elevation in ((0, 0), (43, 25), (200, 45)):
        rotation = View(azimuth, elevation, 1.5).world_to_camera()[:, :3]
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(rotation) == pytest.approx(1)


def test_a_shift_moves_the_whole_object():
    shift = (0.1, -0.05, 0.02)
    moved = cameras.project(View(70, 20, 1.6, shift), CUBE, 224)
    np.testing.assert_allclose(moved, cameras.project(View(70, 20, 1.6), CUBE + shift, 224))


@pytest.mark.parametrize("kind", ["easy", "hard"])
def test_views_follow_the_protocol(kind):
    views = protocols.draw_views(kind, CUBE, 50, 224, np.random.default_rng(0))
    elevation, nearest, farthest, shift = (20, 30), 0.65, 1.0, 0.0
    if kind == "hard":
        elevation, nearest, farthest, shift = (0, 45), 0.6, 1.1, 0.2
    assert len(views) == 50
    for index, view in enumerate(views):
        assert abs(view.azimuth_deg - 360 * (index + 1) / 50) <= 5
        assert elevation[0] <= view.elevation_deg <= elevation[1]
        assert 1.75 * nearest <= view.distance <= 1.75 * farthest
        assert np.abs(view.shift).max() <= shift
        assert cameras.in_frame(view, CUBE, 224)
    assert (kind == "hard") == any(np.abs(view.shift).max() > 0.1 for view in views)


def test_views_are_seeded():
    first, second = (protocols.draw_views("hard", CUBE, 8, 224, np.random.default_rng(5)) for _ in range(2))
    assert first == second


def test_a_view_that_touches_the_frame_is_not_in_it():
    view = View(0, 0, 2.0)
    half_width = 112 / 245 * 2.0
    assert not cameras.in_frame(view, np.array([[half_width, 0, 0]]), 224)
    assert cameras.in_frame(view, np.array([[0.98 * half_width, 0, 0]]), 224)
    assert not cameras.in_frame(view, np.array([[0, 0, -3.0]]), 224)  # behind the camera


def test_an_object_too_large_for_the_protocol_is_an_error():
    with pytest.raises(InputError, match=r"diagonal is 9\.699"):
        protocols.draw_views("easy", 10 * CUBE, 4, 224, np.random.default_rng(0))
