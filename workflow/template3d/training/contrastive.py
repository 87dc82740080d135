"""Contrastive pretraining: similar codes for two images of one object, different codes for different objects."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.distributed.nn.functional as distributed
from torch import Tensor
from torchvision.transforms import v2

from template3d.data.images import Views
from template3d.networks import losses
from template3d.networks.encoder import Encoder
from template3d.networks.projection import Projection
from template3d.runtime.errors import InputError
from template3d.training.augmentation import grayscale, jitter, one_by_one
from template3d.training.stage import Stage, random_batches


@dataclass(frozen=True)
class ContrastiveSettings:
    """The settings of the stage; the defaults are those of the original program."""

    positives: str = "views"
    """``views``: two renderings of one object; ``augmentations``: two augmentations of one rendering."""
    batch_size: int = 256
    temperature: float = 0.07
    learning_rate: float = 3e-4
    colour_jitter: float = 0.4
    grayscale_probability: float = 0.2
    """Share of images that become grayscale, so that the encoder learns shapes, not colours."""
    smallest_crop: float = 0.2
    """For ``augmentations``: the smallest share of an image that a crop keeps."""
    min_steps_per_epoch: int = 1


class ContrastiveStage(Stage):
    """Section 5.2 of the report: minimizes equation (13) over encoder and projection head."""

    def __init__(self, encoder: Encoder, projection: Projection, views: Views, settings: ContrastiveSettings) -> None:
        """Set up; with ``views``, raises InputError unless there are two shapes, each with two views."""
        super().__init__()
        self.encoder, self.projection, self.views, self.settings = encoder, projection, views, settings
        self.by_shape = [torch.nonzero(views.shapes == shape)[:, 0] for shape in views.shapes.unique()]
        if settings.positives == "views" and (len(self.by_shape) < 2 or min(map(len, self.by_shape)) < 2):
            raise InputError("contrastive.positives is views, which needs at least two shapes with two views each")
        size, amount = views.images.shape[-1], settings.colour_jitter
        self.random_view = None
        if settings.positives == "augmentations":
            self.random_view = v2.Compose(
                [
                    v2.RandomResizedCrop(size, scale=(settings.smallest_crop, 1.0), antialias=True),
                    v2.RandomHorizontalFlip(),
                    v2.RandomApply([v2.ColorJitter(2 * amount, 2 * amount, 2 * amount, amount / 2)], p=0.8),
                    v2.RandomGrayscale(p=settings.grayscale_probability),
                    v2.GaussianBlur(2 * (size // 20) + 1, sigma=(0.1, 2.0)),
                ]
            )

    def parameter_groups(self) -> list[dict]:
        """Encoder and projection head at one learning rate."""
        both = [*self.encoder.parameters(), *self.projection.parameters()]
        return [{"name": "encoder", "params": [p for p in both if p.requires_grad], "lr": self.settings.learning_rate}]

    def batches(self, epoch: int, generator: torch.Generator) -> Iterator[tuple[Tensor, ...]]:
        """The batches of an epoch: of about as many images as views, but ``min_steps_per_epoch`` batches at least.

        Each batch is two tensors (B, 3, S, S) uint8, whose rows are pairs. With ``views``, a batch has one pair of
        views for each of B different objects. With ``augmentations``, a pair is the same image twice.
        """
        min_batches = self.settings.min_steps_per_epoch
        if self.settings.positives == "augmentations":
            every = torch.arange(len(self.views.images))
            for batch in random_batches(every, self.settings.batch_size, min_batches, generator):
                images = self.views.images[batch]
                yield images, images
            return
        size = min(self.settings.batch_size, len(self.by_shape))
        for _ in range(max(min_batches, len(self.views.images) // (2 * size))):
            pairs = []
            for shape in torch.randperm(len(self.by_shape), generator=generator)[:size]:
                views_of_shape = self.by_shape[shape]
                pairs.append(views_of_shape[torch.randperm(len(views_of_shape), generator=generator)[:2]])
            first, second = torch.stack(pairs).T
            yield self.views.images[first], self.views.images[second]

    def augment(self, first: Tensor, second: Tensor) -> tuple[Tensor, ...]:
        """Augment each image; with ``views``, only jitter its colours or convert it to grayscale."""
        if self.random_view is None:
            amount, share = self.settings.colour_jitter, self.settings.grayscale_probability
            return grayscale(jitter(first, amount), share), grayscale(jitter(second, amount), share)
        return one_by_one(self.random_view, first), one_by_one(self.random_view, second)

    def forward(self, epoch: int, first: Tensor, second: Tensor) -> dict[str, Tensor]:
        """Equation (13) as ``total``, and the share of images whose most similar other image is their partner."""
        projected = self.projection(self.encoder(torch.cat([first, second]))).unflatten(0, (2, -1))  # (2, B, P)
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            projected = torch.cat(distributed.all_gather(projected), dim=1)  # every device's images are negatives
        first_projected, second_projected = projected
        total, partners = losses.nt_xent(first_projected, second_projected, self.settings.temperature)
        return {"total": total, "partners_found": partners}
