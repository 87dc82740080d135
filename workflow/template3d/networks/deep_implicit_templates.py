"""Reads and writes experiments in the layout of the published Deep Implicit Templates."""

import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from template3d.networks.implicit_template import ImplicitTemplate
from template3d.networks.models import Model
from template3d.runtime import npz
from template3d.runtime.errors import InputError
from template3d.runtime.files import whole, write_text

BROKEN: tuple[type[Exception], ...] = (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError)
BROKEN += (*npz.DAMAGE, pickle.UnpicklingError)
"""Errors that reading a damaged experiment may raise."""


def load_deep_implicit_template(folder: str | Path, checkpoint: str = "latest") -> tuple[ImplicitTemplate, Tensor]:
    """Read an experiment folder of the published Deep Implicit Templates program.

    ``folder`` holds ``specs.json``, ``ModelParameters/<checkpoint>.pth`` and ``LatentCodes/<checkpoint>.pth``. The
    ``.pth`` files are read with ``weights_only=True``, so they cannot run code.

    Returns the model, in evaluation mode, and the codes (shapes, L) float32, in the order of the training split. L is
    the code length.

    Raises FileNotFoundError for a missing file, ValueError for a network of another kind or for weights that do not
    fit ``specs.json``, and InputError if a tensor claims more numbers than its file holds. Other damage raises the
    error of the reader, such as ``zipfile.BadZipFile`` or ``pickle.UnpicklingError``.

    Source: Zheng et al., "Deep Implicit Templates" (2021); https://github.com/ZhengZerong/DeepImplicitTemplates
    """
    folder = Path(folder)
    specs = json.loads((folder / "specs.json").read_text(encoding="utf-8-sig"))
    with torch.device("meta"):  # specs.json may name any size, so the weights alone decide how much memory is used
        model = ImplicitTemplate(**_network_arguments(specs, folder / "specs.json"))
    weights_file = folder / "ModelParameters" / f"{checkpoint}.pth"
    weights = _tensors(weights_file)["model_state_dict"]
    try:
        model.load_state_dict({_our_name(name, model): tensor.float() for name, tensor in weights.items()}, assign=True)
    except RuntimeError as mismatch:
        raise ValueError(f"{weights_file}: weights do not fit {folder / 'specs.json'}: {mismatch}") from mismatch
    codes = _tensors(folder / "LatentCodes" / f"{checkpoint}.pth")["latent_codes"]
    if not isinstance(codes, Tensor):  # newer experiments store an embedding layer, older ones the tensor itself
        codes = codes["weight"]
    return model.eval(), codes.reshape(-1, specs["CodeLength"]).float()


def _tensors(file: Path) -> dict:
    npz.check_stored(file)
    content = torch.load(file, map_location="cpu", weights_only=True)
    for tensor in filter(torch.is_tensor, _leaves(content)):
        if tensor.untyped_storage().nbytes() < tensor.numel() * tensor.element_size():
            raise InputError(f"{file}: a tensor in it claims more numbers than the file holds")
    return content


def _leaves(content: object) -> Iterator[object]:
    for value in content.values() if isinstance(content, dict) else [content]:
        yield from _leaves(value) if isinstance(value, dict) else [value]


def as_phase1(folder: str | Path, shapes: list[str]) -> Model:
    """Read a published experiment as phase 1's result; its codes belong to ``shapes``, the training split, in order.

    Raises InputError if the folder cannot be read, or has more or fewer codes than there are shapes.
    """
    try:
        decoder, codes = load_deep_implicit_template(folder)
    except BROKEN as error:
        raise InputError(f"phase1.from: {folder} is not an experiment that can be read: {error!r}") from error
    if len(codes) != len(shapes):
        raise InputError(
            f"phase1.from: {folder} has {len(codes)} codes, but the training split lists {len(shapes)} shapes; give "
            "the split that it was trained on"
        )
    specs = Path(folder) / "specs.json"
    sizes = _network_arguments(json.loads(specs.read_text(encoding="utf-8-sig")), specs)
    return Model(decoder, sizes, codes, list(shapes))


def save_deep_implicit_template(model: Model, folder: Path, clamp: float, epoch: int = 0) -> None:
    """Write template, warp and codes as an experiment folder that the authors' programs read.

    ``clamp`` is the distance at which training clamped distances (their ``ClampingDistance``). The ``.pth`` files hold
    only dictionaries of tensors, as these programs expect. Each file is written atomically.
    """
    sizes, layers = model.sizes, list(range(len(model.sizes["template_hidden"])))
    specs = {
        "Description": "written by template3d",
        "NetworkArch": "deep_implicit_template_decoder",
        "NetworkSpecs": {
            "warper_kargs": {"hidden_size": sizes["warp_hidden"], "steps": sizes["warp_steps"]},
            "decoder_kargs": {
                "dims": sizes["template_hidden"],
                "dropout": layers,
                "dropout_prob": sizes["dropout"],
                "norm_layers": layers,
                "xyz_in_all": False,
                "weight_norm": True,
            },
        },
        "CodeLength": sizes["code_length"],
        "ClampingDistance": clamp,
        "Shapes": model.shapes,
    }
    weights = {
        f"module.{_their_name(name, model.decoder)}": value for name, value in model.decoder.state_dict().items()
    }
    write_text(folder / "specs.json", json.dumps(specs, indent=1) + "\n")
    for name, content in (
        ("ModelParameters", {"epoch": epoch, "model_state_dict": weights}),
        ("LatentCodes", {"epoch": epoch, "latent_codes": {"weight": model.codes}}),
    ):
        with whole(folder / name / "latest.pth") as beside:
            torch.save(content, beside)


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
    """The name, in this library, of a published weight such as ``module.sdf_decoder.lin0.weight_g``."""
    name = name.removeprefix("module.")
    if name.startswith("warper."):
        return name.replace("warper.", "warp.").replace("out_layer_coord_affine", "affine")
    layer, _, parameter = name.removeprefix("sdf_decoder.lin").partition(".")
    if layer == str(len(model.template.hidden)):
        return f"template.output.{parameter}"
    direction_or_length = {"weight_g": "original0", "weight_v": "original1"}  # names in PyTorch's former weight norm
    if parameter in direction_or_length:
        parameter = f"parametrizations.weight.{direction_or_length[parameter]}"
    return f"template.hidden.{layer}.{parameter}"


def _their_name(name: str, model: ImplicitTemplate) -> str:
    """The published name of a weight of this library; the inverse of ``_our_name``."""
    if name.startswith("warp."):
        return name.replace("warp.", "warper.").replace("affine", "out_layer_coord_affine")
    if name.startswith("template.output."):
        return name.replace("template.output", f"sdf_decoder.lin{len(model.template.hidden)}")
    name = name.replace("parametrizations.weight.original0", "weight_g").replace(
        "parametrizations.weight.original1", "weight_v"
    )
    return name.replace("template.hidden.", "sdf_decoder.lin")
