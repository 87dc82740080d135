"""tests/workflow/test_page.py opens the page itself in a browser."""

import json
import re

from template3d.report import gallery

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL).group(1))


def test_names_are_escaped():
    shape = {"name": EVIL, "picture": "", "models": {}, "downloads": {}, "errors": {}}
    data = {"names": {EVIL: EVIL}, "methods": [EVIL], "categories": {EVIL: {"shapes": [shape], "figures": []}}}
    page = gallery.page(data, [f"# {EVIL}\n\n| a |\n|---|\n| {EVIL} |\n"])
    assert EVIL not in page
    assert "<script>alert" not in page
    assert "<img" not in page
    assert data_of(page).items() >= data.items()
    scripts = "".join((gallery.FOLDER / name).read_text() for name in gallery.SCRIPTS)
    assert "innerHTML" not in scripts  # scripts write text only


def test_the_page_asks_for_nothing_from_the_network():
    page = gallery.page({"names": {}, "methods": [], "categories": {}}, [])
    assert not re.search(r'(src|href)="?https?:|@import|url\(|fetch\(|import\(', page)
    assert "<link" not in page
    assert "<script src" not in page


def test_what_follows_the_comparison_with_retrieval_is_folded():
    grids = ["| a |\n|---|\n| 1 |", "| b |\n|---|\n| 2 |"]
    table = f"# Table 1\n\n{grids[0]}\n\n## Against retrieval\n\nwords\n\n## Every measure\n\n{grids[1]}\n"
    page = gallery.page({"names": {}, "methods": [], "categories": {}}, [table])
    shown, folded = page.split("<details>")
    assert "<h2>Table 1</h2>" in shown
    assert "words" in shown
    assert "<td>1</td>" in shown
    assert "<td>2</td>" in folded
