"""What MTL files say, and that no file from elsewhere is ever opened."""

import os
import time

import pytest
from template3d.data import materials, obj
from template3d.data.materials import Material, Texture
from template3d.data.mesh_folders import MeshFolder
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits

OUTSIDE = [
    "map_Kd ../../../secret.png",
    "map_Kd /outside/secret.png",
    "map_Kd ..\\..\\..\\secret.png",
    "map_Kd\t/outside/secret.png",
    "\x01map_Kd /outside/secret.png",
    'map_Kd "/outside/secret.png"',
    "map_Kd -s 1 1 1 /outside/secret.png",
    "map_d C:\\outside\\secret.png",
    "map_Ke -o 1 1 1 /outside/secret.png",
    "bump /outside/secret.png",
]


@pytest.fixture
def mesh(tmp_path):
    """A mesh in ShapeNet's layout, whose MTL file is still to be written."""
    file = MeshFolder(tmp_path).mesh_file("03001627", "abcd")
    (file.parents[1] / "images").mkdir(parents=True)
    file.parent.mkdir()
    file.write_text("mtllib model_normalized.mtl\n")
    return file


def read(mesh) -> materials.Materials:
    """The materials of a mesh, whose file holds only names."""
    return materials.read(mesh, obj.read(mesh).mtllib_lines)


def described(mesh, *lines) -> tuple[Material, list[str]]:
    """The material ``a`` with these lines, and the warnings."""
    mesh.with_suffix(".mtl").write_text("\n".join(["newmtl a", *lines]))
    found = read(mesh)
    return found.by_name["a"], found.warnings


@pytest.mark.parametrize("line", OUTSIDE)
def test_no_file_outside_is_opened_whatever_names_it(mesh, tmp_path, line):
    (tmp_path / "secret.png").touch()
    material, warnings = described(mesh, line)
    assert material == Material()
    assert len(warnings) == ("map_Kd" in line or "map_d" in line)
    mesh.write_text("mtllib ../../../evil.mtl\n")
    (tmp_path / "evil.mtl").write_text("newmtl evil\n")
    assert read(mesh).missing_libraries == ["../../../evil.mtl"]


@pytest.mark.parametrize(
    "name", ["/home/somebody/wood.png", "C:\\textures\\Wood.PNG", "../../x/wood.png", "sub/wood.png"]
)
@pytest.mark.parametrize("folder", ["models", "images", "models/inner"])
def test_a_texture_is_found_by_its_name_if_it_is_not_where_it_is_named(mesh, name, folder):
    file = mesh.parents[1] / folder / "wood.png"
    file.parent.mkdir(exist_ok=True)
    file.touch()
    material, (warning,) = described(mesh, f"map_Kd {name}", "Kd 1 0 0")
    assert material == Material((1, 0, 0), texture=Texture(file))
    assert f"names {name}, which is not there; {file} instead" in warning
    assert file in materials.files(mesh)


def test_a_texture_in_shapenets_folder_for_images_needs_no_warning(mesh):
    file = mesh.parents[1] / "images/wood.jpg"
    file.touch()
    assert described(mesh, "map_Kd ../images/wood.jpg") == (Material(texture=Texture(file)), [])
    file.unlink()
    material, (warning,) = described(mesh, "map_Kd ../images/wood.jpg", "Kd 0 1 0")
    assert material == Material((0, 1, 0))
    assert "names the texture ../images/wood.jpg, which is not there; the material's colour instead" in warning


