"""The pictures of a category: the images in their rows. The layout of a figure is in test_figures.py."""

import numpy as np
import pytest
import trimesh
from PIL import Image
from template3d.data import archives, photos
from template3d.geometry import meshes
from template3d.rendering import cameras
from template3d.rendering.blender import Studio
from template3d.report import pictures
from template3d.runtime.limits import USUAL


@pytest.fixture(scope="module")
def studio():
    return Studio(64, samples=1)


def is_picture_of_something(image):
    return image.shape == (64, 64, 3) and (image < 200).any() and (image[0, 0] == 255).all()


def test_a_shape_has_its_view_its_truth_and_a_reconstruction_by_each_method(studio, tmp_path):
    box = trimesh.creation.box([0.3, 0.5, 0.2])
    archive_of = {}
    for method, mesh in (("two_phase", box), ("end_to_end", trimesh.Trimesh())):
        archive_of[method] = tmp_path / f"{method}.zip"
        member = {"aaaa/view.ply": meshes.ply_bytes(mesh)}
        archives.update(archive_of[method], {"aaaa": "1"}, lambda shapes, member=member: [(shapes[0], member)])
    picture = pictures.Picture(studio, list(archive_of))
    image = np.zeros((64, 64, 3), np.uint8)
    picture.add_shape(cameras.View(30, 20, 1.5), image, box, archive_of, "aaaa/view.ply", "title")
    assert picture.titles == ["title"]
    assert list(picture.rows) == ["input view", "ground truth", "two-phase", "end-to-end"]
    (view,), (truth,), (two_phase,), (end_to_end,) = picture.rows.values()
    assert view is image
    assert is_picture_of_something(truth)
    np.testing.assert_array_equal(two_phase, truth)
    assert (end_to_end == 255).all()  # a mesh without faces
    picture.save(tmp_path / "picture.png")
    assert Image.open(tmp_path / "picture.png").width > 64


def test_unusable_photos_are_left_out_and_photos_without_a_mesh_are_white(studio, tmp_path):
    files = [tmp_path / f"{name}.png" for name in ("a", "b", "c")]
    photo = Image.new("RGB", (40, 40), "white")
    photo.paste((200, 30, 30), (10, 10, 30, 30))
    for file in files:
        photo.save(file)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/photos.csv").write_text("photo,status\na.png,ok\nb.png,unusable\nc.png,no surface by two_phase\n")
    (tmp_path / "out/a.ply").write_bytes(meshes.ply_bytes(trimesh.creation.icosphere(2, 0.8)))
    picture = pictures.Picture(studio, ["two_phase"])
    picture.add_photos(files, tmp_path / "out/photos.csv", ["two_phase"], USUAL)
    assert picture.titles == ["photo a", "photo c"]
    with_mesh, without = picture.rows["reconstruction"]
    assert is_picture_of_something(with_mesh)
    assert (without == 255).all()


def test_unusable_photos_are_left_out_whatever_their_names_begin_with(studio, tmp_path):
    files = [tmp_path / name for name in ("=a.png", "'=a.png", "-b.png")]
    photo = Image.new("RGB", (40, 40), "white")
    photo.paste((200, 30, 30), (10, 10, 30, 30))
    for file in files:
        photo.save(file)
    rows = [f"{photos.cell(file.name)},{'ok' if file.name == chr(39) + '=a.png' else 'unusable'}" for file in files]
    (tmp_path / "photos.csv").write_text("\n".join(["photo,status", *rows]))
    picture = pictures.Picture(studio, ["two_phase"])
    picture.add_photos(files, tmp_path / "photos.csv", ["published"], USUAL)
    assert picture.titles == ["photo '=a"]
    assert {name: len(row) for name, row in picture.rows.items()} == dict.fromkeys(
        ["input view", "ground truth", "reconstruction", "published model"], 1
    )
