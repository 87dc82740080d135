"""Meshes in other formats than OBJ: geometry, colours and textures, and broken files."""

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from renders import BACK, FRONT, picture
from template3d.data import mesh_folders, prepared_meshes
from template3d.data.mesh_folders import Location, MeshFolder
from template3d.jobs import prepare
from template3d.rendering.blender import Studio
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits


def chair() -> trimesh.Trimesh:
    """A box with a red front, which looks along +x; y is up. It is large and far from the origin."""
    box = trimesh.creation.box([20, 40, 60])
    box.unmerge_vertices()
    box.visual.face_colors = np.where((box.face_normals[:, :1] > 0.5), [200, 0, 0, 255], [0, 0, 200, 255])
    return box.apply_translation([100, 200, 300])


def painted(triangle, colour) -> trimesh.Trimesh:
    """A triangle with a glTF material."""
    material = trimesh.visual.material.PBRMaterial(baseColorFactor=colour)
    visual = trimesh.visual.TextureVisuals(material=material)
    return trimesh.Trimesh(triangle, [[0, 1, 2]], visual=visual, process=False)


@pytest.mark.parametrize("suffix", ["glb", "ply", "stl", "off", "obj", "gltf"])
def test_other_formats_are_turned_scaled_and_shown_in_their_colours(tmp_path, suffix):
    (tmp_path / "chairs").mkdir()
    file, mesh = tmp_path / f"chairs/one.{suffix}", chair()
    if suffix in ("glb", "gltf"):
        scene = trimesh.Scene(list(map(painted, mesh.triangles, mesh.visual.face_colors)))
        exported = scene.export(file_type=suffix)
        for name, content in (exported if suffix == "gltf" else {"one.glb": exported}).items():
            (tmp_path / "chairs" / name.replace("model.gltf", "one.gltf")).write_bytes(content)
    else:
        mesh.export(file)
    folder = MeshFolder(tmp_path, "flat", "y", "x")
    (location,) = folder.locations("chairs", "chairs").values()
    assert location == Location(file)
    assert (len(mesh_folders.files_of(location)) > 1) == (suffix == "gltf")
    made = prepare.one_shape(location, "chairs", "one", folder)
    shape = prepared_meshes.PreparedMesh.from_bytes(made[prepared_meshes.member_name("chairs", "one")])
    diagonal = np.linalg.norm([60, 40, 20])
    np.testing.assert_allclose(shape.mesh.bounds, np.array([[-30, -20, -10], [30, 20, 10]]) / diagonal, atol=1e-6)
    assert len(shape.triangles) == 12
    studio = Studio(32, samples=1)
    described = mesh_folders.read_materials(file, shape.mtllib_lines, tmp_path)
    studio.show_prepared(shape, described, file)
    pixel = picture(studio, FRONT, tmp_path)[16, 16]
    if suffix in ("glb", "gltf", "ply"):
        assert pixel[0] > pixel[2] + 60
    else:  # these hold no colours
        assert np.ptp(pixel) < 5


L_SHAPE = "0 0 0\n2 0 0\n2 1 0\n1 1 0\n1 2 0\n0 2 0\n"
PLY = "ply\nformat ascii 1.0\nelement vertex 6\nproperty float x\nproperty float y\nproperty float z\n"
PLY += "element face 1\nproperty list uchar int vertex_indices\nend_header\n" + L_SHAPE + "6 0 1 2 3 4 5\n"


