"""Meshes in other formats than OBJ (glTF, PLY, STL, OFF), read by trimesh, with their colours and textures."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import trimesh
from PIL import Image

from template3d.data.materials import Material, Materials, Texture
from template3d.data.mesh_folders import companions
from template3d.data.obj import Polygons
from template3d.runtime.errors import InputError


class _Part(NamedTuple):
    """A part of a scene that has one material."""

    vertices: np.ndarray  # (V, 3)
    corners: np.ndarray  # (C,)
    sizes: np.ndarray  # (P,)
    uv: np.ndarray  # (C, 2)
    colour: tuple[float, float, float, float] | None  # linear RGB and opacity
    image: Image.Image | None


def read(file: Path) -> Polygons:
    """Read a mesh file of any of ``mesh_folders.FORMATS`` but OBJ; raises InputError, naming the file, if it cannot."""
    parts = _parts(file)
    empty = np.empty((0, 2), np.float32)
    starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    return Polygons(
        np.concatenate([np.empty((0, 3)), *(part.vertices for part in parts)]),
        np.concatenate([np.empty(0, np.int64), *(part.corners + at for part, at in zip(parts, starts, strict=False))]),
        np.concatenate([np.empty(0, np.int64), *(part.sizes for part in parts)]),
        np.concatenate([empty, *(part.uv for part in parts)]).astype(np.float32),
        np.repeat(np.arange(len(parts), dtype=np.int32), [len(part.sizes) for part in parts]),
        tuple(f"part {index}" for index in range(len(parts))),
        (),
    )


def read_materials(file: Path, folder: Path) -> Materials:
    """The materials of a mesh file, by the names that ``read`` gives them; writes its textures into ``folder``."""
    by_name = {}
    for index, part in enumerate(_parts(file)):
        texture = None
        if part.image is not None:
            texture = Texture(folder / f"part_{index}.png")
            part.image.save(texture.file)
        shown = Material(texture=texture)
        if part.colour is not None:
            shown = shown._replace(colour=part.colour[:3], opacity=part.colour[3])
        by_name[f"part {index}"] = shown
    return Materials(by_name, [], [])


def _parts(file: Path) -> list[_Part]:
    companions(file)  # none outside the folder
    try:
        if file.suffix.lower() == ".off":
            return [_read_off(file)]
        scene = trimesh.load_scene(file, process=False)
        parts = []
        for node in sorted(scene.graph.nodes_geometry):
            transform, name = scene.graph[node]
            mesh = scene.geometry[name]
            if isinstance(mesh, trimesh.Trimesh) and len(mesh.faces):
                parts.append(_part(mesh, transform))
    except InputError:
        raise
    except Exception as error:  # trimesh raises many kinds of errors for broken files
        raise InputError(f"{file}: cannot be read as a mesh ({type(error).__name__}: {error})") from error
    return parts


def _part(mesh: trimesh.Trimesh, transform: np.ndarray) -> _Part:
    vertices = trimesh.transform_points(mesh.vertices, transform)
    polygons = _ply_polygons(mesh)
    if polygons is None:
        polygons = list(np.asarray(mesh.faces, np.int64))
    sizes = np.array([len(polygon) for polygon in polygons], np.int64)
    corners = np.concatenate(polygons).astype(np.int64)
    visual: Any = mesh.visual
    uv, colour, image = np.zeros((len(corners), 2), np.float32), None, None
    if visual.kind == "texture":
        material = visual.material.to_pbr() if hasattr(visual.material, "to_pbr") else visual.material
        factor = material.baseColorFactor
        if factor is not None:
            factor = np.asarray(factor, float) / (255 if np.asarray(factor).dtype == np.uint8 else 1)
            opacity = float(factor[3]) if len(factor) > 3 and material.alphaMode == "BLEND" else 1.0
            colour = (float(factor[0]), float(factor[1]), float(factor[2]), opacity)
        if material.baseColorTexture is not None and visual.uv is not None:
            image, uv = material.baseColorTexture.convert("RGBA"), np.asarray(visual.uv, np.float32)[corners]
    elif visual.kind in ("vertex", "face"):
        starts = np.cumsum(sizes) - sizes
        if visual.kind == "vertex":
            colours = np.add.reduceat(visual.vertex_colors[corners].astype(float), starts, axis=0) / sizes[:, None]
        elif len(visual.face_colors) == len(sizes):
            colours = np.asarray(visual.face_colors, float)
        else:  # polygons that trimesh has cut
            colours = np.repeat(visual.face_colors[:1].astype(float), len(sizes), axis=0)
        image, uv = _palette(np.round(colours).astype(np.uint8), sizes)
    return _Part(vertices, corners, sizes, uv, colour, image)


def _palette(colours: np.ndarray, sizes: np.ndarray) -> tuple[Image.Image, np.ndarray]:
    """An image with a pixel for each different colour (P, 4), and the texture coordinates (C, 2) of the corners."""
    distinct, index = np.unique(colours, axis=0, return_inverse=True)
    side = int(np.ceil(np.sqrt(len(distinct))))
    pixels = np.zeros((side * side, 4), np.uint8)
    pixels[: len(distinct)] = distinct
    row, column = np.divmod(index.reshape(-1), side)
    centres = np.stack([(column + 0.5) / side, 1 - (row + 0.5) / side], axis=1)
    return Image.fromarray(pixels.reshape(side, side, 4)), np.repeat(centres, sizes, axis=0).astype(np.float32)


def _ply_polygons(mesh: trimesh.Trimesh) -> list[np.ndarray] | None:
    """The polygons of a PLY file, which trimesh cuts as fans; None for other meshes.

    trimesh keeps what it has read: columns of an ASCII file, or rows of a binary one with the counts beside the lists.
    """
    rows = mesh.metadata.get("_ply_raw", {}).get("face", {}).get("data")
    if rows is None:
        return None
    columns = rows if isinstance(rows, dict) else {name: rows[name] for name in rows.dtype.names}
    lists = next(columns[name] for name in ("vertex_indices", "vertex_index") if name in columns)
    if lists.dtype.names:
        lists = lists[lists.dtype.names[-1]]
    return [polygon for polygon in (np.asarray(entry, np.int64) for entry in lists) if len(polygon) > 2]


def _read_off(file: Path) -> _Part:
    """Read an OFF file, whose polygons trimesh would cut as fans."""
    lines = (line.partition("#")[0].split() for line in file.read_text(encoding="utf-8-sig").splitlines())
    rows = [row for row in lines if row]
    header = rows[0][0]
    if not header.upper().endswith("OFF"):
        raise InputError(f"{file}: does not begin with OFF")
    rows = [row for row in [rows[0][1:], *rows[1:]] if row]
    vertices, polygons = int(rows[0][0]), int(rows[0][1])
    points = np.array([list(map(float, row[:3])) for row in rows[1 : 1 + vertices]]).reshape(-1, 3)
    faces = [list(map(int, row[1 : 1 + int(row[0])])) for row in rows[1 + vertices : 1 + vertices + polygons]]
    faces = [face for face in faces if len(face) > 2]
    corners = np.array([corner for face in faces for corner in face], np.int64)
    if len(points) != vertices or (len(corners) and not 0 <= corners.min() <= corners.max() < vertices):
        raise InputError(f"{file}: has faces that name missing vertices; is the file complete?")
    sizes = np.array([len(face) for face in faces], np.int64)
    return _Part(points, corners, sizes, np.zeros((len(corners), 2), np.float32), None, None)
