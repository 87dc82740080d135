import numpy as np
import pytest
import trimesh
from template3d.geometry import sdf, visibility
from template3d.runtime.errors import InputError

BOX = trimesh.creation.box([0.8, 1.2, 0.4])
HIDDEN = trimesh.creation.box([0.3, 0.5, 0.1])


def moved(mesh, *by):
    return trimesh.Trimesh(mesh.vertices + by, mesh.faces, process=False)


def joined(*meshes):
    return trimesh.util.concatenate(meshes)


def test_hidden_faces_go_and_all_others_stay():
    surface = visibility.visible_surface(joined(BOX, HIDDEN), directions=100)
    assert surface.area == pytest.approx(BOX.area)
    np.testing.assert_allclose(surface.bounds, BOX.bounds)


def test_of_parts_that_run_into_one_another_the_union_is_left():
    bar = trimesh.creation.box([1.2, 0.3, 0.3])
    surface = visibility.visible_surface(joined(BOX, bar), directions=100)
    assert surface.area == pytest.approx(BOX.area + 4 * 0.2 * 0.3 * 2, rel=0.005)  # the bar's ends cover what they hide
    points, _ = trimesh.sample.sample_surface(surface, 5000, seed=0)
    deep = np.minimum(np.array([0.4, 0.6, 0.2]) - np.abs(points), np.array([0.6, 0.15, 0.15]) - np.abs(points)).min(1)
    assert deep.max() < visibility.SHORTEST * np.linalg.norm(joined(BOX, bar).extents)


def test_probes_that_are_left_out_do_not_change_the_surface(monkeypatch):
    mesh = joined(BOX, trimesh.creation.box([1.2, 0.3, 0.3]), moved(trimesh.creation.icosphere(2, 0.3), 0.2, 0.6, 0))
    surface = visibility.visible_surface(mesh, directions=40)
    monkeypatch.setattr(visibility, "FIRST_PROBES", 10**9)  # all are tested at once
    np.testing.assert_array_equal(visibility.visible_surface(mesh, directions=40).triangles, surface.triangles)


def test_a_large_face_of_which_little_is_seen_is_not_lost():
    """A plate covered by a lid but for one strip, 2 % of its area."""
    plate = trimesh.creation.box([1.0, 0.01, 1.0])
    lid = moved(trimesh.creation.box([0.98, 0.4, 1.0]), -0.01, 0.205 - 1e-6, 0)
    surface = visibility.visible_surface(joined(plate, lid), directions=100)
    on_strip = (surface.triangles_center[:, 0] > 0.48) & (np.abs(surface.triangles_center[:, 1] - 0.005) < 1e-6)
    assert surface.area_faces[on_strip].sum() == pytest.approx(0.02, rel=0.2)


def test_hidden_neighbours_answer_as_all_rays_would():
    """A box with a bar through it and a hole in its lid: points within, beside, and below the hole."""
    holed = trimesh.Trimesh(BOX.vertices, BOX.faces[BOX.face_normals[:, 1] < 0.5], process=False)
    lid = moved(trimesh.creation.box([0.7, 0.01, 0.4]), -0.05, 0.6, 0)
    mesh = joined(holed, lid, trimesh.creation.box([1.2, 0.3, 0.3]), moved(BOX, 0, 0, 0.5))
    surface = visibility.visible_surface(mesh, 100)
    points = np.random.default_rng(0).uniform(-0.8, 0.8, size=(30_000, 3)).astype(np.float32)
    clear = sdf.unsigned_distances(surface, points)
    by_all_rays = visibility.escapes(visibility.Scene(mesh), points, 100)
    answered = visibility.escapes(visibility.Scene(mesh), points, 100, clear)
    assert 0.05 < (~by_all_rays).mean() < 0.5
    assert (by_all_rays != answered).mean() < 0.0005


def test_sampled_points_can_be_seen_and_their_normals_point_outside():
    flipped = trimesh.Trimesh(BOX.vertices, BOX.faces[:, ::-1], process=False)
    bar = trimesh.creation.box([1.2, 0.3, 0.3])
    points, normals = visibility.sample_visible(joined(flipped, bar), 4000, 100, np.random.default_rng(0))
    assert points.shape == normals.shape == (4000, 3)
    inside = [(np.abs(points) < np.array(half) - 1e-6).all(axis=1) for half in ([0.4, 0.6, 0.2], [0.6, 0.15, 0.15])]
    assert not np.any(inside)
    assert ((points * normals).sum(axis=1) > 0).mean() > 0.999  # both boxes are convex and hold the origin


def test_points_are_spread_by_area():
    points, _ = visibility.sample_visible(BOX, 20_000, 100, np.random.default_rng(0))
    on_front = np.abs(points[:, 2] - 0.2) < 1e-6
    assert on_front.mean() == pytest.approx(0.8 * 1.2 / BOX.area, rel=0.05)


def test_a_mesh_of_which_nothing_can_be_seen_is_an_error():
    with pytest.raises(InputError, match="no face"):
        visibility.visible_surface(trimesh.Trimesh([[0, 0, 0]] * 3, [[0, 1, 2]], process=False), 100)


def test_a_mesh_without_faces_is_an_error_and_no_crash():
    empty = trimesh.Trimesh(BOX.vertices, np.empty((0, 3), int), process=False)
    for query in (visibility.Scene, lambda mesh: sdf.unsigned_distances(mesh, BOX.vertices)):
        with pytest.raises(InputError, match="no faces"):
            query(empty)


def test_first_hits_are_a_boxs_faces():
    points = np.array([[0, 0, -1], [0, 2, 0], [2, 0, 0], [2, 0, 0]], np.float32)
    directions = np.array([[0, 0, 1], [0, -2, 0], [-1, 0, 0], [1, 0, 0]], np.float32)
    distances, normals = visibility.Scene(BOX).first_hits(points, directions)
    np.testing.assert_allclose(distances, [0.8, 0.7, 1.6, np.inf], rtol=1e-5)  # float32, some ten roundings
    np.testing.assert_allclose(np.abs(normals[:3]), [[0, 0, 1], [0, 1, 0], [1, 0, 0]], atol=1e-6)