@pytest.mark.parametrize(
    ("name", "text"), [("a.ply", PLY), ("a.off", f"OFF # a comment\n6 1 0\n{L_SHAPE}6 0 1 2 3 4 5\n")]
)
def test_concave_polygons_of_other_formats_are_cut_along_their_outline(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert prepared_meshes.read_file(tmp_path / name).mesh.area == pytest.approx(3)


FACET = "facet normal 0 0 0\nouter loop\n{}\nendloop\nendfacet\n"
CORNERS = ["0 0 0", "1 0 0", "0 1 0", "0 0 1"]
FACETS = [
    FACET.format("\n".join(f"vertex {CORNERS[i]}" for i in three))
    for three in ((0, 2, 1), (0, 1, 3), (1, 2, 3), (2, 0, 3))
]
STL = f"solid vertex thing\n{''.join(FACETS)}endsolid a\n"
TETRAHEDRON = 1.5 + 3**0.5 / 2
GLTF = {"asset": {"version": "2.0"}}


@pytest.mark.parametrize(
    "content",
    [STL, STL.replace("\n", "\r"), STL.replace("\n", " "), STL.replace("vertex thing", "")],
    ids=["lines", "CR", "one line", "no name"],
)
def test_text_stl_files_are_read_whole(tmp_path, content):
    (tmp_path / "a.stl").write_bytes(content.encode())
    assert prepared_meshes.read_file(tmp_path / "a.stl").mesh.area == pytest.approx(TETRAHEDRON)


@pytest.mark.parametrize("header", ["OFF\n4 4 0", "OFF4 4 6", "# Stühle\nCOFF # a\n\n4 4 6", "OFF 4 4 0"])
def test_off_files_are_read_with_any_header(tmp_path, header):
    rows = ["3 0 2 1", "3 0 1 3 255 0 0", "3 1 2 3", "3 2 0 3"]
    (tmp_path / "a.off").write_bytes("\n".join([header, *CORNERS, *rows]).encode("latin-1"))
    assert prepared_meshes.read_file(tmp_path / "a.off").mesh.area == pytest.approx(TETRAHEDRON)


def two_boxes(folder, suffix) -> Path:
    """A red box with a small blue one in front of it, towards +z: one mesh with two materials."""
    red = trimesh.creation.box([0.6, 0.6, 0.2])
    blue = trimesh.creation.box([0.2, 0.2, 0.2], trimesh.transformations.translation_matrix([0, 0, 0.2]))
    scene = trimesh.Scene()
    for name, box, colour in (("b", red, [255, 0, 0, 255]), ("a", blue, [0, 0, 255, 255])):
        material = trimesh.visual.material.PBRMaterial(baseColorFactor=colour)
        box.visual = trimesh.visual.TextureVisuals(material=material)
        scene.add_geometry(box, geom_name=name)
    file = folder / f"my chair.{suffix}"
    if suffix == "glb":
        file.write_bytes(scene.export(file_type="glb"))
        return file
    for name, content in scene.export(file_type="gltf").items():
        described = name == "model.gltf"
        text = content.replace(b"gltf_buffer", b"my%20buffer") if described else content
        (folder / (file.name if described else name.replace("gltf_buffer", "my buffer"))).write_bytes(text)
    return file


@pytest.mark.parametrize("suffix", ["glb", "gltf"])
def test_materials_of_gltf_stay_with_their_parts(tmp_path, suffix):
    file = two_boxes(tmp_path, suffix)
    assert (len(mesh_folders.files_of(Location(file))) > 1) == (suffix == "gltf")
    contents = {prepared_meshes.read_file(file).to_bytes() for _ in range(4)}
    assert len(contents) == 1
    studio = Studio(32, samples=1)
    shape = prepared_meshes.PreparedMesh.from_bytes(contents.pop())
    for _ in range(4):
        studio.show_prepared(shape, mesh_folders.read_materials(file, (), tmp_path), file)
        image = picture(studio, BACK, tmp_path)
        assert image[16, 16].argmax() == 2
        assert image[10, 10].argmax() == 0


def test_a_factor_tints_a_texture_and_opaque_parts_ignore_its_alpha(tmp_path):
    box = trimesh.creation.box([0.6, 0.6, 0.2])
    image = Image.new("RGBA", (4, 4), (188, 188, 188, 0))
    material = trimesh.visual.material.PBRMaterial(baseColorFactor=[255, 0, 0, 255], baseColorTexture=image)
    box.visual = trimesh.visual.TextureVisuals(np.zeros((len(box.vertices), 2)), material=material)
    (tmp_path / "a.glb").write_bytes(trimesh.Scene([box]).export(file_type="glb"))
    (shown,) = mesh_folders.read_materials(tmp_path / "a.glb", (), tmp_path).by_name.values()
    with Image.open(shown.texture.file) as written:
        assert written.mode == "RGB"
        assert written.getpixel((0, 0)) == (188, 0, 0)
    with pytest.raises(InputError, match=r"a\.glb: image 0: has 4 x 4 pixels, more than limits"):
        mesh_folders.read_materials(tmp_path / "a.glb", (), tmp_path, Limits(image_megapixels=0.00001))


def test_texture_coordinates_of_a_ply_leave_its_geometry_alone(tmp_path):
    points = "0 0 0\n1 0 0\n1 1 0\n0 1 0\n0 0 1\n"
    header = "ply\nformat ascii 1.0\nelement vertex 5\nproperty float x\nproperty float y\nproperty float z\n"
    header += "element face 3\nproperty list uchar int vertex_indices\nproperty list uchar float texcoord\nend_header\n"
    faces = "3 4 3 0 6 0 0 1 0 1 1\n3 4 2 1 6 0 .5 .5 0 .5 .5\n3 0 2 1 6 0 1 1 0 .2 .2\n"
    (tmp_path / "a.ply").write_text(header + points + faces)
    mesh = prepared_meshes.read_file(tmp_path / "a.ply").mesh
    assert (len(mesh.faces), mesh.area) == (3, pytest.approx(1 + 0.5**0.5))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.glb", b"glTF", "cannot be read as glTF"),
        ("a.gltf", b"{", "cannot be read as glTF"),
        ("a.gltf", b'{"buffers": [{"uri": "../../secret.bin"}]}', "which is outside its folder"),
        ("a.gltf", b'{"buffers": [{"uri": 1}]}', "cannot be read as glTF"),
        ("a.ply", b"ply\nformat ascii 1.0\nend_header\n", "has no faces"),
        ("a.ply", PLY.replace("3 4 5\n", "3 4 9\n").encode(), "missing vertices"),
        ("a.stl", b"solid a\nendsolid a\n", "has no faces"),
        ("a.off", b"OFF\n3 1 0\n0 0 0\n1 0 0\n", "has fewer numbers than its counts say"),
        (
            "a.ply",
            PLY.replace("element face 1", "element face 2").encode(),
            "cannot be read|has other faces than its header",
        ),
        ("a.ply", PLY.replace("6 0 1 2 3 4 5", "6 0 1 2 3 4 -1").encode(), "missing vertices"),
        ("a.stl", STL[:-60].encode(), "triangle 4 has not three corners; is the file complete"),
        ("a.stl", STL.removesuffix("endsolid a\n").encode(), "has no endsolid; is the file complete"),
        ("a.stl", STL.replace("0 1 0", "0 1.#IND 0").encode(), "cannot be read as a mesh .*could not convert"),
        (
            "a.stl",
            bytes(80) + b"\x04\0\0\0" + bytes(150),
            "has 234 bytes, but its 4 triangles need 284; is it complete",
        ),
        (
            "a.gltf",
            json.dumps(GLTF | {"extensionsRequired": ["KHR_draco_mesh_compression"]}).encode(),
            "draco.* not supported",
        ),
        (
            "a.gltf",
            json.dumps(GLTF | {"meshes": [{"primitives": [{"mode": 6}]}]}).encode(),
            "mode 6, which is not supported",
        ),
        (
            "a.gltf",
            json.dumps(GLTF | {"accessors": [{"sparse": {}}]}).encode(),
            "sparse accessors, which is not supported",
        ),
        ("a.gltf", b"[" * 100_000, "cannot be read as glTF"),
        ("a.gltf", b'{"buffers": [{"uri": "a%00b"}]}', "cannot be read as glTF"),
        (
            "a.ply",
            PLY.replace("vertex 6", f"vertex {10**12}").encode(),
            "claims 1000000000000 of vertex, which its bytes",
        ),
        ("a.ply", PLY.replace("face 1", f"face {10**9}").encode(), "claims 1000000000 of face, which its bytes"),
        ("a.ply", PLY.replace("vertex 6", "vertex -6").encode(), "claims -6 of vertex"),
        ("a.ply", PLY.replace("ascii", "binary_little_endian").encode(), "cannot be read"),
        (
            "a.ply",
            PLY.replace("ascii", "binary_little_endian").replace("vertex 6", f"vertex {10**9}").encode() + bytes(99),
            "claims 1000000000 of vertex, which its bytes",
        ),
        ("a.ply", PLY.replace("6 0 1 2 3 4 5", "600000" + " 0 1 2" * 200_000).encode(), "limits.polygon_corners"),
        ("a.stl", bytes(80) + b"\0\xca\x9a\x3b" + bytes(50), "1000000000 triangles need 50000000084"),
        ("a.off", f"OFF\n4 {10**12} 0\n{L_SHAPE}".encode(), "more triangles than limits.mesh_faces"),
        ("a.off", f"OFF\n{10**12} 1 0\n{L_SHAPE}".encode(), "has fewer numbers than its counts say"),
        ("a.off", f"OFF\n6 1 0\n{L_SHAPE}600000{' 0 1 2' * 200_000}".encode(), "limits.polygon_corners"),
        ("a.off", b"# " * 30_000 + b"OFF", "does not begin with OFF"),
        ("a.off", b"nothing", "does not begin with OFF"),
        ("a.off", b"", "does not begin with OFF"),
        ("a.off", b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 3\n", "missing vertices"),
    ],
)
def test_broken_files_of_other_formats_are_named(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=reason) as refused:
        prepared_meshes.read_file(tmp_path / name)
    assert str(tmp_path / name) in str(refused.value)


