"""How materials look: colours, textures and alpha, by value, and what is shown in place of what is missing."""

import bpy
import numpy as np
import OpenEXR
import pytest
from PIL import Image
from renders import BACK, FRONT, picture, show
from template3d.rendering.blender import Studio
from template3d.rendering.cameras import project
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits

SQUARE = """mtllib square.mtl
v -.3 -.3 0
v .3 -.3 0
v .3 .3 0
v -.3 .3 0
vt 0 0
vt 1 0
vt 1 1
vt 0 1
usemtl front
f 3/3 2/2 1/1
f 4/4 3/3 1/1
usemtl back
f 1/1 2/2 3/3
f 1/1 3/3 4/4
"""


@pytest.fixture
def square(tmp_path):
    """Writes a square that faces the front (-z), with one material for each side, and its textures."""

    def write(mtl, **textures):
        file = tmp_path / "square.obj"
        file.write_text(SQUARE)
        if mtl:
            (tmp_path / "square.mtl").write_text(mtl)
        for name, pixels in textures.items():
            Image.fromarray(np.asarray(pixels, np.uint8)).save(tmp_path / f"{name}.png")
        return file

    return write


def test_a_material_library_may_be_as_large_as_a_mesh(square):
    file = square("newmtl front\n" * 1000)
    with pytest.raises(InputError, match=r"square\.mtl: has .* more than limits\.mesh_mb \(0\.01\) allows"):
        show(Studio(64, samples=1), file, Limits(mesh_mb=0.01))


def hue(image, row, column):
    """The brightest of R, G and B at a row and column given as fractions of the image; None if all are alike."""
    pixel = image[int(row * len(image)), int(column * len(image))]
    return None if np.ptp(pixel) < 20 else "RGB"[pixel.argmax()]


def test_of_two_coincident_faces_each_is_seen_from_its_own_side(square, tmp_path):
    studio = Studio(64, samples=4)
    assert show(studio, square("newmtl front\nKd .8 .1 .1\nnewmtl back\nKd .1 .1 .8\n")) == []
    for view, channel in ((FRONT, 0), (BACK, 2)):
        image = picture(studio, view, tmp_path)
        shown = image[(image < 250).any(axis=2)]
        assert len(shown) > 300
        assert (shown.argmax(axis=1) == channel).all()  # not one speckle


def test_a_texture_is_read_beside_its_mtl_and_shown_upright(square, tmp_path):
    (tmp_path / "maps").mkdir()
    colours = np.zeros((8, 8, 3))
    colours[:4, :4, 0] = colours[:4, 4:, 1] = colours[4:, :, 2] = 200  # red upper left, green upper right, blue below
    mtl = "newmtl front\nKd 1 1 1\nmap_Kd maps/t.png\nnewmtl back\nKd 1 1 1\nmap_Kd maps/t.png\n"
    file = square(mtl, **{"maps/t": colours})
    studio = Studio(64, samples=4)
    assert show(studio, file) == []
    behind, front = picture(studio, BACK, tmp_path), picture(studio, FRONT, tmp_path)
    # u grows along +x, which is on the right from behind and on the left from the front
    assert [hue(behind, *at) for at in ((0.4, 0.4), (0.4, 0.6), (0.6, 0.5))] == ["R", "G", "B"]
    assert [hue(front, *at) for at in ((0.4, 0.4), (0.4, 0.6), (0.6, 0.5))] == ["G", "R", "B"]


def test_alpha_of_a_texture_shows_what_lies_behind(square, tmp_path):
    pixels = np.full((8, 8, 4), (200, 0, 0, 255))
    pixels[:, 4:, 3] = 0
    mtl = "newmtl front\nmap_Kd t.png\nnewmtl back\nmap_Kd t.png\n"
    studio = Studio(64, samples=4)
    show(studio, square(mtl, t=pixels))
    image = picture(studio, BACK, tmp_path)
    assert hue(image, 0.5, 0.4) == "R"
    assert (image[32, int(0.6 * 64)] == 255).all()


