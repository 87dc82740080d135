"""The page's content for one category, from the files of the workflow."""

import os
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import trimesh
from PIL import Image

from template3d.data import archives, photos, views
from template3d.data.ground_truth import Truth
from template3d.data.prepared_meshes import PreparedMeshes
from template3d.evaluation.tables import MEASURE
from template3d.geometry import meshes
from template3d.geometry.normalization import Normalization
from template3d.rendering import cameras
from template3d.report import colours
from template3d.report.gallery import source
from template3d.report.packed_meshes import packed
from template3d.report.pictures import PHOTO_SEEN_FROM, UNIT_SPHERE
from template3d.runtime import files
from template3d.runtime.limits import Limits

MARGIN = 1.08
"""The side of a card, relative to that of the shape on it."""
WIDEST = 1.6
"""The largest ratio of a card's width to its height."""
PICTURE = 320
"""The width of a photo on the page, in pixels."""
TRUTH = "truth"
"""The key of the ground truth among the models of a row."""
FITTED = "code_fit"
"""The baseline that is a reconstruction, too."""


def downloads(folder: Path, category: str, methods: Iterable[str], shapes: Iterable[str]) -> list[Path]:
    """The files that ``CategoryContent.collect`` may write for some shapes."""
    return [_glb(folder, category, method) for method in methods] + [
        _glb(folder, category, method, shape) for shape in shapes for method in (*methods, FITTED)
    ]


def _glb(folder: Path, category: str, method: str, shape: str | None = None) -> Path:
    """The file of a reconstruction, or of a method's template, below the folder of the page."""
    return folder / "shapes" / category / (f"{method}.glb" if shape is None else f"{method}/{shape}.glb")


@dataclass
class CategoryContent:
    """Collects the page's content for one category.

    A row of the page has a ``name``, ``models`` (each by ``TRUTH``, method or baseline, as ``packed`` returns it),
    ``downloads`` (the address of a GLB, by method or baseline), ``camera`` (its first pose) and ``frame``: the centre,
    from that of the camera's image, and the half height of what a card shows, with 1 for the side of that image.
    """

    category: str
    folder: Path
    """The folder of the page; the files to download are in it, or beside it."""
    metrics: pd.DataFrame
    """A row for each test shape and method or baseline, from the view that is shown, as ``errors.of_fixed_view``."""
    archive_of: Mapping[str, Path]
    """The archive of each view."""
    truths: PreparedMeshes
    truth_points: Mapping[str, Truth]
    """The ground truth of the usable test shapes that are shown."""
    training_meshes: PreparedMeshes
    normalizations: Mapping[str, Normalization]
    """Of the test shapes and of the training shapes."""
    reconstructions: Mapping[str, Path]
    """The archive of reconstructed test shapes, by method, and of fitted codes, by ``FITTED``."""
    kind: str
    view: int
    """The index of the view that is shown, of the views of ``kind``."""

    def collect(self, shapes: Iterable[str], templates: Mapping[str, Path]) -> dict:
        """The category's part of ``gallery.page``'s data, but for figures; writes the files to download.

        ``templates`` holds the PLY file of each method's template.
        """
        rows = [row for shape in shapes if (row := self._row(shape))]
        boxes = np.array([row.pop("box") for row in rows]).reshape(-1, 4)
        size = np.ptp(boxes.reshape(-1, 2, 2), axis=1).sum(axis=0)
        aspect = float(np.clip(size[0] / size[1], 1, WIDEST)) if len(rows) else 1.0
        for row, box in zip(rows, boxes, strict=True):
            row["frame"] = _frame(box, aspect)
            row["picture"] = self._picture(row["name"], row["frame"], aspect)
        return {
            "aspect": round(aspect, 3),
            "template": self._template_row(templates, aspect),
            "shapes": rows,
        }

    def _row(self, shape: str) -> dict[str, Any] | None:
        """The row of a test shape; None for a bad mesh, which results/data/failed.csv explains."""
        stem = f"{shape}/{self.kind}_fixed_{self.view:02d}"
        made = {
            method: content
            for method, archive in self.reconstructions.items()
            if (content := _made(archive, shape if method == FITTED else stem)) is not None
        }
        if not made.keys() - {FITTED}:
            return None
        truth, points = self.truths[shape], self.truth_points[shape].points
        rows = self.metrics[self.metrics["shape"] == shape].set_index("method")
        models = {TRUTH: packed(truth)}
        shown, links = [truth.vertices], {}
        for method, content in made.items():
            mesh = meshes.read_glb(content) if content else trimesh.Trimesh()
            models[method] = packed(mesh, points)
            if content:
                links[method] = self._written(content, method, shape)
                shown += [mesh.vertices] if method != FITTED else []
        for baseline, retrieved in rows["retrieved"].dropna().items():
            models[baseline] = packed(self._moved(retrieved, shape))
        view = cameras.described_view(views.read_cameras(self.archive_of, self.category, shape, self.kind), self.view)
        pixels = cameras.project(view, np.concatenate(shown), 1)
        return {
            "name": shape,
            "models": models,
            "downloads": links,
            "errors": {method: round(float(error), 4) for method, error in rows[MEASURE].items()},
            "camera": _camera(view, truth.vertices),
            "box": [*pixels.min(axis=0), *pixels.max(axis=0)],
        }

    def _moved(self, training_shape: str, shape: str) -> trimesh.Trimesh:
        """The mesh of a training shape, in ShapeNet's frame, scaled and moved as the baselines measure it."""
        mesh = self.training_meshes[training_shape]
        unit = self.normalizations[training_shape].to_unit(mesh.vertices)
        return meshes.transformed(mesh, self.normalizations[shape].to_shapenet(unit))

    def _picture(self, shape: str, frame: Sequence[float], aspect: float) -> str:
        """The part of a view that the cards show."""
        image = views.read_one(self.archive_of, self.category, shape, self.kind, self.view)
        across, down, half = (image.width * np.array([0.5 + frame[0], 0.5 + frame[1], frame[2]])).tolist()
        box = (across - aspect * half, down - half, across + aspect * half, down + half)
        size = (round(2 * aspect * half), round(2 * half))
        part = image.transform(size, Image.Transform.EXTENT, box, Image.Resampling.BICUBIC, fillcolor="white")
        return _png(part)

    def _template_row(self, templates: Mapping[str, Path], aspect: float) -> dict:
        models, links, shown = {}, {}, []
        for method, file in templates.items():
            unit = meshes.read_ply(file.read_bytes())
            mesh = colours.painted(meshes.transformed(unit, unit.vertices * UNIT_SPHERE), unit.vertices)
            models[method] = packed(mesh)
            if len(mesh.faces):
                shown.append(mesh.vertices)
                links[method] = self._written(meshes.glb_bytes(mesh), method)
        return {"models": models, "downloads": links} | _posed(shown, aspect)

    def photo_rows(
        self, photo_files: Sequence[Path], table: Path, methods: Sequence[str], aspect: float, limits: Limits
    ) -> list[dict]:
        """The rows of the usable photos; ``table`` is photos.csv, beside their meshes, which ``methods`` made."""
        if not photo_files:
            return []
        rows = []
        listed = pd.read_csv(table, dtype=str, keep_default_na=False).set_index("photo")
        for photo in photo_files:
            facts = listed.loc[photos.cell(photo.name)]
            if facts["status"] == "unusable":
                continue
            models: dict[str, dict | None] = {}
            links: dict[str, str] = {}
            shown: list[np.ndarray] = []
            for method in methods:
                file = photos.product(table.parent, photo, method, methods, ".glb")
                models[method] = None
                if file.exists():
                    mesh = meshes.read_glb(file.read_bytes()).apply_scale(UNIT_SPHERE)
                    models[method], links[method] = packed(mesh), self._link(file)
                    shown.append(mesh.vertices)
            image = photos.read(photo, limits).image.resize((PICTURE, PICTURE))
            row = {"name": photos.printable(photo.name), "picture": _png(image)} | {
                name: facts[name] for name in ("background", "confidence")
            }
            rows.append(row | {"models": models, "downloads": links} | _posed(shown, aspect))
        return rows

    def _written(self, content: bytes, method: str, shape: str | None = None) -> str:
        """Write a GLB to download; returns its address."""
        file = _glb(self.folder, self.category, method, shape)
        with files.whole(file) as beside:
            beside.write_bytes(content)
        return self._link(file)

    def _link(self, file: Path) -> str:
        """The relative address of a file of the results, as seen from the page."""
        return urllib.parse.quote(os.path.relpath(file, self.folder), errors="surrogateescape")


