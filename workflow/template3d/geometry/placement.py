"""Placements: where a scan of any size and direction lies in the unit sphere of a model."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Placement:
    """The map from a scan's frame to the unit sphere: ``scale * rotation @ p + shift``."""

    rotation: np.ndarray
    """A rotation (3, 3)."""
    scale: float
    """Units of the sphere for a unit of the scan."""
    shift: np.ndarray
    """(3,), in the unit sphere."""

    def to_unit(self, points: np.ndarray) -> np.ndarray:
        """Map points (N, 3) from the scan's frame to the unit sphere."""
        return self.scale * points @ self.rotation.T + self.shift

    def from_unit(self, points_unit: np.ndarray) -> np.ndarray:
        """Map points (N, 3) from the unit sphere to the scan's frame."""
        return (points_unit - self.shift) @ self.rotation / self.scale

    @property
    def turn_deg(self) -> float:
        """The turn about the vertical axis, y, from -180 to 180: positive turns z towards x."""
        return float(np.degrees(np.arctan2(self.rotation[0, 2], self.rotation[2, 2])))


def turn(angle_deg: float) -> np.ndarray:
    """The rotation (3, 3) about the vertical axis, y, that turns z towards x."""
    sine, cosine = np.sin(np.radians(angle_deg)), np.cos(np.radians(angle_deg))
    return np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
