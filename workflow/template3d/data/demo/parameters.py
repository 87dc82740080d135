"""The parameters and ids of the demo shapes: chairs, sofas and planes.

This module only draws numbers, so the workflow knows its shapes before it builds one; ``demo.meshes`` builds them.
"""

import hashlib
import itertools
import json
from typing import NamedTuple

import numpy as np

from template3d.runtime.errors import InputError


class Family(NamedTuple):
    """The parameters in which a category's shapes differ."""

    kinds: dict[str, tuple]
    """Discrete parameters. All combinations occur equally often, so a few shapes cover them all."""
    ranges: dict[str, tuple[float, float]]
    """Continuous parameters in metres, drawn uniformly from a range."""


FAMILIES = {
    "chairs": Family(
        kinds={"arms": ("low", "high"), "back": ("low", "high"), "legs": ("short", "long")},
        ranges={
            "width": (0.46, 0.6),
            "depth": (0.45, 0.56),
            "seat_height": (0.36, 0.48),
            "back_height": (0.5, 0.66),
            "recline": (0.02, 0.12),
            "thickness": (0.07, 0.1),
        },
    ),
    "sofas": Family(
        kinds={"chaise": (False, True), "arms": ("low", "high"), "base": ("legs", "plinth")},
        ranges={
            "width": (1.6, 2.5),
            "depth": (0.85, 1.05),
            "seat_height": (0.28, 0.36),
            "back_height": (0.25, 0.5),
            "arm_width": (0.16, 0.26),
            "cushion": (0.1, 0.18),
        },
    ),
    "planes": Family(
        kinds={"sweep": ("straight", "swept"), "tail": ("low", "high"), "engines": ("small", "large")},
        ranges={
            "length": (20.0, 26.0),
            "span": (19.0, 25.0),
            "radius": (1.35, 1.8),
            "chord": (3.6, 4.6),
            "wing_place": (0.32, 0.4),
            "fin": (2.2, 2.9),
        },
    ),
}

COLOURS = {
    "fabric": ["0.55 0.16 0.14", "0.17 0.27 0.48", "0.45 0.44 0.42", "0.20 0.38 0.25", "0.70 0.60 0.42"],
    "wood": ["0.35 0.22 0.12", "0.58 0.41 0.23", "0.12 0.10 0.09"],
    "metal": ["0.55 0.56 0.58", "0.22 0.23 0.25"],
    "paint": ["0.60 0.62 0.65", "0.40 0.45 0.52", "0.52 0.46 0.36"],
    "trim": ["0.65 0.12 0.12", "0.10 0.25 0.55", "0.85 0.55 0.10"],
}


def parameters(category: str, count: int, seed: int) -> list[dict]:
    """The parameters of ``count`` different shapes, which depend only on the category and the seed.

    Raises InputError for a category without demo shapes.
    """
    if category not in FAMILIES:
        raise InputError(f"there are no demo shapes of {category}, only of {', '.join(FAMILIES)}; set it to null")
    family = FAMILIES[category]
    rng = np.random.default_rng([seed, *category.encode()])
    combinations = list(itertools.product(*family.kinds.values()))
    shapes = []
    for index in range(count):
        if index % len(combinations) == 0:
            order = rng.permutation(len(combinations))
        kind = dict(zip(family.kinds, combinations[order[index % len(combinations)]], strict=True))
        measures = {name: round(float(rng.uniform(*ends)), 4) for name, ends in family.ranges.items()}
        colours = {name: COLOURS[name][rng.integers(len(COLOURS[name]))] for name in COLOURS}
        shapes.append({"category": category, **kind, **measures, "colours": colours})
    return shapes


def shape_id(shape: dict) -> str:
    """The id of a shape: 32 hexadecimal digits, the hash of its parameters."""
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()[:32]


def splits(category: str, train: int, test: int, seed: int) -> dict[str, list[str]]:
    """The ids of a category's demo shapes by split; raises InputError for a category without demo shapes."""
    ids = [shape_id(shape) for shape in parameters(category, train + test, seed)]
    return {"train": ids[:train], "test": ids[train:]}
