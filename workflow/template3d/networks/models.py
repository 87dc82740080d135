"""Trained models on disk: weights as safetensors, and what they are in a JSON file beside them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from template3d.networks.encoder import Encoder
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.runtime.errors import InputError
from template3d.runtime.files import whole, write_text


@dataclass
class Model:
    """A category's networks; ``encoder`` and ``codes`` (shapes, L) where the stage that made them has them."""

    decoder: ImplicitTemplate
    sizes: dict
    """The arguments of the decoder's constructor."""
    codes: Tensor | None = None
    """One code (shapes, L) per training shape: phase 1's own, or, end to end, the mean over the shape's views."""
    shapes: list[str] | None = None
    """The training shapes, in the order of the codes."""
    encoder: Encoder | None = None
    image_size: int | None = None
    """Pixels a side that the encoder was trained on."""

    def encode(self, images: Tensor) -> Tensor:
        """Codes (B, L) of images (B, 3, S, S) uint8; raises ValueError for a model without an encoder."""
        if self.encoder is None:
            raise ValueError("this model has no encoder")
        with torch.no_grad():
            return self.encoder(images)


def save(model: Model, weights: Path, description: Path) -> None:
    """Write a model as a weights file and its description; each whole or not at all."""
    tensors = {f"decoder.{name}": value for name, value in model.decoder.state_dict().items()}
    if model.codes is not None:
        tensors["codes"] = model.codes.detach()
    if model.encoder is not None:
        tensors |= {f"encoder.{name}": value for name, value in model.encoder.state_dict().items()}
    with whole(weights) as beside:
        save_file({name: value.contiguous() for name, value in tensors.items()}, beside)
    facts: dict[str, Any] = {"decoder": model.sizes, "shapes": model.shapes, "image_size": model.image_size}
    if model.encoder is not None:
        facts["backbone"] = model.encoder.backbone
    write_text(description, json.dumps(facts, indent=1) + "\n")


def save_encoder(encoder: Encoder, weights: Path) -> None:
    """Write an encoder's weights, whole or not at all."""
    with whole(weights) as beside:
        save_file({name: value.contiguous() for name, value in encoder.state_dict().items()}, beside)


def load_encoder(encoder: Encoder, weights: Path) -> None:
    """Read what ``save_encoder`` wrote; raises InputError if it does not fit."""
    try:
        encoder.load_state_dict(load_file(weights))
    except Exception as error:  # safetensors raises an error class of its own
        raise InputError(f"{weights}: cannot be read ({error}); delete it, and the next run trains again") from error


def load_model(weights: Path) -> Model:
    """Read a model in evaluation mode; its description is ``model.json`` beside the weights.

    Raises InputError if one of the files is missing or does not fit the other.
    """
    description = weights.with_suffix(".json")
    try:
        facts, tensors = json.loads(description.read_text()), load_file(weights)
    except Exception as error:  # safetensors raises an error class of its own
        raise InputError(f"{weights}: cannot be read ({error}); delete it, and the next run trains again") from error
    decoder = ImplicitTemplate(**facts["decoder"]).eval()
    encoder = None
    parts: dict[str, nn.Module] = {"decoder": decoder}
    if any(name.startswith("encoder.") for name in tensors):
        encoder = parts["encoder"] = Encoder(facts["decoder"]["code_length"], backbone=facts["backbone"]).eval()
    for part, network in parts.items():
        state = {name.removeprefix(f"{part}."): value for name, value in tensors.items() if name.startswith(f"{part}.")}
        try:
            network.load_state_dict(state)
        except RuntimeError as mismatch:
            raise InputError(f"{weights}: does not fit {description}: {mismatch}") from mismatch
    return Model(decoder, facts["decoder"], tensors.get("codes"), facts["shapes"], encoder, facts["image_size"])
