"""OBJ files as people's programs write them: each is read rightly, or refused with its line and the reason."""

import time

import numpy as np
import pytest
import trimesh
from PIL import Image
from scipy.spatial import ConvexHull
from template3d.data import obj, prepared_meshes
from template3d.data.materials import Materials
from template3d.geometry import measures, meshes, normalization, sdf
from template3d.geometry.normalization import Normalization
from template3d.rendering.blender import Studio
from template3d.rendering.cameras import View, project
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits

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
RELATIVE = [" ".join(["f", *(str(int(word) - 9) for word in line.split()[1:])]) for line in QUADS]
TEXT = "\n".join(CUBE + QUADS)
SPELLINGS = {
    "quads": TEXT,
    "CRLF": TEXT.replace("\n", "\r\n"),
    "CR": TEXT.replace("\n", "\r"),
    "byte order mark": "\ufeff" + TEXT,
    "UTF-16": ("# Möbel\n" + TEXT).encode("utf-16"),
    "Latin-1": ("# Möbel\no Stühle\n" + TEXT).encode("latin-1"),
    "tabs": TEXT.replace(" ", "\t"),
    "indents": "\n".join(f"  \t{line}  " for line in CUBE + QUADS),
    "comments": "\n".join(f"{line} # a comment \\" for line in CUBE + QUADS),
    "comments that end with a backslash": TEXT.replace("v", "# C:\\models\\\nv", 3).replace("f", "#\\\nf", 1),
    "continued lines": TEXT.replace("f 1 4 3 2", "f 1 4 \\\n3 \\  \n  2").replace("v -.3 -.3 -.3", "v -.3\\\n-.3 -.3"),
    "a comment in a continued line": TEXT.replace("f 1 4 3 2", "f 1 4 \\\n  # c\n3 2"),
    "UTF-16 without a mark": TEXT.encode("utf-16-le"),
    "a continued last line": TEXT + " \\",
    "control characters": TEXT.replace("f ", "f\x00\x1a"),
    "negative indices": "\n".join(CUBE + RELATIVE),
    "faces before vertices": "\n".join(QUADS + CUBE),
    "faces amid vertices": "\n".join([*CUBE[:4], *QUADS, *CUBE[4:]]),
    "scientific": TEXT.replace(".3", "3.0e-1"),
    "w": "\n".join([*(f"{line} 1.0" for line in CUBE), *QUADS]),
    "colours": "\n".join([*(f"{line} 1 0.5 0" for line in CUBE), *QUADS]),
    "o, g, s and usemtl": "\n".join([*CUBE, "o a", "g back", *QUADS[:3], "s off", "usemtl a b", "g", *QUADS[3:]]),
    "lines and points": "\n".join([*CUBE, "l 1 2 3", "p 4", *QUADS]),
    "edges as faces": "\n".join([*CUBE, "f 1 2", *QUADS]),
    "v/vt/vn": TEXT.replace("f 1 4 3 2", "vt 0\nvn 0 1 0\nf 1/1/1 4/1/1 3/-1/-1 2/1/1"),
    "v//vn and v/vt/": TEXT.replace("f 1 4 3 2", "vn 0 1 0\nvt 0 0 0\nf 1//1 4//1 3/1/ 2/"),
    "a stray line of text": "File made by somebody\n" + TEXT,
    "unused vertex": "\n".join([*CUBE, "v 9 9 9", *QUADS]),
    "unused nan": "\n".join([*CUBE, "v nan 9 9", *QUADS]),
    "degenerate face": "\n".join([*CUBE, *QUADS, "f 1 1 2", "f 3 3 3"]),
    "a corner twice": TEXT.replace("f 1 4 3 2", "f 1 4 4 3 2"),
    "every face twice": "\n".join([*CUBE, *QUADS, *(f"f {' '.join(line.split()[:0:-1])}" for line in QUADS)]),
}


def write(folder, content):
    file = folder / "cube.obj"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def silhouette(shape, view, folder) -> np.ndarray:
    """The mask (S, S) of a prepared mesh as Blender renders it; bool."""
    studio = Studio(64, samples=1)
    studio.show_prepared(shape, Materials({}, [], []))
    studio.render(view, folder / "mask.png", "mask")
    return np.array(Image.open(folder / "mask.png")) == 255


def projected(shape, view) -> np.ndarray:
    """The mask (S, S) of the projected triangles, by the centres of the pixels; bool."""
    centres = np.stack(np.meshgrid(np.arange(64) + 0.5, np.arange(64) + 0.5), axis=-1)
    covered = np.zeros((64, 64), dtype=bool)
    for corners in project(view, shape.vertices.astype(float), 64)[shape.triangles]:
        a, b, c = corners[[0, 1, 2]]
        sides = [
            (end - start)[0] * (centres - start)[..., 1] - (end - start)[1] * (centres - start)[..., 0]
            for start, end in ((a, b), (b, c), (c, a))
        ]
        covered |= np.min(sides, axis=0) > 0
        covered |= np.max(sides, axis=0) < 0
    return covered


