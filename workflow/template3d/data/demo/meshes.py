"""Demo shapes as meshes in the ShapeNetCore.v2 layout, with the flaws of real meshes.

Parts intersect, some faces are hidden inside, some sheets are open, every triangle occurs twice with opposite winding,
and a shape has several materials. Each named part is a group of the OBJ file.
"""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import trimesh
from numpy.typing import ArrayLike

from template3d.data.demo.parameters import FAMILIES
from template3d.runtime.files import write_text


class Part(NamedTuple):
    """A named part of a shape: a mesh and its material."""

    name: str
    mesh: trimesh.Trimesh
    material: str


def build(shape: dict) -> list[Part]:
    """The parts of a shape in ShapeNet's frame: y up, front -z, diagonal 1, origin at the mean of the vertices."""
    family = FAMILIES[shape["category"]]
    parts = BUILDERS[shape["category"]](**{name: shape[name] for name in (*family.kinds, *family.ranges)})
    vertices = np.concatenate([part.mesh.vertices for part in parts])
    centre, diagonal = vertices.mean(axis=0), np.linalg.norm(np.ptp(vertices, axis=0))
    for part in parts:
        part.mesh.vertices = (part.mesh.vertices - centre) / diagonal
    return parts


def write(shape: dict, folder: Path) -> None:
    """Write ``model_normalized.obj`` and ``.mtl`` of a shape into its ``models`` folder."""
    lines = ["mtllib model_normalized.mtl"]
    vertex_count = normal_count = 0
    for part in build(shape):
        mesh = part.mesh
        lines += ["v {:.6f} {:.6f} {:.6f}".format(*vertex) for vertex in mesh.vertices]
        lines += ["vn {:.4f} {:.4f} {:.4f}".format(*(s * n)) for n in mesh.face_normals for s in (1, -1)]
        lines += [f"g {part.name}", f"usemtl {part.material}"]
        for index, face in enumerate(mesh.faces + 1 + vertex_count):
            front, back = normal_count + 2 * index + 1, normal_count + 2 * index + 2
            lines.append("f {0}//{3} {1}//{3} {2}//{3}".format(*face, front))
            lines.append("f {2}//{3} {1}//{3} {0}//{3}".format(*face, back))
        vertex_count += len(mesh.vertices)
        normal_count += 2 * len(mesh.faces)
    write_text(folder / "model_normalized.obj", "\n".join(lines) + "\n")
    materials = [f"newmtl {name}\nKd {colour}\nd 1.0\n" for name, colour in shape["colours"].items()]
    write_text(folder / "model_normalized.mtl", "\n".join(materials))


# --- the families, in metres: x right, y up, z back -----------------------------------------------------------


def _chair(
    arms: str,
    back: str,
    legs: str,
    width: float,
    depth: float,
    seat_height: float,
    back_height: float,
    recline: float,
    thickness: float,
) -> list[Part]:
    half, rear = width / 2, depth / 2
    seat_height = seat_height * (1.0 if legs == "long" else 0.5)
    seat_top = seat_height + thickness
    back_height = back_height * (1.0 if back == "high" else 0.45)
    parts = [
        Part("seat", _box([0, seat_height + thickness / 2, 0], [width, thickness, depth]), "fabric"),
        Part("inside", _box([0, seat_top - thickness / 2, 0], [0.7 * width, 0.4 * thickness, 0.7 * depth]), "wood"),
        Part("cover", _sheet(_rectangle(0.47 * width, 0.47 * depth, seat_top + 0.006)), "fabric"),
    ]
    bottom = np.array([0, seat_top - 0.02, rear - 0.05])
    top = bottom + [0, back_height, recline]
    parts.append(Part("back", _plank(bottom, top, 0.98 * width, 0.09), "fabric"))
    for x, z in itertools.product((-1, 1), (-1, 1)):
        foot = [x * (half - 0.05), 0, z * (rear - 0.05)]
        parts.append(Part("leg", _beam(foot, [foot[0], seat_height + 0.03, foot[2]], 0.08), "wood"))
    for side in (-1, 1):
        size = [0.09, thickness + (0.22 if arms == "high" else 0.06), 0.92 * depth]
        parts.append(Part("arm", _box([side * (half - 0.045), seat_height + size[1] / 2, 0], size), "wood"))
    return parts


