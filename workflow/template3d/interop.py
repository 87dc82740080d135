"""Experiments in the published Deep Implicit Templates layout, read into our networks."""

import json
from pathlib import Path

import torch
from torch import Tensor

from template3d.networks.implicit_template import ImplicitTemplate


def load_deep_implicit_template(folder: str | Path, checkpoint: str = "latest") -> tuple[ImplicitTemplate, Tensor]:
    """Read an experiment folder as the authors' training program leaves it.

    ``folder`` holds ``specs.json``, ``ModelParameters/<checkpoint>.pth`` and ``LatentCodes/<checkpoint>.pth``.
    Returns the model, in evaluation mode, and the codes (shapes, L) in the order of the training split.
    Raises FileNotFoundError for a missing file and ValueError for a network of another kind; only tensors are
    read from the ``.pth`` files, never code.

    Source: https://github.com/ZhengZerong/DeepImplicitTemplates
    """
    folder = Path(folder)
    specs = json.loads((folder / "specs.json").read_text())
    model = ImplicitTemplate(**_network_arguments(specs, folder / "specs.json"))
    weights_file = folder / "ModelParameters" / f"{checkpoint}.pth"
    weights = torch.load(weights_file, map_location="cpu", weights_only=True)["model_state_dict"]
    try:
        model.load_state_dict({_our_name(name, model): tensor for name, tensor in weights.items()})
    except RuntimeError as mismatch:
        raise ValueError(f"{weights_file}: weights do not fit {folder / 'specs.json'}: {mismatch}") from mismatch
    codes = torch.load(folder / "LatentCodes" / f"{checkpoint}.pth", map_location="cpu", weights_only=True)
    codes = codes["latent_codes"]
    if not isinstance(codes, Tensor):  # newer experiments keep an embedding layer, older ones the tensor itself
        codes = codes["weight"]
    return model.eval(), codes.reshape(-1, specs["CodeLength"]).float()


def _network_arguments(specs: dict, specs_file: Path) -> dict:
    warp, template = specs["NetworkSpecs"]["warper_kargs"], specs["NetworkSpecs"]["decoder_kargs"]
    hidden_layers = list(range(len(template["dims"])))
    unsupported = {
        "NetworkArch": specs["NetworkArch"] != "deep_implicit_template_decoder",
        "xyz_in_all": bool(template.get("xyz_in_all")),
        "use_tanh": bool(template.get("use_tanh")),
        "weight_norm": not template.get("weight_norm"),
        "norm_layers": list(template.get("norm_layers", [])) != hidden_layers,
    }
    for key, wrong in unsupported.items():
        if wrong:
            raise ValueError(f"{specs_file}: this value of {key} is not supported; see the published chairs_dit")
    dropout_layers = template.get("dropout") or []
    if template.get("dropout_prob", 0.0) and list(dropout_layers) != hidden_layers:
        raise ValueError(f"{specs_file}: dropout on some layers only ({dropout_layers}) is not supported")
    return {
        "code_length": specs["CodeLength"],
        "warp_hidden": warp["hidden_size"],
        "warp_steps": warp["steps"],
        "template_hidden": template["dims"],
        "dropout": template.get("dropout_prob", 0.0) if dropout_layers else 0.0,
    }


def _our_name(name: str, model: ImplicitTemplate) -> str:
    """The name in our networks of a published weight, such as ``module.sdf_decoder.lin0.weight_g``."""
    name = name.removeprefix("module.")
    if name.startswith("warper."):
        return name.replace("warper.", "warp.").replace("out_layer_coord_affine", "affine")
    layer, _, parameter = name.removeprefix("sdf_decoder.lin").partition(".")
    if layer == str(len(model.template.hidden)):
        return f"template.output.{parameter}"
    direction_or_length = {"weight_g": "original0", "weight_v": "original1"}  # the old form of weight norm
    if parameter in direction_or_length:
        parameter = f"parametrizations.weight.{direction_or_length[parameter]}"
    return f"template.hidden.{layer}.{parameter}"
