import dataclasses

import numpy as np
import pytest
import trimesh
from template3d.data import ground_truth
from template3d.evaluation import metrics


def test_chamfer_of_two_single_points_is_twice_the_squared_distance():
    assert metrics.chamfer(np.zeros((1, 3)), np.array([[0.0, 3.0, 4.0]])) == pytest.approx(50.0)


def test_chamfer_of_a_shifted_grid_is_known_in_closed_form():
    grid = np.stack(np.meshgrid(*[np.arange(5.0)] * 3), axis=-1).reshape(-1, 3)
    # each point's nearest neighbour is its own copy, 0.1 away, in both directions
    assert metrics.chamfer(grid, grid + [0.1, 0, 0]) == pytest.approx(2 * 0.01)


def test_chamfer_averages_each_direction_over_its_own_points():
    a, b = np.array([[0.0, 0, 0]]), np.array([[1.0, 0, 0], [3.0, 0, 0]])
    assert metrics.chamfer(a, b) == pytest.approx(1 + (1 + 9) / 2)
    assert metrics.chamfer(a, b) == metrics.chamfer(b, a)


@pytest.mark.parametrize("points", [np.empty((0, 3)), np.array([[np.nan, 0, 0]])])
def test_chamfer_refuses_points_without_a_distance(points):
    with pytest.raises(ValueError, match="first point set"):
        metrics.chamfer(points, np.zeros((1, 3)))


def inside_convex(mesh, points):
    """Whether points (N, 3) lie behind every face of a convex mesh: (N,) bool."""
    offsets = (mesh.face_normals * mesh.triangles_center).sum(axis=1)
    return (points @ mesh.face_normals.T < offsets).all(axis=1)


def truth_of(mesh, count=20_000, seed=0):
    """The truth of a convex mesh."""
    rng = np.random.default_rng(seed)
    points, faces = trimesh.sample.sample_surface(mesh, count, seed=seed)
    volume = rng.uniform(1.1 * mesh.bounds[0], 1.1 * mesh.bounds[1], size=(count, 3))
    return ground_truth.Truth(points, mesh.face_normals[faces], volume, inside_convex(mesh, volume))


def ball(radius, subdivisions=3):
    return trimesh.creation.icosphere(subdivisions=subdivisions, radius=radius)


def test_concentric_spheres_are_their_radii_apart_by_every_measure():
    inner, truth = ball(0.4), truth_of(ball(0.5))
    values, whole = metrics.measure(inner, truth, 1.5, 20_000, 100, np.random.default_rng(0))
    assert whole
    assert list(values) == list(metrics.MEASURES)
    assert values["chamfer_shapenet_x1000"] == pytest.approx(1000 * 2 * 0.1**2, rel=0.02)
    assert values["chamfer_unit_x1000"] == pytest.approx(1.5**2 * values["chamfer_shapenet_x1000"])
    assert values["chamfer_l1_occnet_x10"] == pytest.approx(10 * 0.1, rel=0.02)  # the longest edge is 1
    assert values["f_score_1_percent"] == 0  # nothing is nearer than a tenth
    assert values["normal_consistency"] == pytest.approx(1, abs=0.02)
    assert values["volumetric_iou"] == pytest.approx(0.4**3 / 0.5**3, rel=0.05)


def test_a_shape_is_itself():
    values, _ = metrics.measure(ball(0.25), truth_of(ball(0.25)), 1.0, 20_000, 100, np.random.default_rng(1))
    assert values["chamfer_shapenet_x1000"] < 0.2  # other random points of the same surface
    assert values["f_score_1_percent"] > 0.99
    assert values["normal_consistency"] > 0.99
    assert values["volumetric_iou"] > 0.98


def measured(points, normals, truth):
    inside = np.zeros(len(truth.occupied), dtype=bool)
    return metrics.measured(metrics.Comparison.of(points, normals, inside, truth, 1.0))


def test_f_score_is_the_harmonic_mean_of_precision_and_recall():
    there, far = np.zeros((1, 3)), np.array([[1.0, 0, 0]])
    up = np.array([[0, 0, 1.0]])
    truth = ground_truth.Truth(
        np.concatenate([there, far, 2 * far, 3 * far]), np.repeat(up, 4, axis=0), there, np.array([False])
    )
    values = measured(np.concatenate([there, there]), np.repeat(up, 2, axis=0), truth)
    assert values["f_score_1_percent"] == pytest.approx(2 * 1 * 0.25 / (1 + 0.25))


@pytest.mark.parametrize(("percent", "found"), [("0.5", 0), ("1", 0), ("2", 1), ("5", 1), ("10", 1)])
def test_f_scores_have_a_distance_in_percent_of_the_diagonal(percent, found):
    up, points = np.array([[0, 0, 1.0]]), np.array([[0, 0, 0], [0, 0.001, 0]])
    truth = ground_truth.Truth(points, np.repeat(up, 2, axis=0), np.zeros((1, 3)), np.array([False]))
    assert measured(np.array([[0.015, 0, 0]]), up, truth)[f"f_score_{percent}_percent"] == found


def test_normals_at_right_angles_do_not_agree():
    origin, up, right = np.zeros((1, 3)), np.array([[0, 0, 1.0]]), np.array([[1.0, 0, 0]])
    truth = ground_truth.Truth(np.array([[0.0, 0, 0], [1, 0, 0]]), np.repeat(up, 2, axis=0), origin, np.array([False]))
    assert measured(origin, right, truth)["normal_consistency"] == 0
    assert measured(origin, -up, truth)["normal_consistency"] == 1  # either side counts


def test_a_mesh_without_surface_counts_as_the_centre_of_the_truth():
    moved = ball(0.3, 4).apply_translation([0.5, 0, 0])
    values, whole = metrics.measure(trimesh.Trimesh(), truth_of(moved, 2000), 1.0, 100, 100, np.random.default_rng(0))
    assert not whole
    assert values["chamfer_shapenet_x1000"] == pytest.approx(1000 * 2 * 0.3**2, rel=0.01)
    assert {values[name] for name, measure in metrics.MEASURES.items() if measure.higher_is_better} == {0}


def test_iou_of_two_sets_of_points():
    a, b = np.array([True, True, False, False]), np.array([True, False, True, False])
    assert metrics.iou(a, b) == pytest.approx(1 / 3)
    assert metrics.iou(a & False, b & False) == 0


def test_a_deep_tube_is_outside_if_enough_directions_are_tried():
    floor = trimesh.creation.cylinder(0.06, 0.01, transform=trimesh.transformations.translation_matrix([0, 0, -0.25]))
    tube = trimesh.util.concatenate([trimesh.creation.annulus(0.05, 0.06, 0.5), floor])
    points = np.array([[0, 0, -0.05], [0, 0, 0.2]])
    truth = dataclasses.replace(truth_of(tube, 100), volume_points=points, occupied=np.zeros(2, dtype=bool))
    assert metrics.inside(tube, truth, 20).tolist() == [True, False]
    assert not metrics.inside(tube, truth, 400).any()