def _sofa(
    chaise: bool,
    arms: str,
    base: str,
    width: float,
    depth: float,
    seat_height: float,
    back_height: float,
    arm_width: float,
    cushion: float,
) -> list[Part]:
    half, rear, seat_top = width / 2, depth / 2, seat_height + cushion
    floor = 0.12 if base == "legs" else 0.0
    parts = [
        Part("body", _box([0, (floor + seat_height) / 2, 0], [width, seat_height - floor, depth]), "fabric"),
        Part(
            "inside",
            _box([0, (floor + seat_height) / 2, 0], [0.8 * width, 0.5 * seat_height - floor / 2, 0.6 * depth]),
            "wood",
        ),
        Part(
            "back",
            _plank([0, floor + 0.05, rear - 0.11], [0, seat_top + back_height, rear - 0.05], width, 0.2),
            "fabric",
        ),
    ]
    inner = half - arm_width
    seats = max(2, round(2 * inner / 0.7))
    for index in range(seats):
        x = -inner + (index + 0.5) * 2 * inner / seats
        size = [0.97 * 2 * inner / seats, cushion, depth - 0.2]
        parts.append(Part("cushion", _box([x, seat_height + cushion / 2, -0.09], size), "fabric"))
        slope = [[x - 0.3, seat_top + 0.01, rear - 0.24], [x + 0.3, seat_top + 0.01, rear - 0.24]]
        slope += [
            [x + 0.3, seat_top + 0.8 * back_height, rear - 0.2],
            [x - 0.3, seat_top + 0.8 * back_height, rear - 0.2],
        ]
        parts.append(Part("cover", _sheet(slope), "fabric"))
    if chaise:
        x, long = inner - 0.36, 0.75
        parts.append(
            Part(
                "chaise",
                _box([x, (floor + seat_top) / 2, -rear - long / 2 + 0.05], [0.72, seat_top - floor, long + 0.1]),
                "fabric",
            )
        )
    arm_top = seat_top + (0.24 if arms == "high" else 0.03)
    for side in (-1, 1):
        centre = [side * (half - arm_width / 2), (arm_top + floor) / 2, 0]
        parts.append(Part("arm", _box(centre, [arm_width, arm_top - floor, depth]), "fabric"))
    if base == "legs":
        for x, z in itertools.product((-1, 1), (-1, 1)):
            foot = np.array([x * (half - 0.1), 0, z * (rear - 0.1)])
            parts.append(Part("leg", _beam(foot, foot + [0, floor + 0.05, 0], 0.1), "wood"))
    return parts


def _plane(
    sweep: str,
    tail: str,
    engines: str,
    length: float,
    span: float,
    radius: float,
    chord: float,
    wing_place: float,
    fin: float,
) -> list[Part]:
    nose, end, half = -length / 2, length / 2, span / 2
    back = half * (0.75 if sweep == "swept" else 0.08)
    profile = [(0.0, 0.02), (0.03, 0.45), (0.1, 0.85), (0.2, 1.0), (0.62, 1.0), (0.85, 0.6), (1.0, 0.12)]
    rings = [
        _ring([0, radius * (1 - wide) * (along > 0.5) * 0.7, nose + along * length], wide * radius)
        for along, wide in profile
    ]
    parts = [
        Part("fuselage", _loft(rings), "paint"),
        Part("inside", _box([0, 0, 0], [radius, 0.2 * radius, 0.4 * length]), "metal"),
    ]
    front = nose + wing_place * length
    for side in (-1, 1):
        root, tip = [0, -0.4 * radius, front], [side * half, -0.1 * radius + 0.05 * half, front + back]
        parts.append(Part("wing", _aerofoil(root, tip, chord, 0.55 * chord, 0.3), "paint"))
        root = [0, 0.5 * radius, end - 0.16 * length]
        tip = [side * 0.36 * half, 0.5 * radius, end - 0.12 * length + 0.35 * back * 0.4]
        parts.append(Part("tailplane", _aerofoil(root, tip, 0.62 * chord, 0.45 * chord, 0.3), "paint"))
        size = (0.8 if engines == "large" else 0.4) * radius
        centre = np.array([side * 0.34 * half, -0.4 * radius - 0.6 * size, front + 0.34 * back - 0.1 * chord])
        nacelle = _tube(centre - [0, 0, size], centre + [0, 0, 1.8 * size], 0.85 * size, 0.7 * size)
        parts.append(Part("engine", nacelle, "metal"))
    blade = [
        [0, 0.9 * radius, front],
        [0, 1.2 * radius, front],
        [0, 1.2 * radius, front + 0.5],
        [0, 0.9 * radius, front + 0.5],
    ]
    parts.append(Part("antenna", _sheet(blade), "metal"))
    root, tip = (
        [0, 0.4 * radius, end - 0.24 * length],
        [0, 0.5 * radius + fin * (2.0 if tail == "high" else 0.8), end - 0.13 * length],
    )
    parts.append(Part("fin", _aerofoil(root, tip, 0.85 * chord, 0.5 * chord, 0.28), "trim"))
    return parts


