import numpy as np
import pandas as pd
import pytest
from template3d.evaluation import correspondence
from template3d.reconstruction.correspondence import voted


def test_pck_of_perfect_keypoints_and_of_none():
    assert set(correspondence.pck(np.zeros(4)).values()) == {1.0}
    assert set(correspondence.pck(np.full(4, 0.2)).values()) == {0.0}


def test_pck_is_the_share_below_each_threshold():
    found = correspondence.pck(np.array([0.005, 0.015, 0.02, 0.5]))
    assert (found["pck_0.01"], found["pck_0.02"], found["pck_0.03"], found["pck_0.10"]) == (0.25, 0.5, 0.75, 0.75)


def test_part_iou_of_a_case_done_by_hand():
    truth = np.array(["seat", "seat", "seat", "leg", "leg", "leg"])
    predicted = np.array(["seat", "seat", "leg", "leg", "leg", "back"])
    # seat 2 of 3, leg 2 of 4, back 0 of 1, arm in neither: 1
    parts = ["seat", "leg", "back", "arm"]
    assert correspondence.part_iou(predicted, truth, parts) == pytest.approx((2 / 3 + 2 / 4 + 0 + 1) / 4)
    assert correspondence.part_iou(truth, truth, parts) == 1


def test_a_vote_goes_to_the_majority_and_a_tie_to_the_nearest():
    origin = np.zeros((1, 3))
    near, middle, far = (np.array([[distance, 0, 0]]) for distance in (0.1, 0.2, 0.3))
    label = {name: np.array([name]) for name in "abc"}
    majority = [(near, label["a"]), (middle, label["b"]), (far, label["b"])]
    assert voted(majority, origin).tolist() == ["b"]
    assert voted([(far, label["a"]), (near, label["c"])], origin).tolist() == ["c"]
    tie = [(far, label["a"]), (far, label["a"]), (near, label["b"]), (far, label["b"]), (0.5 * near, label["c"])]
    assert voted(tie, origin).tolist() == ["b"]  # c is nearest, but has one vote


def test_one_voter_is_the_nearest_point():
    rng = np.random.default_rng(0)
    points, target = rng.normal(size=(50, 3)), rng.normal(size=(20, 3))
    labels = rng.choice(["a", "b", "c"], 50)
    nearest = np.linalg.norm(points - target[:, None], axis=2).argmin(axis=1)
    assert (voted([(points, labels)], target) == labels[nearest]).all()


def rows(template, space):
    """A row per shape and method, with the same value for every measure."""
    values = {"template": template, "space": space, "box": space}
    return pd.DataFrame(
        {"category": "chairs", "split": "test", "shape": str(index), "method": method}
        | dict.fromkeys(correspondence.MEASURES, value)
        for method, those in values.items()
        for index, value in enumerate(those)
    )


def test_a_summary_averages_over_shapes_and_compares_pairs():
    table = correspondence.summary(rows([0.5, 0.7], [0.4, 0.5])).set_index("method")
    assert table.loc["template", "pck_0.02"] == pytest.approx(0.6)
    assert table.loc["template", "pck_0.02_over_space"] == pytest.approx(0.15)
    assert table.loc["template", "pck_0.02_over_space_low"] == pytest.approx(0.1)
    assert np.isnan(table.loc["space", "pck_0.02_over_space"])


@pytest.mark.parametrize(
    ("template", "verdict"),
    [([0.9, 0.8], "better, "), ([0.1, 0.2], "**worse**, "), ([0.4, 0.6], "no clear difference, ")],
)
def test_the_table_says_which_is_better(template, verdict):
    text = correspondence.markdown(correspondence.summary(rows(template, [0.5, 0.5])))
    assert f"chairs, test shapes, part mIoU, nearest point in space: {verdict}" in text


def test_measures_without_annotations_are_left_out():
    table = rows([0.5, 0.7], [0.4, 0.5]).assign(part_iou=np.nan, part_accuracy=np.nan)
    text = correspondence.markdown(correspondence.summary(table))
    assert "part mIoU" not in text.split("Means over")[0]
    assert "PCK at 0.02" in text
    curves = correspondence.curves(correspondence.summary(table))
    assert list(curves) == ["chairs, test shapes"]
    assert curves["chairs, test shapes"]["through the template"][1].tolist() == pytest.approx([0.6] * 10)