@pytest.mark.parametrize("content", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_a_cube_is_the_same_for_distances_and_views_whatever_its_spelling(tmp_path, content):
    shape = prepared_meshes.read_file(write(tmp_path, content))
    assert len(shape.triangles) == 12
    assert shape.mesh.area == pytest.approx(6 * 0.36)
    to_unit_sphere = Normalization.of(shape.mesh)
    assert to_unit_sphere.scale == pytest.approx(1 / (0.3 * 3**0.5 * normalization.BUFFER))
    unit = meshes.transformed(shape.mesh, to_unit_sphere.to_unit(shape.mesh.vertices))
    assert sdf.signed_distances(unit, np.zeros((1, 3)))[0] == pytest.approx(-0.3 * to_unit_sphere.scale, abs=1e-5)
    for view in (View(30, 20, 1.5), View(200, 10, 1.5)):
        differ = silhouette(shape, view, tmp_path) != projected(shape, view)
        assert differ.sum() <= 4  # pixels whose centre is on an edge


L_SHAPE = np.array([[0, 0], [0.4, 0], [0.4, 0.1], [0.1, 0.1], [0.1, 0.4], [0, 0.4]])
ANGLES = np.arange(10) * np.pi / 5
STAR = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1) * np.array(5 * [0.4, 0.15])[:, None]
ARROW = np.array([[0, 0], [0.4, 0], [0.1, 0.1], [0, 0.4]])


def area_of(outline) -> float:
    x, y = outline.T
    return abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2


@pytest.mark.parametrize("turned", [0, 1, 2, -1])
@pytest.mark.parametrize("outline", [L_SHAPE, STAR, ARROW], ids=["L", "star", "arrow"])
def test_a_concave_polygon_is_cut_along_its_outline(tmp_path, outline, turned):
    outline = np.roll(outline, turned, axis=0)[:: -1 if turned < 0 else 1]
    tilt = trimesh.transformations.rotation_matrix(0.4, [1, 2, 0.5])[:3, :3]
    points = np.column_stack([outline, np.zeros(len(outline))]) @ tilt.T
    lines = [f"v {x} {y} {z}" for x, y, z in points] + ["f " + " ".join(map(str, range(1, len(points) + 1)))]
    shape = prepared_meshes.read_file(write(tmp_path, "\n".join(lines)))
    assert shape.mesh.area == pytest.approx(area_of(outline), rel=1e-5)
    assert shape.mesh.area < 0.9 * ConvexHull(outline).volume
    normal = np.cross(points, np.roll(points, -1, axis=0)).sum(axis=0)  # Newell's
    assert (shape.mesh.face_normals @ normal > 0).all()  # wound as the polygon is
    doubled = [*lines, "f " + " ".join(map(str, np.roll(range(len(points), 0, -1), 2)))]
    assert len(prepared_meshes.read_file(write(tmp_path, "\n".join(doubled))).triangles) == len(shape.triangles)
    view = View(10, 5, 1.5)
    assert (silhouette(shape, view, tmp_path) != projected(shape, view)).sum() <= 4


def test_relative_indices_of_interleaved_blocks_name_the_vertices_before_them(tmp_path):
    blocks = []
    for shift in (-0.5, 0.5, 1.5):
        blocks += [f"v {float(line.split()[1]) + shift} {' '.join(line.split()[2:])}" for line in CUBE] + RELATIVE
    mesh = prepared_meshes.read_file(write(tmp_path, "\n".join(blocks))).mesh
    assert mesh.area == pytest.approx(3 * 6 * 0.36)
    np.testing.assert_allclose(mesh.bounds, [[-0.8, -0.3, -0.3], [1.8, 0.3, 0.3]], atol=1e-6)
    assert measures.measure(mesh, 100)["components"] == 3


