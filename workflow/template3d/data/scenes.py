"""Meshes in other formats than OBJ (glTF, PLY, STL, OFF), read by trimesh, with their colours and textures."""

import re
import urllib.parse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import trimesh
from PIL import Image
from trimesh.resolvers import FilePathResolver

from template3d.data import gltf, ply, stl, textures
from template3d.data.materials import Material, Materials, Texture
from template3d.data.obj import Polygons
from template3d.runtime import files
from template3d.runtime.errors import InputError, printable
from template3d.runtime.limits import USUAL, Limits


class _Part(NamedTuple):
    """A part of a scene that has one material."""

    vertices: np.ndarray  # (V, 3)
    corners: np.ndarray  # (C,)
    sizes: np.ndarray  # (P,)
    uv: np.ndarray  # (C, 2)
    colour: tuple[float, float, float, float] | None = None  # linear RGB and opacity
    image: Image.Image | None = None
    see_through: bool = False  # where the image's alpha says so


def read(file: Path, limits: Limits = USUAL) -> Polygons:
    """Read a mesh file of any of ``mesh_folders.FORMATS`` but OBJ; raises InputError, naming the file, if it cannot.

    Also raises InputError, before anything of that size is allocated, for more faces or corners than ``limits`` allows.
    """
    parts = _parts(file, limits)
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
    parts = _parts(file, limits)
    warnings = _unreadable_images(file, limits) if file.suffix.lower() in gltf.SUFFIXES else []
    if file.suffix.lower() == ".ply":
        flaw = "but the texture of a PLY file is not shown; export it as .obj or .glb"
        warnings += [f"{file}: names the texture {name}, {flaw}" for name in ply.texture_files(file)]
    by_name: dict[str, Material] = {}
    textures_of: dict[tuple, Texture | None] = {}  # many parts may share an image
    for index, part in enumerate(parts):
        kind = (id(part.image), part.colour, part.see_through)
        if part.image is not None and kind not in textures_of:
            texture = Texture(folder / f"part_{index}.png")
            image = _decoded(part.image, file, limits)
            if image is None:
                warnings.append(f"{file}: the texture of part {index} cannot be read; it is shown without it")
            else:
                image = image.convert("RGBA" if part.see_through else "RGB")
                textures.write(_tinted(image, part.colour), texture.file)
            textures_of[kind] = texture if image else None
        shown = Material(texture=textures_of.get(kind))
        if part.colour is not None:
            shown = shown._replace(colour=part.colour[:3], opacity=part.colour[3])
        by_name[f"part {index}"] = shown
    return Materials(by_name, [], list(dict.fromkeys(map(printable, warnings))))


def _unreadable_images(file: Path, limits: Limits) -> list[str]:
    """Warnings of images that a glTF file names and that trimesh, which says nothing, leaves out."""
    warnings = []
    for name, source in gltf.images(file):
        try:
            known = textures.check(source, name, limits)
        except InputError as error:
            if isinstance(source, Path) and not source.is_file():
                warnings.append(f"{error}; the material is shown without it")
                continue
            raise
        if not known:
            warnings.append(f"{name}: this texture cannot be read; the material is shown without it")
    return warnings


def _decoded(image: Image.Image, file: Path, limits: Limits) -> Image.Image | None:
    """An image of a part in RGB or RGBA, decoded by ``textures.decode`` if trimesh has only opened it."""
    content = getattr(image, "fp", None)
    if content is None:  # computed, by us or by trimesh
        limits.check_pixels(file, image)
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    return textures.decode(content.getvalue(), file, limits)


