"""The projection head: maps codes to the vectors that the contrastive loss compares."""

from torch import Tensor, nn


class Projection(nn.Sequential):
    """The head g of the report's section 5.2: a hidden layer as wide as a code, ReLU, and a linear layer.

    Codes (B, L) in, projections (B, ``width``) out. Source: Chen et al., SimCLR (2020), section 2.1.
    """

    def __init__(self, code_length: int, width: int) -> None:
        """Set up with random weights."""
        super().__init__(nn.Linear(code_length, code_length), nn.ReLU(), nn.Linear(code_length, width))

    def forward(self, codes: Tensor) -> Tensor:
        """Projections in the codes' precision, because their similarities are divided by a small temperature."""
        return super().forward(codes).to(codes.dtype)
