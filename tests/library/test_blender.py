import numpy as np
import pytest
import trimesh
from PIL import Image
from template3d.blender import Studio
from template3d.cameras import View, project

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


def test_colours_stand_where_the_camera_projects_them_on_white(box_file, tmp_path):
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


def test_a_shape_replaces_the_one_before_it(box_file, tmp_path):
    studio = Studio(image_size=32, samples=1, threads=2)
    studio.show_obj(box_file)
    studio.show_mesh(np.array([[-0.1, 0, 0], [0.1, 0, 0], [0, 0.2, 0]]), np.array([[0, 1, 2]]))
    image = picture(studio, View(0, 0, 1.5), tmp_path)
    assert (image < 250).any()
    assert np.ptp(image, axis=2).max() < 10  # grey alone: nothing red or blue is left


def test_an_obj_without_faces_is_an_error(tmp_path):
    (tmp_path / "empty.obj").write_text("v 0 0 0\n")
    with pytest.raises(ValueError, match=r"empty\.obj"):
        Studio(image_size=32, samples=1, threads=2).show_obj(tmp_path / "empty.obj")