def _parts(file: Path, limits: Limits = USUAL) -> list[_Part]:
    """The parts of a mesh file, in the same order whenever it is read."""
    kind = file.suffix.lower()
    try:
        if kind == ".off":
            parts = [_read_off(file, limits)]
        elif kind == ".stl":
            points = stl.read(file, limits)
            sizes, uv = np.full(len(points) // 3, 3), np.zeros((len(points), 2), np.float32)
            parts = [_Part(points.astype(float), np.arange(len(points)), sizes, uv)]
        else:
            if kind in gltf.SUFFIXES:
                gltf.check(file, limits)
            else:
                ply.check(file, limits)
            scene = trimesh.load_scene(file, process=False, resolver=_Resolver(file), skip_materials=kind == ".ply")
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
        limits.check_corners(file, int(part.sizes.max(initial=0)))
    limits.check_faces(file, sum(int((part.sizes - 2).sum()) for part in parts))
    return parts


class _Resolver(FilePathResolver):
    """Finds the files that a glTF file names, which it writes with escapes such as ``%20``, and no others."""

    def __init__(self, file: Path) -> None:
        super().__init__(str(file))
        self._companions = {companion.resolve() for companion in gltf.companions(file)}

    def get(self, name: str) -> bytes:
        file = Path(self.parent) / urllib.parse.unquote(name)
        if file.resolve() not in self._companions:
            raise InputError(f"{file}: may not be read")
        files.check_regular(file)
        return file.read_bytes()


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
    pixels[..., :3] = textures.to_srgb(textures.to_linear(pixels[..., :3]) * colour[:3])
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
    counts = None
    if lists.dtype.names:
        counts, lists = (lists[name] for name in lists.dtype.names)
    polygons = [np.asarray(entry).reshape(-1) for entry in lists]
    same = counts is None or np.array_equal(counts, list(map(len, polygons)))  # trimesh takes all to be as the first
    if not same or len(polygons) != elements["face"]["length"] or any(face.dtype.kind == "f" for face in polygons):
        raise InputError("has other faces than its header says; is the file complete?")
    whole = np.array([len(polygon) > 2 for polygon in polygons])
    if max(map(len, polygons), default=0) <= 3 and whole.all():
        return {}
    found: dict[str, Any] = {"polygons": [polygon.astype(np.int64) for polygon in polygons if len(polygon) > 2]}
    if {"red", "green", "blue"} <= columns.keys():
        colours = np.stack([np.asarray(columns[name]).reshape(-1) for name in ("red", "green", "blue")], axis=1)
        found["colours"] = colours[whole]
    return found


def _read_off(file: Path, limits: Limits) -> _Part:
    """Read an OFF file, whose polygons trimesh would cut as fans."""
    content = re.sub(r"#.*", "", file.read_text(encoding="utf-8-sig", errors="replace"))
    header = re.match(r"\s*(?:ST)?C?N?OFF", content)
    if header is None:
        raise InputError("does not begin with OFF, COFF, NOFF or STOFF")
    rows = [row for line in content[header.end() :].splitlines() if (row := line.split())]
    vertices, polygons = int(rows[0][0]), int(rows[0][1])
    limits.check_faces(file, polygons)
    if len(rows) > 1 + vertices + polygons:
        raise InputError("has more lines than its counts say; export it again")
    if strange := re.search(r"\S*_\S*", content[header.end() :]):  # Python reads 0_5 as 5
        raise InputError(f"has {strange[0][:40]!r}, which is not a number")
    points = np.array([list(map(float, row[:3])) for row in rows[1 : 1 + vertices]]).reshape(-1, 3)
    faces = [list(map(int, row[1 : 1 + int(row[0])])) for row in rows[1 + vertices : 1 + vertices + polygons]]
    short = any(len(face) != int(row[0]) for face, row in zip(faces, rows[1 + vertices :], strict=False))
    if len(points) != vertices or len(faces) != polygons or short:
        raise InputError("has fewer numbers than its counts say; is the file complete?")
    return _of_polygons(points, [face for face in faces if len(face) > 2])


def _of_polygons(points: np.ndarray, polygons: list) -> _Part:
    corners = np.array([corner for polygon in polygons for corner in polygon], np.int64)
    sizes = np.array([len(polygon) for polygon in polygons], np.int64)
    return _Part(points, corners, sizes, np.zeros((len(corners), 2), np.float32))
