"""The main directions in which the codes of the training shapes differ, to change a shape along them."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Directions(NamedTuple):
    """The first principal components of codes."""

    axes: Tensor
    """(K, L), of unit length and orthogonal; the largest entry of each is positive."""
    deviations: Tensor
    """(K,): the standard deviation of the codes along each axis, largest first."""
    shares: Tensor
    """(K,): the share of the codes' variance along each axis."""

    def moved(self, code: Tensor, amounts: Sequence[float]) -> Tensor:
        """A code (L,), moved along the axes by so many standard deviations each; ``amounts`` has at most K numbers."""
        count = len(amounts)
        steps = torch.tensor(amounts, dtype=code.dtype) * self.deviations[:count]
        return code + steps @ self.axes[:count]


def main_directions(codes: Tensor, count: int) -> Directions:
    """The first ``count`` principal components of codes (N, L); fewer if there are not so many codes that differ.

    Source: Jolliffe, "Principal Component Analysis" (2002), section 3.5.
    """
    _, lengths, axes = torch.linalg.svd(codes - codes.mean(dim=0), full_matrices=False)
    kept = int((lengths[:count] > 1e-6 * lengths.new_tensor(1.0).maximum(lengths[0])).sum())
    axes = axes[:kept]
    signs = axes.gather(1, axes.abs().argmax(dim=1, keepdim=True)).sign()  # the decomposition leaves them open
    deviations = lengths / max(1, len(codes) - 1) ** 0.5
    shares = lengths.square() / lengths.square().sum()
    return Directions(axes * signs, deviations[:kept], shares[:kept])
