"""The trained models that the app offers, by category and method."""

import json
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import torch

from template3d.networks.model_folders import DESCRIPTION, WEIGHTS
from template3d.networks.models import Model, load_model
from template3d.networks.origin import Origin
from template3d.reconstruction.directions import Directions, main_directions
from template3d.runtime.errors import InputError

SLIDERS = 4
"""Directions in which the page can change a shape."""


class Trained(NamedTuple):
    """A trained model, and what the page derives from its codes."""

    model: Model
    shapes: list[str]
    """The training shapes, in the order of the model's codes."""
    codes: torch.Tensor
    """(shapes, L)."""
    directions: Directions
    spacing: float
    """The median distance of a training code to its nearest neighbour."""


class Models:
    """The models with an encoder at or below a folder; each is loaded once, when it is first used."""

    def __init__(self, folder: Path) -> None:
        """List the models; raises InputError, with what to do, if there is none, or one is described wrongly.

        ``folder`` is ``results/models``, the folder of a category in it, or the folder of one model.
        """
        if not folder.is_dir():
            raise InputError(
                f"--models is {folder}, but there is no such folder; run make, which trains the models of the demo "
                "into results/models, or name another folder"
            )
        inner = [file for depth in (".", "*", "*/*") for file in sorted(folder.glob(f"{depth}/{DESCRIPTION}"))]
        self.folders: dict[str, dict[str, Path]] = {}
        """By category and method."""
        self.seen: dict[str, Origin | None] = {}
        """What the first model of each category has seen, if it says so."""
        for file in inner:
            facts = _facts(file)
            if "backbone" in facts:
                origin = Origin.checked(facts.get("trained_on"), file)
                category = origin.category if origin else file.resolve().parents[1].name
                self.folders.setdefault(category, {})[file.resolve().parent.name] = file.parent
                self.seen.setdefault(category, origin)
        if not self.folders:
            raise InputError(
                f"--models: {folder} holds {'models, but none' if inner else 'no model'} with an encoder (two_phase or "
                "end_to_end); run make to train one, or name another folder"
            )
        self.load = lru_cache(maxsize=None)(self._load)

    @property
    def categories(self) -> list[str]:
        """The categories, sorted."""
        return sorted(self.folders)

    @property
    def methods(self) -> list[str]:
        """The methods of any category, two_phase first."""
        methods = {method for of_category in self.folders.values() for method in of_category}
        return sorted(methods, key=lambda method: (method != "two_phase", method))

    def with_method(self, method: str) -> list[str]:
        """The categories that have a model of a method."""
        return [category for category in self.categories if method in self.folders[category]]

    def _load(self, category: str, method: str) -> Trained:
        """Read a model; raises InputError if there is none or it is damaged."""
        if method not in self.folders[category]:
            known = ", ".join(sorted(self.folders[category]))
            raise InputError(f"there is no {method} model of {category}; choose the method {known}")
        weights = self.folders[category][method] / WEIGHTS
        model = load_model(weights)
        if model.codes is None or model.shapes is None:
            raise InputError(f"{weights}: has no codes of training shapes; copy the model's folder again")
        return Trained(model, model.shapes, model.codes, main_directions(model.codes, SLIDERS), _spacing(model.codes))


def _facts(description: Path) -> dict:
    """The entries of a model's description; none if it is not complete."""
    try:
        facts = json.loads(description.read_bytes())
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _spacing(codes: torch.Tensor) -> float:
    distances = torch.cdist(codes, codes).fill_diagonal_(torch.inf)
    return float(distances.min(dim=1).values.median())
