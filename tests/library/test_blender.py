import time
from io import BytesIO

import bpy
import numpy as np
import OpenEXR
import pytest
import trimesh
from PIL import Image
from template3d.data import views
from template3d.rendering.blender import Studio
from template3d.rendering.cameras import View, project
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits
from test_meshes import SPELLINGS

MTL = "newmtl red\nKd 0.8 0.1 0.1\nnewmtl blue\nKd 0.1 0.1 0.8\n"


@pytest.fixture(scope="module")
def box_file(tmp_path_factory):
    """A red box with a blue one on its right (+x), every triangle twice."""
    folder = tmp_path_factory.mktemp("box")
    lines, count = ["mtllib box.mtl"], 0
    for colour, x in (("red", 0.0), ("blue", 0.3)):
        box = trimesh.creation.box([0.2, 0.3, 0.2], trimesh.transformations.translation_matrix([x, 0, 0]))
        lines += [f"v {a} {b} {c}" for a, b, c in box.vertices] + [f"usemtl {colour}"]
        for a, b, c in box.faces + 1 + count:
            lines += [f"f {a} {b} {c}", f"f {c} {b} {a}"]
        count += len(box.vertices)
    (folder / "box.obj").write_text("\n".join(lines))
    (folder / "box.mtl").write_text(MTL)
    return folder / "box.obj"


def picture(studio, view, folder) -> np.ndarray:
    studio.render(view, folder / "view.png")
    return np.array(Image.open(folder / "view.png")).astype(int)


def test_colours_are_where_the_camera_projects_them_on_white(box_file, tmp_path):
    studio = Studio(image_size=64, samples=4, threads=2)
    studio.show_obj(box_file)
    for azimuth in (0, 40, 180):
        view = View(azimuth, 10, 1.5)
        image = picture(studio, view, tmp_path)
        assert image.shape == (64, 64, 3)
        assert (image[[0, -1]] == 255).all()
        front = -0.1 if azimuth < 90 else 0.1
        for x, brightest, dimmest in ((0.0, 0, 2), (0.3, 2, 0)):
            column, row = project(view, np.array([[x, 0, front]]), 64)[0].astype(int)
            assert image[row, column, brightest] > image[row, column, dimmest] + 60


def test_two_seeds_give_the_same_picture(box_file, tmp_path):
    pictures = []
    for seed in (0, 1):
        studio = Studio(image_size=64, samples=4, threads=2, seed=seed)
        studio.show_obj(box_file)
        pictures.append(picture(studio, View(40, 20, 1.2), tmp_path))
    assert np.abs(pictures[0] - pictures[1]).mean() < 2


def test_a_view_has_the_same_bytes_whenever_it_is_rendered(box_file, tmp_path):
    contents = []
    for name in ("first.png", "second.png"):
        studio = Studio(image_size=32, samples=1, threads=2)
        studio.show_obj(box_file)
        studio.render(View(40, 20, 1.2), tmp_path / name)
        contents.append((tmp_path / name).read_bytes())
        time.sleep(1.1)
    assert "Date" in Image.open(tmp_path / "first.png").info
    bare = [views.without_texts(content) for content in contents]
    assert bare[0] == bare[1]
    assert (np.array(views.decode(bare[0])) == np.array(views.decode(contents[0]))).all()
    assert "Date" not in Image.open(BytesIO(bare[0])).info


def test_a_shape_replaces_the_one_before_it(box_file, tmp_path):
    studio = Studio(image_size=32, samples=1, threads=2)
    studio.show_obj(box_file)
    studio.show_mesh(np.array([[-0.1, 0, 0], [0.1, 0, 0], [0, 0.2, 0]]), np.array([[0, 1, 2]]))
    image = picture(studio, View(0, 0, 1.5), tmp_path)
    assert (image < 250).any()
    assert np.ptp(image, axis=2).max() < 10  # grey alone: nothing red or blue is left


def test_an_obj_without_faces_is_an_error(tmp_path):
    (tmp_path / "empty.obj").write_text("v 0 0 0\n")
    with pytest.raises(InputError, match=r"empty\.obj"):
        Studio(image_size=32, samples=1, threads=2).show_obj(tmp_path / "empty.obj")


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
FRONT, BACK = View(0, 0, 1.5), View(180, 0, 1.5)


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
        Studio(64, samples=1).show_obj(file, Limits(mesh_mb=0.01))


def hue(image, row, column):
    """The brightest of R, G and B at a row and column given as fractions of the image; None if all are alike."""
    pixel = image[int(row * len(image)), int(column * len(image))]
    return None if np.ptp(pixel) < 20 else "RGB"[pixel.argmax()]


