import numpy as np
import pytest
import trimesh
from template3d.geometry import meshes, normalization, sdf
from template3d.geometry.normalization import Normalization
from template3d.jobs import check
from template3d.runtime.errors import InputError

CUBE = [
    "v -.3 -.3 -.3",
    "v .3 -.3 -.3",
    "v .3 .3 -.3",
    "v -.3 .3 -.3",
    "v -.3 -.3 .3",
    "v .3 -.3 .3",
    "v .3 .3 .3",
    "v -.3 .3 .3",
]
QUADS = ["f 1 4 3 2", "f 5 6 7 8", "f 1 2 6 5", "f 3 4 8 7", "f 2 3 7 6", "f 1 5 8 4"]


def written(folder, content):
    file = folder / "03001627" / "ab12" / "models" / "model_normalized.obj"
    file.parent.mkdir(parents=True)
    file.write_bytes(content if isinstance(content, bytes) else "\n".join(content).encode())
    return file


SPELLINGS = pytest.mark.parametrize(
    "content",
    [
        CUBE + QUADS,
        "\r\n".join(CUBE + QUADS).encode(),
        CUBE + [line.replace("f ", "f -").replace(" ", " -").replace("--", "-").replace("f-", "f ") for line in QUADS],
        [line.replace(".3", "3.0e-1") for line in CUBE] + QUADS,
        CUBE + ["g back", *QUADS[:3], "g front", "usemtl nothing", *QUADS[3:]],
        CUBE + ["l 1 2 3", "p 4", *QUADS],
        CUBE + ["vt 0 0", "vn 0 1 0"] + ["f " + " ".join(f"{v}/1/1" for v in line.split()[1:]) for line in QUADS],
        CUBE + ["vn 0 1 0"] + ["f " + " ".join(f"{v}//1" for v in line.split()[1:]) for line in QUADS],
        ["mtllib none.mtl", *CUBE, "usemtl gone", *QUADS],
        ("# Möbel\no Stühle\n" + "\n".join(CUBE + QUADS)).encode("latin-1"),
        CUBE + ["v 9 9 9"] + QUADS,
        CUBE + QUADS + ["f 1 1 2"],
    ],
    ids=[
        "quads", "CRLF", "negative indices", "scientific", "groups", "lines and points", "v/vt/vn", "v//vn",
        "missing mtl", "latin-1", "unused vertex", "degenerate face",
    ],
)  # fmt: skip


@SPELLINGS
def test_a_sound_cube_is_read_whatever_its_spelling(tmp_path, content):
    mesh = meshes.load(written(tmp_path, content))
    to_unit_sphere = Normalization.of(mesh)
    assert to_unit_sphere.scale == pytest.approx(1 / (0.3 * 3**0.5 * normalization.BUFFER))
    unit = meshes.transformed(mesh, to_unit_sphere.to_unit(mesh.vertices))
    assert sdf.signed_distances(unit, np.zeros((1, 3)))[0] == pytest.approx(-0.3 * to_unit_sphere.scale, abs=1e-5)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no faces"),
        (CUBE, "no faces"),
        ([*CUBE, "l 1 2", "p 3"], "no faces"),
        (["v 0 0 0", "v 1 0 0", "v nan 1 0", "f 1 2 3"], "non-finite"),
        (["v 0 0 0", "v 1 0 0", "v inf 1 0", "f 1 2 3"], "non-finite"),
        ([*CUBE, "f 1 2 99"], "missing vertices|cannot be read"),
        ([*CUBE, "f 1 2 -99"], "missing vertices|cannot be read"),
        ([*CUBE, *QUADS, "f 1/1 0/1 2/1"], "vertex 0"),
        (["v 1 1 1", "v 1 1 1", "v 1 1 1", "f 1 2 3"], "single point"),
        (["v 0 0 0", "v 1 0 0", "v 2 0 0", "f 1 2 3"], "no area"),
        ([*CUBE, "f 1 2 x"], "cannot be read"),
        ([*CUBE[:5], "v .3 -.3", *QUADS], "cannot be read|missing vertices"),
        (b"\x00\x01\x02\xff" * 50, "no faces|cannot be read"),
        (b"PK\x03\x04 not a mesh", "no faces|cannot be read"),
    ],
    ids=[
        "empty", "no faces", "lines and points alone", "nan", "inf", "index too high", "index too low", "index 0",
        "a point", "a line", "a broken face", "a broken vertex", "binary", "another format",
    ],
)  # fmt: skip
def test_a_bad_mesh_is_refused_by_name_and_reason(tmp_path, content, reason):
    file = written(tmp_path, content)
    with pytest.raises(InputError, match=reason) as refused:
        meshes.load(file)
    assert str(file) in str(refused.value)


def test_a_folder_or_a_missing_file_is_refused(tmp_path):
    (tmp_path / "model_normalized.obj").mkdir()
    for name in ("model_normalized.obj", "nothing.obj"):
        with pytest.raises(InputError, match="no such mesh"):
            meshes.load(tmp_path / name)


@pytest.mark.parametrize("faces", [["f 1 2 3"], QUADS[:1]], ids=["one triangle", "an open sheet"])
def test_what_has_no_inside_is_refused_by_the_check(tmp_path, faces):
    mesh = meshes.load(written(tmp_path, CUBE + faces))
    with pytest.raises(InputError, match="no inside"):
        sdf.check_inside(mesh)


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


@pytest.mark.slow
def test_a_mesh_of_a_million_faces_passes_the_check(tmp_path):
    """A sphere of quads, one vertex for each row and column."""
    rows = columns = 720
    azimuths, polar = np.meshgrid(np.linspace(0, 2 * np.pi, columns, endpoint=False), np.linspace(0, np.pi, rows))
    directions = np.stack([np.cos(azimuths) * np.sin(polar), np.cos(polar), np.sin(azimuths) * np.sin(polar)], axis=-1)
    first = (np.arange(rows - 1)[:, None] * columns + np.arange(columns)).ravel() + 1
    beside = first - np.arange(len(first)) % columns + (np.arange(len(first)) + 1) % columns
    quads = np.stack([first, beside, beside + columns, first + columns], axis=1)
    lines = ["v {:.5f} {:.5f} {:.5f}".format(*point) for point in (0.3 * directions).reshape(-1, 3).tolist()]
    lines += ["f {} {} {} {}".format(*quad) for quad in quads.tolist()]
    assert 2 * len(quads) > 1_000_000
    file = written(tmp_path, lines)
    assert check.one_shape(file).scale == pytest.approx(1 / 0.3 / normalization.BUFFER, rel=1e-4)
