"""The template: one signed distance function for a whole category."""

import itertools

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from template3d.networks.coordinates import columns, in_parts, product_dtype, repeated


class Template(nn.Module):
    """The template function T of equation (4): a fully connected network from a point to a signed distance.

    Every hidden layer has weight norm, ReLU and dropout. A tanh at the end keeps distances in (-1, 1).

    Source: Park et al., "DeepSDF" (2019), figure 4; Zheng et al. (2021), section 3.2.
    """

    def __init__(self, hidden_sizes: list[int], dropout: float = 0.0) -> None:
        """Set up a network with one hidden layer per entry of ``hidden_sizes``."""
        super().__init__()
        sizes = [3, *hidden_sizes]
        self.hidden = nn.ModuleList(weight_norm(nn.Linear(wide, narrow)) for wide, narrow in itertools.pairwise(sizes))
        self.output = nn.Linear(sizes[-1], 1)
        # without this, one seed in 12 starts beyond the loss's clamp of 0.1, where its gradient is zero
        nn.init.zeros_(self.output.bias)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()  # even at 0, dropout writes and reads a mask

    def forward(self, points: Tensor) -> Tensor:
        """Signed distances (...) at points (..., 3), both in the unit sphere's unit."""
        first, *others = self.hidden
        assert isinstance(first, nn.Linear)
        weight = first.weight
        dtype = product_dtype(weight)
        read = columns(in_parts(points.reshape(-1, 3), dtype))
        features = nn.functional.linear(read, columns(repeated(weight, dtype)), first.bias.to(dtype))
        features = self.dropout(features.relu_())
        for layer in others:
            features = self.dropout(layer(features).relu_())
        return torch.tanh(self.output(features).to(points.dtype)).view(points.shape[:-1])