def test_of_two_coincident_faces_each_is_seen_from_its_own_side(square, tmp_path):
    studio = Studio(64, samples=4)
    assert studio.show_obj(square("newmtl front\nKd .8 .1 .1\nnewmtl back\nKd .1 .1 .8\n")) == []
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
    assert studio.show_obj(file) == []
    behind, front = picture(studio, BACK, tmp_path), picture(studio, FRONT, tmp_path)
    # u grows along +x, which is on the right from behind and on the left from the front
    assert [hue(behind, *at) for at in ((0.4, 0.4), (0.4, 0.6), (0.6, 0.5))] == ["R", "G", "B"]
    assert [hue(front, *at) for at in ((0.4, 0.4), (0.4, 0.6), (0.6, 0.5))] == ["G", "R", "B"]


def test_alpha_of_a_texture_shows_what_lies_behind(square, tmp_path):
    pixels = np.full((8, 8, 4), (200, 0, 0, 255))
    pixels[:, 4:, 3] = 0
    mtl = "newmtl front\nmap_Kd t.png\nnewmtl back\nmap_Kd t.png\n"
    studio = Studio(64, samples=4)
    studio.show_obj(square(mtl, t=pixels))
    image = picture(studio, BACK, tmp_path)
    assert hue(image, 0.5, 0.4) == "R"
    assert (image[32, int(0.6 * 64)] == 255).all()


def test_missing_files_become_grey_and_are_reported(square, tmp_path):
    studio = Studio(64, samples=1)
    (warning,) = studio.show_obj(square(""))
    assert "square.mtl, which is not there; grey instead" in warning
    image = picture(studio, FRONT, tmp_path)
    assert np.ptp(image[32, 32]) < 5
    assert image[32, 32, 0] < 230
    warnings = studio.show_obj(square("newmtl front\nKd .8 .1 .1\nmap_Kd no.png\nnewmtl back\nKd .1 .1 .8\nd 0\n"))
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
    studio.show_obj(textured(f"Kd .1 .1 .8\n{line.format(secret)}", named))
    assert not [image.filepath for image in bpy.data.images if image.filepath]
    assert hue(picture(studio, FRONT, tmp_path), 0.5, 0.5) == "B"


def test_a_texture_that_is_found_by_its_name_is_checked_too(textured, tmp_path):
    file = textured("map_Kd sub/wood.png")
    Image.new("RGB", (200, 200), "red").save(file.parent / "wood.png")
    with pytest.raises(InputError, match="200 x 200 pixels, more than limits"):
        Studio(64, samples=1).show_obj(file, Limits(image_megapixels=0.01))


def test_a_texture_of_unknown_size_is_not_read(textured, tmp_path):
    file = textured("Kd .1 .1 .8\nmap_Kd wood.png")
    pixels = np.zeros((64, 64, 3), np.float32)
    pixels[..., 0] = 1
    OpenEXR.File({"type": OpenEXR.scanlineimage}, {"RGB": pixels}).write(str(tmp_path / "red.exr"))
    (tmp_path / "red.exr").rename(file.parent / "wood.png")
    studio = Studio(64, samples=1)
    assert "cannot be read; the material is shown without it" in studio.show_obj(file)[0]
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
    assert studio.show_obj(square(f"newmtl front\nnewmtl back\nmap_Kd {options} t.png\n", t=QUARTERS)) == []
    for place, expected in zip(PLACES, quarters, strict=True):
        np.testing.assert_allclose(albedo(studio, tmp_path, *place), expected, atol=2)


def test_a_grey_alpha_texture_counts_by_its_brightness(square, tmp_path):
    grey = np.full((64, 64), 255, np.uint8)
    grey[:, 32:] = 0
    studio = Studio(64, samples=1)
    assert studio.show_obj(square("newmtl front\nKd 0 0 1\nnewmtl back\nKd 1 0 0\nmap_d t.png\n", t=grey)) == []
    assert albedo(studio, tmp_path, 0.5, 0.25) == [255, 0, 0]
    assert albedo(studio, tmp_path, 0.5, 0.75) == [0, 0, 255]  # the front, seen through it


