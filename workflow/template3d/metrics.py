"""How far a reconstruction is from the truth."""

import numpy as np
from scipy.spatial import cKDTree


def chamfer(a: np.ndarray, b: np.ndarray) -> float:
    """The Chamfer distance of two point sets: mean squared distance to the nearest, both ways, summed.

    a (N, 3), b (M, 3), in one frame; the result is in that frame's unit, squared.
    Raises ValueError for an empty set or one with non-finite points.

    Source: the report's equation (11); `deep_sdf/metrics/chamfer.py` of DeepSDF.
    """
    for name, points in (("first", a), ("second", b)):
        if len(points) == 0:
            raise ValueError(f"the {name} point set is empty; a Chamfer distance needs points on both sides")
        if not np.isfinite(points).all():
            raise ValueError(f"the {name} point set has non-finite points")
    to_b, _ = cKDTree(b).query(a, workers=-1)
    to_a, _ = cKDTree(a).query(b, workers=-1)
    return float(np.mean(to_b**2) + np.mean(to_a**2))
