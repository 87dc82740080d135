"""Meshes in other formats than OBJ (glTF, PLY, STL, OFF), read by trimesh, with their colours and textures."""

import re
import urllib.parse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import trimesh
from PIL import Image
from trimesh.resolvers import FilePathResolver

from template3d.data.materials import Material, Materials, Texture
from template3d.data.mesh_folders import companions, gltf
from template3d.data.obj import Polygons
from template3d.runtime.errors import InputError
from template3d.runtime.limits import USUAL, Limits

LOSSY = {"KHR_draco_mesh_compression", "KHR_mesh_quantization", "EXT_meshopt_compression", "EXT_mesh_gpu_instancing"}
"""Extensions of glTF whose triangles trimesh leaves out or misplaces."""


class _Part(NamedTuple):
    """A part of a scene that has one material."""

    vertices: np.ndarray  # (V, 3)
    corners: np.ndarray  # (C,)
    sizes: np.ndarray  # (P,)
    uv: np.ndarray  # (C, 2)
    colour: tuple[float, float, float, float] | None = None  # linear RGB and opacity
    image: Image.Image | None = None
    see_through: bool = False  # where the image's alpha says so


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


def read_materials(file: Path, folder: Path, limits: Limits = USUAL) -> Materials:
    """The materials of a mesh file, by the names that ``read`` gives them; writes its textures into ``folder``.

    Raises InputError for a texture that is too large.
    """
    by_name = {}
    for index, part in enumerate(_parts(file)):
        texture = None
        if part.image is not None:
            limits.check_pixels(file, part.image)
            texture = Texture(folder / f"part_{index}.png")
            image = part.image.convert("RGBA" if part.see_through else "RGB")
            _tinted(image, part.colour).save(texture.file)
        shown = Material(texture=texture)
        if part.colour is not None:
            shown = shown._replace(colour=part.colour[:3], opacity=part.colour[3])
        by_name[f"part {index}"] = shown
    return Materials(by_name, [], [])


def _parts(file: Path) -> list[_Part]:
    """The parts of a mesh file, in the same order whenever it is read."""
    kind = file.suffix.lower()
    try:
        if kind == ".off":
            parts = [_read_off(file)]
        elif kind == ".stl":
            parts = [_read_stl(file)]
        else:
            if kind in (".glb", ".gltf"):
                _check_gltf(file)
            scene = trimesh.load_scene(file, process=False, resolver=_Resolver(str(file)))
            order = {name: index for index, name in enumerate(scene.geometry)}  # the names of nodes are random
            placed = [scene.graph[node] for node in scene.graph.nodes_geometry]
            placed.sort(key=lambda entry: (order[entry[1]], entry[0].tolist()))
            parts = [
                _part(mesh, transform)
                for transform, name in placed
                if isinstance(mesh := scene.geometry[name], trimesh.Trimesh) and len(mesh.faces)
            ]
    except InputError as error:
        raise InputError(str(error) if str(file) in str(error) else f"{file}: {error}") from error
    except Exception as error:  # trimesh raises many kinds of errors for broken files
        raise InputError(f"{file}: cannot be read as a mesh ({type(error).__name__}: {error})") from error
    for part in parts:
        if len(part.corners) and not 0 <= part.corners.min() <= part.corners.max() < len(part.vertices):
            raise InputError(f"{file}: has faces that name missing vertices; is the file complete?")
    return parts


class _Resolver(FilePathResolver):
    """Finds the files that a glTF file names, which it writes with escapes such as ``%20``."""

    def get(self, name: str) -> bytes:
        return super().get(urllib.parse.unquote(name))


def _check_gltf(file: Path) -> None:
    """Raise InputError for what trimesh would silently leave out of a glTF file."""
    companions(file)  # none outside the folder
    described = gltf(file)
    extensions = {*described.get("extensionsRequired", []), *described.get("extensionsUsed", [])} & LOSSY
    primitives = [primitive for mesh in described.get("meshes", []) for primitive in mesh["primitives"]]
    flaws = [
        *(f"the extension {extension}" for extension in sorted(extensions)),
        *(
            f"primitives of mode {primitive['mode']}"
            for primitive in primitives
            if primitive.get("mode", 4) in (2, 3, 6)
        ),
        *("sparse accessors" for accessor in described.get("accessors", []) if "sparse" in accessor),
    ]
    if flaws:
        raise InputError(f"{file}: uses {flaws[0]}, which is not supported; export it without")


