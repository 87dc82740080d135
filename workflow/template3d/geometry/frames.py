"""Frames of meshes: from any axes to ShapeNet's frame, with y up and the front towards -z."""

import numpy as np


def to_shapenet(up: str, front: str) -> np.ndarray:
    """The rotation (3, 3) that turns ``up`` to y and ``front`` to -z; each is an axis such as ``y`` or ``-z``.

    Raises ValueError if both are the same axis.
    """
    upwards, backwards = _direction(up), -_direction(front)
    if np.abs(upwards @ backwards) > 0:
        raise ValueError(f"{up} and {front} are one axis")
    return np.stack([np.cross(upwards, backwards), upwards, backwards])


def normalized(vertices: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Vertices (V, 3), moved and scaled so that the box of the vertices ``used`` has diagonal 1 around the origin.

    Vertices without an extent stay as they are.
    """
    low, high = vertices[used].min(axis=0, initial=np.inf), vertices[used].max(axis=0, initial=-np.inf)
    diagonal = np.linalg.norm(high - low)
    return (vertices - (low + high) / 2) / diagonal if np.isfinite(diagonal) and diagonal > 0 else vertices


def _direction(axis: str) -> np.ndarray:
    return np.eye(3)["xyz".index(axis[-1])] * (-1 if axis.startswith("-") else 1)
