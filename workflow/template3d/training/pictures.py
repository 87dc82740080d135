"""Images of a decoder's shapes during training, for TensorBoard."""

from collections.abc import Callable

import numpy as np
from torch import Tensor

from template3d.geometry import isosurface
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.rendering import previews

GRID = {"resolution": 64, "coarse": 16}


def decoder_pictures(decoder: ImplicitTemplate, codes: dict[str, Tensor]) -> dict[str, np.ndarray]:
    """Images (H, W) uint8, by name, of the template and of the shapes with ``codes``, each (1, L)."""
    device = next(decoder.parameters()).device

    def of_code(code: Tensor) -> Callable[[Tensor], Tensor]:
        return lambda points: decoder.signed_distance(code, points[None].to(device))[0]

    functions: dict[str, Callable[[Tensor], Tensor]] = {"template": lambda points: decoder.template(points.to(device))}
    functions |= {name: of_code(code) for name, code in codes.items()}
    return {name: previews.shaded(isosurface.reconstruct(function, **GRID)) for name, function in functions.items()}
