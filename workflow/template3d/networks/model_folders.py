"""Where a trained model is: in a folder of a run, in one that was handed over, or at an address on the web."""

import json
from pathlib import Path

from template3d.runtime import downloads
from template3d.runtime.errors import InputError

WEIGHTS, DESCRIPTION = "model.safetensors", "model.json"
"""The files of a model."""


def weights_of(model: str | Path, with_encoder: bool = True, key: str = "--model") -> Path:
    """The path of a model's weights, to be read by ``models.load_model``.

    ``model`` is a folder with a model, one of its two files, or the address of a ZIP file with such a folder
    (``downloads.unpacked``), which is fetched unless it is in the cache. Raises InputError if there is no model; its
    message calls it ``key`` and lists the folders below with one, or, ``with_encoder``, only those whose model has an
    encoder.
    """
    if downloads.is_address(str(model)):
        return _only(downloads.unpacked(str(model)), str(model))
    model = Path(model)
    weights = model.with_suffix(".safetensors") if model.is_file() else model / WEIGHTS
    if weights.is_file():
        return weights
    if model.suffix.lower() == ".zip" and model.is_file():
        raise InputError(f"{key} is {model}, a ZIP file; unzip it, and give the folder in it")
    if not model.is_dir():
        raise InputError(
            f"{key} is {model}, but that is no folder with a model; .venv/bin/snakemake trains models into "
            "results/models/<category>/<method>"
        )
    depths = ("*", "*/*", "*/*/*")
    inner = [file.parent for depth in depths for file in sorted(model.glob(f"{depth}/{WEIGHTS}"))]
    usable = [str(folder.relative_to(model)) for folder in inner if not with_encoder or _has_encoder(folder)]
    hint = f"it has {', '.join(usable)}: add one to the path" if usable else "nor a folder with one"
    raise InputError(f"{key}: there is no {WEIGHTS} in {model}; {hint}")


def _only(folder: Path, address: str) -> Path:
    """The weights of the one model in an unpacked ZIP file."""
    inside = sorted(folder.rglob(WEIGHTS))
    if len(inside) != 1:
        raise InputError(f"{address}: the ZIP file holds {len(inside)} models ({WEIGHTS}), but must hold one")
    return inside[0]


def _has_encoder(folder: Path) -> bool:
    try:
        return "backbone" in json.loads((folder / DESCRIPTION).read_bytes())
    except (OSError, ValueError):  # a model that is not complete
        return False
