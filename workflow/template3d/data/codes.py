"""The latent codes in a trained model's files, read without loading its networks."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from template3d.runtime import files
from template3d.runtime.errors import InputError


def read(weights: Path) -> dict[str, np.ndarray]:
    """The codes (L,) of the training shapes, by shape; ``model.json`` beside the weights describes them.

    Raises InputError if the files cannot be read.
    """
    description = weights.with_suffix(".json")
    for file in (weights, description):
        files.check_regular(file)
    try:
        shapes = checked_shapes(json.loads(description.read_text())["shapes"], description)
        return dict(zip(shapes, load_file(weights)["codes"], strict=True))
    except InputError:
        raise
    except Exception as error:  # safetensors has its own class of errors
        raise InputError(
            f"{weights}: cannot be read ({error}); copy the model's folder again, or let snakemake make it again"
        ) from error


def checked_shapes(shapes: object, description: Path) -> list[str]:
    """The training shapes that a description lists; raises InputError unless they are texts, each once."""
    if not isinstance(shapes, list) or not all(isinstance(shape, str) for shape in shapes):
        raise InputError(f"{description}: shapes must be a list of ids of shapes")
    if len(set(shapes)) < len(shapes):
        raise InputError(f"{description}: lists a shape more than once")
    return shapes