@pytest.mark.parametrize(
    ("line", "scale", "offset", "warned"),
    [
        ("my wood.png", (1, 1), (0, 0), ""),
        ("-s 1 1 1 my wood.png", (1, 1), (0, 0), ""),
        ("-s .5 my wood.png", (0.5, 1), (0, 0), ""),
        ("-o 0.5 0 0 -s 2 3 -blendu on -texres 512 my wood.png", (2, 3), (0.5, 0), ""),
        ("-bm 0.2 my wood.png", (1, 1), (0, 0), ""),
        ("-clamp off my wood.png", (1, 1), (0, 0), ""),
        ("-clamp on my wood.png", (1, 1), (0, 0), "the option -clamp of texture my wood.png is not applied"),
        ("-mm 0.1 2 -t 1 1 1 my wood.png", (1, 1), (0, 0), "the option -mm of texture my wood.png is not applied"),
    ],
)
def test_options_before_a_name_are_applied_or_warned_of(mesh, line, scale, offset, warned):
    file = mesh.parent / "my wood.png"
    file.touch()
    material, warnings = described(mesh, f"map_Kd {line}")
    assert material.texture == Texture(file, scale, offset)
    assert warned in "".join(warnings)
    assert bool(warned) == bool(warnings)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Kd .1 .2 .3 # brown"], Material((0.1, 0.2, 0.3))),
        (["kd 0.5"], Material((0.5, 0.5, 0.5))),
        (["Kd 255 0 -1"], Material((1, 0, 0))),
        (["d 0.25"], Material(opacity=0.25)),
        (["Tr 0.25"], Material(opacity=0.75)),
        (["d -halo 0.5"], Material(opacity=0.5)),
        (["Kd 1 0 0", "newmtl a", "Kd 0 1 0"], Material((0, 1, 0))),
    ],
)
def test_colours_and_opacity_are_read(mesh, lines, expected):
    assert described(mesh, *lines) == (expected, [])


@pytest.mark.parametrize("line", ["Kd nan 0 0", "Kd spectral a.rfl", "Kd 1 0", "Kd", "d ", "Tr x"])
def test_what_is_no_number_is_left_out_with_a_warning(mesh, line):
    material, warnings = described(mesh, line)
    assert material == Material()
    assert len(warnings) == (line not in ("Kd", "d "))  # a keyword alone says nothing
    assert all("cannot be read; left out" in warning for warning in warnings)


@pytest.mark.parametrize(
    "line",
    ["mtllib a.mtl b.mtl", "mtllib a.mtl\nmtllib b.mtl", "mtllib A.mtl /x/b.mtl", 'mtllib "a.mtl"\n\tmtllib b.mtl'],
)
def test_several_libraries_are_read(mesh, line):
    mesh.write_bytes(b"\xef\xbb\xbf" + f"{line}\n".encode())
    (mesh.parent / "a.mtl").write_text("newmtl a\nKd 1 0 0\n")
    (mesh.parent / "b.mtl").write_text("newmtl b\nKd 0 0 1\n")
    assert read(mesh).by_name == {"a": Material((1, 0, 0)), "b": Material((0, 0, 1))}
    (mesh.parent / "b.mtl").unlink()
    found = read(mesh)
    assert found.by_name == {"a": Material((1, 0, 0))}
    assert len(found.missing_libraries) == 1


def test_a_librarys_name_may_have_spaces_and_a_materials_name_any_letters(mesh):
    mesh.write_text("mtllib my materials.mtl\n")
    (mesh.parent / "my materials.mtl").write_bytes("newmtl helle Möbel\nKd 1 0 0\n".encode("latin-1"))
    assert read(mesh).by_name == {"helle Möbel": Material((1, 0, 0))}
    mesh.write_bytes("usemtl helle Möbel\n".encode("latin-1"))
    assert obj.read(mesh).material_names == ("helle Möbel",)


@pytest.mark.parametrize("end", ["\n", "\r\n", " \n"])
@pytest.mark.parametrize("start", ["mtllib a", "mtllib", "map_Kd a", "map_Kd"])
def test_a_name_that_continues_in_the_next_line_is_refused(mesh, start, end):
    for file in (mesh, mesh.with_suffix(".mtl")):
        file.write_bytes(f"{start}\\{end}/../../../../secret\n".encode())
    with pytest.raises(InputError, match="continues in the next line"):
        read(mesh)


