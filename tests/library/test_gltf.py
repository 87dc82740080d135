"""glTF files that claim more than they hold, or that name what is not there."""

import base64
import copy
import json
import os
import struct
import time
from contextlib import nullcontext as nothing

import pytest
from PIL import Image
from template3d.data import mesh_folders, prepared_meshes
from template3d.data.mesh_folders import Location
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits

POINTS = struct.pack("<12f", 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1)
CORNERS = struct.pack("<12H", 0, 2, 1, 0, 1, 3, 1, 2, 3, 2, 0, 3)
UV = struct.pack("<8f", 0, 0, 1, 0, 1, 1, 0, 1)
DATA = POINTS + CORNERS + UV
TETRAHEDRON = {
    "asset": {"version": "2.0"},
    "buffers": [{"byteLength": 104, "uri": "data:;base64," + base64.b64encode(DATA).decode()}],
    "bufferViews": [
        {"buffer": 0, "byteLength": 48},
        {"buffer": 0, "byteOffset": 48, "byteLength": 24},
        {"buffer": 0, "byteOffset": 72, "byteLength": 32},
    ],
    "accessors": [
        {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"},
        {"bufferView": 1, "componentType": 5123, "count": 12, "type": "SCALAR"},
        {"bufferView": 2, "componentType": 5126, "count": 4, "type": "VEC2"},
    ],
    "materials": [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
    "textures": [{"source": 0}],
    "images": [{"uri": "wood.png"}],
    "meshes": [{"primitives": [{"attributes": {"POSITION": 0, "TEXCOORD_0": 2}, "indices": 1, "material": 0}]}],
    "nodes": [{"mesh": 0}],
    "scenes": [{"nodes": [0]}],
    "scene": 0,
}


def written(folder, *path, value=None):
    """A glTF file of a tetrahedron, in whose description ``value`` replaces what is at ``path``."""
    described = copy.deepcopy(TETRAHEDRON)
    at = described
    for key in path[:-1]:
        at = at[key]
    if path:
        at[path[-1]] = value
    file = folder / "a.gltf"
    file.write_text(json.dumps(described))
    return file


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("accessors", 0, "count"), 10**12, "accessor 0 needs 12000000000000 bytes from 0, but there are 48"),
        (("accessors", 1, "count"), 13, "accessor 1 needs 26 bytes from 0, but there are 24"),
        (("accessors", 1, "byteOffset"), 2, "accessor 1 needs 24 bytes from 2, but there are 24"),
        (("accessors", 1, "count"), -1, "-1 is no count"),
        (("accessors", 1, "count"), 1e12, "1000000000000.0 is no count"),
        (("accessors", 0), {"componentType": 5126, "count": 10**12, "type": "VEC3"}, "accessors without a buffer view"),
        (("accessors", 0, "componentType"), 9, "cannot be read as glTF"),
        (("bufferViews", 0, "byteLength"), 10**12, "buffer view 0 needs 1000000000000 bytes from 0, but there are 104"),
        (("bufferViews", 0, "byteStride"), 16, "accessor 0 needs 60 bytes from 0, but there are 48"),
        (("bufferViews", 0, "buffer"), 1, "cannot be read as glTF"),
        (("buffers", 0, "byteLength"), 10**12, "buffer 0 needs 1000000000000 bytes from 0, but there are 104"),
        (("buffers", 0, "uri"), "gone.bin", "gone.bin: No such file"),
        (("meshes", 0, "primitives"), 3000 * TETRAHEDRON["meshes"][0]["primitives"], "more materials than limits"),
        (("nodes",), 3000 * [{"mesh": 0}], "more materials than limits"),
        (("images",), [{"uri": f"{number}.png"} for number in range(2000)], "names 2000 files, more than 1000"),
    ],
)
def test_counts_that_the_bytes_do_not_hold_are_refused_before_anything_is_allocated(tmp_path, path, value, reason):
    file = written(tmp_path, *path, value=value)
    started = time.process_time()
    with pytest.raises(InputError, match=reason) as refused:
        prepared_meshes.read_file(file)
    assert time.process_time() - started < 5
    assert str(tmp_path) in str(refused.value)


def test_instances_count_as_often_as_they_are_shown(tmp_path):
    file = written(tmp_path, "nodes", value=10 * [{"mesh": 0}])
    with pytest.raises(InputError, match=r"more triangles than limits\.mesh_faces \(39\)"):
        prepared_meshes.read_file(file, limits=Limits(mesh_faces=39))
    described = json.loads(file.read_text())
    described["accessors"][1]["count"] = 0
    file.write_text(json.dumps(described))
    with pytest.raises(InputError, match=r"more vertices than 10 times limits\.mesh_faces \(3\)"):
        prepared_meshes.read_file(file, limits=Limits(mesh_faces=3))


