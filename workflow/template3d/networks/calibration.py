"""How far an image is from those that an encoder learned from, and how far held-out views are: what a model knows."""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from template3d.data.images import Views
from template3d.networks.encoder import Encoder
from template3d.runtime.errors import InputError

SHRINKAGE = 0.01
"""The share of an isotropic covariance that is mixed in, for features that hardly vary over the training views."""
MOST_LEARNED, MOST_HELD_OUT = 4096, 1024
"""Views that are used, evenly spread over all; more change the distances little and cost time."""
IMAGES_AT_ONCE = 256
PREFIX = "calibration."


class Calibration(NamedTuple):
    """The distribution of an encoder's features over the views that it learned from, and held-out views in it.

    Source: Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial Attacks"
    (2018), with one class.
    """

    mean: Tensor
    """The mean (D,) of the features of training views."""
    whitening: Tensor
    """The map (D, D) of a difference of features to one of unit covariance."""
    held_out: Tensor
    """The distances (H,) of held-out views, ascending."""

    def distances(self, features: Tensor) -> Tensor:
        """The Mahalanobis distances (B,) of features (B, D) to those of the training views."""
        return torch.linalg.vector_norm((features - self.mean) @ self.whitening.T, dim=1)

    def tensors(self) -> dict[str, Tensor]:
        """Its tensors, by their names in a model's file."""
        return {f"{PREFIX}{name}": value for name, value in self._asdict().items()}

    @classmethod
    def checked(cls, tensors: dict[str, Tensor], features: int, weights: Path) -> "Calibration | None":
        """From the tensors of a model's file, None if it has none; raises InputError unless they fit ``features``."""
        stored = [tensors.get(f"{PREFIX}{name}") for name in cls._fields]
        given = [value.float() for value in stored if value is not None]
        if not given:
            return None
        held_out = given[-1].numel()
        sizes = [(features,), (features, features), (held_out,)]
        if [tuple(value.shape) for value in given] != sizes or not held_out:
            raise InputError(f"{weights}: its calibration does not fit its encoder; copy the model's folder again")
        return cls(*given)


def calibrated(encoder: Encoder, views: Views, held_out: Collection[int], device: str = "cpu") -> Calibration | None:
    """The calibration of a trained encoder, in evaluation mode; None if it learned from the views of all shapes.

    ``held_out`` has the indices of the shapes that the encoder did not learn from. The computation runs on ``device``.
    """
    if not held_out:
        return None
    theirs = torch.isin(views.shapes, torch.tensor(sorted(held_out), dtype=views.shapes.dtype))
    learned, unseen = torch.nonzero(~theirs)[:, 0], torch.nonzero(theirs)[:, 0]
    distribution = distribution_of(_features(encoder, views, learned, MOST_LEARNED, device))
    distances = distribution.distances(_features(encoder, views, unseen, MOST_HELD_OUT, device))
    return distribution._replace(held_out=distances.sort().values)


def distribution_of(features: Tensor) -> Calibration:
    """The distribution of features (V, D) of training views, without held-out views."""
    mean = features.mean(dim=0)
    centred = (features - mean).double()
    covariance = centred.T @ centred / max(1, len(centred) - 1)
    identity = torch.eye(len(covariance), dtype=torch.float64)
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * covariance.trace() / len(covariance) * identity
    whitening = torch.linalg.solve_triangular(torch.linalg.cholesky(shrunk), identity, upper=False)
    return Calibration(mean, whitening.float(), torch.empty(0))


def _features(encoder: Encoder, views: Views, indices: Tensor, most: int, device: str) -> Tensor:
    """The features (V, D) of up to ``most`` of the views with ``indices``."""
    if len(indices) > most:
        indices = indices[torch.linspace(0, len(indices) - 1, most).round().long()]
    encoder.to(device)
    with torch.no_grad():
        parts = [encoder.features(views.images[some].to(device)).cpu() for some in indices.split(IMAGES_AT_ONCE)]
    encoder.cpu()
    return torch.cat(parts)
