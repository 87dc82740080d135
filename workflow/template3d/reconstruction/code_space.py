"""The space of codes as the training shapes fill it: their mean, and how far they spread in each direction."""

from dataclasses import dataclass

import torch
from torch import Tensor

FLOOR = 0.05
"""Added to the variance in each direction, as a share of the mean one: few training codes leave directions without."""


@dataclass(frozen=True)
class CodeSpace:
    """A frame of the codes in which those of the training shapes have mean 0 and covariance 1.

    The squared length of standard coordinates is the squared Mahalanobis distance of a code to the training codes.
    """

    mean: Tensor
    """(L,)"""
    axes: Tensor
    """(L, L), in each column a principal direction, as long as the standard deviation along it."""

    @classmethod
    def of(cls, training_codes: Tensor) -> "CodeSpace":
        """The space of training codes (shapes, L)."""
        variances, directions = torch.linalg.eigh(torch.cov(training_codes.T, correction=0))
        floor = max(FLOOR * float(variances.mean()), torch.finfo(variances.dtype).eps)
        return cls(training_codes.mean(dim=0), directions * (variances.clamp(min=0) + floor).sqrt())

    def codes(self, standard: Tensor) -> Tensor:
        """Codes (B, L) from standard coordinates (B, L)."""
        return self.mean + standard @ self.axes.T

    def standard(self, codes: Tensor) -> Tensor:
        """Standard coordinates (B, L) of codes (B, L)."""
        return torch.linalg.solve(self.axes, (codes - self.mean).T).T
