"""glTF files: their description, the files that they name, and checks before a library reads them."""

import base64
import json
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from template3d.runtime import files
from template3d.runtime.errors import InputError
from template3d.runtime.limits import USUAL, Limits

SUFFIXES = (".gltf", ".glb")
LOSSY = {"KHR_draco_mesh_compression", "KHR_mesh_quantization", "EXT_meshopt_compression", "EXT_mesh_gpu_instancing"}
"""Extensions of glTF whose triangles trimesh leaves out or misplaces."""
BYTES_OF = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
"""The bytes of a component, by glTF's number of its type."""
COMPONENTS_OF = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
MOST_FILES = 1000
"""The most buffers and images that a file may name."""
VERTICES_PER_FACE = 10
"""The most vertices, for each face that ``limits.mesh_faces`` allows."""
BROKEN = (ValueError, LookupError, TypeError, AttributeError, OSError)
"""Errors that a wrong description may raise."""


def description(file: Path) -> dict:
    """The JSON of a ``.gltf`` or ``.glb`` file; raises InputError if there is none."""
    files.check_regular(file)
    try:
        described = json.loads(_chunk(file, 0) if _is_binary(file) else file.read_bytes())
        if not isinstance(described, dict):
            raise TypeError("no object")
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{file}: cannot be read as glTF ({error})") from error
    return described


def companions(file: Path) -> list[Path]:
    """The files that a glTF file names, such as its buffers and textures; none for other formats.

    Raises InputError if it is no glTF, or if it names a file outside its folder or too many files.
    """
    return _companions(file, description(file)) if file.suffix.lower() in SUFFIXES else []


def _companions(file: Path, described: dict) -> list[Path]:
    try:
        uris = [entry.get("uri", "data:") for key in ("buffers", "images") for entry in described.get(key, [])]
        named = [file.parent / urllib.parse.unquote(uri) for uri in uris if not uri.startswith("data:")]
        named = list(dict.fromkeys(named))
        if len(named) > MOST_FILES:
            raise InputError(f"{file}: names {len(named)} files, more than {MOST_FILES}; export it as .glb")
        outside = [path for path in named if not path.resolve().is_relative_to(file.parent.resolve())]
    except InputError:
        raise
    except (*BROKEN, RuntimeError) as error:  # RuntimeError: a link that leads to itself
        raise InputError(f"{file}: cannot be read as glTF ({error})") from error
    if outside:
        raise InputError(f"{file}: names {outside[0]}, which is outside its folder; move it")
    return named


def check(file: Path, limits: Limits = USUAL) -> None:
    """Raise InputError for what trimesh would leave out of a glTF file, and for counts that its bytes do not hold.

    Nothing of the size of a count is allocated.
    """
    described = description(file)
    _companions(file, described)  # none outside the folder
    try:
        flaw = next(_unsupported(described), None)
        if flaw is None:
            _check_counts(file, described, limits)
    except InputError:
        raise
    except BROKEN as error:
        raise InputError(f"{file}: cannot be read as glTF ({type(error).__name__}: {error})") from error
    if flaw:
        raise InputError(f"{file}: uses {flaw}, which is not supported; export it without")


def images(file: Path) -> Iterator[tuple[str, Path | bytes]]:
    """The images of a checked glTF file: the name of each in messages, and its file or content."""
    described = description(file)
    for index, image in enumerate(described.get("images", [])):
        uri = image.get("uri")
        if uri is not None and not uri.startswith("data:"):
            path = file.parent / urllib.parse.unquote(uri)
            yield str(path), path
        elif uri is not None:
            yield f"{file}: image {index}", _of_data_uri(uri)
        elif "bufferView" in image:
            view = described["bufferViews"][image["bufferView"]]
            content = _buffer(file, described["buffers"][view["buffer"]])
            start = view.get("byteOffset", 0)
            yield f"{file}: image {index}", content[start : start + view["byteLength"]]


def _unsupported(described: dict) -> Iterator[str]:
    extensions = {*described.get("extensionsRequired", []), *described.get("extensionsUsed", [])} & LOSSY
    yield from (f"the extension {extension}" for extension in sorted(extensions))
    for mesh in described.get("meshes", []):
        for primitive in mesh["primitives"]:
            if primitive.get("mode", 4) in (2, 3, 6):
                yield f"primitives of mode {primitive['mode']}"
    for node in described.get("nodes", []):
        mesh = described["meshes"][_natural(node["mesh"])] if "mesh" in node else {}
        morphed = any("targets" in primitive for primitive in mesh.get("primitives", []))
        if morphed and any(node.get("weights", mesh.get("weights", []))):
            yield "morph targets with a default weight other than 0"
    for accessor in described.get("accessors", []):
        if "sparse" in accessor:
            yield "sparse accessors"
        if "bufferView" not in accessor:
            yield "accessors without a buffer view"