def test_missing_files_become_grey_and_are_reported(square, tmp_path):
    studio = Studio(64, samples=1)
    (warning,) = show(studio, square(""))
    assert "square.mtl, which is not there; grey instead" in warning
    image = picture(studio, FRONT, tmp_path)
    assert np.ptp(image[32, 32]) < 5
    assert image[32, 32, 0] < 230
    warnings = show(studio, square("newmtl front\nKd .8 .1 .1\nmap_Kd no.png\nnewmtl back\nKd .1 .1 .8\nd 0\n"))
    assert "names the texture no.png, which is not there; the material's colour instead" in warnings[0]
    assert "wholly transparent" in warnings[1]
    assert hue(picture(studio, FRONT, tmp_path), 0.5, 0.5) == "R"
    assert hue(picture(studio, BACK, tmp_path), 0.5, 0.5) == "B"


@pytest.fixture
def textured(tmp_path):
    """Writes a square into a shape's folder; ``line`` is what its MTL says about each side."""

    def write(line, named=True):
        file = tmp_path / "shape/models/square.obj"
        file.parent.mkdir(parents=True)
        file.write_text(SQUARE if named else SQUARE.replace("mtllib", "# mtllib"))
        file.with_suffix(".mtl").write_text(f"newmtl front\n{line}\nnewmtl back\n{line}\n")
        return file

    return write


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("line", ["map_Kd {}", "map_Kd -s 1 1 1 {}", "map_d {}", "map_Ke -o 1 1 1 {}"])
def test_blender_never_shows_a_file_from_elsewhere(textured, tmp_path, line, named):
    secret = tmp_path / "my secret.png"
    Image.new("RGB", (8, 8), "red").save(secret)
    studio = Studio(64, samples=1)
    show(studio, textured(f"Kd .1 .1 .8\n{line.format(secret)}", named))
    assert not [image.filepath for image in bpy.data.images if image.filepath]
    assert hue(picture(studio, FRONT, tmp_path), 0.5, 0.5) == "B"


def test_a_texture_that_is_found_by_its_name_is_checked_too(textured, tmp_path):
    file = textured("map_Kd sub/wood.png")
    Image.new("RGB", (200, 200), "red").save(file.parent / "wood.png")
    with pytest.raises(InputError, match="200 x 200 pixels, more than limits"):
        show(Studio(64, samples=1), file, Limits(image_megapixels=0.01))


def test_a_texture_of_unknown_size_is_not_read(textured, tmp_path):
    file = textured("Kd .1 .1 .8\nmap_Kd wood.png")
    pixels = np.zeros((64, 64, 3), np.float32)
    pixels[..., 0] = 1
    OpenEXR.File({"type": OpenEXR.scanlineimage}, {"RGB": pixels}).write(str(tmp_path / "red.exr"))
    (tmp_path / "red.exr").rename(file.parent / "wood.png")
    studio = Studio(64, samples=1)
    assert "cannot be read; the material is shown without it" in show(studio, file)[0]
    assert hue(picture(studio, FRONT, tmp_path), 0.5, 0.5) != "R"


def albedo(studio, folder, row, column) -> list[int]:
    """The colour, in sRGB, of the square's back at fractions of the square from its upper left corner."""
    studio.render(BACK, folder / "albedo.png", "albedo")
    corners = project(BACK, np.array([[-0.3, 0.3, 0], [0.3, -0.3, 0]]), 64)
    x, y = corners[0] + (corners[1] - corners[0]) * [column, row]
    return np.array(Image.open(folder / "albedo.png"))[int(y), int(x)].tolist()


QUARTERS = np.zeros((64, 64, 3), np.uint8)
QUARTERS[:32, :32], QUARTERS[:32, 32:], QUARTERS[32:, :32], QUARTERS[32:, 32:] = (
    (200, 0, 0),
    (0, 200, 0),
    (0, 0, 200),
    (200, 200, 0),
)
PLACES = ((0.25, 0.25), (0.25, 0.75), (0.75, 0.25), (0.75, 0.75))


