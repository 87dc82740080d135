"""Phase 2: an image encoder that maps every view of a shape to the shape's code."""

import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from template3d.data.images import Views
from template3d.networks import losses
from template3d.networks.encoder import Encoder
from template3d.training.augmentation import NO_AUGMENTATION, Augmentation
from template3d.training.stage import Stage, random_batches


@dataclass(frozen=True)
class EncoderSettings:
    """The settings of phase 2; the defaults are the report's."""

    batch_size: int = 512
    learning_rate: float = 1e-3
    colour_jitter: float = 0.4
    grayscale_probability: float = 0.0
    min_steps_per_epoch: int = 1


IMAGES_AT_ONCE = 256
"""Held-out images that the encoder sees at once."""


class EncoderStage(Stage):
    """Section 3.2 of the report: minimizes equation (10) over the encoder."""

    summed = True
    codes: Tensor

    def __init__(
        self,
        encoder: Encoder,
        views: Views,
        codes: Tensor,
        settings: EncoderSettings,
        held_out: Collection[int] = (),
        augmentation: Augmentation = NO_AUGMENTATION,
        synthetic: Collection[int] = (),
    ) -> None:
        """Set up for views of shapes with fixed codes (shapes, L).

        ``held_out`` has the indices of shapes that are not learned from; their views validate. ``synthetic`` has those
        of synthetic shapes; if there are any, half of the images in a batch show them.
        """
        super().__init__()
        self.encoder, self.views, self.settings, self.augmentation = encoder, views, settings, augmentation
        held_out_views, synthetic_views = (
            torch.isin(views.shapes, torch.tensor(sorted(some), dtype=views.shapes.dtype))
            for some in (held_out, synthetic)
        )
        self.learned = torch.nonzero(~held_out_views & ~synthetic_views)[:, 0]
        self.held_out, self.synthetic = (torch.nonzero(some)[:, 0] for some in (held_out_views, synthetic_views))
        self.register_buffer("codes", codes.clone(), persistent=False)

    def parameter_groups(self) -> list[dict]:
        """The encoder's parameters that are not frozen."""
        trained = [parameter for parameter in self.encoder.parameters() if parameter.requires_grad]
        return [{"name": "encoder", "params": trained, "lr": self.settings.learning_rate}]

    def batches(self, epoch: int, generator: torch.Generator) -> Iterator[tuple[Tensor, ...]]:
        """Every view once per epoch, or more often (``random_batches``).

        Each batch is images (B, 3, S, S) uint8 and shapes (B,). None is incomplete: batch norm needs many images. With
        synthetic shapes, there are as many batches as without them, and a real view is drawn half as often.
        """
        size, fewest = self.settings.batch_size, self.settings.min_steps_per_epoch
        batches = random_batches(self.learned, size, fewest, generator)
        if len(self.synthetic):
            batches = self._half_synthetic(max(len(self.learned) // size, fewest), generator)
        for batch in batches:
            yield self.views.images[batch], self.views.shapes[batch]

    def _half_synthetic(self, count: int, generator: torch.Generator) -> Iterator[Tensor]:
        """``count`` batches of views, in mixed order, so that each of several devices gets both kinds."""
        half = self.settings.batch_size // 2
        real = random_batches(self.learned, self.settings.batch_size - half, count, generator)
        synthetic = random_batches(self.synthetic, half, count, generator)
        for pair in itertools.islice(zip(real, synthetic, strict=False), count):
            batch = torch.cat(pair)
            yield batch[torch.randperm(len(batch), generator=generator)]

    def validation(self) -> dict[str, Tensor]:
        """Equation (10) of a batch as large as in training, and the mean per code entry, over all held-out views."""
        if not len(self.held_out):
            return {}
        total = torch.zeros((), device=self.codes.device)
        for some in self.held_out.split(IMAGES_AT_ONCE):
            predicted = self.encoder(self.views.images[some].to(self.codes.device))
            total += losses.code_l1(predicted, self.codes[self.views.shapes[some].to(self.codes.device)])
        per_view = total / len(self.held_out)
        return {"total": self.settings.batch_size * per_view, "l1_per_entry": per_view / self.codes.shape[1]}

    def augment(self, images: Tensor, shapes: Tensor) -> tuple[Tensor, ...]:
        """Change the colours of each image, and what ``augmentation`` says besides."""
        return self.augmentation(images, self.settings.colour_jitter, self.settings.grayscale_probability), shapes

    def forward(self, epoch: int, images: Tensor, shapes: Tensor) -> dict[str, Tensor]:
        """Equation (10) as ``total``, and its mean per code entry, which does not depend on sizes."""
        predicted = self.encoder(images)
        total = losses.code_l1(predicted, self.codes[shapes])
        return {"total": total, "l1_per_entry": total.detach() / predicted.numel()}
