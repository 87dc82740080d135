"""Transfers labels or colours from some shapes of a category to all others, through the template."""

import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import trimesh
from torch import Tensor

from template3d.data import labels as label_files
from template3d.data.ground_truth import Truth
from template3d.geometry.normalization import Normalization
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.reconstruction import correspondence
from template3d.report import colours
from template3d.runtime import files
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits


@dataclass
class LabelTransfer:
    """Transfers labels between the shapes of a category."""

    category: str
    decoder: ImplicitTemplate
    codes: Mapping[str, Tensor]
    """The code of every usable shape, by its id."""
    normalizations: Mapping[str, Normalization]

    def read(self, label_paths: Iterable[Path], limits: Limits) -> tuple[np.ndarray, np.ndarray]:
        """Read labelled points: their template coordinates (N, 3), and labels (N,) or colours (N, 3).

        Raises InputError for a file that is not named after a usable shape, and for a mix of labels and colours.
        """
        sources, labels, paths = [], [], list(label_paths)
        for file in paths:
            if file.stem not in self.codes:
                raise InputError(f"{file}: {file.stem} is no usable shape of {self.category}; name the file after one")
            labelled = label_files.read_labels(file, limits)
            sources.append(self._template_coordinates(file.stem, labelled.points))
            labels.append(labelled.labels)
        if len({(part.ndim, part.dtype.kind) for part in labels}) > 1:
            raise InputError(f"{paths[0]}: some files hold labels and others colours; use only one of the two")
        return np.concatenate(sources), np.concatenate(labels)

    def write(self, archive: Path, source: np.ndarray, labels: np.ndarray, truths: Iterable[tuple[str, Truth]]) -> None:
        """Write a ZIP with a PLY of coloured points per shape and, for labels, a CSV with columns x, y, z, label."""
        with files.whole(archive) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as opened:
            for name, content in self._members(source, labels, truths):
                opened.writestr(name, content)

    def _members(
        self, source: np.ndarray, labels: np.ndarray, truths: Iterable[tuple[str, Truth]]
    ) -> Iterator[tuple[str, str | bytes]]:
        names = np.unique(labels) if labels.ndim == 1 else None
        for shape, truth in truths:
            target = self._template_coordinates(shape, truth.points)
            transferred = correspondence.transferred(source, labels, target)
            paint = transferred
            if names is not None:
                paint = colours.palette(len(names))[np.searchsorted(names, transferred)]
                table = pd.DataFrame(truth.points, columns=list("xyz")).assign(label=transferred)
                yield f"{shape}.csv", table.to_csv(index=False, float_format="%.5f")
            yield f"{shape}.ply", trimesh.PointCloud(truth.points, paint).export(file_type="ply")

    def _template_coordinates(self, shape: str, points: np.ndarray) -> np.ndarray:
        unit = self.normalizations[shape].to_unit(points)
        return correspondence.template_coordinates(self.decoder, self.codes[shape], unit)
