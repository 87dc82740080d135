"""Correspondence: points of two shapes correspond if the warp maps them to the same point of the template.

Source: Zheng et al., "Deep Implicit Templates" (2021), sections 4.3 and 4.4.
"""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from template3d.networks.implicit_template import ImplicitTemplate

BATCH = 65536


def template_coordinates(decoder: ImplicitTemplate, code: Tensor, points_unit: np.ndarray) -> np.ndarray:
    """The template coordinates (N, 3) float32 of points (N, 3) of the shape with ``code`` (L,).

    Points are in the unit sphere; the computation runs on the decoder's device.
    """
    code = code.to(next(decoder.parameters()).device)[None]
    warped = [np.empty((0, 3), np.float32)]
    with torch.no_grad():
        for part in torch.from_numpy(np.ascontiguousarray(points_unit, np.float32)).split(BATCH):
            warped.append(decoder.warp(code, part[None].to(code.device))[-1, 0].cpu().numpy())
    return np.concatenate(warped)


def transferred(source: np.ndarray, labels: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Labels (M, ...) of target points (M, 3): each takes the label of its nearest source point (N, 3).

    ``labels`` (N, ...) belong to the source points. Both point sets are in template coordinates.
    """
    _, nearest = cKDTree(source).query(target)
    return labels[nearest]


def voted(sources: Sequence[tuple[np.ndarray, np.ndarray]], target: np.ndarray) -> np.ndarray:
    """Labels (M,) of target points (M, 3) by vote: each of several shapes gives the label of its nearest point.

    ``sources`` holds for each shape its points (N, 3) and their labels (N,). Of labels with equally many votes, the one
    of the nearest point wins. All points are in template coordinates.
    """
    names = np.unique(np.concatenate([labels for _, labels in sources]))
    votes = np.zeros((len(target), len(names)))
    nearest_vote = np.full((len(target), len(names)), np.inf)
    every = np.arange(len(target))
    for points, labels in sources:
        apart, nearest = cKDTree(points).query(target)
        vote = np.searchsorted(names, labels[nearest])
        votes[every, vote] += 1
        nearest_vote[every, vote] = np.minimum(nearest_vote[every, vote], apart)
    winners = votes == votes.max(axis=1, keepdims=True)
    return names[np.where(winners, nearest_vote, np.inf).argmin(axis=1)]
