"""Transfers keypoints from some shapes of a category to all others, through the template."""

import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from template3d.data import keypoints as keypoint_files
from template3d.data.keypoints import Keypoints
from template3d.data.prepared_meshes import PreparedMeshes
from template3d.geometry.meshes import glb_bytes
from template3d.jobs.template_map import TemplateMap
from template3d.report import painted_shapes
from template3d.runtime import files
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits


def read_keypoints(
    paths: Iterable[Path], category: str, synset: str, surfaces: Mapping[str, np.ndarray], limits: Limits
) -> dict[str, Keypoints]:
    """Read the keypoints of each annotated shape.

    ``surfaces`` holds points (N, 3) on each usable shape. Of KeypointNet's files, the other shapes are left out.

    Raises InputError, naming the file, for a table that names a shape that is not usable, a shape in two files, and
    keypoints far from the surface, and if no shape is left.
    """
    annotated: dict[str, Keypoints] = {}
    read = list(paths)
    for file in read:
        for shape, keypoints in keypoint_files.read(file, synset, limits).items():
            if shape not in surfaces:
                if file.suffix.lower() == ".json":
                    continue
                raise InputError(f"{file}: {shape} is no usable shape of {category}; fix the column shape")
            if shape in annotated:
                raise InputError(f"{file}: another file has keypoints of {shape} too; delete one of the two")
            samples = cKDTree(surfaces[shape])
            distances, _ = samples.query(np.stack(list(keypoints.values())))
            gaps, _ = samples.query(surfaces[shape], k=2)  # a point of the surface may lie in a gap between samples
            keypoint_files.check(f"{file}: {shape}", keypoints, np.maximum(distances - gaps[:, 1].max(), 0))
            annotated[shape] = keypoints
    if not annotated:
        raise InputError(f"{read[0]}: annotates no shape of {category} that this run uses")
    return annotated


@dataclass
class KeypointTransfer:
    """Transfers keypoints between the shapes of a category."""

    template_map: TemplateMap
    annotated: Mapping[str, Keypoints]
    """The keypoints of the annotated shapes, one at least."""

    def __post_init__(self) -> None:
        """Find the template coordinates of each name: the mean over the shapes that have it."""
        coordinates: dict[str, list[np.ndarray]] = {}
        for shape, keypoints in self.annotated.items():
            mapped = self.template_map(shape, np.stack(list(keypoints.values())))
            for name, point in zip(keypoints, mapped, strict=True):
                coordinates.setdefault(name, []).append(point)
        self._centres = {name: np.mean(points, axis=0) for name, points in sorted(coordinates.items())}

    def positions(self, shape: str, points: np.ndarray) -> Keypoints:
        """The keypoints of a shape: its own where it is annotated, else those of its points (N, 3) that correspond."""
        tree = cKDTree(self.template_map(shape, points))
        _, nearest = tree.query(np.stack(list(self._centres.values())))
        transferred = dict(zip(self._centres, points[nearest], strict=True))
        return transferred | self.annotated.get(shape, {})

    def write(self, table: Path, archive: Path, surfaces: Mapping[str, np.ndarray], meshes: PreparedMeshes) -> None:
        """Write the keypoints of each shape of ``surfaces``, which holds points (N, 3) on each.

        ``table`` is a CSV file with columns shape, name, x, y, z, as ``data.keypoints`` reads it; ``archive`` a ZIP
        with ``<shape>.glb``, the mesh with a ball at each keypoint.
        """
        rows = []
        with files.whole(archive) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as opened:
            for shape, points in surfaces.items():
                keypoints = self.positions(shape, points)
                rows += [(shape, name, *point) for name, point in keypoints.items()]
                opened.writestr(f"{shape}.glb", glb_bytes(painted_shapes.marked(meshes[shape], keypoints)))
        frame = pd.DataFrame(rows, columns=["shape", "name", *"xyz"])
        files.write_text(table, frame.to_csv(index=False, float_format="%.5f"))