FACES = "3 0 2 1\n3 0 1 3\n3 1 2 3\n3 2 0 3\n"
POINTS = "\n".join(CORNERS) + "\n"
FOUR = PLY.partition("end_header")[0].replace("vertex 6", "vertex 4").replace("face 1", "face 4")
WHOLE_PLY = f"{FOUR}end_header\n{POINTS}{FACES}"
WHOLE_OFF = f"OFF\n4 4 6\n{POINTS}{FACES}"
STRIPS = "element {} 1\nproperty list int int vertex_indices\nend_header"
SOLIDS = [f"solid {name}\n{''.join(two)}endsolid {name}\n" for name, two in (("a", FACETS[:2]), ("b", FACETS[2:]))]
CORNER_ROWS = np.array([row.split() for row in CORNERS], "<f4")
BINARY_STL = b"".join(
    bytes(12) + CORNER_ROWS[list(three)].tobytes() + b"\x1f\x80"
    for three in ((0, 2, 1), (0, 1, 3), (1, 2, 3), (2, 0, 3))
)
BINARY_FACES = b"".join(b"\3" + np.array(row.split()[1:], "<i4").tobytes() for row in FACES.splitlines())
BINARY_PLY = f"{FOUR}end_header\n".replace("ascii", "binary_little_endian").encode() + CORNER_ROWS.tobytes()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.ply", WHOLE_PLY + "\n \t\n\n"),
        ("a.ply", WHOLE_PLY.replace("\n", "\r\n")),
        ("a.ply", WHOLE_PLY.replace("element vertex", "comment by me\nobj_info 1 2\nelement vertex")),
        ("a.ply", WHOLE_PLY.replace("end_header", STRIPS.format("tristrips").replace(" 1\n", " 0\n", 1))),
        ("a.ply", WHOLE_PLY.replace("end_header", "element edge 1\nproperty int vertex1\nend_header") + "0\n"),
        ("a.ply", BINARY_PLY + BINARY_FACES),
        ("a.off", WHOLE_OFF + "\n# the end_\n\n"),
        ("a.off", WHOLE_OFF.replace("3 0 2 1", "3 0 2 1 0.1 0.2 0.3 1.0 # red_")),
        ("a.stl", STL.upper()),
        ("a.stl", "".join(SOLIDS).title()),
        ("a.stl", " ".join(SOLIDS).replace("\n", " ")),
        ("a.stl", STL.replace("vertex thing", "my solid endsolid").replace("endsolid a", "endsolid my solid endsolid")),
        ("a.stl", bytes(80) + b"\4\0\0\0" + BINARY_STL),
        ("a.stl", b"solid by a program".ljust(80) + b"\4\0\0\0" + BINARY_STL + bytes(49)),
    ],
)
def test_files_of_other_programs_are_read_whole(tmp_path, name, content):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert prepared_meshes.read_file(tmp_path / name).mesh.area == pytest.approx(TETRAHEDRON)


