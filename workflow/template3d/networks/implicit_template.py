"""The decoder from a code to a shape: warp and template."""

from torch import Tensor, nn

from template3d.networks.template import Template
from template3d.networks.warp import Warp


class ImplicitTemplate(nn.Module):
    """The shapes of a category: a shape's signed distance at a point is the template's at the warped point.

    Source: equations (3) and (4); Zheng et al., "Deep Implicit Templates" (2021).
    """

    def __init__(
        self,
        code_length: int,
        warp_hidden: int = 512,
        warp_steps: int = 8,
        template_hidden: list[int] | None = None,
        dropout: float = 0.05,
    ) -> None:
        """Set up both networks; the defaults are the paper's."""
        super().__init__()
        self.warp = Warp(code_length, warp_hidden, warp_steps)
        self.template = Template(template_hidden or [256] * 5, dropout)

    def forward(self, codes: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """Warped points and signed distances after each stage.

        codes (B, L), points (B, N, 3) in the unit sphere; returns template coordinates (4, B, N, 3) and distances
        (4, B, N).
        """
        warped = self.warp(codes, points)
        return warped, self.template(warped)

    def signed_distance(self, codes: Tensor, points: Tensor) -> Tensor:
        """Signed distances (B, N) of the shapes with codes (B, L) at points (B, N, 3), in the unit sphere."""
        return self.template(self.warp(codes, points)[-1])
