import itertools
from ctypes.util import find_library

import numpy as np
import pytest
import trimesh
from template3d.geometry import consistency, sdf
from template3d.runtime.errors import InputError

POINTS = np.random.default_rng(0).uniform(-1, 1, size=(4000, 3))


def doubled(mesh):
    """Every triangle twice, with opposite winding, as in ShapeNet."""
    return trimesh.Trimesh(mesh.vertices, np.concatenate([mesh.faces, mesh.faces[:, ::-1]]), process=False)


def box_distance(points, half):
    beyond = np.abs(points) - half
    return np.linalg.norm(np.maximum(beyond, 0), axis=1) + np.minimum(beyond.max(axis=1), 0)


SPHERE = trimesh.creation.icosphere(subdivisions=5, radius=0.6)
BOX = trimesh.creation.box([0.8, 1.2, 0.4])
HIDDEN = trimesh.creation.box([0.3, 0.5, 0.1])


@pytest.mark.parametrize("messy", [False, True], ids=["clean", "doubled"])
def test_distance_to_a_sphere(messy):
    mesh = doubled(SPHERE) if messy else SPHERE
    truth = np.linalg.norm(POINTS, axis=1) - 0.6
    distances = sdf.signed_distances(mesh, POINTS)
    assert distances.dtype == np.float32
    assert distances.shape == (len(POINTS),)
    sagitta = 0.6 - np.linalg.norm(SPHERE.triangles_center, axis=1).min()  # the tessellation's own error
    assert np.abs(distances - truth).max() < sagitta + 1e-4
    clear = np.abs(truth) > sagitta
    assert (np.sign(distances) == np.sign(truth))[clear].all()


@pytest.mark.parametrize("hidden", [False, True], ids=["plain", "with a hidden box inside"])
def test_distance_to_a_box_is_to_what_can_be_seen(hidden):
    mesh = doubled(trimesh.util.concatenate([BOX, HIDDEN]) if hidden else BOX)
    truth = box_distance(POINTS, [0.4, 0.6, 0.2])
    distances = sdf.signed_distances(mesh, POINTS)
    np.testing.assert_allclose(distances, truth, atol=1e-6)


def test_flipped_faces_change_nothing():
    flipped = trimesh.Trimesh(BOX.vertices, BOX.faces[:, ::-1], process=False)
    np.testing.assert_array_equal(sdf.signed_distances(BOX, POINTS), sdf.signed_distances(flipped, POINTS))


def test_an_open_box_has_no_inside():
    open_box = trimesh.Trimesh(BOX.vertices, BOX.faces[BOX.face_normals[:, 1] < 0.5], process=False)
    assert (sdf.signed_distances(open_box, np.array([[0.0, 0.3, 0.0]])) > 0).all()
    with pytest.raises(InputError, match="no inside"):
        sdf.check_inside(trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]], process=False))


TORUS = trimesh.creation.torus(0.6, 0.2, major_sections=100, minor_sections=50)
TUBE = trimesh.creation.cylinder(0.4, 1.2, sections=400)


def torus_distance(points):
    return np.hypot(np.linalg.norm(points[:, :2], axis=1) - 0.6, points[:, 2]) - 0.2


def tube_distance(points):
    beyond = np.stack([np.linalg.norm(points[:, :2], axis=1) - 0.4, np.abs(points[:, 2]) - 0.6], axis=1)
    return np.linalg.norm(np.maximum(beyond, 0), axis=1) + np.minimum(beyond.max(axis=1), 0)


def hiding(mesh):
    """The same mesh with a hidden box deep inside."""
    inner = trimesh.creation.box([0.05, 0.05, 0.05])
    inner.apply_translation([0.6, 0, 0] if mesh is TORUS else [0, 0, 0])
    return trimesh.util.concatenate([mesh, inner])


def flipped(mesh):
    """Every other face turned inside out."""
    faces = mesh.faces.copy()
    faces[::2] = faces[::2, ::-1]
    return trimesh.Trimesh(mesh.vertices, faces, process=False)


