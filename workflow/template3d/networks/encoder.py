"""The encoder: from an image to the code of the shape that it shows."""

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from urllib.error import URLError

import torch
from torch import Tensor, nn
from torchvision.models import ResNet18_Weights, resnet18

from template3d.runtime import npz
from template3d.runtime.errors import InputError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, as torchvision's weights expect them."""


class Encoder(nn.Module):
    """The encoder E of equation (2): a ResNet-18 whose last layer gives a code.

    Source: He et al., "Deep Residual Learning for Image Recognition" (2016); the report's section 3.2.
    """

    def __init__(self, code_length: int, freeze_trunk: bool = False) -> None:
        """Set up with random weights; a frozen trunk trains its last layer only."""
        super().__init__()
        self.trunk = resnet18()
        self.trunk.fc = nn.Linear(self.trunk.fc.in_features, code_length)
        self.freeze_trunk = freeze_trunk
        if freeze_trunk:
            self.trunk.requires_grad_(False)
            self.trunk.fc.requires_grad_(True)
        self.to(memory_format=torch.channels_last)  # faster convolutions, on CPU and GPU
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)

    def train(self, mode: bool = True) -> "Encoder":
        """Set training mode; a frozen trunk keeps its batch statistics too."""
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

    def even_codes(self, images: Tensor) -> None:
        """Scale and shift the last layer so that the codes of ``images`` are as phase 1's at its start.

        Each entry then has mean 0 and standard deviation 1 / sqrt(L) over the images (B, 3, S, S). A fresh last layer
        gives nearly the same code for every image, a contrastive one codes that saturate the warp's gates; from
        either, end-to-end training learns little but the template. Raises ValueError if the codes are all alike.
        """
        training = self.training
        with torch.no_grad():
            codes = self.train()(images.to(self.mean.device))  # as the first steps see them
            self.train(training)
            mean, std = codes.mean(dim=0), codes.std(dim=0)
            if not (std > 0).all():
                raise ValueError("the encoder gives all images the same code, which cannot be spread")
            factor = codes.shape[1] ** -0.5 / std
            self.trunk.fc.weight *= factor[:, None]
            self.trunk.fc.bias.sub_(mean).mul_(factor)

    def start_at(self, code: Tensor) -> None:
        """Let a fresh last layer give nearly this code (L,) for every image; what sets shapes apart is then learned.

        From codes around zero, a small training set's encoder spends most of phase 2 on the mean code.
        """
        with torch.no_grad():
            self.trunk.fc.bias.copy_(code)
            self.trunk.fc.weight *= 0.1

    def load_trunk(self, weights: str) -> None:
        """Load the trunk's start: ``imagenet``, ``none``, or the path of a torchvision ResNet-18 state.

        The last layer keeps its random start. Raises InputError if the weights cannot be had; nothing else is
        taken instead.
        """
        if weights == "none":
            return
        if weights == "imagenet":
            try:
                state = ResNet18_Weights.IMAGENET1K_V1.get_state_dict(
                    progress=False, check_hash=True, weights_only=True
                )
            except (URLError, OSError, RuntimeError, UnpicklingError) as error:
                raise InputError(
                    f"encoder.weights is imagenet, but torchvision cannot fetch the weights here ({error}); fetch "
                    f"{ResNet18_Weights.IMAGENET1K_V1.url} elsewhere and set encoder.weights to its path, or to none"
                ) from error
        else:
            if not Path(weights).is_file():
                raise InputError(f"encoder.weights names {weights}, but there is no such file")
            try:
                npz.check_stored(Path(weights))
                state = torch.load(weights, map_location="cpu", weights_only=True)
                if not isinstance(state, Mapping):
                    raise TypeError("it holds no named tensors")
            except Exception as error:  # broken, or a pickle that would run code
                raise InputError(
                    f"encoder.weights: {weights} cannot be read as weights ({type(error).__name__}: {error})"
                ) from error
        state = {name: tensor for name, tensor in state.items() if not name.startswith("fc.")}
        head = {f"fc.{name}": value for name, value in self.trunk.fc.state_dict().items()}
        try:
            self.trunk.load_state_dict(state | head)
        except RuntimeError as mismatch:
            raise InputError(
                f"encoder.weights: {weights} is not the state of a torchvision ResNet-18 ({mismatch})"
            ) from mismatch
