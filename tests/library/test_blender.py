import time
from io import BytesIO

import numpy as np
import OpenEXR
import pytest
import trimesh
from PIL import Image
from renders import picture, show
from template3d.data import views
from template3d.rendering.blender import Studio
from template3d.rendering.cameras import View, project
from template3d.runtime.errors import InputError

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


def test_colours_are_where_the_camera_projects_them_on_white(box_file, tmp_path):
    studio = Studio(image_size=64, samples=4, threads=2)
    show(studio, box_file)
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
        show(studio, box_file)
        pictures.append(picture(studio, View(40, 20, 1.2), tmp_path))
    assert np.abs(pictures[0] - pictures[1]).mean() < 2


def test_a_view_has_the_same_bytes_whenever_it_is_rendered(box_file, tmp_path):
    contents = []
    for name in ("first.png", "second.png"):
        studio = Studio(image_size=32, samples=1, threads=2)
        show(studio, box_file)
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
    show(studio, box_file)
    studio.show_mesh(np.array([[-0.1, 0, 0], [0.1, 0, 0], [0, 0.2, 0]]), np.array([[0, 1, 2]]))
    image = picture(studio, View(0, 0, 1.5), tmp_path)
    assert (image < 250).any()
    assert np.ptp(image, axis=2).max() < 10  # grey alone: nothing red or blue is left


def floats(file) -> np.ndarray:
    (part,) = OpenEXR.File(str(file), separate_channels=True).parts
    channels = {name: channel.pixels for name, channel in part.channels.items()}
    return np.stack([channels[name] for name in ("RGB" if "R" in channels else "V")], axis=-1)


def test_the_passes_agree_with_the_geometry(box_file, tmp_path):
    size, view = 64, View(30, 20, 1.2)
    studio = Studio(size, samples=4)
    show(studio, box_file)
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