@pytest.mark.parametrize(
    "mess", [lambda mesh: mesh, doubled, flipped, hiding], ids=["clean", "doubled", "flipped", "hiding"]
)
@pytest.mark.parametrize(
    ("mesh", "distance"),
    [
        (SPHERE, lambda points: np.linalg.norm(points, axis=1) - 0.6),
        (BOX, lambda points: box_distance(points, [0.4, 0.6, 0.2])),
        (TORUS, torus_distance),
        (TUBE, tube_distance),
    ],
    ids=["sphere", "box", "torus", "tube"],
)
def test_distances_and_signs_are_true_on_solids(mesh, distance, mess):
    rng = np.random.default_rng(1)
    near, _ = trimesh.sample.sample_surface(mesh, 8000, seed=1)
    points = np.concatenate([POINTS, near + rng.normal(scale=0.02, size=near.shape)])
    truth, distances = distance(points), sdf.signed_distances(mess(mesh), points)
    tessellation = np.abs(distance(trimesh.sample.sample_surface(mesh, 20_000, seed=2)[0])).max()
    assert np.abs(np.abs(distances) - np.abs(truth)).max() < tessellation + 1e-4
    wrong = (np.sign(distances) != np.sign(truth)) & (np.abs(truth) > tessellation)
    assert wrong.mean() <= 0.001


def test_samples_are_where_deepsdf_puts_them():
    points = sdf.sample_points(SPHERE, 10_000, np.random.default_rng(0))
    off = np.abs(np.linalg.norm(points, axis=1) - 0.6)
    assert points.shape == (10_000, 3)
    # along the normal, the noise is one-dimensional: its spread is the step's std
    assert np.sqrt((off[:4700] ** 2).mean()) == pytest.approx(0.005**0.5, rel=0.1)
    assert np.sqrt((off[4700:9400] ** 2).mean()) == pytest.approx(0.0005**0.5, rel=0.1)
    assert np.abs(points[9400:]).max() > 0.95
    np.testing.assert_allclose(points[9400:].mean(axis=0), 0, atol=0.1)


def test_stretched_copies_sample_where_a_thin_part_ends():
    wing = trimesh.creation.box([1, 0.02, 0.2])
    beyond = []
    for share in (0, 0.3):
        points = sdf.sample_points(wing, 10_000, np.random.default_rng(0), (0.2, 0.0224), 0.1, share)
        assert points.shape == (10_000, 3)
        x, y, z = np.abs(points).T
        beyond.append(int(((x > 0.55) & (x < 0.7) & (y < 0.013) & (z < 0.1)).sum()))
    assert beyond[1] > 10 * beyond[0] > 0
    with pytest.raises(ValueError, match="more than all points"):
        sdf.sample_points(wing, 100, np.random.default_rng(0), uniform_share=0.8, stretched_share=0.3)


def test_samples_are_parted_by_side_and_seeded():
    first, second = (sdf.sample_sdf(BOX, 2000, np.random.default_rng(3)) for _ in range(2))
    assert (first["pos"][:, 3] >= 0).all()
    assert (first["neg"][:, 3] < 0).all()
    assert len(first["pos"]) + len(first["neg"]) == 2000
    for side in ("pos", "neg"):
        np.testing.assert_array_equal(first[side], second[side])
        np.testing.assert_allclose(first[side][:, 3], box_distance(first[side][:, :3], [0.4, 0.6, 0.2]), atol=1e-4)


@pytest.mark.parametrize(
    ("vertices", "faces", "reason"),
    [
        ([[0, 0, 0]], np.empty((0, 3)), "no faces"),
        ([[0, 0, 0], [1, 0, 0], [np.nan, 1, 0]], [[0, 1, 2]], "non-finite"),
        ([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]], "no area"),
        ([[1, 1, 1], [1, 1, 1], [1, 1, 1]], [[0, 1, 2]], "single point"),
    ],
)
def test_no_backend_sees_a_mesh_that_would_crash_it(vertices, faces, reason):
    mesh = trimesh.Trimesh(np.array(vertices, float), np.array(faces, int), process=False)
    with pytest.raises(InputError, match=reason):
        sdf.signed_distances(mesh, POINTS)


@pytest.mark.skipif(not find_library("EGL_mesa"), reason="no EGL driver to render the scans with")
@pytest.mark.slow
def test_the_scans_of_mesh_to_sdf_agree_within_their_resolution(monkeypatch):
    """The 100 scans have 100 pixels a side instead of 400, which take a third of the time."""
    import mesh_to_sdf

    scan = mesh_to_sdf.get_surface_point_cloud
    monkeypatch.setattr(
        mesh_to_sdf,
        "get_surface_point_cloud",
        lambda mesh, method, radius, count, _, **options: scan(mesh, method, radius, count, 100, **options),
    )
    centre = np.array([0.1, -0.2, 0.05])
    sphere = trimesh.creation.icosphere(4, 0.6).apply_translation(centre)
    truth = np.linalg.norm(POINTS, axis=1) - 0.6
    distances = sdf.signed_distances(sphere, POINTS + centre, backend="mesh_to_sdf")
    assert np.abs(np.abs(distances) - np.abs(truth)).mean() < 0.01
    clear = np.abs(truth) > 0.02
    assert (np.sign(distances) == np.sign(truth))[clear].mean() > 0.99


