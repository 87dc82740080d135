"""Scans: what is read from files of points and meshes, and what is refused."""

import numpy as np
import pytest
import trimesh
from template3d.data import scans
from template3d.runtime.errors import InputError

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=(200, 3)) * [1, 2, 3]
NORMALS = POINTS / np.linalg.norm(POINTS, axis=1, keepdims=True)


def ply(points, normals=None, faces=""):
    """The bytes of a PLY file of points as text."""
    names = ["x", "y", "z", *(["nx", "ny", "nz"] if normals is not None else [])]
    lines = ["ply", "format ascii 1.0", f"element vertex {len(points)}", *(f"property double {name}" for name in names)]
    rows = points if normals is None else np.hstack([points, normals])
    return "\n".join([*lines, "end_header", *(" ".join(map(repr, map(float, row))) for row in rows), ""]).encode()


def read(file):
    return scans.read(file, np.random.default_rng(0))


def write(folder, name, columns):
    """A file of columns in the format of its name."""
    file = folder / name
    if file.suffix == ".npy":
        np.save(file, columns)
    elif file.suffix == ".npz":
        parts = np.split(columns, columns.shape[1] // 3, axis=1)
        np.savez(file, **dict(zip(("points", "normals"), parts, strict=False)))
    elif file.suffix == ".ply":
        file.write_bytes(ply(*np.split(columns, columns.shape[1] // 3, axis=1)))
    elif file.suffix == ".obj":
        file.write_text("".join(f"v {x!r} {y!r} {z!r}\n" for x, y, z in columns.tolist()))
    else:
        between = ";" if file.suffix == ".csv" else " "
        np.savetxt(file, columns, delimiter=between, header="x;y;z" if between == ";" else "", comments="", fmt="%.17g")
    return file


@pytest.mark.parametrize("name", ["a.ply", "a.xyz", "a.txt", "a.csv", "a.npy", "a.npz", "a.obj", "a.PTS"])
def test_points_are_read_from_every_format(tmp_path, name):
    scan = read(write(tmp_path, name, POINTS))
    np.testing.assert_array_equal(scan.points, POINTS)
    assert scan.normals is None
    assert scan.notes == ()


@pytest.mark.parametrize("name", ["a.ply", "a.xyz", "a.npy", "a.npz"])
def test_normals_are_unit_vectors_and_colours_are_no_normals(tmp_path, name):
    np.testing.assert_allclose(read(write(tmp_path, name, np.hstack([POINTS, NORMALS]))).normals, NORMALS, atol=1e-12)


def test_columns_of_colours_are_no_normals(tmp_path):
    colours = np.random.default_rng(1).integers(0, 256, size=POINTS.shape)
    assert read(write(tmp_path, "a.xyz", np.hstack([POINTS, colours]))).normals is None
    behind = read(write(tmp_path, "b.xyz", np.hstack([POINTS, colours, NORMALS])))
    np.testing.assert_allclose(behind.normals, NORMALS, atol=1e-12)


def test_a_count_in_the_first_line_is_no_point(tmp_path):
    file = write(tmp_path, "a.pts", POINTS)
    file.write_text(f"{len(POINTS)}\n{file.read_text()}")
    np.testing.assert_array_equal(read(file).points, POINTS)


@pytest.mark.parametrize("name", ["a.ply", "a.obj", "a.stl", "a.glb", "a.off"])
def test_a_mesh_gives_points_on_its_surface_with_normals_outwards(tmp_path, name):
    mesh = trimesh.creation.box((1, 2, 3))
    mesh.invert()  # the winding does not matter
    mesh.export(tmp_path / name)
    scan = read(tmp_path / name)
    assert len(scan.points) == scans.ON_MESH
    assert np.abs(np.abs(scan.points / [0.5, 1, 1.5]).max(axis=1) - 1).max() < 1e-5
    assert ((scan.points * scan.normals).sum(axis=1) > 0).all()
    assert scan.notes == (f"{scans.ON_MESH} points drawn on its 12 triangles",)


def test_missing_points_are_left_out_and_said(tmp_path):
    broken = np.vstack([POINTS, np.full((3, 3), np.nan), np.zeros((20, 3))])
    scan = read(write(tmp_path, "a.npy", broken))
    np.testing.assert_array_equal(scan.points, POINTS)
    assert scan.notes == (
        "3 of 223 points are not finite and left out",
        "20 of 223 points are exactly zero and left out",
    )


def test_a_large_scan_is_thinned_and_that_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(scans, "MOST", 100)
    scan = read(write(tmp_path, "a.npy", np.hstack([POINTS, NORMALS])))
    assert scan.notes == ("100 of 200 points drawn at random",)
    rows = [int(np.flatnonzero((point == POINTS).all(axis=1))[0]) for point in scan.points]
    assert len(set(rows)) == 100
    np.testing.assert_allclose(scan.normals, NORMALS[rows])


def test_normals_without_a_direction_are_not_used(tmp_path):
    normals = NORMALS.copy()
    normals[5] = 0
    scan = read(write(tmp_path, "a.ply", np.hstack([POINTS, normals])))
    assert scan.normals is None
    assert scan.notes == ("normals without a direction are not used",)


def test_a_turned_scan_keeps_its_normals_at_right_angles(tmp_path):
    turned = scans.Scan(POINTS, NORMALS).turned(np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]]))
    np.testing.assert_array_equal(turned.points[:, :2], np.stack([POINTS[:, 1], -POINTS[:, 0]], axis=1))
    np.testing.assert_allclose((turned.points * turned.normals).sum(axis=1), (POINTS * NORMALS).sum(axis=1))


PLANE = POINTS * [1, 1, 0]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.npy", POINTS[:1], "has 1 usable points, but a fit needs at least 50"),
        ("a.npy", POINTS[:0], "has 0 usable points"),
        ("a.npy", np.full((200, 3), np.nan), "has 0 usable points"),
        ("a.npy", np.ones((200, 3)), "its 200 points are one point"),
        ("a.npy", PLANE, "its points lie in a plane, which fixes no shape; scan the object from more sides"),
        ("a.npy", POINTS[:, :2], r"an array of float64 \(200, 2\), but points must be numbers \(N, 3\)"),
        ("a.npy", np.array([None, "a"]), "cannot be read as an array .*save it with numpy.save"),
        ("a.npy", np.array(["a", "b"]), "an array of <U1"),
        ("a.npy", b"no array", "cannot be read as an array"),
        ("a.npz", b"no archive", "a.npz"),
        ("a.ply", b"no ply", "cannot be read as PLY"),
        ("a.ply", ply(POINTS)[:-400], "is the file complete"),
        ("a.ply", ply(POINTS[:0]), "has no points"),
        ("a.xyz", b"x y z\na b c\n", "cannot be read as a table of numbers"),
        ("a.xyz", b"x y z\n", "has no points"),
        ("a.xyz", b"1 2\n" * 100, "has 2 columns, but needs x, y and z"),
        ("a.xyz", b"1 2 3\n1 2\n", "cannot be read as a table of numbers"),
        ("a.obj", b"v 1 2 3\n", "has 1 usable points"),
        ("a.stl", b"solid\nendsolid\n", "has no faces"),
        ("a.pcd", b"# .PCD v0.7", "is no scan that can be read .*; save it as PLY"),
        ("a", b"", "is no scan that can be read"),
    ],
)
def test_a_file_without_a_usable_scan_is_refused_with_a_sentence(tmp_path, name, content, sentence):
    file = tmp_path / name
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        np.save(file, content)
    with pytest.raises(InputError, match=sentence) as error:
        read(file)
    assert str(error.value).startswith(f"{file}: ")
    assert str(error.value).count(str(file)) == 1


def test_arrays_without_points_are_named(tmp_path):
    np.savez(tmp_path / "a.npz", colours=POINTS, other=POINTS)
    with pytest.raises(InputError, match="holds colours, other, but no array called points"):
        read(tmp_path / "a.npz")


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(InputError, match=r"a\.ply: No such file"):
        read(tmp_path / "a.ply")
    (tmp_path / "b.ply").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        read(tmp_path / "b.ply")
