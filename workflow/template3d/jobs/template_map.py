"""The map of a category's shapes to the template of a trained model."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from template3d.data import archives, manifests
from template3d.data import codes as code_files
from template3d.geometry.normalization import Normalization
from template3d.networks import models
from template3d.networks.implicit_template import ImplicitTemplate
from template3d.reconstruction import correspondence


@dataclass(frozen=True)
class TemplateMap:
    """Maps points of shapes from ShapeNet's frame to the template."""

    decoder: ImplicitTemplate
    codes: Mapping[str, Tensor]
    """The code of each shape, by its id."""
    normalizations: Mapping[str, Normalization]

    @classmethod
    def read(cls, weights: Path, fitted: Path, manifest_files: Iterable[str | Path], device: str) -> "TemplateMap":
        """Read a model, the codes that were fitted to test shapes, and the manifests of all shapes.

        Training shapes have the codes of the model.
        """
        decoder = models.load_model(weights).decoder.to(device)
        codes = {shape: torch.from_numpy(code) for shape, code in code_files.read(weights).items()}
        for name, content in archives.members(fitted):
            if name.endswith(".json") and name != archives.FAILED:
                codes[name.removesuffix(".json")] = torch.tensor(json.loads(content))
        return cls(decoder, codes, manifests.read(manifest_files))

    def __call__(self, shape: str, points: np.ndarray) -> np.ndarray:
        """The template coordinates (N, 3) of points (N, 3) of a shape in ShapeNet's frame."""
        unit = self.normalizations[shape].to_unit(points)
        return correspondence.template_coordinates(self.decoder, self.codes[shape], unit)
