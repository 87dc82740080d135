"""Confidence: how much a photo is like the views that a model learned from, measured on views that it never saw.

The distance of a photo is that of the encoder's features to those of the training views (``networks.calibration``).
docs/template.md says what it predicts, and why other measures are not used.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from template3d.data import images, photos
from template3d.networks.models import Model

HIGH, MEDIUM = 0.75, 0.95
"""The largest shares of held-out views that may be nearer for these words."""


class Confidence(NamedTuple):
    """How far a photo is from the training views, compared with the held-out views; None where that is not known."""

    farther_than: float | None
    """The share, 0 to 1, of the held-out views that are nearer."""
    times_usual: float | None
    """The photo's distance, by the median of the held-out views."""

    @property
    def word(self) -> str:
        """``high``, ``medium``, ``low`` or ``not known``."""
        if self.farther_than is None:
            return "not known"
        return "high" if self.farther_than <= HIGH else "medium" if self.farther_than <= MEDIUM else "low"

    def __str__(self) -> str:
        """The word and its reason."""
        if self.farther_than is None:
            return "not known (this model has no calibration)"
        if self.word == "high":
            return f"high (nearer to the training views than {100 * (1 - self.farther_than):.0f} % of held-out views)"
        reason = f"farther from the training views than {100 * self.farther_than:.0f} % of held-out views"
        if self.word == "medium":
            return f"medium ({reason})"
        return f"low ({reason}, {self.times_usual:.1f} times the usual distance: unlike what the model has seen)"


NOT_KNOWN = Confidence(None, None)


def of_images(model: Model, seen: Tensor) -> Confidence:
    """The confidence in one shape from its images (V, 3, S, S) uint8: that of the image farthest from training."""
    if model.encoder is None or model.calibration is None:
        return NOT_KNOWN
    with torch.no_grad():
        distance = model.calibration.distances(model.encoder.features(seen)).max()
    held_out = model.calibration.held_out
    return Confidence(float((held_out < distance).double().mean()), float(distance / held_out.median()))


def of_photos(model: Model, views: Sequence[photos.Photo]) -> Confidence:
    """The confidence in the one shape that all ``views`` show; ``model`` must have an encoder."""
    assert model.image_size is not None  # a model with an encoder has one
    return of_images(
        model, torch.stack([images.to_tensor(photo.image, model.image_size, model.crop_to_object) for photo in views])
    )
