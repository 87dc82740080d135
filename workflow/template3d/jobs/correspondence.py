"""Measures how well keypoints and parts are carried between the annotated shapes of a category."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from template3d.data import annotation_files
from template3d.data.demo import annotations
from template3d.data.demo import parameters as demo_shapes
from template3d.data.keypoints import Keypoints
from template3d.data.labels import LabelledPoints
from template3d.data.splits import spread
from template3d.evaluation.correspondence import COLUMNS, part_iou, pck
from template3d.jobs.keypoints import read_keypoints
from template3d.jobs.template_map import TemplateMap
from template3d.jobs.transfer import read_labels
from template3d.reconstruction import correspondence
from template3d.runtime.errors import InputError
from template3d.runtime.limits import Limits

PART_POINTS = 2500
"""Points of a demo shape whose parts are compared: about as many as ShapeNetPart has."""
Coordinates = Callable[[str, np.ndarray], np.ndarray]
"""Maps points (N, 3) of a shape to coordinates (N, 3) in which corresponding points are near."""


def of_demo(
    category: str, count: int, seed: int, surfaces: Mapping[str, np.ndarray]
) -> tuple[dict[str, Keypoints], dict[str, LabelledPoints]]:
    """The true keypoints of the ``count`` demo shapes, and the true parts of the first points (N, 3) on each."""
    described = {demo_shapes.shape_id(shape): shape for shape in demo_shapes.parameters(category, count, seed)}
    labels = {}
    for name, points in surfaces.items():
        labels[name] = LabelledPoints(points[:PART_POINTS], annotations.parts(described[name], points[:PART_POINTS]))
    return {name: annotations.keypoints(described[name]) for name in surfaces}, labels


def of_files(
    settings: Mapping[str, Any], category: str, template_map: TemplateMap, surfaces: Mapping[str, np.ndarray]
) -> tuple[dict[str, Keypoints], dict[str, LabelledPoints]]:
    """The keypoints and the labels in the files of a category; colours are left out.

    ``settings`` has the ``synset`` and the configuration's ``keypoints``, ``labels`` and ``limits``. Raises InputError
    as ``read_keypoints`` and ``read_labels`` do.
    """
    synset, limits = settings["synset"], Limits(**settings["limits"])
    paths = annotation_files.keypoints_of(Path(settings["keypoints"]), category)
    keypoints = read_keypoints(paths, category, synset, surfaces, limits) if paths else {}
    paths = annotation_files.labels_of(Path(settings["labels"]), category, synset, surfaces)
    labels = read_labels(paths, category, template_map, surfaces, limits)
    return keypoints, {shape: labelled for shape, labelled in labels.items() if labelled.labels.ndim == 1}


def in_boxes(surfaces: Mapping[str, np.ndarray]) -> Coordinates:
    """The coordinates of points in their shape's box, from 0 to 1; ``surfaces`` has points (N, 3) on each shape."""

    @functools.cache
    def box(shape: str) -> tuple[np.ndarray, np.ndarray]:
        points = surfaces[shape]
        return points.min(axis=0), np.maximum(np.ptp(points, axis=0), 1e-9)

    def coordinates(shape: str, points: np.ndarray) -> np.ndarray:
        low, size = box(shape)
        return (points - low) / size

    return coordinates


