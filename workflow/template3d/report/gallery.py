"""The page with interactive 3D shapes: one HTML file that needs no network and no server."""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

import fast_simplification
import numpy as np
import pandas as pd
import trimesh
from plotly.offline import get_plotlyjs

from template3d.data import archives, views
from template3d.data.prepared_meshes import PreparedMeshes
from template3d.geometry import meshes

PAGE = Path(__file__).with_name("gallery.html")
FACES = 4000
"""Triangles of a model on the page; larger meshes are simplified."""


def page(data: dict, tables: dict[str, pd.DataFrame]) -> str:
    """The HTML of the page.

    ``data``: ``names`` (method to name) and ``categories``, each with ``templates`` (method to model), ``shapes``
    (name, view, truth, meshes and errors by method) and ``figures`` (name and source). All text is escaped, because
    names come from files.
    """
    grids = {name: table.to_html(index=False, escape=True, border=0, na_rep="") for name, table in tables.items()}
    rows = "\n".join(f'<h3>{escape(name)}</h3><div class="wide">{grid}</div>' for name, grid in grids.items())
    # inside a script element, only `</` and `<!--` could end the data
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    return Template(PAGE.read_text(encoding="utf-8")).substitute(tables=rows, plotly=get_plotlyjs(), data=text)


def model(mesh: trimesh.Trimesh) -> dict | None:
    """A mesh as data for Plotly's mesh3d: z up, front towards +y, centred at the origin; None if it has no faces."""
    if not len(mesh.faces):
        return None
    vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    if len(faces) > FACES:
        vertices, faces = fast_simplification.simplify(vertices, faces, target_count=FACES)
    vertices = vertices - (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    vertices = np.stack(
        [vertices[:, 0], -vertices[:, 2], vertices[:, 1]], axis=1
    )  # a rotation, because z is up in Plotly
    coordinates = {axis: _packed(vertices[:, index], "f4") for index, axis in enumerate("xyz")}
    return coordinates | {corner: _packed(faces[:, index], "i4") for index, corner in enumerate("ijk")}


def source(content: bytes) -> str:
    """A PNG file as a data URL."""
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def _packed(values: np.ndarray, dtype: str) -> dict:
    return {"dtype": dtype, "bdata": base64.b64encode(values.astype(f"<{dtype}").tobytes()).decode()}


@dataclass
class CategoryContent:
    """Collects the page's content for one category from the files of the workflow."""

    category: str
    archive_of: Mapping[str, Path]
    """The archive of each view."""
    truths: PreparedMeshes
    """The mesh of each test shape."""
    reconstructions: Mapping[str, Path]
    """The archive of reconstructed test shapes, by method."""
    errors: Mapping[str, Mapping[str, float]]
    """The error by method and shape."""
    kind: str
    view: int
    """The index of the view that is shown, of the views of ``kind``."""

    def collect(self, shapes: Iterable[str], templates: Mapping[str, Path], figures: Mapping[str, Path]) -> dict:
        """The category's part of ``page``'s data; ``templates`` by method, ``figures`` (PNG) by name."""
        template_meshes = {method: meshes.read_ply(file.read_bytes()) for method, file in templates.items()}
        return {
            "templates": {
                method: model(meshes.transformed(mesh, mesh.vertices / 2)) for method, mesh in template_meshes.items()
            },
            "shapes": [content for shape in shapes if (content := self._shape(shape))],
            "figures": [{"name": name, "source": source(file.read_bytes())} for name, file in figures.items()],
        }

    def _shape(self, shape: str) -> dict | None:
        """The data of a test shape; None for a bad mesh, which results/data/failed.csv explains."""
        member = f"{shape}/{self.kind}_fixed_{self.view:02d}.ply"
        models = {
            method: model(meshes.read_ply(archives.read(archive, member)))
            for method, archive in self.reconstructions.items()
            if member in archives.names(archive)
        }
        if not models:
            return None
        return {
            "name": shape,
            "view": source(views.read_bytes(self.archive_of, self.category, shape, self.kind, self.view)),
            "truth": model(self.truths[shape]),
            "meshes": models,
            "errors": {method: errors[shape] for method, errors in self.errors.items() if shape in errors},
        }