def test_an_unknown_backend_is_named():
    with pytest.raises(ValueError, match="there are: rays, mesh_to_sdf"):
        sdf.signed_distances(BOX, POINTS, backend="guess")


@pytest.mark.parametrize("kind", ["a deep pot", "a cracked box"])
def test_samples_that_contradict_their_neighbours_are_dropped(kind):
    """Few rays escape from a deep box that is open at the top; a few escape from a box through a crack."""
    box = trimesh.creation.box([0.25, 1.4, 0.25] if kind == "a deep pot" else [1, 0.8, 0.6])
    pot = box.face_normals[:, 1] < 0.5
    crack = 0.998 * (box.triangles - box.triangles_center[:, None]) + box.triangles_center[:, None]
    triangles = box.triangles[pot] if kind == "a deep pot" else crack
    faces = np.arange(3 * len(triangles)).reshape(-1, 3)
    mesh = doubled(trimesh.Trimesh(triangles.reshape(-1, 3), faces, process=False))
    points = sdf.sample_points(mesh, 20_000, np.random.default_rng(0), uniform_share=0.5)
    rows = np.column_stack([points, sdf.signed_distances(mesh, points)]).astype(np.float32)
    inside, outside = rows[rows[:, 3] < 0], rows[rows[:, 3] >= 0]
    _, wrong = consistency.contradictions(inside, outside)
    kept_inside, kept_outside = consistency.consistent(inside, outside)
    assert not consistency.contradictions(kept_inside, kept_outside)[1].any()
    dropped = len(inside) - len(kept_inside), len(outside) - len(kept_outside)
    assert 0 < sum(dropped) < wrong.any(axis=1).sum()
    if kind == "a cracked box":
        assert dropped[1] > dropped[0]  # the box stays solid
    sampled = sdf.sample_sdf(mesh, 20_000, np.random.default_rng(0), uniform_share=0.5)
    assert len(sampled["neg"]) + len(sampled["pos"]) < 20_000


@pytest.mark.parametrize("mesh", [SPHERE, BOX, TORUS, TUBE], ids=["sphere", "box", "torus", "tube"])
def test_on_solids_no_sample_is_dropped(mesh):
    sampled = sdf.sample_sdf(mesh, 20_000, np.random.default_rng(0))
    assert len(sampled["neg"]) + len(sampled["pos"]) == 20_000


def test_the_smallest_cover_is_the_smallest():
    rng = np.random.default_rng(0)
    for _ in range(50):
        pairs = np.unique(rng.integers(0, 5, size=(rng.integers(1, 12), 2)), axis=0) * [1, 10]
        first, second = consistency.smallest_cover(pairs)
        assert (np.isin(pairs[:, 0], first) | np.isin(pairs[:, 1], second)).all()
        entries = [(0, value) for value in np.unique(pairs[:, 0])] + [(1, value) for value in np.unique(pairs[:, 1])]
        smaller = itertools.combinations(entries, len(first) + len(second) - 1)
        assert not any(all((0, a) in some or (1, b) in some for a, b in pairs) for some in smaller)


def test_without_samples_of_one_side_nothing_is_dropped():
    some, none = np.ones((3, 4), np.float32), np.empty((0, 4), np.float32)
    for inside, outside in ((some, none), (none, some)):
        kept = consistency.consistent(inside, outside)
        assert [len(side) for side in kept] == [len(inside), len(outside)]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("backend", ["rays", "mesh_to_sdf"])
def test_distances_that_are_not_finite_are_a_flaw_of_the_mesh(monkeypatch, backend, value):
    def broken(*arguments):
        distances = np.ones(len(arguments[2] if backend == "rays" else arguments[1]), np.float32)
        distances[:2] = value
        return distances

    monkeypatch.setattr(sdf, "_by_rays" if backend == "rays" else "_by_scans", broken)
    with pytest.raises(InputError, match="2 of 4000 distances to the mesh are not finite"):
        sdf.signed_distances(BOX, POINTS, backend)
    with pytest.raises(InputError, match="2 of 500 distances to the mesh are not finite"):
        sdf.sample_sdf(BOX, 500, np.random.default_rng(0), backend)


def test_a_mesh_with_a_flaw_has_no_samples():
    vertices = np.array(BOX.vertices)
    vertices[3, 1] = np.nan
    with pytest.raises(InputError, match=r"the mesh .*; it has no signed distance"):
        sdf.sample_sdf(trimesh.Trimesh(vertices, BOX.faces, process=False), 500, np.random.default_rng(0))
