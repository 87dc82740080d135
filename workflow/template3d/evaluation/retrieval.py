"""Retrieval: a training shape as the prediction, a baseline for reconstructions.

Source: Tatarchenko et al., "What Do Single-view 3D Reconstruction Networks Learn?" (2019), section 4.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from template3d.data import ground_truth
from template3d.evaluation import metrics
from template3d.geometry.normalization import Normalization

FEW = 1000
"""Points per shape for a first ranking of all training shapes; all points then rank the best SHORTLIST."""
SHORTLIST = 8


@dataclass(frozen=True)
class Library:
    """The training shapes, with few points each; their full ground truth is read on demand."""

    shards: Sequence[str | Path]
    synset: str
    normalizations: Mapping[str, Normalization]
    few: Mapping[str, np.ndarray]
    """FEW points (FEW, 3) on each shape, in the unit sphere."""
    seed: int

    @classmethod
    def read(
        cls,
        shards: Sequence[str | Path],
        synset: str,
        shapes: Collection[str],
        normalizations: Mapping[str, Normalization],
        seed: int,
    ) -> "Library":
        """Read the points of ``shapes``; raises InputError if one is missing."""
        few = {
            shape: normalizations[shape].to_unit(truth.points[:FEW])
            for shape, truth in ground_truth.each(shards, synset, shapes)
        }
        return cls(shards, synset, normalizations, few, seed)

    def truth(self, shape: str) -> ground_truth.Truth:
        """The full ground truth of one training shape."""
        return ground_truth.read(self.shards, self.synset, [shape])[shape]

    def some(self, count: int) -> list[np.ndarray]:
        """The points (N, 3), in ShapeNet's frame, of up to ``count`` random shapes."""
        shapes = sorted(self.few)
        if len(shapes) > count:
            shapes = list(np.random.default_rng(self.seed).choice(shapes, count, replace=False))
        return [truth.points for _, truth in ground_truth.each(self.shards, self.synset, shapes)]

    def nearest(self, truth: ground_truth.Truth, normalization: Normalization) -> str:
        """The training shape with the smallest Chamfer distance to a test shape, both in the unit sphere."""
        target = normalization.to_unit(truth.points)
        rough = {shape: metrics.chamfer(points, target[:FEW]) for shape, points in self.few.items()}
        best = sorted(rough, key=lambda shape: rough[shape])[:SHORTLIST]
        exact = {
            shape: metrics.chamfer(self.normalizations[shape].to_unit(candidate.points), target)
            for shape, candidate in ground_truth.each(self.shards, self.synset, best)
        }
        return min(exact, key=lambda shape: exact[shape])


def nearest_code(codes: Mapping[str, np.ndarray], code: np.ndarray) -> str:
    """The training shape whose code (L,) is nearest to ``code`` (L,)."""
    return min(codes, key=lambda shape: np.linalg.norm(codes[shape] - code))


def measured(library: Library, shape: str, truth: ground_truth.Truth, normalization: Normalization) -> dict[str, float]:
    """Every measure of a training shape, retrieved for a test shape, with both scaled to the unit sphere."""
    retrieved, own = library.truth(shape), library.normalizations[shape]
    points = normalization.to_shapenet(own.to_unit(retrieved.points))
    # each volume point of the ground truth takes the label of the nearest volume point of the retrieved shape
    volume = normalization.to_shapenet(own.to_unit(retrieved.volume_points))
    distance, index = metrics.nearest(truth.volume_points, volume)
    inside = retrieved.occupied[index] & (distance < np.ptp(volume, axis=0).max() / 10)
    comparison = metrics.Comparison.of(points, retrieved.normals, inside, truth, normalization.scale)
    return metrics.measured(comparison)
