"""Phase 1: joint training of the template, the warp and one code per shape."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from template3d.data.sample_sets import Samples
from template3d.networks import losses
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.training.pictures import decoder_pictures
from template3d.training.stage import Stage, random_batches


@dataclass(frozen=True)
class LossSettings:
    """The weights and the clamp of equation (9); the defaults are the published ones."""

    pointwise_weight: float = 0.005
    pointpair_weight: float = 1e-4
    code_weight: float = 1e-4
    clamp: float = 0.1


@dataclass(frozen=True)
class EmbeddingSettings:
    """The settings of phase 1; the defaults are the published ones."""

    scenes_per_batch: int = 24
    points_per_scene: int = 5000
    learning_rate_warp: float = 5e-4
    learning_rate_template: float = 5e-4
    learning_rate_codes: float = 1e-3
    min_steps_per_epoch: int = 1


LONGEST_CODE = 1.0
"""Bound on the norm of a code."""


def embedding_terms(
    decoder: ImplicitTemplate, codes: Tensor, points: Tensor, distances: Tensor, loss: LossSettings, epoch: int
) -> dict[str, Tensor]:
    """The terms of equation (9) and their weighted ``total``.

    codes (B, L), points (B, N, 3) in the unit sphere, signed distances (B, N).
    """
    warped, predicted = decoder(codes, points)
    terms = {
        "reconstruction": losses.reconstruction(predicted, distances, loss.clamp),
        "pointwise": losses.pointwise(warped, points),
        "pointpair": losses.pointpair(warped[-1], points),
        "code_norm": losses.code_norm(codes),
    }
    weights = (loss.pointwise_weight, loss.pointpair_weight, loss.code_weight)
    return {"total": losses.embedding_total(terms, epoch, *weights), **terms}


def terms_in_parts(
    decoder: ImplicitTemplate,
    codes: Tensor,
    points: Tensor,
    distances: Tensor,
    loss: LossSettings,
    epoch: int,
    micro_batch: int | None,
) -> dict[str, Tensor]:
    """The terms of ``embedding_terms``, computed for ``micro_batch`` shapes at a time; None means for all at once.

    Only one part's activations are in memory at a time: the backward pass computes those of each part again, which
    takes about a third more time. The loss and its gradients are the same, but for rounding and dropout's random draws.
    """
    if micro_batch is None or micro_batch >= len(codes):
        return embedding_terms(decoder, codes, points, distances, loss, epoch)
    parts = [
        checkpoint(embedding_terms, decoder, *part, loss, epoch, use_reentrant=False)
        for part in zip(codes.split(micro_batch), points.split(micro_batch), distances.split(micro_batch), strict=True)
    ]
    shares = [len(part) / len(codes) for part in codes.split(micro_batch)]
    return {
        name: torch.stack([share * part[name] for share, part in zip(shares, parts, strict=True)]).sum()
        for name in parts[0]
    }


class EmbeddingStage(Stage):
    """Section 3.1 of the report: minimizes equation (9) over warp, template and codes."""

    unit = "points"
    splits = True

    def __init__(
        self, decoder: ImplicitTemplate, samples: Samples, settings: EmbeddingSettings, loss: LossSettings
    ) -> None:
        """Set up codes with entries from a normal distribution of standard deviation 1 / sqrt(L)."""
        super().__init__()
        length = decoder.warp.code_length
        self.decoder = decoder
        self.codes = nn.Embedding(len(samples), length)
        nn.init.normal_(self.codes.weight, std=length**-0.5)
        self.samples, self.settings, self.loss = samples, settings, loss

    def parameter_groups(self) -> list[dict]:
        """Warp, template and codes, each with its own learning rate."""
        return [
            {"name": "warp", "params": self.decoder.warp.parameters(), "lr": self.settings.learning_rate_warp},
            {
                "name": "template",
                "params": self.decoder.template.parameters(),
                "lr": self.settings.learning_rate_template,
            },
            {"name": "codes", "params": self.codes.parameters(), "lr": self.settings.learning_rate_codes},
        ]

    def batches(self, epoch: int, generator: torch.Generator) -> Iterator[tuple[Tensor, ...]]:
        """Every shape once per epoch, or more often (``random_batches``).

        Each batch is shapes (B,), points (B, N, 3) and signed distances (B, N).
        """
        settings = self.settings
        every = torch.arange(len(self.samples))
        for shapes in random_batches(every, settings.scenes_per_batch, settings.min_steps_per_epoch, generator):
            yield shapes, *self.samples.draw(shapes, settings.points_per_scene, generator)

    def augment(self, shapes: Tensor, points: Tensor, distances: Tensor) -> tuple[Tensor, ...]:
        """Scale the batch's codes back into the unit ball, on every device in the same way."""
        with torch.no_grad():
            torch.embedding_renorm_(self.codes.weight, shapes, LONGEST_CODE, 2.0)
        return shapes, points, distances

    def forward(self, epoch: int, shapes: Tensor, points: Tensor, distances: Tensor) -> dict[str, Tensor]:
        """The terms of equation (9) and their weighted total."""
        codes = self.codes(shapes)
        return terms_in_parts(self.decoder, codes, points, distances, self.loss, epoch, self.micro_batch)

    def pictures(self) -> dict[str, np.ndarray]:
        """The template and the first two shapes."""
        codes = self.codes.weight[:2].detach()
        return decoder_pictures(
            self.decoder, {f"shape_{index}": codes[index : index + 1] for index in range(len(codes))}
        )
