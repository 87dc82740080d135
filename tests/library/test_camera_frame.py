"""What a camera sees of a reconstruction, against values that follow from the geometry."""

import numpy as np
import pytest
import trimesh
from template3d.evaluation import camera_frame
from template3d.rendering.cameras import LENS_MM, SENSOR_MM, View, project

VIEW = View(azimuth_deg=40.0, elevation_deg=25.0, distance=1.5, shift=(0.1, -0.05, 0.02))


def ball(radius: float, shift=(0.0, 0.0, 0.0)) -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(subdivisions=5, radius=radius)
    mesh.vertices += shift
    return mesh


def test_a_ball_has_the_depth_and_the_silhouette_that_geometry_says():
    depth = camera_frame.depth_map(ball(0.3), View(0.0, 0.0, 1.5), pixels=256)
    assert depth.min() == pytest.approx(1.2, abs=2e-3)
    share = np.isfinite(depth).mean()
    tangent = np.tan(np.arcsin(0.3 / 1.5)) * LENS_MM / SENSOR_MM  # the radius of the silhouette, in images
    assert share == pytest.approx(np.pi * tangent**2, rel=0.01)


def test_what_is_seen_lies_where_the_camera_projects_it():
    point = np.array([[0.1, 0.2, -0.15]])
    depth = camera_frame.depth_map(ball(0.02, point[0]), VIEW)
    rows, columns = np.nonzero(np.isfinite(depth))
    (column, row), *_ = project(VIEW, point, camera_frame.PIXELS)
    assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx((column, row), abs=0.3)


def test_measures_of_itself_and_of_a_smaller_ball():
    same = camera_frame.measured(ball(0.3), ball(0.3), VIEW)
    assert same == {"silhouette_iou": 1.0, "depth_shapenet_x1000": 0.0}
    smaller = camera_frame.measured(ball(0.2), ball(0.3), View(0.0, 0.0, 1.5))
    ratio = np.tan(np.arcsin(0.2 / 1.5)) / np.tan(np.arcsin(0.3 / 1.5))
    assert smaller["silhouette_iou"] == pytest.approx(ratio**2, rel=0.03)
    assert 100 < smaller["depth_shapenet_x1000"] < 200


def test_nothing_to_see_is_no_overlap_and_no_depth():
    nothing = trimesh.Trimesh()
    values = camera_frame.measured(nothing, ball(0.3), VIEW)
    assert values["silhouette_iou"] == 0.0
    assert np.isnan(values["depth_shapenet_x1000"])
    assert camera_frame.measured(nothing, nothing, VIEW)["silhouette_iou"] == 0.0
