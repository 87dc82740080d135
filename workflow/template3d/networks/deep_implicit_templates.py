"""Reads and writes experiments in the layout of the published Deep Implicit Templates."""

import json
import logging
import pickle
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from template3d.data import splits
from template3d.networks import sizes
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.networks.models import Model
from template3d.runtime import npz, texts
from template3d.runtime.errors import InputError
from template3d.runtime.files import whole, write_text

log = logging.getLogger(__name__)

BROKEN: tuple[type[Exception], ...] = (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError)
BROKEN += (*npz.DAMAGE, pickle.UnpicklingError)
"""Errors that reading a damaged experiment may raise."""
OWN_SPLIT = "give the split that the experiment was trained on"


def load_deep_implicit_template(folder: str | Path, checkpoint: str = "latest") -> tuple[ImplicitTemplate, Tensor]:
    """Read an experiment folder of the published Deep Implicit Templates program.

    ``folder`` holds ``specs.json``, ``ModelParameters/<checkpoint>.pth`` and ``LatentCodes/<checkpoint>.pth``. The
    ``.pth`` files are read with ``weights_only=True``, so they cannot run code.

    Returns the model, in evaluation mode, and the codes (shapes, L) float32, in the order of the training split. L is
    the code length. The file holds them as (shapes, L) or (shapes, 1, L). If there are L shapes, nothing tells a
    transposed array from a right one, and the first axis is that of the shapes.

    Raises FileNotFoundError for a missing file, ValueError for a network of another kind or for weights that do not
    fit ``specs.json``, and InputError if a tensor claims more numbers than its file holds, if a weight or a code is not
    a finite real number, or if the codes have another shape. Other damage raises the error of the reader, such as
    ``zipfile.BadZipFile`` or ``pickle.UnpicklingError``.

    Source: Zheng et al., "Deep Implicit Templates" (2021); https://github.com/ZhengZerong/DeepImplicitTemplates
    """
    folder = Path(folder)
    specs = _read_specs(folder)
    with torch.device("meta"):  # specs.json may name any size, so the weights alone decide how much memory is used
        model = ImplicitTemplate(**_network_arguments(specs, folder / "specs.json"))
    weights_file = folder / "ModelParameters" / f"{checkpoint}.pth"
    weights = {
        _our_name(name, model): _real(tensor, name, weights_file)
        for name, tensor in _tensors(weights_file)["model_state_dict"].items()
    }
    try:
        model.load_state_dict(weights, assign=True)
    except RuntimeError as mismatch:
        raise ValueError(f"{weights_file}: weights do not fit {folder / 'specs.json'}: {mismatch}") from mismatch
    codes_file = folder / "LatentCodes" / f"{checkpoint}.pth"
    codes = _tensors(codes_file)["latent_codes"]
    if not isinstance(codes, Tensor):  # newer experiments store an embedding layer, older ones the tensor itself
        codes = codes["weight"]
    return model.eval(), _codes(codes, specs["CodeLength"], codes_file)


def _read_specs(folder: Path) -> dict:
    specs = json.loads(texts.read(folder / "specs.json"))
    if not isinstance(specs, dict):
        raise InputError(f"{folder / 'specs.json'}: holds no JSON object; see the published chairs_dit")
    return specs


def _codes(codes: Tensor, length: int, file: Path) -> Tensor:
    """The codes as (shapes, L)."""
    if codes.ndim not in (2, 3) or codes.shape[-1] != length or codes.shape[1:-1] not in ((), (1,)):
        given = " x ".join(map(str, codes.shape))
        transposed = "; it is transposed" if codes.ndim == 2 and codes.shape[0] == length else ""
        raise InputError(
            f"{file}: the array of codes is {given}, but must be <shapes> x {length} or <shapes> x 1 x {length}, "
            f"because CodeLength in specs.json is {length}{transposed}"
        )
    return _real(codes, "latent_codes", file).reshape(-1, length)


