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
    parts = BUILDERS[shape["category"]](**{name: shape[name] for name in FAMILIES[shape["category"]]})
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
    width: float,
    depth: float,
    seat_height: float,
    thickness: float,
    back_height: float,
    back_taper: float,
    recline: float,
    leg_width: float,
    leg_splay: float,
    arm_height: float,
    arm_width: float,
) -> list[Part]:
    half, rear = width / 2, depth / 2
    seat_top = seat_height + thickness
    parts = [
        Part("seat", _box([0, seat_height + thickness / 2, 0], [width, thickness, depth]), "fabric"),
        Part("inside", _box([0, seat_top - thickness / 2, 0], [0.7 * width, 0.4 * thickness, 0.7 * depth]), "wood"),
        Part("cover", _sheet(_rectangle(0.47 * width, 0.47 * depth, seat_top + 0.006)), "fabric"),
    ]
    bottom = np.array([0, seat_top - 0.02, rear - 0.05])
    top = bottom + [0, back_height, recline]
    parts.append(Part("back", _plank(bottom, top, 0.98 * width, 0.09, back_taper), "fabric"))
    for x, z in itertools.product((-1, 1), (-1, 1)):
        head = np.array([x * (half - 0.05), seat_height + 0.03, z * (rear - 0.05)])
        foot = [head[0] + x * leg_splay, 0, head[2] + z * leg_splay]
        parts.append(Part("leg", _beam(foot, head, leg_width), "wood"))
    for side in (-1, 1):
        size = [arm_width, thickness + arm_height, 0.92 * depth]
        parts.append(Part("arm", _box([side * (half - arm_width / 2), seat_height + size[1] / 2, 0], size), "wood"))
    return parts


def _sofa(
    width: float,
    depth: float,
    seat_height: float,
    cushion: float,
    back_height: float,
    back_depth: float,
    recline: float,
    arm_width: float,
    arm_height: float,
    chaise: float,
    chaise_width: float,
    legs: float,
) -> list[Part]:
    half, rear, seat_top, floor = width / 2, depth / 2, seat_height + cushion, legs
    seat_centre = [0, (floor + seat_height) / 2, 0]
    parts = [
        Part("body", _box(seat_centre, [width, seat_height - floor, depth]), "fabric"),
        Part("inside", _box(seat_centre, [0.8 * width, 0.5 * (seat_height - floor), 0.6 * depth]), "wood"),
    ]
    bottom = np.array([0, floor + 0.05, rear - back_depth / 2])
    top = [0, seat_top + back_height, rear - back_depth / 2 + recline]
    parts.append(Part("back", _plank(bottom, top, width, back_depth), "fabric"))
    inner = half - arm_width
    seats = max(2, round(2 * inner / 0.7))
    for index in range(seats):
        x = -inner + (index + 0.5) * 2 * inner / seats
        size = [0.97 * 2 * inner / seats, cushion, depth - 0.2]
        parts.append(Part("cushion", _box([x, seat_height + cushion / 2, -0.09], size), "fabric"))
    cover = _rectangle(0.9 * inner, 0.3 * depth, seat_top + 0.006)
    parts.append(Part("cover", _sheet(cover), "fabric"))
    centre = [inner - chaise_width / 2, (floor + seat_top) / 2, -rear - chaise / 2 + 0.05]
    parts.append(Part("chaise", _box(centre, [chaise_width, seat_top - floor, chaise + 0.1]), "fabric"))
    arm_top = seat_top + arm_height
    for side in (-1, 1):
        centre = [side * (half - arm_width / 2), (arm_top + floor) / 2, 0]
        parts.append(Part("arm", _box(centre, [arm_width, arm_top - floor, depth]), "fabric"))
    for x, z in itertools.product((-1, 1), (-1, 1)):
        foot = np.array([x * (half - 0.1), 0, z * (rear - 0.1)])
        parts.append(Part("leg", _beam(foot, foot + [0, floor + 0.05, 0], 0.1), "wood"))
    return parts


def _plane(
    length: float,
    span: float,
    radius: float,
    chord: float,
    taper: float,
    wing_place: float,
    sweep: float,
    dihedral: float,
    fin: float,
    tail_span: float,
    engine_size: float,
    engine_place: float,
) -> list[Part]:
    nose, end, half = -length / 2, length / 2, span / 2
    back = half * sweep
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
        root, tip = [0, -0.4 * radius, front], [side * half, -0.4 * radius + dihedral * half, front + back]
        parts.append(Part("wing", _aerofoil(root, tip, chord, taper * chord, 0.3), "paint"))
        root = [0, 0.5 * radius, end - 0.16 * length]
        tip = [side * tail_span * half, 0.5 * radius, end - 0.12 * length + 0.14 * back]
        parts.append(Part("tailplane", _aerofoil(root, tip, 0.62 * chord, 0.45 * chord, 0.3), "paint"))
        size, out = engine_size * radius, engine_place
        height = out * dihedral * half - 0.4 * radius - 0.6 * size
        centre = [side * out * half, height, front + out * back - 0.1 * chord]
        nacelle = _tube(np.add(centre, [0, 0, -size]), np.add(centre, [0, 0, 1.8 * size]), 0.85 * size, 0.7 * size)
        parts.append(Part("engine", nacelle, "metal"))
    blade = [
        [0, 0.9 * radius, front],
        [0, 1.2 * radius, front],
        [0, 1.2 * radius, front + 0.5],
        [0, 0.9 * radius, front + 0.5],
    ]
    parts.append(Part("antenna", _sheet(blade), "metal"))
    root, tip = [0, 0.4 * radius, end - 0.24 * length], [0, 0.5 * radius + fin, end - 0.13 * length]
    parts.append(Part("fin", _aerofoil(root, tip, 0.85 * chord, 0.5 * chord, 0.28), "trim"))
    return parts


BUILDERS: dict[str, Callable[..., list[Part]]] = {"chairs": _chair, "sofas": _sofa, "planes": _plane}


# --- pieces ----------------------------------------------------------------------------------------------


def _hull(points: ArrayLike) -> trimesh.Trimesh:
    return trimesh.convex.convex_hull(np.asarray(points, dtype=float))


def _box(centre: ArrayLike, size: ArrayLike) -> trimesh.Trimesh:
    return trimesh.creation.box(size, trimesh.transformations.translation_matrix(centre))


def _plank(bottom: ArrayLike, top: ArrayLike, width: float, thickness: float, taper: float = 1.0) -> trimesh.Trimesh:
    """A board between the middles of its lower and upper edges, which may lean back.

    ``width`` is that of the lower edge, and ``taper`` times it that of the upper one.
    """
    across, through = np.array([width / 2, 0, 0]), np.array([0, 0, thickness / 2])
    ends = (np.asarray(bottom), 1.0), (np.asarray(top), taper)
    return _hull([end + x * wide * across + z * through for end, wide in ends for x in (-1, 1) for z in (-1, 1)])


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
