"""Ground truth for correspondence on the demo shapes: their keypoints, and the part on which a point lies."""

from collections.abc import Callable

import numpy as np
import trimesh

from template3d.data.demo import meshes
from template3d.data.demo.meshes import Part
from template3d.geometry import sdf

SIDES = {"left": -1, "right": 1}
"""The sign of x; the front is towards -z."""
DETAILS = {
    "chairs": {"inside": "seat", "cover": "seat"},
    "sofas": {"inside": "body", "cover": "cushion"},
    "planes": {"inside": "fuselage", "antenna": "fuselage"},
}
"""Pieces that are not parts of their own, each with the part that it belongs to."""
Pieces = dict[str, list[trimesh.Trimesh]]
"""The meshes of a shape by name, in the order in which ``meshes.build`` gives them."""


def keypoints(shape: dict) -> dict[str, np.ndarray]:
    """The named keypoints (3,) of a shape, on its visible surface, in ShapeNet's frame.

    All shapes of a category have the same keypoints: corners, tips, and the ends of legs.
    """
    pieces: Pieces = {}
    for part in meshes.build(shape):
        pieces.setdefault(part.name, []).append(part.mesh)
    return KEYPOINTS[shape["category"]](pieces)


def parts(shape: dict, points: np.ndarray) -> np.ndarray:
    """The part, as text (N,), whose surface is nearest to each of points (N, 3) in ShapeNet's frame."""
    built = meshes.build(shape)
    distances = [sdf.unsigned_distances(part.mesh, points) for part in built]
    return np.array([part_name(shape["category"], part) for part in built])[np.argmin(distances, axis=0)]


def part_name(category: str, part: Part) -> str:
    """The part that a piece of a shape belongs to."""
    return DETAILS[category].get(part.name, part.name)


def _of_chair(pieces: Pieces) -> dict[str, np.ndarray]:
    points = _leg_ends(pieces)
    for name, x in SIDES.items():
        points[f"seat_front_{name}"] = _corner(pieces["seat"][0], x, 1, -1)
        points[f"back_top_{name}"] = _corner(pieces["back"][0], x, 1, -1)
    return points | _arm_fronts(pieces)


def _of_sofa(pieces: Pieces) -> dict[str, np.ndarray]:
    points = _leg_ends(pieces)
    for name, x in SIDES.items():
        points[f"back_top_{name}"] = _corner(pieces["back"][0], x, 1, -1)
        points[f"chaise_front_{name}"] = _corner(pieces["chaise"][0], x, 1, -1)
    return points | _arm_fronts(pieces)


def _of_plane(pieces: Pieces) -> dict[str, np.ndarray]:
    fuselage = pieces["fuselage"][0]
    points = {
        "nose": _end(fuselage, 2, -1, 20),
        "tail": _end(fuselage, 2, 1, 20),
        "fin_top": _tip(pieces["fin"][0], 1, 1),
    }
    for index, (side, x) in enumerate(SIDES.items()):  # ``meshes`` builds the left one first
        points[f"wing_tip_{side}"] = _tip(pieces["wing"][index], 0, x)
        points[f"tailplane_tip_{side}"] = _tip(pieces["tailplane"][index], 0, x)
        points[f"engine_front_{side}"] = _end(pieces["engine"][index], 2, -1, 16)
    return points


KEYPOINTS: dict[str, Callable[[Pieces], dict[str, np.ndarray]]] = {
    "chairs": _of_chair,
    "sofas": _of_sofa,
    "planes": _of_plane,
}


# --- points of a piece ------------------------------------------------------------------------------------


def _leg_ends(pieces: Pieces) -> dict[str, np.ndarray]:
    """The middle of the lower end of each leg; ``meshes`` builds the left legs first, of each side the front one."""
    names = [f"leg_{end}_{side}" for side in SIDES for end in ("front", "back")]
    return {name: _end(leg, 1, -1, 4) for name, leg in zip(names, pieces["leg"], strict=True)}


def _arm_fronts(pieces: Pieces) -> dict[str, np.ndarray]:
    """The middle of the upper front edge of each arm; ``meshes`` builds the left one first."""
    return {
        f"arm_front_{name}": (_corner(arm, -1, 1, -1) + _corner(arm, 1, 1, -1)) / 2
        for name, arm in zip(SIDES, pieces["arm"], strict=True)
    }


def _corner(mesh: trimesh.Trimesh, x: int, y: int, z: int) -> np.ndarray:
    """The vertex (3,) that is farthest towards signs of the axes; y counts most, since a back may lean."""
    return np.array(mesh.vertices[np.argmax(mesh.vertices @ [x, 100 * y, z])])


def _end(mesh: trimesh.Trimesh, axis: int, sign: int, corners: int) -> np.ndarray:
    """The middle (3,) of a flat end with so many corners: the end that is farthest towards a sign of an axis."""
    order = np.argsort(-sign * mesh.vertices[:, axis])
    return np.array(mesh.vertices[order[:corners]].mean(axis=0))


def _tip(wing: trimesh.Trimesh, axis: int, sign: int) -> np.ndarray:
    """The foremost vertex (3,) of a wing's outer end, which has seven corners."""
    outer = wing.vertices[np.argsort(-sign * wing.vertices[:, axis])[:7]]
    return np.array(outer[np.argmin(outer[:, 2])])
