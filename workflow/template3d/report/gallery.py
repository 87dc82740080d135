"""The page with interactive 3D shapes: one HTML file that needs no network and no server."""

import base64
import json
import re
from collections.abc import Iterable
from html import escape
from pathlib import Path
from string import Template

import markdown
import numpy as np

from template3d.report import colours
from template3d.report.painted_errors import LAST_COLOUR_DISTANCE

FOLDER = Path(__file__).with_name("page")
"""The parts of the page, which ``page`` joins to one file."""
SCRIPTS = ("drawing.js", "page.js")
CATEGORY = "{{ snakemake.wildcards.category }}"
"""The placeholder of the category in captions."""
FOLDED = "\n### Every measure"
"""The heading from which on a table is folded on the page."""


def page(data: dict, tables: Iterable[str]) -> str:
    """The HTML of the page.

    ``data`` holds ``names`` (method or baseline to name), ``methods``, and ``categories``, each as
    ``gallery_content.CategoryContent.collect`` returns it. ``tables`` holds Markdown, of ``tables.markdown``. All text
    is escaped, because names come from files.
    """
    scale = colours.of_distances(np.linspace(0, 1, 256), 1)
    data = data | {"scale": base64.b64encode(scale.tobytes()).decode(), "farthest": LAST_COLOUR_DISTANCE}
    parts = {name: (FOLDER / name).read_text(encoding="utf-8") for name in ("page.html", "page.css", *SCRIPTS)}
    return Template(parts["page.html"]).substitute(
        style=parts["page.css"],
        tables="\n".join(map(_html, tables)),
        # inside a script element, only `</` and `<!--` could end the data
        data=json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),
        script="\n".join(parts[name] for name in SCRIPTS),
    )


def _html(text: str) -> str:
    """A table's Markdown as HTML; what follows its comparison with the baselines is folded."""
    shifted = re.sub(r"^#", "##", escape(text, quote=False), flags=re.MULTILINE)  # the page has a title of its own
    first, rest, others = shifted.partition(FOLDED)
    parts = [markdown.markdown(part, extensions=["tables"]) for part in (first, rest + others)]
    folded = f"<details><summary>Every measure, and how it was measured</summary>{parts[1]}</details>" if rest else ""
    wide = '<div class="wide" tabindex="0" role="region" aria-label="table"><table>'
    return f"{parts[0]}{folded}".replace("<table>", wide).replace("</table>", "</table></div>")


def source(content: bytes, kind: str = "png") -> str:
    """An image file as a data URL."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def figure(file: Path, caption: str, category: str) -> dict:
    """A figure of a category as data of the page; ``caption`` is that of Snakemake's report."""
    text = " ".join(caption.replace(CATEGORY, category).split())
    return {"source": source(file.read_bytes()), "caption": text}