def _real(tensor: Tensor, name: str, file: Path) -> Tensor:
    """A tensor as float32; raises InputError unless it holds finite real numbers, also after rounding."""
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
        kind = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
        raise InputError(f"{file}: {name} is of type {kind}, but must be an array of floating-point numbers")
    single = tensor.detach().float()
    if not single.isfinite().all():
        bad = int((~single.isfinite()).sum())
        raise InputError(f"{file}: {bad} of the {single.numel()} numbers in {name} are not finite")
    return single


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
    """Read a published experiment as phase 1's result, with the codes in the order of ``shapes``, the training split.

    The codes are matched by name if the experiment names its shapes: ``Shapes`` in ``specs.json``, as
    ``save_deep_implicit_template`` writes it, or the split file beside it that ``TrainSplit`` names. Otherwise, the
    codes belong to ``shapes`` in order, and the log says so.

    Raises InputError if the folder cannot be read, has more or fewer codes than there are shapes, or names others.
    """
    folder = Path(folder)
    try:
        decoder, codes = load_deep_implicit_template(folder)
        specs = _read_specs(folder)
        arguments = _network_arguments(specs, folder / "specs.json")
    except BROKEN as error:
        reason = error if isinstance(error, InputError) else repr(error)
        raise InputError(f"phase1.from: {folder} is not an experiment that can be read: {reason}") from error
    source, names = _names_of_codes(folder, specs)
    if names is not None:
        return Model(decoder, arguments, codes[_positions(names, len(codes), shapes, source)], list(shapes))
    if len(codes) != len(shapes):
        raise InputError(
            f"phase1.from: {folder} has {len(codes)} codes, but the training split lists {len(shapes)} shapes; "
            f"{OWN_SPLIT}"
        )
    log.warning(
        "%s does not name the shapes of the codes: the training split must list them in the order of the training that "
        "made them",
        source,
    )
    return Model(decoder, arguments, codes, list(shapes))


def _names_of_codes(folder: Path, specs: dict) -> tuple[Path, object]:
    """The shapes of the codes in order, with the file that names them; None if none does."""
    if "Shapes" in specs:
        return folder / "specs.json", specs["Shapes"]
    beside = splits.train_split_of(folder / "specs.json")
    return (beside, splits.read_split(beside, None)) if beside else (folder / "specs.json", None)


def _positions(names: object, codes: int, shapes: list[str], source: Path) -> list[int]:
    """The positions in ``names`` of ``shapes``; raises InputError, naming ``source``, unless both hold the same."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"phase1.from: {source}: Shapes is not a list of ids")
    position_of = {name: position for position, name in enumerate(names)}
    if not len(position_of) == len(names) == codes:
        count = f"{len(position_of)} different shapes"
        raise InputError(f"phase1.from: {source} names {count}, but the experiment has {codes} codes")
    if missing := [shape for shape in shapes if shape not in position_of]:
        raise InputError(
            f"phase1.from: {source} does not name {missing[0]}, which the training split lists; {OWN_SPLIT}"
        )
    if more := sorted(position_of.keys() - set(shapes)):
        raise InputError(f"phase1.from: {source} names {more[0]}, which the training split does not list; {OWN_SPLIT}")
    if names != shapes:
        log.info("the codes are put into the order of the training split, by the names in %s", source)
    return [position_of[shape] for shape in shapes]


def save_deep_implicit_template(model: Model, folder: Path, clamp: float, epoch: int = 0) -> None:
    """Write template, warp and codes as an experiment folder that the authors' programs read.

    ``clamp`` is the distance at which training clamped distances (their ``ClampingDistance``). The ``.pth`` files hold
    only dictionaries of tensors, as these programs expect. Each file is written atomically.
    """
    described, layers = model.sizes, list(range(len(model.sizes["template_hidden"])))
    specs = {
        "Description": "written by template3d",
        "NetworkArch": "deep_implicit_template_decoder",
        "NetworkSpecs": {
            "warper_kargs": {"hidden_size": described["warp_hidden"], "steps": described["warp_steps"]},
            "decoder_kargs": {
                "dims": described["template_hidden"],
                "dropout": layers,
                "dropout_prob": described["dropout"],
                "norm_layers": layers,
                "xyz_in_all": False,
                "weight_norm": True,
            },
        },
        "CodeLength": described["code_length"],
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
    arguments = {
        "code_length": specs["CodeLength"],
        "warp_hidden": warp["hidden_size"],
        "warp_steps": warp["steps"],
        "template_hidden": template["dims"],
        "dropout": template.get("dropout_prob", 0.0) if dropout_layers else 0.0,
    }
    return sizes.checked(arguments, specs_file)


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
