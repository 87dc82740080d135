"""tests/workflow/test_page.py opens the page itself in a browser."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import trimesh
from template3d.report import gallery

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def test_names_are_escaped():
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


def test_a_large_mesh_is_simplified_and_centred():
    ball = trimesh.creation.icosphere(subdivisions=6, radius=0.4).apply_translation([1, 2, 3])
    figure = gallery.model(ball)
    x, i = (np.frombuffer(base64.b64decode(figure[key]["bdata"]), dtype=figure[key]["dtype"]) for key in ("x", "i"))
    assert len(i) <= gallery.FACES
    np.testing.assert_allclose([x.min(), x.max()], [-0.4, 0.4], atol=0.01)
    assert gallery.model(trimesh.Trimesh()) is None