def test_materials_and_texture_coordinates_stay_with_their_faces(tmp_path):
    text = "mtllib a.mtl\nmtllib b c.mtl\n" + "\n".join(CUBE) + "\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"
    text += (
        "f 1 4 3 2\nusemtl helle Möbel #3\nf 5/1 6/2 7/3 8/-1\nusemtl b\nf 1 2 6 5\nusemtl helle Möbel #3\nf 3 4 8 7\n"
    )
    for encoding in ("utf-8", "latin-1"):
        shape = prepared_meshes.read_file(write(tmp_path, text.encode(encoding)))
        assert shape.mtllib_lines == ("a.mtl", "b c.mtl")
        assert shape.material_names == ("helle Möbel #3", "b")
        assert shape.material.tolist() == [-1, -1, 0, 0, 1, 1, 0, 0]
        np.testing.assert_array_equal(shape.uv[2], [[0, 0], [1, 0], [1, 1]])
        assert not shape.uv[[0, 1, 4, 5]].any()
        copy = prepared_meshes.PreparedMesh.from_bytes(shape.to_bytes())
        for field, value in shape._asdict().items():
            np.testing.assert_array_equal(getattr(copy, field), value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([], "has no faces"),
        (CUBE, "has no faces"),
        ([*CUBE, "l 1 2", "p 3"], "has no faces"),
        (["v 0 0 0", "v 1 0 0", "v nan 1 0", "f 1 2 3"], "has 1 non-finite vertices"),
        (["v 0 0 0", "v 1 0 0", "v inf 1 0", "f 1 2 3"], "has 1 non-finite vertices"),
        (["v 0 0 0", "v 1 0 0", "v 1e39 1 0", "f 1 2 3"], "has 1 non-finite vertices"),
        ([*CUBE, *QUADS, "f 1 2 99"], "line 15: this face names vertex 99, but the file has 8; is the file complete?"),
        ([*CUBE, "f 1 2 -9"], "line 9: this face names vertex -9, but only 8 stand before it"),
        ([*CUBE, *QUADS, "f 1/1 0/1 2/1"], "line 15: this face names vertex 0, but they count from 1"),
        ([*CUBE, "f 1/1 2/1 3/1"], "line 9: this face names texture coordinate 1, but the file has 0"),
        ([*CUBE, "vt 0 0", "f 1/1 2/0 3/1"], "line 10: this face names texture coordinate 0, but they count from 1"),
        (["v 1 1 1", "v 1 1 1", "v 1 1 1", "f 1 2 3"], "is a single point"),
        (["v 0 0 0", "v 1 0 0", "v 2 0 0", "f 1 2 3"], "has no area"),
        ([*CUBE, "f 1 2 x"], "line 9: invalid literal for int"),
        ([*CUBE, "f 1 2 3.5"], "line 9: invalid literal for int"),
        ([*CUBE[:5], "v .3 -.3", *QUADS], "line 6: 2 numbers, where there must be 3"),
        ([*CUBE[:5], "v ,3 0,5 1", *QUADS], "line 6: could not convert string to float: b',3'"),
        (["v 0 0 0", "v 1 0 0", "v 0 1.#QNAN0 0", "f 1 2 3"], "line 3: could not convert string to float"),
        (["v 0 0 0", "v 1_0 0 0", "v 0 1 0", "f 1 2 3"], "line 2: 1_0 is no number"),
        ([*CUBE, "f 1 2 99999999999999999999999"], "line 9: this face names vertex 99999999999999999999999"),
        ([*(f"v {x} 0 0" for x in range(5)), "f 1 2 3 4 5"], "has no area"),
        ([*CUBE, *QUADS, "F 1 2 3"], "line 15: F is not supported"),
        ([*CUBE, *QUADS, "f1 2 3"], "line 15: f1 is not supported"),
        ([*CUBE, *QUADS, "f\u00a01 2 3"], "line 15: .* is not supported"),
        ([*CUBE, *QUADS, "fo 1 2 3"], "line 15: .o is not supported"),  # codespell:ignore fo
        ([*CUBE, *QUADS, "surf 0 1 0 1 1 2 3"], "line 15: surf is not supported"),
        (["#", "v 0 0 \\", "x", *CUBE, *QUADS], "line 2: could not convert"),
        (["\x00\x01\x02\xff" * 50], "has no faces"),
        (["PK\x03\x04 not a mesh"], "has no faces"),
    ],
)
def test_a_bad_mesh_is_refused_with_its_name_line_and_reason(tmp_path, content, reason):
    file = write(tmp_path, "\n".join(content))
    with pytest.raises(InputError, match=reason) as refused:
        prepared_meshes.read_file(file)
    assert str(file) in str(refused.value)


def test_a_folder_or_a_missing_file_is_refused(tmp_path):
    (tmp_path / "model_normalized.obj").mkdir()
    for name, reason in {"model_normalized.obj": "is a folder", "nothing.obj": "no such mesh"}.items():
        with pytest.raises(InputError, match=reason):
            prepared_meshes.read_file(tmp_path / name)


@pytest.mark.parametrize("faces", [["f 1 2 3"], QUADS[:1]], ids=["one triangle", "an open sheet"])
def test_what_has_no_inside_is_refused(tmp_path, faces):
    mesh = prepared_meshes.read_file(write(tmp_path, "\n".join(CUBE + faces))).mesh
    with pytest.raises(InputError, match="no inside"):
        sdf.check_inside(mesh)


