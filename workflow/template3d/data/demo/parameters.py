"""The parameters and ids of the demo shapes: chairs, sofas and planes.

This module only draws numbers, so the workflow knows its shapes before it builds one; ``demo.meshes`` builds them.
"""

import hashlib
import json

import numpy as np

from template3d.runtime.errors import InputError

FAMILIES: dict[str, dict[str, tuple[float, float]]] = {
    "chairs": {
        "width": (0.42, 0.72),
        "depth": (0.42, 0.68),
        "seat_height": (0.2, 0.5),
        "thickness": (0.05, 0.13),
        "back_height": (0.25, 0.75),
        "back_taper": (0.55, 1.0),
        "recline": (0.0, 0.2),
        "leg_width": (0.05, 0.11),
        "leg_splay": (0.0, 0.1),
        "arm_height": (0.03, 0.26),
        "arm_width": (0.05, 0.12),
    },
    "sofas": {
        "width": (1.6, 2.3),
        "depth": (0.7, 1.2),
        "seat_height": (0.3, 0.48),
        "cushion": (0.06, 0.2),
        "back_height": (0.2, 0.7),
        "back_depth": (0.12, 0.36),
        "recline": (0.0, 0.3),
        "arm_width": (0.12, 0.34),
        "arm_height": (0.12, 0.45),
        "chaise": (0.1, 0.65),
        "chaise_width": (0.45, 0.9),
        "legs": (0.04, 0.18),
    },
    "planes": {
        "length": (19.0, 27.0),
        "span": (18.0, 27.0),
        "radius": (1.1, 2.3),
        "chord": (2.5, 6.0),
        "taper": (0.3, 0.8),
        "wing_place": (0.3, 0.42),
        "sweep": (0.12, 0.5),
        "dihedral": (-0.1, 0.2),
        "fin": (1.5, 6.0),
        "tail_span": (0.24, 0.58),
        "engine_size": (0.4, 0.85),
        "engine_place": (0.25, 0.5),
    },
}
"""The parameters in which a category's shapes differ, drawn uniformly from a range: metres, and shares (of back_taper,
taper, wing_place, sweep, dihedral, tail_span, engine_size and engine_place). None of sofas or planes dominates, or a
neighbour would be nearly the answer (docs/method.md, "Balanced parameters"). No part of a sofa nearly vanishes, because
a warp cannot take a part away ("Sofas without thin parts")."""

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
    rng = np.random.default_rng([seed, *category.encode()])
    shapes = []
    for _ in range(count):
        measures = {name: round(float(rng.uniform(*ends)), 4) for name, ends in FAMILIES[category].items()}
        colours = {name: COLOURS[name][rng.integers(len(COLOURS[name]))] for name in COLOURS}
        shapes.append({"category": category, **measures, "colours": colours})
    return shapes


def shape_id(shape: dict) -> str:
    """The id of a shape: 32 hexadecimal digits, the hash of its parameters."""
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()[:32]


def splits(category: str, train: int, test: int, seed: int) -> dict[str, list[str]]:
    """The ids of a category's demo shapes by split; raises InputError for a category without demo shapes."""
    ids = [shape_id(shape) for shape in parameters(category, train + test, seed)]
    return {"train": ids[:train], "test": ids[train:]}