@dataclass
class Evaluation:
    """Carries the annotations of source shapes to the other annotated shapes, and compares with theirs."""

    category: str
    splits: Mapping[str, Sequence[str]]
    """The usable shapes by split."""
    surfaces: Mapping[str, np.ndarray]
    """Points (N, 3) on each shape, in ShapeNet's frame; keypoints are carried to these."""
    keypoints: Mapping[str, Keypoints]
    """The true keypoints of annotated shapes."""
    labels: Mapping[str, LabelledPoints]
    """The true parts of points on annotated shapes."""
    methods: Mapping[str, Coordinates]
    sources: int
    """How many shapes the annotations are carried from."""

    def table(self) -> pd.DataFrame:
        """A row per target shape and method, with the COLUMNS of a measurement.

        Raises InputError if keypoints or parts are annotated on one shape only, or no two shapes have the same ones.
        """
        rows = pd.DataFrame(self._rows(), columns=COLUMNS)
        if rows.empty:
            raise InputError(
                f"{self.category}: no other shape has a keypoint of the same name as those that keypoints are carried "
                "from; give corresponding keypoints the same name"
            )
        return rows

    def _rows(self) -> Iterator[dict[str, Any]]:
        keypoint_sources = self._sources(self.keypoints, "keypoints")
        label_sources = self._sources(self.labels, "parts")
        parts = sorted({part for labelled in self.labels.values() for part in np.unique(labelled.labels)})
        voters = [(shape, *self.labels[shape]) for shape in label_sources]
        mapped = {
            method: [(coordinates(shape, points), labels) for shape, points, labels in voters]
            for method, coordinates in self.methods.items()
        }
        for split, shapes in self.splits.items():
            for shape in shapes:
                measures: dict[str, dict[str, float]] = {method: {} for method in self.methods}
                if shape in self.keypoints and shape not in keypoint_sources:
                    measures |= {method: row for method, row in self._keypoint_rows(shape, keypoint_sources)}
                if shape in self.labels and shape not in label_sources:
                    points, truth = self.labels[shape]
                    for method, coordinates in self.methods.items():
                        predicted = correspondence.voted(mapped[method], coordinates(shape, points))
                        measures[method] |= {
                            "part_iou": part_iou(predicted, truth, parts),
                            "part_accuracy": float((predicted == truth).mean()),
                        }
                for method, row in measures.items():
                    if row:
                        labels = {"category": self.category, "split": split, "shape": shape, "method": method}
                        yield labels | row

    def _sources(self, annotated: Mapping[str, Any], what: str) -> Sequence[str]:
        """The shapes that annotations are carried from: training shapes, unless none is annotated."""
        if not annotated:
            return []
        by_split = {name: [shape for shape in shapes if shape in annotated] for name, shapes in self.splits.items()}
        shapes = by_split.get("train") or by_split["test"]
        known = sum(map(len, by_split.values()))
        if known < 2:
            raise InputError(
                f"{self.category}: {what} of {known} of its usable shapes are known; carrying them takes 2 shapes at "
                "least: annotate more"
            )
        return spread(shapes, min(self.sources, known - 1))

    def _keypoint_rows(self, shape: str, sources: Sequence[str]) -> Iterator[tuple[str, dict[str, float]]]:
        """The keypoint measures of a shape by method, and of the best of its points; means over the sources."""
        points, truth = self.surfaces[shape], self.keypoints[shape]
        shared = {source: [name for name in self.keypoints[source] if name in truth] for source in sources}
        shared = {source: names for source, names in shared.items() if names}
        if not shared:
            return
        for method, coordinates in self.methods.items():
            tree = cKDTree(coordinates(shape, points))
            measured = []
            for source, names in shared.items():
                carried = coordinates(source, np.stack([self.keypoints[source][name] for name in names]))
                _, nearest = tree.query(carried)
                measured.append(_measures(points[nearest], truth, names))
            yield method, {name: float(np.mean([row[name] for row in measured])) for name in measured[0]}
        names = list(truth)
        _, nearest = cKDTree(points).query(np.stack(list(truth.values())))
        yield "best", _measures(points[nearest], truth, names)


def _measures(points: np.ndarray, truth: Keypoints, names: Sequence[str]) -> dict[str, float]:
    """The PCK and the mean distance of points (K, 3) to the keypoints ``names`` (K)."""
    distances = np.linalg.norm(points - np.stack([truth[name] for name in names]), axis=1)
    return pck(distances) | {"keypoint_error": float(distances.mean())}