def test_a_missing_alpha_texture_leaves_the_materials_opacity(mesh):
    material, (warning,) = described(mesh, "d 0.5", "map_d gone.png")
    assert material == Material(opacity=0.5)
    assert "gone.png, which is not there; the material's opacity instead" in warning


@pytest.mark.parametrize(
    "name", ["{x}.png", "wood #1.png", "M\N{LATIN SMALL LETTER O WITH DIAERESIS}bel.png", "a" * 240 + ".png"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_texture_may_have_any_name(mesh, name, encoding):
    file = mesh.parent / name
    file.touch()
    mesh.with_suffix(".mtl").write_bytes(f"newmtl a\nmap_Kd {name}\n".encode(encoding))
    assert read(mesh).by_name["a"].texture == Texture(file)
    assert read(mesh).warnings == []


def test_a_file_whose_name_is_not_in_utf_8_is_named_by_its_bytes(mesh):
    file = mesh.parent / os.fsdecode(b"M\xf6bel.png")
    file.touch()
    material, (warning,) = described(mesh, "map_Kd Möbel.png")
    assert material == Material()
    assert "names the texture Möbel.png, which is not there" in warning
    file.rename(mesh.parent / "wood.png")
    inner = mesh.parent / os.fsdecode(b"M\xf6bel")
    inner.mkdir()
    (mesh.parent / "wood.png").rename(inner / "wood.png")
    material, (warning,) = described(mesh, "map_Kd wood.png")
    assert material.texture == Texture(inner / "wood.png")
    assert r"M\udcf6bel/wood.png instead" in warning
    warning.encode()


@pytest.mark.parametrize(
    "make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to(path), lambda path: path.symlink_to("gone")]
)
def test_what_is_no_file_is_not_there_for_a_mesh(mesh, make):
    make(mesh.parent / "wood.png")
    make(mesh.parent / "b.mtl")
    material, (warning,) = described(mesh, "map_Kd wood.png", "Kd 1 0 0")
    assert material == Material((1, 0, 0))
    assert "names the texture wood.png, which is not there" in warning
    mesh.write_text("mtllib b.mtl\n")
    assert read(mesh).missing_libraries == ["b.mtl"]
    assert materials.files(mesh) == [mesh.with_suffix(".mtl")]


MANY = 100_000


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("newmtl a\n" * MANY, None),
        ("newmtl a\n" + "Kd 1 0 0\n" * MANY, None),
        ("newmtl a\n" + "".join(f"map_Kd {number}.png\n" for number in range(MANY)), None),
        ("newmtl a\nmap_Kd " + "-s 1 1 1 " * MANY + "wood.png\n", None),
        ("newmtl a\nKd " + "1 " * MANY + "\n", None),
        ("newmtl a\nKd 1 0 " + "1" * MANY + "\n", None),
        ("".join(f"newmtl {number}\n" for number in range(MANY)), r"more materials than limits\.materials \(2000\)"),
    ],
)
def test_a_library_with_a_hundred_thousand_of_anything_is_read_or_refused_at_once(mesh, text, reason):
    mesh.with_suffix(".mtl").write_text(text)
    started = time.process_time()
    if reason:
        with pytest.raises(InputError, match=rf"model_normalized\.mtl: .*{reason}"):
            read(mesh)
    else:
        assert len(read(mesh).warnings) <= 1000
    assert time.process_time() - started < 10


def test_libraries_and_their_materials_are_counted(mesh):
    with pytest.raises(InputError, match="names more than 1000 material libraries"):
        materials.read(mesh, [" ".join(f"{number}.mtl" for number in range(1001))])
    mesh.with_suffix(".mtl").write_text("newmtl a\nnewmtl b\n")
    (mesh.parent / "c.mtl").write_text("newmtl c\n")
    with pytest.raises(InputError, match=r"more materials than limits\.materials \(2\)"):
        materials.read(mesh, ["c.mtl"], Limits(materials=2))
    assert len(materials.read(mesh, ["c.mtl"], Limits(materials=3)).by_name) == 3
