import numpy as np
import pytest
import trimesh
from template3d import metrics


def test_chamfer_of_two_single_points_is_twice_the_squared_distance():
    assert metrics.chamfer(np.zeros((1, 3)), np.array([[0.0, 3.0, 4.0]])) == pytest.approx(50.0)


def test_chamfer_of_a_shifted_grid_is_known_in_closed_form():
    grid = np.stack(np.meshgrid(*[np.arange(5.0)] * 3), axis=-1).reshape(-1, 3)
    # each point's nearest neighbour is its own copy, 0.1 away, both ways
    assert metrics.chamfer(grid, grid + [0.1, 0, 0]) == pytest.approx(2 * 0.01)


def test_chamfer_counts_each_way_by_its_own_number_of_points():
    a, b = np.array([[0.0, 0, 0]]), np.array([[1.0, 0, 0], [3.0, 0, 0]])
    assert metrics.chamfer(a, b) == pytest.approx(1 + (1 + 9) / 2)
    assert metrics.chamfer(a, b) == metrics.chamfer(b, a)


@pytest.mark.parametrize("points", [np.empty((0, 3)), np.array([[np.nan, 0, 0]])])
def test_chamfer_refuses_what_has_no_distance(points):
    with pytest.raises(ValueError, match="first point set"):
        metrics.chamfer(points, np.zeros((1, 3)))


def test_a_mesh_without_surface_counts_as_the_centre_of_the_truth():
    truth = trimesh.creation.icosphere(subdivisions=4, radius=0.3).vertices + [0.5, 0, 0]
    value, whole = metrics.chamfer_shapenet_x1000(trimesh.Trimesh(), truth, 100, np.random.default_rng(0))
    assert not whole
    assert value == pytest.approx(1000 * 2 * 0.3**2, rel=1e-3)


def test_concentric_spheres_are_their_radii_apart():
    inner, outer = (trimesh.creation.icosphere(subdivisions=5, radius=radius) for radius in (0.4, 0.5))
    truth, _ = trimesh.sample.sample_surface(outer, 20_000, seed=0)
    value, whole = metrics.chamfer_shapenet_x1000(inner, truth, 20_000, np.random.default_rng(0))
    assert whole
    assert value == pytest.approx(1000 * 2 * 0.1**2, rel=0.02)
