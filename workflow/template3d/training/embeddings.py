"""Phase 1: the template, the warp and one code per shape, together."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from template3d import losses
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.training.distances import Samples
from template3d.training.loop import Stage


@dataclass(frozen=True)
class EmbeddingSettings:
    """Phase 1's own numbers; the defaults are the published ones."""

    scenes_per_batch: int = 24
    points_per_scene: int = 5000
    rate_warp: float = 5e-4
    rate_template: float = 5e-4
    rate_codes: float = 1e-3
    pointwise_weight: float = 0.005
    pointpair_weight: float = 1e-4
    code_weight: float = 1e-4
    clamp: float = 0.1


class EmbeddingStage(Stage):
    """Section 3.1 of the report: minimise equation (9) over warp, template and codes."""

    def __init__(self, decoder: ImplicitTemplate, samples: Samples, settings: EmbeddingSettings) -> None:
        """Set up codes drawn from N(0, 1 / sqrt(L)), kept within the unit ball."""
        super().__init__()
        length = decoder.warp.code_length
        self.decoder = decoder
        self.codes = nn.Embedding(len(samples), length, max_norm=1.0)
        nn.init.normal_(self.codes.weight, std=length**-0.5)
        self.samples, self.settings = samples, settings

    def parameter_groups(self) -> list[dict]:
        """Warp, template and codes, each with its own learning rate."""
        return [
            {"name": "warp", "params": self.decoder.warp.parameters(), "lr": self.settings.rate_warp},
            {
                "name": "template",
                "params": self.decoder.template.parameters(),
                "lr": self.settings.rate_template,
            },
            {"name": "codes", "params": self.codes.parameters(), "lr": self.settings.rate_codes},
        ]

    def batches(self, epoch: int, generator: torch.Generator) -> Iterator[tuple[Tensor, ...]]:
        """Every shape once an epoch, in random order; a last batch that is not full is left out.

        Each batch is shapes (B,), points (B, N, 3) and signed distances (B, N).
        """
        size = min(self.settings.scenes_per_batch, len(self.samples))
        order = torch.randperm(len(self.samples), generator=generator)
        for start in range(0, len(order) - size + 1, size):
            shapes = order[start : start + size]
            yield shapes, *self.samples.draw(shapes, self.settings.points_per_scene, generator)

    def forward(self, epoch: int, shapes: Tensor, points: Tensor, distances: Tensor) -> dict[str, Tensor]:
        """The terms of equation (9) and their weighted total."""
        codes = self.codes(shapes)
        warped, predicted = self.decoder(codes, points)
        terms = {
            "reconstruction": losses.reconstruction(predicted, distances, self.settings.clamp),
            "pointwise": losses.pointwise(warped, points),
            "pointpair": losses.pointpair(warped[-1], points),
            "code_norm": losses.code_norm(codes),
        }
        weights = (self.settings.pointwise_weight, self.settings.pointpair_weight, self.settings.code_weight)
        return {"total": losses.embedding_total(terms, epoch, *weights), **terms}
