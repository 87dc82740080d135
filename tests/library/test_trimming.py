import numpy as np
import pytest
from template3d.report import trimming


def on_white(side, left, top, width, height):
    image = np.full((side, side, 3), 255, np.uint8)
    image[top : top + height, left : left + width] = 90
    return image


def shares(image):
    """Left, top, width and height of what is not white, as shares of the image's width and height."""
    rows, columns = np.nonzero(image.min(axis=2) < 250)
    height, width = image.shape[:2]
    return columns.min() / width, rows.min() / height, np.ptp(columns + 1) / width, np.ptp(rows + 1) / height


def test_images_of_a_column_stay_aligned_whatever_their_sizes():
    rows, _ = trimming.trimmed({"view": [on_white(100, 40, 30, 20, 40)], "truth": [on_white(200, 80, 60, 40, 80)]})
    (view,), (truth,) = rows.values()
    assert shares(view) == pytest.approx(shares(truth), abs=0.05)


@pytest.mark.parametrize(("width", "height"), [(60, 20), (20, 60), (50, 50)])
def test_objects_fill_their_images(width, height):
    rows, aspect = trimming.trimmed({"view": [on_white(100, 10, 20, width, height)]})
    assert aspect == pytest.approx(width / height)
    _, _, across, down = shares(rows["view"][0])
    assert across > 0.85
    assert down > 0.85


def test_columns_are_cut_each_for_itself_or_all_alike():
    images = [on_white(100, 40, 40, 20, 20), on_white(100, 20, 20, 60, 60)]
    apart, together = (trimming.trimmed({"": images}, alike)[0][""] for alike in (False, True))
    assert shares(apart[0])[2] == pytest.approx(shares(apart[1])[2], abs=0.05)
    assert shares(together[0])[2] == pytest.approx(shares(together[1])[2] / 3, abs=0.05)


def test_a_white_image_and_one_without_margins_stay_whole():
    for image in (np.full((8, 8, 3), 255, np.uint8), np.full((8, 8, 3), 90, np.uint8)):
        rows, aspect = trimming.trimmed({"": [image]})
        assert aspect == 1
        assert min(rows[""][0].shape[:2]) >= 8