def _part(mesh: trimesh.Trimesh, transform: np.ndarray) -> _Part:
    visual: Any = mesh.visual
    columns = _ply_columns(mesh)
    polygons = columns.get("polygons", list(np.asarray(mesh.faces, np.int64)))
    sizes = np.array([len(polygon) for polygon in polygons], np.int64)
    corners = np.concatenate(polygons).astype(np.int64)
    part = _Part(
        trimesh.transform_points(mesh.vertices, transform), corners, sizes, np.zeros((len(corners), 2), np.float32)
    )
    if visual.kind == "texture" and hasattr(visual.material, "baseColorFactor"):  # glTF
        material = visual.material
        see_through = material.alphaMode in ("BLEND", "MASK")
        factor = np.ones(4) if material.baseColorFactor is None else np.asarray(material.baseColorFactor)
        red, green, blue, alpha = (factor / (255 if factor.dtype == np.uint8 else 1)).tolist()
        part = part._replace(colour=(red, green, blue, alpha if material.alphaMode == "BLEND" else 1.0))
        if material.baseColorTexture is not None and visual.uv is not None:
            uv = np.asarray(visual.uv, np.float32)[corners]
            part = part._replace(uv=uv, image=material.baseColorTexture, see_through=see_through)
    elif visual.kind == "vertex" and corners.max() < len(visual.vertex_colors):
        totals = np.add.reduceat(visual.vertex_colors[corners].astype(float), np.cumsum(sizes) - sizes, axis=0)
        part = _painted(part, totals / sizes[:, None])
    elif visual.kind == "face":
        part = _painted(part, columns.get("colours", visual.face_colors))
    return part


def _tinted(image: Image.Image, colour: tuple[float, float, float, float] | None) -> Image.Image:
    """An image in sRGB times a linear colour, as glTF wants it."""
    if colour is None or colour[:3] == (1, 1, 1):
        return image
    pixels = np.asarray(image, float) / 255
    linear = np.where(pixels[..., :3] <= 0.04045, pixels[..., :3] / 12.92, ((pixels[..., :3] + 0.055) / 1.055) ** 2.4)
    linear = linear * colour[:3]
    pixels[..., :3] = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return Image.fromarray(np.round(255 * pixels).astype(np.uint8), image.mode)


def _painted(part: _Part, colours: np.ndarray) -> _Part:
    """A part whose polygons have colours (P, 3 or 4), from 0 to 255."""
    image, uv = _palette(np.round(colours).astype(np.uint8)[:, :3], part.sizes)
    return part._replace(image=image, uv=uv)


def _palette(colours: np.ndarray, sizes: np.ndarray) -> tuple[Image.Image, np.ndarray]:
    """An image with a pixel for each different colour (P, 3), and the texture coordinates (C, 2) of the corners."""
    distinct, index = np.unique(colours, axis=0, return_inverse=True)
    side = int(np.ceil(np.sqrt(len(distinct))))
    pixels = np.zeros((side * side, 3), np.uint8)
    pixels[: len(distinct)] = distinct
    row, column = np.divmod(index.reshape(-1), side)
    centres = np.stack([(column + 0.5) / side, 1 - (row + 0.5) / side], axis=1)
    return Image.fromarray(pixels.reshape(side, side, 3)), np.repeat(centres, sizes, axis=0).astype(np.float32)


