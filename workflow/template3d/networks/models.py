"""Trained models on disk: weights as safetensors, and a JSON description beside them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from template3d.data import codes as codes_file
from template3d.networks import sizes
from template3d.networks.calibration import Calibration
from template3d.networks.encoder import Encoder
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.networks.origin import Origin
from template3d.runtime import checksums, files, seals
from template3d.runtime.errors import InputError
from template3d.runtime.files import whole, write_text

LARGEST_IMAGE = 4096
"""Pixels a side, more than any encoder's images."""


DESCRIPTION = "description"
"""The key of the metadata of the weights that holds the description, too."""


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
    crop_to_object: bool = False
    """Whether the object fills these images (``images.to_tensor``)."""
    calibration: Calibration | None = None
    """How far the encoder's held-out views are from those that it learned from; None if no shape was held out."""
    trained_on: Origin | None = None
    """What it has seen; None in models of earlier versions."""

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
    if model.calibration is not None:
        tensors |= model.calibration.tensors()
    facts: dict[str, Any] = {"decoder": model.sizes, "shapes": model.shapes, "image_size": model.image_size}
    if model.encoder is not None:
        facts |= {"backbone": model.encoder.backbone, "crop_to_object": model.crop_to_object}
    if model.trained_on is not None:
        facts |= {"trained_on": model.trained_on._asdict()}
    with whole(weights) as beside:
        # the weights fit some wrong descriptions, such as one with more steps of the warp
        tensors = {name: value.contiguous() for name, value in tensors.items()}
        save_file(tensors, beside, {DESCRIPTION: json.dumps(facts)})
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
        raise InputError(
            f"{weights}: cannot be read ({error}); copy it again, or let snakemake make it again"
        ) from error


def load_photo_model(weights: Path) -> Model:
    """Read a model as ``load_model``; also raises InputError if it has no encoder."""
    model = load_model(weights)
    if model.encoder is None:
        raise InputError(f"{weights}: this model has no encoder: use two_phase or end_to_end, not embeddings")
    return model


def load_model(weights: Path) -> Model:
    """Read a model that the workflow trained, in evaluation mode, on the CPU.

    ``weights`` is the path of ``model.safetensors``; the description ``model.json`` lies beside it. In the result,
    ``codes`` (shapes, L) float32 holds one code of length L per training shape.

    Raises InputError if a file is missing or damaged, if the description has a wrong or absurd value, or if the weights
    do not fit it. The description may claim any size: the weights alone decide how much memory is used.
    """
    description = weights.with_suffix(".json")
    for file in (weights, description):
        files.check_regular(file)
        if seals.path_of(file).exists() and (flaw := seals.flaw(file)):
            raise InputError(f"{flaw}; copy the model's folder again, or let snakemake make it again")
        checksums.check(file)
    try:
        facts, tensors = json.loads(description.read_text()), load_file(weights)
        with safe_open(weights, framework="pt") as opened:
            written = json.loads((opened.metadata() or {}).get(DESCRIPTION, "null"))
    except Exception as error:  # safetensors has its own class of errors
        raise InputError(
            f"{weights}: it or {description.name} cannot be read ({error!r}); copy its folder again, with all files"
        ) from error
    missing = {"decoder", "shapes", "image_size"} - (facts.keys() if isinstance(facts, dict) else set())
    if missing:
        raise InputError(f"{description}: describes no model; {min(missing)} is missing: copy the model's folder again")
    decoder_sizes, codes = sizes.checked(facts["decoder"], description), tensors.get("codes")
    encoder, calibration, trained_on = None, None, Origin.checked(facts.get("trained_on"), description)
    with torch.device("meta"):
        decoder = ImplicitTemplate(**decoder_sizes).eval()
    parts: dict[str, nn.Module] = {"decoder": decoder}
    if any(name.startswith("encoder.") for name in tensors):
        sizes.check_count(facts["image_size"], LARGEST_IMAGE, "image_size", description)
        encoder = parts["encoder"] = _unfilled_encoder(decoder_sizes["code_length"], facts.get("backbone"), description)
    for part, network in parts.items():
        state = {name.removeprefix(f"{part}."): value for name, value in tensors.items() if name.startswith(f"{part}.")}
        try:
            network.load_state_dict({name: _single(value) for name, value in state.items()}, assign=True)
        except RuntimeError as mismatch:
            raise InputError(f"{weights}: does not fit {description}: {mismatch}") from mismatch
    if encoder is not None:
        encoder.finish_loading()
        calibration = Calibration.checked(tensors, encoder.head.in_features, weights)
    if codes is not None:
        expected = (len(codes_file.checked_shapes(facts["shapes"], description)), decoder_sizes["code_length"])
        if codes.shape != expected:
            raise InputError(f"{weights}: has codes {tuple(codes.shape)}, but {description} describes {expected}")
    if written not in (None, facts):
        raise InputError(f"{description}: is not the description of {weights.name}; copy the model's folder again")
    crop = facts.get("crop_to_object", False)
    if not isinstance(crop, bool):
        raise InputError(f"{description}: crop_to_object is {crop!r}, but must be true or false")
    image_size = facts["image_size"]
    return Model(decoder, decoder_sizes, codes, facts["shapes"], encoder, image_size, crop, calibration, trained_on)


def _unfilled_encoder(code_length: int, backbone: object, description: Path) -> Encoder:
    """An encoder without memory for its weights; raises InputError if there is no such backbone."""
    try:
        try:
            with torch.device("meta"):
                return Encoder(code_length, backbone=str(backbone)).eval()
        except NotImplementedError:  # torchvision's RegNets compute their widths with tensors
            return Encoder(code_length, backbone=str(backbone)).eval()
    except InputError as unknown:
        raise InputError(f"{description}: backbone is {backbone!r}, but there is no such backbone") from unknown


def _single(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value