def _check_counts(file: Path, described: dict, limits: Limits) -> None:
    """Raise InputError unless buffers hold their views, these their accessors, and the triangles are few enough."""
    sizes = [_buffer_bytes(file, buffer) for buffer in described.get("buffers", [])]
    for index, (buffer, size) in enumerate(zip(described.get("buffers", []), sizes, strict=True)):
        _check_range(file, f"buffer {index}", 0, buffer["byteLength"], size)
    views = described.get("bufferViews", [])
    for index, view in enumerate(views):
        size = sizes[_natural(view["buffer"])]
        _check_range(file, f"buffer view {index}", view.get("byteOffset", 0), view["byteLength"], size)
    accessors = described.get("accessors", [])
    for index, accessor in enumerate(accessors):
        view = views[_natural(accessor["bufferView"])]
        item = BYTES_OF[accessor["componentType"]] * COMPONENTS_OF[accessor["type"]]
        stride, count = _natural(view.get("byteStride", item)), _natural(accessor["count"])
        needed = (count - 1) * max(stride, 1) + item if count else 0
        _check_range(file, f"accessor {index}", accessor.get("byteOffset", 0), needed, view["byteLength"])
    triangles, vertices, parts = [], [], []
    for mesh in described.get("meshes", []):
        primitives = mesh["primitives"]
        points = [accessors[_natural(primitive["attributes"]["POSITION"])]["count"] for primitive in primitives]
        corners = [
            accessors[_natural(primitive["indices"])]["count"] if "indices" in primitive else count
            for primitive, count in zip(primitives, points, strict=True)
        ]
        triangles.append(sum(count // 3 for count in corners))
        vertices.append(sum(points))
        parts.append(len(primitives))
    shown = [_natural(node["mesh"]) for node in described.get("nodes", []) if "mesh" in node]
    limits.check_materials(file, max(sum(parts), sum(parts[mesh] for mesh in shown)))
    limits.check_faces(file, max(sum(triangles), sum(triangles[mesh] for mesh in shown)))
    if max(sum(vertices), sum(vertices[mesh] for mesh in shown)) > VERTICES_PER_FACE * limits.mesh_faces:
        allowed = f"{VERTICES_PER_FACE} times limits.mesh_faces ({limits.mesh_faces})"
        raise InputError(f"{file}: has more vertices than {allowed} allows")


def _natural(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{str(value)[:40]} is no count")
    return value


def _check_range(file: Path, what: str, start: object, length: object, size: int) -> None:
    if _natural(start) + _natural(length) > size:
        needed = f"needs {_natural(length)} bytes from {_natural(start)}, but there are {size}"
        raise InputError(f"{file}: {what} {needed}; is the file complete?")


def _is_binary(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(4) == b"glTF"


def _chunk(file: Path, wanted: int) -> bytes:
    """The content of a chunk of a ``.glb`` file: 0 is its JSON, 1 its buffer; raises ValueError if it is cut."""
    size = file.stat().st_size
    with file.open("rb") as opened:
        opened.seek(12)
        for index in range(wanted + 1):
            length = int.from_bytes(opened.read(8)[:4], "little")
            if opened.tell() + length > size:
                raise ValueError("is the file complete?")
            if index < wanted:
                opened.seek(length, 1)
        return opened.read(length)


def _buffer_bytes(file: Path, buffer: dict) -> int:
    """The bytes that a buffer really has."""
    uri = buffer.get("uri")
    if uri is None:
        return len(_chunk(file, 1))
    if uri.startswith("data:"):
        return len(_of_data_uri(uri))
    return files.check_regular(file.parent / urllib.parse.unquote(uri)).st_size


def _buffer(file: Path, buffer: dict) -> bytes:
    uri = buffer.get("uri")
    if uri is None:
        return _chunk(file, 1)
    return _of_data_uri(uri) if uri.startswith("data:") else (file.parent / urllib.parse.unquote(uri)).read_bytes()


def _of_data_uri(uri: str) -> bytes:
    return base64.b64decode(uri.partition(",")[2])