def _made(archive: Path, stem: str) -> bytes | None:
    """The GLB of a reconstruction; empty if it has no surface, None if the archive lacks the shape."""
    names = archives.names(archive)
    if f"{stem}.ply" not in names:
        return None
    return archives.read(archive, f"{stem}.glb") if f"{stem}.glb" in names else b""


def _camera(view: cameras.View, vertices: np.ndarray) -> dict:
    """The camera of a view as data of the page; it turns about the centre of the box of ``vertices`` (V, 3)."""
    return {
        "pose": view.world_to_camera().round(6).ravel().tolist(),
        "focal": cameras.LENS_MM / cameras.SENSOR_MM,
        "centre": ((vertices.min(axis=0) + vertices.max(axis=0)) / 2).round(6).tolist(),
    }


def _posed(shown: Sequence[np.ndarray], aspect: float) -> dict:
    """The camera and the frame of a row whose view is unknown, for meshes with vertices ``shown``."""
    vertices = np.concatenate([*shown, np.zeros((1, 3))])
    pixels = cameras.project(PHOTO_SEEN_FROM, vertices, 1)
    box = np.array([*pixels.min(axis=0), *pixels.max(axis=0)])
    return {"camera": _camera(PHOTO_SEEN_FROM, vertices), "frame": _frame(box, aspect)}


def _frame(box: np.ndarray, aspect: float) -> list[float]:
    """The centre and the half height of a card that shows ``box`` (left, top, right, bottom)."""
    half = MARGIN * max((box[2] - box[0]) / aspect, box[3] - box[1]) / 2
    return [round(float(value), 5) for value in ((box[0] + box[2] - 1) / 2, (box[1] + box[3] - 1) / 2, half)]


def _png(image: Image.Image) -> str:
    file = BytesIO()
    image.save(file, format="PNG")
    return source(file.getvalue())
