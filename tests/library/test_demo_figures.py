import importlib.util
from pathlib import Path

import pandas as pd
import pytest
from template3d.evaluation import tables

REPOSITORY = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("demo_figures", REPOSITORY / "docs/demo_figures.py")
demo_figures = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(demo_figures)


@pytest.fixture
def table():
    """Table 1 of two shapes, seen from an easy and a hard view."""
    rows = []
    for method, value in (("two_phase", 1.0), ("nearest_code", 2.0)):
        for kind, factor in (("easy", 1), ("hard", 2)):
            rows += [
                {"method": method, "shape": shape, "views": "fixed", "view_kind": kind, tables.MEASURE: value * factor}
                for shape in "ab"
            ]
    rows += [{"method": "template_only", "shape": shape, tables.MEASURE: 7.0} for shape in "ab"]
    methods = ("two_phase", "nearest_code", "template_only")
    return tables.summary(pd.DataFrame(rows).assign(category="chairs", status="ok"), methods)


def test_the_readme_has_the_fixed_easy_view(table):
    assert demo_figures.readme_table(table).splitlines() == [
        "| method | chairs |",
        "| --- | ---: |",
        "| Reconstruction from one view (two-phase) | 1.00 |",
        "| The training shape with the nearest code | 2.00 |",
        "| The template alone | 7.00 |",
        "| Shapes on which the reconstruction beats retrieval | 2 of 2 |",
    ]


def test_the_results_page_has_every_choice_of_views(table):
    assert demo_figures.results_table(table).splitlines()[2:] == [
        "| Reconstruction from one view (two-phase) | fixed | 1.00 |",
        "| The training shape with the nearest code | fixed | 2.00 |",
        "| Shapes on which the first is better | fixed | 2 of 2 |",
        "| Reconstruction from one view (two-phase) | hard, fixed | 2.00 |",
        "| The training shape with the nearest code | hard, fixed | 4.00 |",
        "| Shapes on which the first is better | hard, fixed | 2 of 2 |",
        "| The template alone | none | 7.00 |",
    ]


@pytest.mark.parametrize("page", ["README.md", "docs/results.md"])
def test_only_what_stands_between_the_markers_is_replaced(tmp_path, page):
    text = (REPOSITORY / page).read_text()
    file = tmp_path / "page.md"
    file.write_text(text)
    demo_figures.replace(file, "| new |")
    before, after = text.split(demo_figures.BEGIN)[0], text.split(demo_figures.END)[1]
    assert file.read_text() == f"{before}{demo_figures.BEGIN}\n| new |\n{demo_figures.END}{after}"


@pytest.mark.parametrize("text", ["", demo_figures.BEGIN, demo_figures.END])
def test_a_page_without_markers_is_left_as_it_is(tmp_path, text):
    file = tmp_path / "page.md"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"page\.md: lacks"):
        demo_figures.replace(file, "| new |")
    assert file.read_text() == text