def _ply_columns(mesh: trimesh.Trimesh) -> dict[str, Any]:
    """The ``polygons`` of a PLY file with more than triangles, which trimesh cuts as fans, and their ``colours``.

    Empty for other meshes, and where trimesh has moved the vertices. trimesh keeps what it has read: columns of an
    ASCII file, or rows of a binary one with the counts beside the lists.
    """
    elements = mesh.metadata.get("_ply_raw", {})
    rows = elements.get("face", {}).get("data")
    visual: Any = mesh.visual
    if rows is None or elements["vertex"]["length"] != len(mesh.vertices) or visual.kind == "texture":
        return {}
    columns = rows if isinstance(rows, dict) else {name: rows[name] for name in rows.dtype.names}
    lists = next(columns[name] for name in ("vertex_indices", "vertex_index") if name in columns)
    if lists.dtype.names:
        lists = lists[lists.dtype.names[-1]]
    polygons = [np.asarray(entry).reshape(-1) for entry in lists]
    if len(polygons) != elements["face"]["length"] or any(polygon.dtype.kind == "f" for polygon in polygons):
        raise InputError("has other faces than its header says; is the file complete?")
    whole = np.array([len(polygon) > 2 for polygon in polygons])
    if max(map(len, polygons), default=0) <= 3 and whole.all():
        return {}
    found: dict[str, Any] = {"polygons": [polygon.astype(np.int64) for polygon in polygons if len(polygon) > 2]}
    if {"red", "green", "blue"} <= columns.keys():
        colours = np.stack([np.asarray(columns[name]).reshape(-1) for name in ("red", "green", "blue")], axis=1)
        found["colours"] = colours[whole]
    return found


def _read_off(file: Path) -> _Part:
    """Read an OFF file, whose polygons trimesh would cut as fans."""
    content = file.read_text(encoding="utf-8-sig", errors="replace")
    header = re.match(r"\s*(?:#.*\s+)*(?:ST)?C?N?OFF", content)
    if header is None:
        raise InputError("does not begin with OFF, COFF, NOFF or STOFF")
    lines = (line.partition("#")[0].split() for line in content[header.end() :].splitlines())
    rows = [row for row in lines if row]
    vertices, polygons = int(rows[0][0]), int(rows[0][1])
    points = np.array([list(map(float, row[:3])) for row in rows[1 : 1 + vertices]]).reshape(-1, 3)
    faces = [list(map(int, row[1 : 1 + int(row[0])])) for row in rows[1 + vertices : 1 + vertices + polygons]]
    short = any(len(face) != int(row[0]) for face, row in zip(faces, rows[1 + vertices :], strict=False))
    if len(points) != vertices or len(faces) != polygons or short:
        raise InputError("has fewer numbers than its counts say; is the file complete?")
    return _of_polygons(points, [face for face in faces if len(face) > 2])


def _read_stl(file: Path) -> _Part:
    """Read an STL file; trimesh silently drops what it cannot read of text."""
    content = file.read_bytes()
    count = int.from_bytes(content[80:84], "little")
    if content.lstrip()[:5].lower() == b"solid" and len(content) != 84 + 50 * count:
        points = _text_triangles(content.decode(errors="replace").split())
    elif len(content) < 84 + 50 * count or len(content) < 84:
        raise InputError(f"has {len(content)} bytes, but its {count} triangles need {84 + 50 * count}; is it complete?")
    else:
        record = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
        points = np.frombuffer(content, record, count, offset=84)["corners"].reshape(-1, 3)
    return _of_polygons(points.astype(float), list(np.arange(len(points)).reshape(-1, 3)))


def _text_triangles(words: list[str]) -> np.ndarray:
    """The corners (3T, 3) of the triangles in the words of a text STL file."""
    points: list[list[float]] = []
    loops = [index for index, word in enumerate(words) if word == "loop" and words[index - 1] == "outer"]
    for loop in loops:
        corners = words[loop + 1 : loop + 14]
        if len(corners) < 13 or corners[:12:4] != 3 * ["vertex"] or corners[12] != "endloop":
            raise InputError(f"triangle {len(points) // 3 + 1} has not three corners; is the file complete?")
        points += [list(map(float, corners[start + 1 : start + 4])) for start in (0, 4, 8)]
    if "endsolid" not in words:
        raise InputError("has no endsolid; is the file complete?")
    return np.array(points).reshape(-1, 3)


def _of_polygons(points: np.ndarray, polygons: list) -> _Part:
    corners = np.array([corner for polygon in polygons for corner in polygon], np.int64)
    sizes = np.array([len(polygon) for polygon in polygons], np.int64)
    return _Part(points, corners, sizes, np.zeros((len(corners), 2), np.float32))
