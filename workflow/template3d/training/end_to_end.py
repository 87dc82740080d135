"""End-to-end training: encoder, warp and template together, from images to signed distances."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from template3d.data.images import Views
from template3d.data.sample_sets import Samples
from template3d.networks import losses
from template3d.networks.encoder import Encoder
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.training.augmentation import NO_AUGMENTATION, Augmentation
from template3d.training.embeddings import LossSettings, terms_in_parts
from template3d.training.pictures import decoder_pictures
from template3d.training.stage import Stage, random_batches


@dataclass(frozen=True)
class EndToEndSettings:
    """The settings of the stage; the report gives none of them."""

    scenes_per_batch: int = 24
    points_per_scene: int = 5000
    learning_rate_encoder: float = 1e-4
    learning_rate_warp: float = 5e-4
    learning_rate_template: float = 5e-4
    colour_jitter: float = 0.4
    grayscale_probability: float = 0.0
    min_steps_per_epoch: int = 1


RESCALED_OVER = 256
"""Number of images over which the initial codes are rescaled."""


def some_images(views: Views) -> Tensor:
    """Up to RESCALED_OVER random views (B, 3, S, S) uint8, drawn by PyTorch's global generator."""
    return views.images[torch.randperm(len(views.images))[:RESCALED_OVER]]


class EndToEndStage(Stage):
    """Section 5.1 of the report: equation (12), trained by equation (9) with the encoder's codes."""

    unit = "points"
    splits = True
    IMAGES_AT_ONCE = 256

    def __init__(
        self,
        encoder: Encoder,
        decoder: ImplicitTemplate,
        views: Views,
        samples: Samples,
        settings: EndToEndSettings,
        loss: LossSettings,
        held_out: Collection[int] = (),
        augmentation: Augmentation = NO_AUGMENTATION,
    ) -> None:
        """Set up for shapes that have views and samples, in the same order.

        ``held_out`` has the indices of shapes that are not learned from; one view of each, always the same, validates.
        Raises InputError if the encoder cannot be trained with batches of this size.
        """
        super().__init__()
        self.encoder, self.decoder, self.views, self.samples = encoder, decoder, views, samples
        self.settings, self.loss, self.augmentation = settings, loss, augmentation
        self.by_shape = [torch.nonzero(views.shapes == shape)[:, 0] for shape in range(len(samples))]
        self.learned = torch.tensor([shape for shape in range(len(samples)) if shape not in held_out])
        fixed = torch.Generator().manual_seed(0)
        shapes = torch.tensor(sorted(held_out), dtype=torch.long)
        self.validating: tuple[Tensor, ...] | None = None
        if len(shapes):
            self.validating = self._batch(shapes, fixed)
        if min(settings.scenes_per_batch, len(self.learned)) == 1:
            encoder.check_batch(views.images[:1])

    def parameter_groups(self) -> list[dict]:
        """The unfrozen part of the encoder, warp and template, each with its own learning rate."""
        settings, decoder = self.settings, self.decoder
        encoder = [parameter for parameter in self.encoder.parameters() if parameter.requires_grad]
        return [
            {"name": "encoder", "params": encoder, "lr": settings.learning_rate_encoder},
            {"name": "warp", "params": decoder.warp.parameters(), "lr": settings.learning_rate_warp},
            {"name": "template", "params": decoder.template.parameters(), "lr": settings.learning_rate_template},
        ]

    def batches(self, epoch: int, generator: torch.Generator) -> Iterator[tuple[Tensor, ...]]:
        """Every shape once per epoch, or more often (``random_batches``), with one random view each time.

        Each batch is images (B, 3, S, S) uint8, points (B, N, 3) and signed distances (B, N).
        """
        settings = self.settings
        for shapes in random_batches(self.learned, settings.scenes_per_batch, settings.min_steps_per_epoch, generator):
            yield self._batch(shapes, generator)

    def _batch(self, shapes: Tensor, generator: torch.Generator) -> tuple[Tensor, ...]:
        """One random view of each of ``shapes`` (B,), and random points with their distances."""
        chance = torch.rand(len(shapes), generator=generator).tolist()
        candidates = [self.by_shape[shape] for shape in shapes]
        views = torch.stack(
            [views_of_shape[int(x * len(views_of_shape))] for x, views_of_shape in zip(chance, candidates, strict=True)]
        )
        return self.views.images[views], *self.samples.draw(shapes, self.settings.points_per_scene, generator)

    def validation(self) -> dict[str, Tensor]:
        """Equation (6), without regularization, of the held-out shapes."""
        if self.validating is None:
            return {}
        images, points, distances = (part.to(self.encoder.mean.device) for part in self.validating)
        _, predicted = self.decoder(self.encoder(images), points)
        reconstruction = losses.reconstruction(predicted, distances, self.loss.clamp)
        return {"total": reconstruction, "reconstruction": reconstruction}

    def augment(self, images: Tensor, points: Tensor, distances: Tensor) -> tuple[Tensor, ...]:
        """Change the colours of each image, and what ``augmentation`` says besides."""
        images = self.augmentation(images, self.settings.colour_jitter, self.settings.grayscale_probability)
        return images, points, distances

    def forward(self, epoch: int, images: Tensor, points: Tensor, distances: Tensor) -> dict[str, Tensor]:
        """The terms of equation (9) and their weighted total, with codes from the encoder."""
        codes = self.encoder(images)
        return terms_in_parts(self.decoder, codes, points, distances, self.loss, epoch, self.micro_batch)

    def mean_codes(self, device: str) -> Tensor:
        """The mean code (shapes, L) over the views of each training shape, computed on ``device``."""
        encoder = self.encoder.to(device)
        with torch.no_grad():
            parts = self.views.images.split(self.IMAGES_AT_ONCE)
            codes = torch.cat([encoder(images.to(device)).cpu() for images in parts])
        self.encoder.cpu()
        return torch.stack([codes[views_of_shape].mean(dim=0) for views_of_shape in self.by_shape])

    def pictures(self) -> dict[str, np.ndarray]:
        """The template, and the reconstructions of the first two shapes from their first views."""
        images = self.views.images[[int(views_of_shape[0]) for views_of_shape in self.by_shape[:2]]].to(
            next(self.parameters()).device
        )
        with torch.no_grad():
            codes = self.encoder(images)
        return decoder_pictures(
            self.decoder, {f"shape_{index}": codes[index : index + 1] for index in range(len(codes))}
        )