BUILDERS: dict[str, Callable[..., list[Part]]] = {"chairs": _chair, "sofas": _sofa, "planes": _plane}


# --- pieces ----------------------------------------------------------------------------------------------


def _hull(points: ArrayLike) -> trimesh.Trimesh:
    return trimesh.convex.convex_hull(np.asarray(points, dtype=float))


def _box(centre: ArrayLike, size: ArrayLike) -> trimesh.Trimesh:
    return trimesh.creation.box(size, trimesh.transformations.translation_matrix(centre))


def _plank(bottom: ArrayLike, top: ArrayLike, width: float, thickness: float) -> trimesh.Trimesh:
    """A board between the middles of its lower and upper edges, which may lean back."""
    across, through = np.array([width / 2, 0, 0]), np.array([0, 0, thickness / 2])
    ends = np.asarray(bottom), np.asarray(top)
    return _hull([end + x * across + z * through for end in ends for x in (-1, 1) for z in (-1, 1)])


def _beam(start: ArrayLike, end: ArrayLike, width: float) -> trimesh.Trimesh:
    return _tube(start, end, width / np.sqrt(2), width / np.sqrt(2), sections=4)


def _tube(
    start: ArrayLike, end: ArrayLike, start_radius: float, end_radius: float, sections: int = 16
) -> trimesh.Trimesh:
    """A closed tube with ``sections`` sides; four give a beam of square section."""
    axis = np.subtract(end, start)
    across = np.cross(axis, [0, 0, 1] if abs(axis[2]) < 0.9 * np.linalg.norm(axis) else [1, 0, 0])
    across /= np.linalg.norm(across)
    upright = np.cross(axis, across) / np.linalg.norm(axis)
    turn = 2 * np.pi * (np.arange(sections) + 0.5) / sections
    circle = np.outer(np.cos(turn), across) + np.outer(np.sin(turn), upright)
    return _hull(np.concatenate([np.asarray(start) + start_radius * circle, np.asarray(end) + end_radius * circle]))


def _rectangle(half_width: float, half_depth: float, height: float) -> list[list[float]]:
    return [[x * half_width, height, z * half_depth] for x, z in ((-1, -1), (1, -1), (1, 1), (-1, 1))]


def _sheet(corners: ArrayLike) -> trimesh.Trimesh:
    """An open sheet of two triangles, without an inside."""
    return trimesh.Trimesh(np.asarray(corners, dtype=float), [[0, 1, 2], [0, 2, 3]], process=False)


def _aerofoil(
    root: ArrayLike, tip: ArrayLike, root_chord: float, tip_chord: float, thickness: float
) -> trimesh.Trimesh:
    """A tapered wing between two points of its leading edge; thickness as a share of the chord."""
    root, tip = np.asarray(root, float), np.asarray(tip, float)
    span = tip - root
    through = np.cross([0, 0, 1.0], span / np.linalg.norm(span))
    section = np.array([(0, 0), (0.25, 0.5), (0.6, 0.4), (1, 0.06), (1, -0.06), (0.6, -0.4), (0.25, -0.5)])
    ends = []
    for leading, chord in ((root, root_chord), (tip, tip_chord)):
        ends.append(
            leading + chord * (np.outer(section[:, 0], [0, 0, 1]) + thickness * np.outer(section[:, 1], through))
        )
    return _hull(np.concatenate(ends))


def _ring(centre: ArrayLike, radius: float, sections: int = 20) -> np.ndarray:
    turn = 2 * np.pi * np.arange(sections) / sections
    return np.asarray(centre) + radius * np.stack([np.cos(turn), np.sin(turn), np.zeros(sections)], axis=1)


def _loft(rings: list[np.ndarray]) -> trimesh.Trimesh:
    """A closed surface over rings with equal numbers of points."""
    around = len(rings[0])
    faces = []
    for row, column in itertools.product(range(len(rings) - 1), range(around)):
        a, b = row * around + column, row * around + (column + 1) % around
        faces += [[a, b, b + around], [a, b + around, a + around]]
    for first, turn in ((0, -1), ((len(rings) - 1) * around, 1)):
        faces += [[first, first + i, first + i + 1][::turn] for i in range(1, around - 1)]
    return trimesh.Trimesh(np.concatenate(rings), faces, process=False)