OTHER_FACES = "has other faces than its header says"
NO_ENDSOLID = "a solid has no endsolid; is the file complete"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.ply", WHOLE_PLY.replace("face 4", "face 3"), OTHER_FACES),
        ("a.ply", WHOLE_PLY.replace("face 4", "face 2").replace("2 1\n3", "2 1 3"), OTHER_FACES),
        ("a.ply", WHOLE_PLY + "\n3 0 1 2", OTHER_FACES),
        ("a.ply", WHOLE_PLY.replace("3 0 2 1", "3 0 2 1 3").replace("3 0 1 3", "4 0 1 2 3"), OTHER_FACES),
        ("a.ply", WHOLE_PLY[:-3], OTHER_FACES),
        ("a.ply", WHOLE_PLY.replace("3 0 2 1", "3 0 2 x"), "has 'x', which is not a number"),
        ("a.ply", WHOLE_PLY.replace("1 0 0", "0_5 0 0"), "has '0_5', which is not a number"),
        ("a.ply", BINARY_PLY.replace(b"face 4", b"face 3") + BINARY_FACES, "cannot be read as a mesh"),
        ("a.ply", BINARY_PLY + BINARY_FACES[:13] + b"\2" + BINARY_FACES[14:], OTHER_FACES),
        ("a.ply", WHOLE_PLY.replace("end_header", STRIPS.format("tristrips")) + "3 0 1 2\n", "has 1 of tristrips"),
        ("a.ply", WHOLE_PLY.replace("end_header", STRIPS.format("range_grid")) + "1 0\n", "has 1 of range_grid"),
        ("a.ply", WHOLE_PLY.replace("end_header", STRIPS.format("Face")) + "3 0 1 2\n", "has 1 of Face, which are not"),
        ("a.ply", WHOLE_PLY.replace("element face", "element face 9\nelement face"), "counts face more than once"),
        ("a.ply", WHOLE_PLY.replace("end_header", f"comment {'x' * 100_000}\nend_header"), "has no end_header in its"),
        ("a.off", WHOLE_OFF.replace("4 4 6", "4 3 6"), "has more lines than its counts say"),
        ("a.off", WHOLE_OFF.replace("4 4 6", "4 0 6"), "has more lines than its counts say"),
        ("a.off", WHOLE_OFF + "\n3 0 1 2", "has more lines than its counts say"),
        ("a.off", WHOLE_OFF.replace("1 0 0", "0_5 0 0"), "has '0_5', which is not a number"),
        ("a.off", WHOLE_OFF.replace("3 0 2 1", "3 0 2 0_1"), "has '0_1', which is not a number"),
        ("a.off", WHOLE_OFF.replace("4 4 6", "4 0_4 6"), "has '0_4', which is not a number"),
        ("a.stl", bytes(80) + b"\3\0\0\0" + BINARY_STL, "has 284 bytes, but its 3 triangles need 234"),
        ("a.stl", bytes(80) + b"\0\0\0\0" + BINARY_STL, "has 284 bytes, but its 0 triangles need 84"),
        ("a.stl", b"solid".ljust(80) + b"\2\0\0\0" + BINARY_STL, "has 284 bytes, but its 2 triangles need 184"),
        ("a.stl", SOLIDS[0] + "solid b\n", NO_ENDSOLID),
        ("a.stl", SOLIDS[0] + SOLIDS[1].removesuffix("endsolid b\n"), NO_ENDSOLID),
        ("a.stl", SOLIDS[0].removesuffix("endsolid a\n") + SOLIDS[1], NO_ENDSOLID),
        ("a.stl", STL.replace("vertex thing", "a endsolid").removesuffix("endsolid a\n"), NO_ENDSOLID),
        ("a.stl", STL.upper().removesuffix("SOLID A\n"), NO_ENDSOLID),
        ("a.stl", STL.upper()[:-60], "triangle 4 has not three corners"),
        ("a.stl", STL.replace("vertex 0 0 1\n", "", 1), "triangle 2 has not three corners"),
        ("a.stl", STL.replace("outer loop\n", "", 1), "triangle 1 has not three corners"),
        ("a.stl", STL.replace("vertex 0 1 0", "vertex 0 1_0 0"), "has '1_0', which is not a number"),
    ],
)
def test_no_face_is_lost_without_a_word(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=rf"a\.{name[2:]}: .*{reason}") as refused:
        prepared_meshes.read_file(tmp_path / name)
    assert "\n" not in str(refused.value)


