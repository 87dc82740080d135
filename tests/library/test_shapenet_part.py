import numpy as np
import pytest
from template3d.data import annotation_files, labels, shapenet_part
from template3d.data.demo import meshes as demo_meshes
from template3d.data.demo import parameters as demo_shapes
from template3d.geometry.normalization import BUFFER, Normalization
from template3d.runtime.errors import InputError


def in_their_frame(points):
    """Points of ShapeNet's frame as ShapeNetPart would hold them: front to +x, another scale and origin."""
    return 0.7 * np.stack([-points[:, 2], points[:, 1], points[:, 0]], axis=1) + [0.1, -0.2, 0.3]


def test_points_fall_on_the_mesh_that_they_describe():
    """Vertices include the extremes of a shape, so the map is exact."""
    for category in demo_shapes.FAMILIES:
        parts = demo_meshes.build(demo_shapes.parameters(category, 1, seed=0)[0])
        vertices = np.concatenate([part.mesh.vertices for part in parts])
        offset = -(vertices.min(axis=0) + vertices.max(axis=0)) / 2
        normalization = Normalization(offset, 1 / (BUFFER * np.linalg.norm(vertices + offset, axis=1).max()))
        mapped = shapenet_part.to_shapenet(in_their_frame(vertices), normalization)
        np.testing.assert_allclose(mapped, vertices, atol=1e-12)


def test_both_layouts_hold_the_same(tmp_path):
    points = np.random.default_rng(0).uniform(-1, 1, (6, 3))
    parts = [12, 12, 13, 15, 15, 15]
    folder = tmp_path / "03001627"
    for name in ("points", "points_label"):
        (folder / name).mkdir(parents=True)
    rows = np.column_stack([points, np.zeros((6, 3)), parts])
    (folder / "a.txt").write_text("\n".join(" ".join(f"{value:.6f}" for value in row) for row in rows) + "\n")
    (folder / "points/b.pts").write_text("\n".join(" ".join(f"{value:.6f}" for value in row) for row in points))
    (folder / "points_label/b.seg").write_text("\n".join(map(str, parts)))
    files = annotation_files.labels_of(tmp_path, "chairs", "03001627", {"a", "b", "c"})
    assert [file.name for file in files] == ["a.txt", "b.pts"]
    assert annotation_files.labels_of(tmp_path, "chairs", "03001627", {"c"}) == []
    unit = Normalization(np.zeros(3), 1.0)
    first, second = (labels.read_labels(file, unit) for file in files)
    np.testing.assert_allclose(first.points, second.points)
    assert first.labels.tolist() == second.labels.tolist() == ["12", "12", "13", "15", "15", "15"]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.txt", "", "has no points"),
        ("a.txt", "0 0 0 1\n", "line 1 must have 7 finite numbers"),
        ("a.txt", "0 0 0 0 0 1 1\n0 0 0 0 nan 1 1\n", "line 2 must have 7 finite numbers"),
        ("a.txt", "0 0 0 0 0 1 seat\n", "line 1 has a word that is not a number"),
        ("a.txt", "0 0 0 0 0 1 1.5\n", "a part that is no whole number"),
        ("points/a.pts", "0 0\n", "line 1 must have 3 finite numbers"),
        ("points/a.pts", "0 0 0\n1 1 1\n", r"a\.seg: has 1 parts, but .*a\.pts has 2 points"),
    ],
)
def test_a_broken_file_is_named(tmp_path, name, text, reason):
    for folder in ("points", "points_label"):
        (tmp_path / folder).mkdir()
    (tmp_path / "points_label/a.seg").write_text("1\n")
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=reason):
        shapenet_part.read(tmp_path / name)


def test_a_missing_companion_is_named(tmp_path):
    (tmp_path / "points").mkdir()
    (tmp_path / "points/a.pts").write_text("0 0 0\n")
    with pytest.raises(InputError, match=r"a\.seg"):
        shapenet_part.read(tmp_path / "points/a.pts")


def test_points_of_another_mesh_are_refused(tmp_path):
    shapenet_part.check(tmp_path / "a.txt", np.full(9, 0.019))
    with pytest.raises(InputError, match=r"a\.txt: its points are 0\.021 off the surface on average"):
        shapenet_part.check(tmp_path / "a.txt", np.full(9, 0.021))
