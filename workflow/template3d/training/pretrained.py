"""Initial weights of an encoder: random, ImageNet's (downloaded by torchvision), or a file's."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from urllib.error import URLError

import torch
from torchvision.models import get_model_weights

from template3d.networks import models
from template3d.networks.encoder import Encoder, part_of
from template3d.runtime import npz
from template3d.runtime.errors import InputError

AUXILIARY = ("AuxLogits.", "aux1.", "aux2.")
"""Auxiliary outputs of Inception and GoogLeNet, used only in their own training; the encoder lacks them."""


def new_encoder(
    settings: Mapping[str, Any],
    code_length: int,
    start: str,
    contrastive: Sequence[str | Path] = (),
    freeze_trunk: bool = False,
) -> Encoder:
    """An encoder to codes of ``code_length`` entries, with its initial weights.

    ``settings`` is the configuration's ``encoder``: ``backbone``, ``image_size``. ``start`` is ``contrastive``,
    which loads the one file in ``contrastive``, or as for ``load_trunk``. Raises InputError if the weights are not
    available, or if the backbone cannot see images of that size.
    """
    encoder = Encoder(code_length, freeze_trunk, settings["backbone"])
    if start == "contrastive":
        (file,) = contrastive
        models.load_encoder(encoder, Path(file))
    else:
        load_trunk(encoder, start)
    encoder.check_image_size(settings["image_size"])
    return encoder


def load_trunk(encoder: Encoder, weights: str) -> None:
    """Load an encoder's trunk: ``imagenet``, ``none`` (random weights), or the path of a torchvision model's state.

    The last layer keeps its random weights. Raises InputError if the weights are not available; there is no fallback.
    """
    if weights == "none":
        return
    state = imagenet_state(encoder.backbone) if weights == "imagenet" else read_state(Path(weights))
    head = f"{encoder.last_layer}."
    part = part_of(encoder.backbone)
    unused = (head, *AUXILIARY, *(f"{stage}." for stage in part.left_out))
    state = {name: tensor for name, tensor in state.items() if not name.startswith(unused)}
    state |= {f"{head}{name}": value for name, value in encoder.head.state_dict().items()}
    try:
        encoder.trunk.load_state_dict(state)
    except RuntimeError as mismatch:
        raise InputError(
            f"encoder.weights: {weights} is not the state of a torchvision {part.whole} ({mismatch})"
        ) from mismatch


def imagenet_state(backbone: str) -> Mapping[str, Any]:
    """torchvision's ImageNet weights of a model, downloaded once; raises InputError if the download fails."""
    weights = next(iter(get_model_weights(part_of(backbone).whole)))
    try:
        return weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (URLError, OSError, RuntimeError, UnpicklingError) as error:
        raise InputError(
            f"encoder.weights is imagenet, but torchvision cannot fetch the weights here ({error}); fetch "
            f"{weights.url} elsewhere and set encoder.weights to its path, or to none"
        ) from error


def read_state(file: Path) -> Mapping[str, Any]:
    """The named tensors in a file that ``torch.save`` wrote; raises InputError if it is missing or unreadable."""
    if not file.is_file():
        raise InputError(f"encoder.weights names {file}, but there is no such file")
    try:
        npz.check_stored(file)
        state = torch.load(file, map_location="cpu", weights_only=True)
        if not isinstance(state, Mapping):
            raise TypeError("it holds no named tensors")
    except Exception as error:  # a damaged file, or a pickle with code
        raise InputError(
            f"encoder.weights: {file} cannot be read as weights ({type(error).__name__}: {error})"
        ) from error
    return state
