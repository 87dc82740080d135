"""The latent codes in a trained model's files, read without loading its networks."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from template3d.runtime.errors import InputError


def read(weights: Path) -> dict[str, np.ndarray]:
    """The codes (L,) of the training shapes, by shape; ``model.json`` beside the weights describes them.

    Raises InputError if the files cannot be read.
    """
    try:
        shapes = json.loads(weights.with_suffix(".json").read_text())["shapes"]
        return dict(zip(shapes, load_file(weights)["codes"], strict=True))
    except Exception as error:  # safetensors has its own class of errors
        raise InputError(f"{weights}: cannot be read ({error}); delete it, and the next run trains again") from error
