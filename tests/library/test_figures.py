"""Figures and contact sheets show what they are given."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from template3d.data import archives, ground_truth, samples, views
from template3d.geometry.normalization import Normalization
from template3d.report import contact_sheets, figures

RED, GREEN = np.array([220, 20, 20], np.uint8), np.array([20, 160, 20], np.uint8)


def pixels_like(image, colour, tolerance=30):
    """Row and column (N, 2) of the pixels of a colour."""
    return np.argwhere(np.abs(np.asarray(image.convert("RGB")).astype(int) - colour).max(axis=2) <= tolerance)


def write_archive(file, members):
    archives.update(file, {"aaaa": "1"}, lambda shapes: ((shape, members) for shape in shapes))
    return file


def test_pictures_are_in_their_rows_and_columns(tmp_path):
    images = [np.tile(colour, (8, 8, 1)) for colour in (RED, GREEN)]
    figures.picture_rows(tmp_path / "rows.png", {"a": images, "b": images[::-1]}, ["left", "right"])
    image = Image.open(tmp_path / "rows.png")
    pixels = np.asarray(image.convert("RGB"))
    for row, colours in ((0.35, (RED, GREEN)), (0.75, (GREEN, RED))):
        for column, colour in zip((0.3, 0.75), colours, strict=True):
            np.testing.assert_array_equal(pixels[int(row * image.height), int(column * image.width)], colour)
    assert (tmp_path / "rows.pdf").read_bytes().startswith(b"%PDF")
    assert b"CreationDate" not in (tmp_path / "rows.pdf").read_bytes()


@pytest.mark.parametrize("kind", ["loss_curves", "clouds", "distribution", "curves", "against"])
def test_each_figure_is_the_same_whenever_it_is_drawn(tmp_path, kind):
    x = np.linspace(0.1, 1, 20)
    history = pd.DataFrame({"epoch": range(20), "total": x[::-1]})
    arguments = {
        "loss_curves": ({"phase 1": (history, ["total"])}, "title"),
        "clouds": ({"PCA": np.stack([x, x**2], axis=1)}, np.arange(20) % 3, "title"),
        "distribution": ({"two-phase": x}, "error", "title"),
        "curves": ({name: {"template": (x, x**2)} for name in ("chairs", "sofas", "planes")}, "distance", "share"),
        "against": ({"size": {"two-phase": (x, x**2)}}, "error", "title"),
    }[kind]
    for name in ("first", "second"):
        getattr(figures, kind)(tmp_path / f"{name}.png", *arguments)
    for suffix in (".png", ".pdf"):
        first, second = ((tmp_path / f"{name}{suffix}").read_bytes() for name in ("first", "second"))
        assert first == second
    assert np.ptp(np.asarray(Image.open(tmp_path / "first.png"))) == 255


def test_held_out_shapes_have_open_markers(tmp_path):
    points, shapes = np.repeat([[0.0, 0.0], [1.0, 1.0]], 2, axis=0), np.array([0, 0, 1, 1])
    for filled in (1, 2):
        figures.clouds(tmp_path / f"{filled}.png", {"codes": points}, shapes, "title", filled=filled)
    open_one, both_filled = (np.asarray(Image.open(tmp_path / f"{filled}.png").convert("L")) for filled in (1, 2))
    upper_right = np.s_[: open_one.shape[0] // 2, open_one.shape[1] // 2 :]
    lower_left = np.s_[open_one.shape[0] // 2 :, : open_one.shape[1] // 2]
    assert (open_one[upper_right] != both_filled[upper_right]).any()
    assert (open_one[lower_left] == both_filled[lower_left]).all()


def test_a_contact_sheet_shows_every_view(tmp_path):
    members = {}
    for index, colour in enumerate((RED, GREEN, RED)):
        Image.fromarray(np.tile(colour, (16, 16, 1))).save(tmp_path / "view.png")
        members[views.member_name("chairs", "aaaa", "easy", index)] = (tmp_path / "view.png").read_bytes()
    shard = write_archive(tmp_path / "easy.zip", members)
    contact_sheets.views(tmp_path / "sheet.png", [shard], "chairs", ["aaaa"])
    sheet = Image.open(tmp_path / "sheet.png")
    thumbnail = contact_sheets.THUMBNAIL**2
    assert [len(pixels_like(sheet, colour, 0)) for colour in (RED, GREEN)] == [2 * thumbnail, thumbnail]
    assert sheet.width == 3 * contact_sheets.THUMBNAIL


def test_slices_show_the_surface_where_the_distances_change_sign(tmp_path):
    """A sphere of radius 0.25 in ShapeNet's frame, 0.5 in the unit sphere."""
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, size=(20_000, 3))
    rows = np.column_stack([points, np.linalg.norm(points, axis=1) - 0.5]).astype(np.float32)
    normals = rng.normal(size=(4000, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    sides = {"pos": rows[rows[:, 3] >= 0], "neg": rows[rows[:, 3] < 0]}
    sdf = write_archive(tmp_path / "sdf.zip", {samples.member_name("03001627", "aaaa"): samples.to_bytes(sides)})
    surface_members = {
        ground_truth.member_name("03001627", "aaaa"): ground_truth.to_bytes(0.25 * normals, normals),
        ground_truth.normalization_name("03001627", "aaaa"): Normalization(np.zeros(3), 2.0).to_bytes(),
    }
    surface = write_archive(tmp_path / "surface.zip", surface_members)
    contact_sheets.distances(tmp_path / "slices.png", [sdf], [surface], "03001627", ["aaaa"])
    image = Image.open(tmp_path / "slices.png")
    green = pixels_like(image, [0, 128, 0])
    third = image.width / 3
    for panel in range(3):
        dots = green[(green[:, 1] // third) == panel]
        height, width = np.ptp(dots, axis=0)
        assert height == pytest.approx(width, abs=4)  # a circle in each panel
        blue = pixels_like(image, [59, 76, 192])  # far outside
        assert np.ptp(blue[(blue[:, 1] // third) == panel], axis=0).min() > 1.5 * height
