import struct
import zlib

import pytest
import trimesh
from template3d.data import materials
from template3d.data.mesh_folders import Location, MeshFolder
from template3d.jobs import prepare
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits


def prepared(mesh, **options):
    return prepare.one_shape(Location(mesh), "03001627", "abcd", MeshFolder(mesh.parents[3]), **options)


LIBRARY = ["model_normalized.mtl"]


@pytest.fixture
def mesh(tmp_path):
    file = MeshFolder(tmp_path).mesh_file("03001627", "abcd")
    file.parent.mkdir(parents=True)
    file.write_text("mtllib model_normalized.mtl\n" + trimesh.creation.icosphere(2, radius=0.5).export(file_type="obj"))
    file.with_suffix(".mtl").write_text("newmtl a\nmap_Kd wood.png\n")
    return file


def png_header(width, height):
    """The beginning of a PNG file that claims a size."""
    chunks = [b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(bytes(1000))]
    framed = [struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def test_a_mesh_that_is_too_large_is_refused(mesh):
    assert len(prepared(mesh)) == 2
    with pytest.raises(InputError, match=r"model_normalized.obj: has more triangles than limits.mesh_faces \(300\)"):
        prepared(mesh, limits=Limits(mesh_faces=300))
    mesh.write_bytes(b"v nonsense\n" * 1000)
    with pytest.raises(InputError, match=r"more than limits.mesh_mb \(0.001\) allows"):
        prepared(mesh, limits=Limits(mesh_mb=0.001))


@pytest.mark.parametrize("named", [True, False])
def test_a_material_library_that_is_too_large_is_refused(mesh, named):
    if not named:  # it has the mesh's name
        mesh.write_text(mesh.read_text().partition("\n")[2])
    mesh.with_suffix(".mtl").write_bytes(b"newmtl a\n" * 1000)
    assert list(materials.read(mesh, LIBRARY).by_name) == ["a"]
    with pytest.raises(InputError, match=r"model_normalized.mtl: has .* more than limits.mesh_mb \(0.001\) allows"):
        materials.read(mesh, LIBRARY, Limits(mesh_mb=0.001))


@pytest.mark.parametrize("side", [12_000, 60_000], ids=["large", "a bomb"])
def test_a_small_file_with_a_huge_picture_is_refused(mesh, side):
    (mesh.parent / "wood.png").write_bytes(png_header(side, side))
    texture = materials.read(mesh, LIBRARY).by_name["a"].texture.file
    with pytest.raises(InputError, match=r"wood.png: has .* pixels, more than limits.image_megapixels \(100\) allows"):
        Limits().check_image(texture)


def test_a_file_that_is_no_image_is_recognized(mesh):
    (mesh.parent / "wood.png").write_bytes(b"no image")
    assert not Limits().check_image(mesh.parent / "wood.png")
    (mesh.parent / "wood.png").write_bytes(png_header(10, 10))
    assert Limits().check_image(mesh.parent / "wood.png")
