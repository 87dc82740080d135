"""Transfers labels or colours from some shapes of a category to all others, through the template."""

import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import trimesh
from scipy.spatial import cKDTree

from template3d.data import annotation_files, shapenet_part
from template3d.data import labels as label_files
from template3d.data.labels import LabelledPoints
from template3d.data.prepared_meshes import PreparedMeshes
from template3d.geometry.meshes import glb_bytes
from template3d.jobs.template_map import TemplateMap
from template3d.reconstruction import correspondence
from template3d.report import colours, painted_shapes
from template3d.runtime import files
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits


def read_labels(
    label_paths: Iterable[Path],
    category: str,
    template_map: TemplateMap,
    surfaces: Mapping[str, np.ndarray],
    limits: Limits,
) -> dict[str, LabelledPoints]:
    """Read the labels or colours of each labelled shape.

    ``surfaces`` holds points (N, 3) on each usable shape. Raises InputError for a user's file that is not named after
    a usable shape, a shape with two files, a mix of labels and colours, and files of ShapeNetPart for other meshes.
    Files of ShapeNetPart for shapes that are not usable are left out.
    """
    by_shape: dict[str, LabelledPoints] = {}
    for file in label_paths:
        part_points = file.suffix.lower() in annotation_files.PART_POINTS
        if file.stem not in surfaces:
            if part_points:
                continue
            raise InputError(f"{file}: {file.stem} is no usable shape of {category}; name the file after one")
        if file.stem in by_shape:
            raise InputError(f"{file}: another file labels {file.stem} too; delete one of the two")
        labelled = label_files.read_labels(file, template_map.normalizations[file.stem], limits)
        if part_points:
            shapenet_part.check(file, cKDTree(surfaces[file.stem]).query(labelled.points)[0])
        by_shape[file.stem] = labelled
        if len({labelled.labels.ndim for labelled in by_shape.values()}) > 1:
            raise InputError(f"{file}: holds {_kind(labelled)}, but another file does not; use only one of the two")
    return by_shape


def _kind(labelled: LabelledPoints) -> str:
    return "labels" if labelled.labels.ndim == 1 else "colours"


@dataclass
class LabelTransfer:
    """Transfers labels or colours between the shapes of a category."""

    template_map: TemplateMap
    labelled: Mapping[str, LabelledPoints]
    """The labelled shapes, one at least."""

    def __post_init__(self) -> None:
        """Map the labelled points to the template."""
        coordinates = [self.template_map(shape, labelled.points) for shape, labelled in self.labelled.items()]
        self._source = np.concatenate(coordinates)
        self._labels = np.concatenate([labelled.labels for labelled in self.labelled.values()])
        self._names = np.unique(self._labels) if self._labels.ndim == 1 else None

    def write(self, archive: Path, surfaces: Mapping[str, np.ndarray], meshes: PreparedMeshes) -> None:
        """Write a ZIP with the files of each shape of ``surfaces``, which holds points (N, 3) on each.

        ``<shape>.ply`` has these points, coloured; ``<shape>.glb`` the mesh, painted with labels, or with a texture of
        colours; for labels, ``<shape>.csv`` the points with columns x, y, z, label.
        """
        with files.whole(archive) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as opened:
            for shape, points in surfaces.items():
                for name, content in self._members(shape, points, meshes[shape]):
                    opened.writestr(name, content)

    def _members(self, shape: str, points: np.ndarray, mesh: trimesh.Trimesh) -> Iterator[tuple[str, str | bytes]]:
        labels = self._labels_at(shape, points)
        if self._names is not None:
            table = pd.DataFrame(points, columns=list("xyz")).assign(label=labels)
            yield f"{shape}.csv", table.to_csv(index=False, float_format="%.5f")
        yield f"{shape}.ply", trimesh.PointCloud(points, self._paint(labels)).export(file_type="ply")
        show = painted_shapes.painted if self._names is not None else painted_shapes.textured
        yield f"{shape}.glb", glb_bytes(show(mesh, lambda places: self._paint(self._labels_at(shape, places))))

    def _labels_at(self, shape: str, points: np.ndarray) -> np.ndarray:
        return correspondence.transferred(self._source, self._labels, self.template_map(shape, points))

    def _paint(self, labels: np.ndarray) -> np.ndarray:
        """The colours (N, 3) of labels or colours."""
        if self._names is None:
            return labels
        return colours.palette(len(self._names))[np.searchsorted(self._names, labels)]