@pytest.mark.parametrize("name", ["../images/texture0.jpg", "/home/somebody/wood.png", "C:\\wood.png"])
def test_a_missing_texture_shows_its_materials_colour(square, tmp_path, name):
    studio = Studio(64, samples=1)
    (warning,) = studio.show_obj(square(f"newmtl front\nnewmtl back\nKd 0 1 0\nmap_Kd {name}\n"))
    assert f"names the texture {name}, which is not there; the material's colour instead" in warning
    assert albedo(studio, tmp_path, 0.5, 0.5) == [0, 255, 0]
    Image.fromarray(QUARTERS).save(tmp_path / name.replace("\\", "/").rpartition("/")[2])  # the warning's way out
    (warning,) = studio.show_obj(tmp_path / "square.obj")
    assert warning.endswith("instead")
    np.testing.assert_allclose(albedo(studio, tmp_path, 0.25, 0.25), [200, 0, 0], atol=6)


def test_only_materials_of_a_missing_library_are_grey(square, tmp_path):
    file = square("newmtl back\nKd 1 0 0\n")
    file.write_text(file.read_text().replace("mtllib square.mtl", "mtllib square.mtl gone.mtl"))
    studio = Studio(64, samples=1)
    (warning,) = studio.show_obj(file)
    assert "names gone.mtl, which is not there; grey instead" in warning
    assert albedo(studio, tmp_path, 0.5, 0.5) == [255, 0, 0]
    assert hue(picture(studio, FRONT, tmp_path), 0.5, 0.5) is None
    file.write_text(file.read_text().replace("gone.mtl", ""))
    assert studio.show_obj(file) == [f"{file}: no MTL file describes its material front; grey instead"]


def floats(file) -> np.ndarray:
    (part,) = OpenEXR.File(str(file), separate_channels=True).parts
    channels = {name: channel.pixels for name, channel in part.channels.items()}
    return np.stack([channels[name] for name in ("RGB" if "R" in channels else "V")], axis=-1)


def test_the_passes_agree_with_the_geometry(box_file, tmp_path):
    size, view = 64, View(30, 20, 1.2)
    studio = Studio(size, samples=4)
    studio.show_obj(box_file)
    for shown in ("mask", "depth", "normal", "albedo"):
        studio.render(view, tmp_path / shown, shown)
    mask = np.array(Image.open(tmp_path / "mask.png"))
    depth, normal = floats(tmp_path / "depth.exr")[..., 0], floats(tmp_path / "normal.exr")
    assert set(np.unique(mask)) == {0, 255}
    np.testing.assert_array_equal(depth > 0, mask == 255)
    np.testing.assert_allclose(np.linalg.norm(normal, axis=2)[mask == 255], 1, atol=1e-3)
    assert not normal[mask == 0].any()
    # a point of the front face: its projection, its depth, its normal
    point = np.array([[0.0, 0.05, -0.1]])
    column, row = project(view, point, size)[0].astype(int)
    matrix = view.world_to_camera()
    assert depth[row, column] == pytest.approx((matrix[2, :3] @ point[0]) + matrix[2, 3], abs=0.01)
    np.testing.assert_allclose(normal[row, column], [0, 0, -1], atol=1e-3)
    # unprojecting every depth puts it onto one of the two boxes
    rows, columns = np.nonzero(mask)
    focal = 35 / 32 * size
    in_camera = np.stack([(columns + 0.5 - size / 2) / focal, (rows + 0.5 - size / 2) / focal, np.ones(len(rows))], 1)
    in_camera *= depth[rows, columns][:, None]
    world = (in_camera - matrix[:, 3]) @ matrix[:, :3]
    off = np.min([np.abs(np.max(np.abs(world - [x, 0, 0]) - [0.1, 0.15, 0.1], axis=1)) for x in (0, 0.3)], axis=0)
    assert off.max() < 1e-3
    albedo = np.array(Image.open(tmp_path / "albedo.png")).astype(int)
    srgb = 255 * (1.055 * np.array([0.8, 0.1, 0.1]) ** (1 / 2.4) - 0.055)
    np.testing.assert_allclose(albedo[row, column], srgb, atol=2)


def test_a_missing_device_is_an_error():
    with pytest.raises(InputError, match=r"views\.device is optix"):
        Studio(32, samples=1, device="optix")


@SPELLINGS
def test_blender_reads_a_cube_whatever_its_spelling(tmp_path, content):
    file = tmp_path / "cube.obj"
    file.write_bytes(content if isinstance(content, bytes) else "\n".join(content).encode())
    studio = Studio(64, samples=1)
    studio.show_obj(file)
    studio.render(FRONT, tmp_path / "mask.png", "mask")
    mask = np.array(Image.open(tmp_path / "mask.png"))
    corners = project(FRONT, np.array([[0.3, 0.3, -0.3], [-0.3, -0.3, -0.3]]), 64)
    assert (mask == 255).sum() == pytest.approx(np.prod(corners[1] - corners[0]), rel=0.06)
