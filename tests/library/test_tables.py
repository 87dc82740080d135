import numpy as np
import pandas as pd
import pytest
from template3d.evaluation import tables


def measured(**columns):
    rows = {"category": "chairs", "method": "two_phase", "views": "fixed", "view_kind": "easy", "status": "ok"}
    return pd.DataFrame(rows | columns)


def test_every_shape_counts_once_however_many_views_it_has():
    metrics = measured(shape=["a", "a", "a", "b"], views="random", chamfer_shapenet_x1000=[1.0, 2.0, 3.0, 10.0])
    (row,) = tables.summary(metrics, ["two_phase"]).itertuples()
    assert (row.mean, row.median, row.scored, row.listed) == (6.0, 6.0, 2, 2)


def test_failures_count_in_ours_and_are_left_out_by_the_papers_rule():
    status = ["ok", "ok", "no surface", "bad mesh"]
    metrics = measured(shape=list("abcd"), chamfer_shapenet_x1000=[1.0, 3.0, 50.0, np.nan], status=status)
    (row,) = tables.summary(metrics, ["two_phase"]).itertuples()
    assert row.mean == pytest.approx(18)
    assert row.mean_of_successes == pytest.approx(2)
    assert (row.scored, row.listed, row.failed) == (3, 4, 1)
    text = tables.markdown(tables.summary(metrics, ["two_phase"]), "Title")
    assert "By the paper's rule" in text
    assert "Reconstructions without any surface: 1" in text


def test_hard_views_have_rows_of_their_own_and_methods_without_views_count_under_both_choices():
    seen = measured(shape=["a", "a"], view_kind=["easy", "hard"], chamfer_shapenet_x1000=[1.0, 2.0])
    blind = measured(shape=["a"], method="template_only", views=None, view_kind=None, chamfer_shapenet_x1000=[7.0])
    table = tables.summary(pd.concat([seen, blind]), ["two_phase", "template_only"])
    means = {(row.method, row.views): row.mean for row in table.itertuples()}
    assert means == {
        ("two_phase", "fixed"): 1,
        ("two_phase", "hard_fixed"): 2,
        ("template_only", "fixed"): 7,
        ("template_only", "random"): 7,
    }


@pytest.mark.parametrize(
    ("ours", "retrieved", "verdict"),
    [
        ([1.0, 2.0, 3.0], [2.0, 3.5, 4.0], "better than retrieval: -1.17 [-1.5, -1], better on 3 of 3 shapes"),
        ([2.0, 3.0, 5.0], [1.0, 2.0, 3.0], "**worse than retrieval**: +1.33"),
        ([1.0, 3.0, 2.0], [2.0, 2.0, 2.0], "no clear difference to retrieval: +0 [-1, +1]"),
    ],
)
def test_the_difference_to_retrieval_is_paired_by_shape(ours, retrieved, verdict):
    shapes = ["a", "b", "c"]
    rows = [
        measured(shape=shapes, chamfer_shapenet_x1000=ours),
        measured(shape=shapes, method="nearest_code", chamfer_shapenet_x1000=retrieved),
    ]
    table = tables.summary(pd.concat(rows), ["two_phase", "nearest_code"])
    of_ours, of_retrieval = table.itertuples()
    assert of_ours.difference == pytest.approx(np.subtract(ours, retrieved).mean())
    assert of_ours.better == sum(np.less(ours, retrieved))
    assert of_retrieval.compared == 0
    assert f"* chairs, two-phase, fixed: {verdict}" in tables.markdown(table, "Title")


def test_a_shape_that_retrieval_lacks_is_not_compared():
    ours = measured(shape=["a", "b"], chamfer_shapenet_x1000=[1.0, 2.0])
    retrieved = measured(shape=["a"], method="nearest_code", chamfer_shapenet_x1000=[3.0])
    table = tables.summary(pd.concat([ours, retrieved]), ["two_phase", "nearest_code"])
    assert (table["difference"][0], table["compared"][0], table["scored"][0]) == (-2, 1, 2)


def test_one_shape_gives_no_verdict():
    ours = measured(shape=["a"], chamfer_shapenet_x1000=[1.0])
    retrieved = measured(shape=["a"], method="nearest_code", chamfer_shapenet_x1000=[3.0])
    table = tables.summary(pd.concat([ours, retrieved]), ["two_phase", "nearest_code"])
    assert "* chairs, two-phase, fixed: one shape says little: -2" in tables.markdown(table, "Title")


def test_more_is_better_for_scores():
    ours = measured(shape=["a", "b"], f_score_1_percent=[0.5, 0.9])
    retrieved = measured(shape=["a", "b"], method="nearest_code", f_score_1_percent=[0.4, 0.4])
    table = tables.summary(pd.concat([ours, retrieved]), ["two_phase", "nearest_code"])
    assert table["better"][0] == 2


def test_the_interval_holds_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = [low <= 1.0 <= high for low, high in (tables.interval(rng.normal(1, 1, 50)) for _ in range(100))]
    assert 85 <= sum(hits) <= 100
    assert tables.interval(np.array([3.0])) == (3.0, 3.0)


def test_latex_has_a_column_for_every_number():
    metrics = measured(shape=["a", "b"], chamfer_shapenet_x1000=[1.0, 2.0])
    text = tables.latex(tables.summary(metrics, ["two_phase"]), "A caption")
    assert "\\caption{A caption}" in text
    assert "1.50 [1.00, 2.00] & 1.50" in text


def test_a_bad_mesh_is_listed_under_every_view():
    seen = measured(shape=["a", "a"], view_kind=["easy", "hard"], chamfer_shapenet_x1000=[1.0, 2.0])
    bad = measured(shape=["b"], views=None, view_kind=None, status="bad mesh")
    table = tables.summary(pd.concat([seen, bad]), ["two_phase"])
    assert list(table["views"]) == ["fixed", "hard_fixed"]
    assert table["listed"].tolist() == [2, 2]
    assert table["scored"].tolist() == [1, 1]