def test_a_texture_beside_a_gltf_file_is_shown(tmp_path):
    Image.new("RGB", (4, 4), "red").save(tmp_path / "wood.png")
    described = mesh_folders.read_materials(written(tmp_path), (), tmp_path)
    (material,) = described.by_name.values()
    assert Image.open(material.texture.file).getpixel((0, 0)) == (255, 0, 0)
    assert described.warnings == []


def missing(file):
    """There is no file."""


def no_image(file):
    file.write_bytes(b"no image")


def damaged(file):
    Image.effect_noise((64, 64), 50).save(file)
    file.write_bytes(file.read_bytes()[:200])


def pipe(file):
    os.mkfifo(file)


def folder(file):
    file.mkdir()


def loop(file):
    file.symlink_to(file)


def device(file):
    file.symlink_to("/dev/zero")  # outside the folder


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (missing, "wood.png: No such file or directory; the material is shown without it"),
        (no_image, "wood.png: this texture cannot be read; the material is shown without it"),
        (damaged, "a.gltf: the texture of part 0 cannot be read; it is shown without it"),
        (pipe, "wood.png: is a named pipe, not a regular file; replace it by the file itself; the material is"),
        (folder, "wood.png: is a folder, not a regular file"),
    ],
)
def test_a_texture_that_cannot_be_read_is_named_and_left_out(tmp_path, make, reason):
    make(tmp_path / "wood.png")
    file = written(tmp_path)
    assert len(prepared_meshes.read_file(file).triangles) == 4
    described = mesh_folders.read_materials(file, (), tmp_path)
    assert [material.texture for material in described.by_name.values()] == [None]
    assert reason in described.warnings[0]


@pytest.mark.parametrize(("make", "reason"), [(loop, "cannot be read as glTF"), (device, "is outside its folder")])
def test_a_texture_that_leads_elsewhere_makes_a_bad_mesh(tmp_path, make, reason):
    make(tmp_path / "wood.png")
    file = written(tmp_path)
    assert mesh_folders.files_of(Location(file)) == [file]
    with pytest.raises(InputError, match=reason):
        prepared_meshes.read_file(file)


@pytest.mark.parametrize("make", [missing, pipe, folder])
def test_a_buffer_that_cannot_be_read_makes_a_bad_mesh_by_name(tmp_path, make):
    make(tmp_path / "a.bin")
    with pytest.raises(InputError, match=r"a\.bin: "):
        prepared_meshes.read_file(written(tmp_path, "buffers", 0, "uri", value="a.bin"))


def test_a_ply_file_opens_no_texture(tmp_path):
    os.mkfifo(tmp_path / "wood.png")  # to open it would block for ever
    header = "ply\nformat ascii 1.0\ncomment TextureFile wood.png\nelement vertex 3\n"
    header += "property float x\nproperty float y\nproperty float z\nelement face 1\n"
    header += "property list uchar int vertex_indices\nend_header\n"
    (tmp_path / "a.ply").write_text(header + "0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n")
    assert prepared_meshes.read_file(tmp_path / "a.ply").mesh.area == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("of_mesh", "of_node", "targets", "refused"),
    [
        ([0.5], None, True, True),
        ([0, 1], None, True, True),
        ([0], [1], True, True),
        ([0], None, True, False),
        ([1], [0], True, False),
        ([1], None, False, False),
        (None, None, True, False),
    ],
)
def test_a_morphed_shape_is_refused(tmp_path, of_mesh, of_node, targets, refused):
    described = copy.deepcopy(TETRAHEDRON)
    mesh, node = described["meshes"][0], described["nodes"][0]
    if targets:
        mesh["primitives"][0]["targets"] = [{"POSITION": 0}] * len(of_mesh or [0])
    mesh |= {"weights": of_mesh} if of_mesh else {}
    node |= {"weights": of_node} if of_node else {}
    (tmp_path / "a.gltf").write_text(json.dumps(described))
    with (
        pytest.raises(InputError, match=r"a\.gltf: uses morph targets with a .*not supported") if refused else nothing()
    ):
        assert len(prepared_meshes.read_file(tmp_path / "a.gltf").mesh.faces) == 4