def test_lines_have_their_numbers(tmp_path):
    file = write(tmp_path, "\n# a\nv 1 \\\n2 3\n\nusemtl a  b # c\n")
    assert list(obj.lines(file)) == [(3, b"v", b"1 2 3"), (6, b"usemtl", b"a  b # c")]


FILL = 300_000
HOSTILE = {
    "usemtl": [*CUBE, *(f"usemtl m{number % 1999}" for number in range(FILL)), *QUADS],
    "groups": [*CUBE, *(f"g a{number}\no b{number}" for number in range(FILL // 2)), *QUADS],
    "comments": ["# a #b # c"] * FILL + CUBE + QUADS,
    "hashes": ["a" + " #" * FILL, "b" + "#b" * FILL, *CUBE, *QUADS],
    "continued": [*CUBE, "f 1 4 3" + " \\\n" * FILL + " 2", *QUADS[1:]],
    "continued, with comments": [*CUBE, "f 1 4 3 \\", *["# a"] * FILL, "2", *QUADS[1:]],
    "numbers on a line": [*CUBE[:-1], CUBE[-1] + " 1" * FILL, *QUADS],
    "digits": [*CUBE[:-1], CUBE[-1] + " " + "1" * FILL, *QUADS],
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_mesh_with_a_hundred_thousand_of_anything_is_read_at_once(tmp_path, content):
    started = time.process_time()
    shape = prepared_meshes.read_file(write(tmp_path, "\n".join(content)))
    assert time.process_time() - started < 5  # 1 at most where this was measured; what is quadratic takes minutes
    assert len(shape.triangles) == 12
    assert len(shape.to_bytes()) < 1_000_000


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (["\n" * 1_000_000], "has no faces"),
        (["\\\n" * 1_000_000], "has no faces"),
        (["\\" * 1_000_000], "has no faces"),
        ([*CUBE, "f" + " 1 2 3" * FILL], r"a face with more corners than limits\.polygon_corners \(10000\)"),
        ([*CUBE, *(f"usemtl m{number}" for number in range(FILL)), *QUADS], r"more materials than limits\.materials"),
        ([*CUBE, "usemtl " + "a" * FILL, *QUADS], "line 9: a name of 300000 characters, where 1000 are allowed"),
        (["mtllib " + "a.mtl " * FILL, *CUBE, *QUADS], "line 1: a name of 1799999 characters"),
        ([*(f"mtllib {number}.mtl" for number in range(2000)), *CUBE, *QUADS], "line 1001: more than 1000 lines with"),
        ([*CUBE, f"f 1 2 {10**9}"], "this face names vertex 1000000000, but the file has 8"),
        ([*CUBE, f"f 1 2 {10**30}"], f"this face names vertex {10**30}"),
        ([*CUBE, f"f 1 2 -{10**30}"], f"this face names vertex -{10**30}"),
        ([*CUBE, "f 1 2 1" + "0" * FILL], r"line 9: 10{39}\.\.\. is no number"),
        ([*CUBE, "v 1 2 1" + "0" * FILL], r"line 9: 10{39}\.\.\. is no number"),
        ([*CUBE, "f" + "1" * FILL], r"line 9: f1{39}\.\.\. is not supported"),
    ],
)
def test_a_hostile_mesh_is_refused_at_once_in_a_short_sentence(tmp_path, content, reason):
    file = write(tmp_path, "\n".join(content))
    started = time.process_time()
    with pytest.raises(InputError, match=reason) as refused:
        prepared_meshes.read_file(file)
    assert time.process_time() - started < 5
    assert len(str(refused.value)) < 300 + len(str(file))


def test_faces_are_counted_while_they_are_read(tmp_path):
    file = write(tmp_path, "\n".join([*CUBE, *QUADS * 50_000, "nonsense\nf 1 2 x"]))
    with pytest.raises(InputError, match=r"has more triangles than limits\.mesh_faces \(20\) allows"):
        prepared_meshes.read_file(file, limits=Limits(mesh_faces=20))
    with pytest.raises(InputError, match="line 300010: invalid literal"):
        prepared_meshes.read_file(file)
    with pytest.raises(InputError, match=r"more corners than limits\.polygon_corners \(3\) allows"):
        prepared_meshes.read_file(file, limits=Limits(polygon_corners=3))


@pytest.mark.slow
def test_a_mesh_of_a_million_faces_is_read(tmp_path):
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
    shape = prepared_meshes.read_file(write(tmp_path, "\n".join(lines)))
    assert len(shape.triangles) > 1_000_000
    assert Normalization.of(shape.mesh).scale == pytest.approx(1 / 0.3 / normalization.BUFFER, rel=1e-4)