def test_a_text_stl_file_is_refused_wherever_it_is_cut(tmp_path):
    content = "".join(SOLIDS)
    complete = {len(SOLIDS[0]) + cut for cut in (-3, -2, -1, 0)}  # a file with one solid, whose end needs no name
    for end in set(range(len("solid"), len(content) - 3)) - complete:
        (tmp_path / "a.stl").write_text(content[:end])
        with pytest.raises(InputError):
            prepared_meshes.read_file(tmp_path / "a.stl")


@pytest.mark.parametrize(
    "line", ["comment TextureFile x.png", "obj_info texturefile x.png", "comment TEXTUREFILE  x.png"]
)
def test_a_texture_of_a_ply_file_is_a_warning_and_no_traceback(tmp_path, caplog, capfd, line):
    file = tmp_path / "a.ply"
    file.write_text(WHOLE_PLY.replace("element vertex", f"{line}\nelement vertex"))
    Image.new("RGB", (2, 2)).save(tmp_path / "x.png")
    assert prepared_meshes.read_file(file).mesh.area == pytest.approx(TETRAHEDRON)
    (warning,) = mesh_folders.read_materials(file, (), tmp_path).warnings
    assert warning.startswith(f"{file}: names the texture x.png, but the texture of a PLY file is not shown")
    assert not caplog.text
    assert "Traceback" not in "".join(capfd.readouterr())
