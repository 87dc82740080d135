"""Makes the shape of a random code."""

from collections.abc import Mapping

import numpy as np
import torch

from template3d.data.synthetic import SyntheticShape
from template3d.geometry import frames
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.reconstruction import inference
from template3d.reconstruction.code_space import CodeSpace
from template3d.runtime import randomness
from template3d.runtime.errors import InputError

TRIES = 20
"""Random codes that are tried until one has a surface."""


def one_shape(
    decoder: ImplicitTemplate, space: CodeSpace, shape: str, seed: int, isosurface: Mapping[str, int]
) -> SyntheticShape:
    """The shape of a code from the normal distribution of ``space``, with a box of diagonal 1 around the origin.

    The code depends on ``shape``, the name, and ``seed``. ``isosurface`` has ``resolution`` and ``coarse``, as in the
    configuration. Raises InputError if no code has a surface.
    """
    rng = randomness.generator(shape, seed, "synthetic code")
    for _ in range(TRIES):
        standard = torch.from_numpy(rng.standard_normal((1, len(space.mean))).astype(np.float32))
        code = space.codes(standard)
        (mesh,) = inference.meshes_of(decoder, code, **isosurface)
        if len(mesh.faces):
            vertices = frames.normalized(mesh.vertices, np.unique(mesh.faces)).astype(np.float32)
            return SyntheticShape(vertices, mesh.faces.astype(np.int32), code[0].numpy())
    raise InputError(
        f"none of {TRIES} random codes has a surface, so phase 1 has learned no shapes; raise phase1.epochs, or set "
        "phase2.synthetic_shapes to 0"
    )