@pytest.mark.parametrize(
    ("options", "quarters"),
    [
        ("", [(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0)]),
        ("-s 0.5 0.5 1", 4 * [(0, 0, 200)]),  # the lower left quarter fills the square
        ("-o 0.5 0 0", [(0, 200, 0), (200, 0, 0), (200, 200, 0), (0, 0, 200)]),
        ("-s .5 .5 1 -o .5 .5", 4 * [(0, 200, 0)]),
    ],
)
def test_scale_and_offset_of_a_texture_are_applied(square, tmp_path, options, quarters):
    studio = Studio(64, samples=1)
    assert show(studio, square(f"newmtl front\nnewmtl back\nmap_Kd {options} t.png\n", t=QUARTERS)) == []
    for place, expected in zip(PLACES, quarters, strict=True):
        np.testing.assert_allclose(albedo(studio, tmp_path, *place), expected, atol=2)


def test_a_grey_alpha_texture_counts_by_its_brightness(square, tmp_path):
    grey = np.full((64, 64), 255, np.uint8)
    grey[:, 32:] = 0
    studio = Studio(64, samples=1)
    assert show(studio, square("newmtl front\nKd 0 0 1\nnewmtl back\nKd 1 0 0\nmap_d t.png\n", t=grey)) == []
    assert albedo(studio, tmp_path, 0.5, 0.25) == [255, 0, 0]
    assert albedo(studio, tmp_path, 0.5, 0.75) == [0, 0, 255]  # the front, seen through it


@pytest.mark.parametrize("name", ["../images/texture0.jpg", "/home/somebody/wood.png", "C:\\wood.png"])
def test_a_missing_texture_shows_its_materials_colour(square, tmp_path, name):
    studio = Studio(64, samples=1)
    (warning,) = show(studio, square(f"newmtl front\nnewmtl back\nKd 0 1 0\nmap_Kd {name}\n"))
    assert f"names the texture {name}, which is not there; the material's colour instead" in warning
    assert albedo(studio, tmp_path, 0.5, 0.5) == [0, 255, 0]
    Image.fromarray(QUARTERS).save(tmp_path / name.replace("\\", "/").rpartition("/")[2])  # the warning's way out
    (warning,) = show(studio, tmp_path / "square.obj")
    assert warning.endswith("instead")
    np.testing.assert_allclose(albedo(studio, tmp_path, 0.25, 0.25), [200, 0, 0], atol=6)


def test_only_materials_of_a_missing_library_are_grey(square, tmp_path):
    file = square("newmtl back\nKd 1 0 0\n")
    file.write_text(file.read_text().replace("mtllib square.mtl", "mtllib square.mtl gone.mtl"))
    studio = Studio(64, samples=1)
    (warning,) = show(studio, file)
    assert "names gone.mtl, which is not there; grey instead" in warning
    assert albedo(studio, tmp_path, 0.5, 0.5) == [255, 0, 0]
    assert hue(picture(studio, FRONT, tmp_path), 0.5, 0.5) is None
    file.write_text(file.read_text().replace("gone.mtl", ""))
    assert show(studio, file) == [f"{file}: no MTL file describes its material front; grey instead"]


def test_a_damaged_texture_shows_its_materials_colour(textured, tmp_path):
    file = textured("Kd .1 .1 .8\nmap_Kd wood.png")
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(file.parent / "wood.png")
    content = (file.parent / "wood.png").read_bytes()
    (file.parent / "wood.png").write_bytes(content[:60])  # a good header, which is all that Pillow reads
    studio = Studio(64, samples=1)
    (warning,) = show(studio, file)
    assert "wood.png: this texture cannot be read; the material is shown without it" in warning
    assert hue(picture(studio, FRONT, tmp_path), 0.5, 0.5) == "B"
