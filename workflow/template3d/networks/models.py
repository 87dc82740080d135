"""Trained models on disk: weights as safetensors, and a JSON description beside them."""

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
    """A category's networks; ``encoder`` and ``codes`` are None if the stage that made the model has none."""

    decoder: ImplicitTemplate
    sizes: dict
    """The arguments of the decoder's constructor."""
    codes: Tensor | None = None
    """One code (shapes, L) per training shape: from phase 1, or, end to end, the mean over the shape's views."""
    shapes: list[str] | None = None
    """The training shapes, in the order of the codes."""
    encoder: Encoder | None = None
    image_size: int | None = None
    """Pixels a side of the images that the encoder was trained on."""

    def encode(self, images: Tensor) -> Tensor:
        """Codes (B, L) of images (B, 3, S, S) uint8; raises ValueError for a model without an encoder."""
        if self.encoder is None:
            raise ValueError("this model has no encoder")
        with torch.no_grad():
            return self.encoder(images)


def save(model: Model, weights: Path, description: Path) -> None:
    """Write a model's weights and description, each file atomically."""
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
    """Write an encoder's weights atomically."""
    with whole(weights) as beside:
        save_file({name: value.contiguous() for name, value in encoder.state_dict().items()}, beside)


def load_encoder(encoder: Encoder, weights: Path) -> None:
    """Read the weights that ``save_encoder`` wrote; raises InputError if they cannot be read or do not fit."""
    try:
        encoder.load_state_dict(load_file(weights))
    except Exception as error:  # safetensors has its own class of errors
        raise InputError(f"{weights}: cannot be read ({error}); delete it, and the next run trains again") from error


def load_model(weights: Path) -> Model:
    """Read a model that the workflow trained, in evaluation mode, on the CPU.

    ``weights`` is the path of ``model.safetensors``; the description ``model.json`` lies beside it. In the result,
    ``codes`` (shapes, L) float32 holds one code of length L per training shape.

    Raises InputError if a file is missing or damaged, or if the weights do not fit the description.
    """
    description = weights.with_suffix(".json")
    try:
        facts, tensors = json.loads(description.read_text()), load_file(weights)
    except Exception as error:  # safetensors has its own class of errors
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
