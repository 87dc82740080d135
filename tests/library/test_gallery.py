"""The page itself is tried in a browser by tests/workflow/test_page.py."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import trimesh
from template3d.report import gallery

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def test_what_is_shown_is_escaped():
    shape = {"name": EVIL, "view": "", "truth": None, "meshes": {}, "errors": {}}
    data = {"names": {EVIL: EVIL}, "categories": {EVIL: {"templates": {}, "shapes": [shape], "figures": []}}}
    page = gallery.page(data, {EVIL: pd.DataFrame({EVIL: [EVIL]})})
    assert EVIL not in page
    assert "innerHTML" not in (Path(gallery.__file__).parent / "gallery.html").read_text()  # scripts write text only
    assert "<script>alert" not in page
    text = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL).group(1)
    assert json.loads(text) == data


def test_the_page_asks_for_nothing_from_the_network():
    page = gallery.page({"names": {}, "categories": {}}, {})
    before_plotly = page[: page.index("<script>")]
    assert not re.search(r'(src|href)="?https?:', before_plotly)
    assert "<link" not in before_plotly


def test_a_large_mesh_is_simplified_and_stays_where_it_is():
    ball = trimesh.creation.icosphere(subdivisions=6, radius=0.4).apply_translation([1, 2, 3])
    found = gallery.model(ball)
    x, i = (np.frombuffer(base64.b64decode(found[key]["bdata"]), dtype=found[key]["dtype"]) for key in ("x", "i"))
    assert len(i) <= gallery.FACES
    np.testing.assert_allclose([x.min(), x.max()], [-0.4, 0.4], atol=0.01)
    assert gallery.model(trimesh.Trimesh()) is None
