"""The encoder: maps an image to the latent code of the shape on it."""

import copy
import difflib
from typing import NamedTuple

import torch
from torch import Tensor, nn

from template3d.runtime.errors import InputError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's mean and standard deviation, which torchvision's weights expect."""


class Part(NamedTuple):
    """A model of torchvision, or a ResNet of it without its last stages."""

    whole: str
    """The name of the model in torchvision."""
    left_out: tuple[str, ...] = ()
    """The names of its stages that are left out."""
    features: int = 0
    """What the last layer gets after the stages that are left; 0 for a whole model, which has its own."""


PARTS = {"resnet18_half": Part("resnet18", ("layer3", "layer4"), features=128)}
"""The backbones that torchvision lacks.

The two stages have 94 % of ResNet-18's weights. For an image of 64 x 64 pixels, they put out 4 x 4 and 2 x 2 pixels.
"""


class Encoder(nn.Module):
    """The encoder E of equation (2): an image classifier (the report's: a ResNet-18) whose last layer gives a code.

    Source: He et al., "Deep Residual Learning for Image Recognition" (2016); the report's section 3.2.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, code_length: int, freeze_trunk: bool = False, backbone: str = "resnet18") -> None:
        """Set up with random weights; with a frozen trunk, only the last layer is trained.

        ``backbone`` is one of ``backbones()``. Raises InputError for any other name.
        """
        super().__init__()
        self.backbone, self.freeze_trunk = backbone, freeze_trunk
        self.trunk = classifier(backbone)
        self.last_layer = [name for name, layer in self.trunk.named_modules() if isinstance(layer, nn.Linear)][-1]
        self.trunk.set_submodule(self.last_layer, nn.Linear(self.head.in_features, code_length))
        if freeze_trunk:
            self.trunk.requires_grad_(False)
            self.head.requires_grad_(True)
        self.finish_loading()

    def finish_loading(self) -> None:
        """Set what a file of weights does not hold: the order of axes in memory, ImageNet's mean and deviation."""
        # faster convolutions, on CPU and GPU; the stubs of Module.to lack its argument memory_format
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)

    @property
    def head(self) -> nn.Linear:
        """The last layer, from features to a code."""
        layer = self.trunk.get_submodule(self.last_layer)
        assert isinstance(layer, nn.Linear)
        return layer

    def train(self, mode: bool = True) -> "Encoder":
        """Set training mode; a frozen trunk also keeps its batch statistics."""
        super().train(mode)
        if self.freeze_trunk:
            self.trunk.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Codes (B, L) of images (B, 3, S, S): uint8, or float in [0, 1]."""
        if images.dtype == torch.uint8:
            images = images.float() / 255
        images = ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        return self.trunk(images).to(images.dtype)

    def features(self, images: Tensor) -> Tensor:
        """What the last layer gets (B, D) for images (B, 3, S, S), as in ``forward``."""
        inputs: list[Tensor] = []
        hook = self.head.register_forward_pre_hook(lambda layer, given: inputs.append(given[0]))
        try:
            self(images)
        finally:
            hook.remove()
        return inputs[0].flatten(1)

    def check_image_size(self, image_size: int) -> None:
        """Raise InputError if the backbone cannot take images of ``image_size`` pixels a side."""
        training = self.training
        try:
            with torch.no_grad():
                self.eval()(torch.zeros(1, 3, image_size, image_size))
        except (RuntimeError, AssertionError, ValueError) as error:
            raise InputError(
                f"config: encoder.backbone {self.backbone} cannot take images of {image_size} pixels a side ({error}); "
                "set encoder.image_size to a size that it supports, such as 224, or use resnet18"
            ) from error
        self.train(training)

    def check_batch(self, images: Tensor) -> None:
        """Raise InputError if the backbone cannot be trained with a batch of ``images`` (B, 3, S, S).

        Statistics of a batch need two values at least: two images, or one whose features have several pixels.
        """
        try:
            with torch.no_grad():
                copy.deepcopy(self).train()(images.to(self.mean.device))  # training changes the statistics
        except ValueError as error:
            raise InputError(
                f"encoder.backbone {self.backbone} cannot be trained with a batch of {len(images)} images of "
                f"{images.shape[-1]} pixels a side ({error}); set end_to_end.scenes_per_batch to 2 or more, a larger "
                "encoder.image_size, or end_to_end.freeze_trunk: true"
            ) from error

    def rescale_codes(self, images: Tensor) -> None:
        """Scale and shift the last layer so that the codes of ``images`` are distributed like phase 1's initial codes.

        Each entry then has mean 0 and standard deviation 1 / sqrt(L) over the images (B, 3, S, S). A new last layer
        gives nearly the same code for every image, and a contrastive one gives codes that saturate the warp's gates.
        From either, end-to-end training learns little but the template. Raises ValueError if all codes are equal.
        """
        training = self.training
        with torch.no_grad():
            codes = self.train()(images.to(self.mean.device))  # training mode, as in the first steps
            self.train(training)
            mean, std = codes.mean(dim=0), codes.std(dim=0)
            if not (std > 0).all():
                raise ValueError("the encoder gives all images the same code, which cannot be rescaled")
            factor = codes.shape[1] ** -0.5 / std
            self.head.weight *= factor[:, None]
            self.head.bias.sub_(mean).mul_(factor)

    def start_at(self, code: Tensor) -> None:
        """Make a new last layer give nearly this code (L,) for every image; training then learns the differences.

        With codes around zero, the encoder of a small training set spends most of phase 2 on the mean code.
        """
        with torch.no_grad():
            self.head.bias.copy_(code)
            self.head.weight *= 0.1


def backbones() -> list[str]:
    """The names of the encoder's backbones: PARTS, and torchvision's image classifiers.

    SqueezeNet is left out, because it ends in a convolution.
    """
    import torchvision  # imported here because it is slow to import, and a decoder does not need it

    return [*PARTS, *torchvision.models.list_models(module=torchvision.models, exclude="squeezenet*")]


def part_of(backbone: str) -> Part:
    """The model of torchvision that a backbone is, or is a part of."""
    return PARTS.get(backbone, Part(backbone))


def classifier(backbone: str) -> nn.Module:
    """An image classifier with random weights; raises InputError if none has that name."""
    import torchvision  # imported here for the same reason

    names = backbones()
    if backbone not in names:
        near = difflib.get_close_matches(backbone, names, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"it may be one of: {', '.join(names)}"
        raise InputError(f"config: encoder.backbone is {backbone!r}, but there is no such backbone; {hint}")
    # without these options, both return tuples with auxiliary outputs
    options = {"aux_logits": False, "init_weights": True} if backbone in ("googlenet", "inception_v3") else {}
    part = part_of(backbone)
    network = torchvision.models.get_model(part.whole, weights=None, **options)
    for stage in part.left_out:
        network.set_submodule(stage, nn.Identity())
    if part.left_out:
        network.fc = nn.Linear(part.features, network.fc.out_features)
    return network
