"""The materials of a shape: the files that hold them, and what its MTL files say.

This is the only reader of MTL files. Blender gets the mesh without them.
"""

import math
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from template3d.data import shapenet
from template3d.runtime.errors import InputError

TEXTURE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".tga"}
BLANK = bytes(range(33))
"""Characters that separate words: the space and all control characters."""
LINE = re.compile(rb"[%b]*([^%b]+)[%b]+(.*)" % (3 * (re.escape(BLANK),)), re.DOTALL)
"""A line of an OBJ or MTL file: a keyword, and the rest."""
LIBRARY_LINE = re.compile(rb"^[%b]*mtllib[%b][^\n]*" % (2 * (re.escape(BLANK.replace(b"\n", b"")),)), re.MULTILINE)
KEYWORDS = {keyword.lower(): keyword for keyword in ("newmtl", "Kd", "d", "Tr", "map_Kd", "map_d")}
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
VALUES_OF = {"-o": 3, "-s": 3, "-t": 3, "-mm": 2, "-blendu": 1, "-blendv": 1, "-bm": 1, "-boost": 1, "-cc": 1}
VALUES_OF |= {"-clamp": 1, "-colorspace": 1, "-imfchan": 1, "-texres": 1, "-type": 1}
"""The options before a texture's name, and how many values follow at most."""
UNUSED = {"-blendu", "-blendv", "-bm", "-boost", "-colorspace", "-texres", "-type"}
"""Options that change nothing in a view: filters and resolution of the reader, strength of a bump map."""


class Texture(NamedTuple):
    """An image on a surface: texture coordinates ``uv`` show it at ``uv * scale + offset``."""

    file: Path
    scale: tuple[float, float] = (1.0, 1.0)
    offset: tuple[float, float] = (0.0, 0.0)


class Material(NamedTuple):
    """A material of an MTL file, as far as views show it."""

    colour: tuple[float, float, float] = (0.8, 0.8, 0.8)
    """``Kd``: linear RGB in [0, 1]."""
    opacity: float = 1.0
    """``d``, or 1 - ``Tr``."""
    texture: Texture | None = None
    """``map_Kd``, in place of ``colour``."""
    alpha_texture: Texture | None = None
    """``map_d``, in place of ``opacity``."""


class Materials(NamedTuple):
    """The materials that the MTL files of a mesh describe."""

    by_name: dict[str, Material]
    missing_libraries: list[str]
    warnings: list[str]
    """What was not found or not understood, and what is shown instead; each names the file."""


def files(root: Path, synset: str, shape: str) -> list[Path]:
    """The material and texture files of a shape, sorted: all that ``read`` may return or open."""
    return sorted(_files_beside(shapenet.mesh_file(root, synset, shape)))


def _files_beside(mesh: Path) -> list[Path]:
    """The MTL files and textures in the folder of a mesh, then the textures in the shape's folder ``images``."""
    found = []
    for folder, suffixes in (
        (mesh.parent, TEXTURE_SUFFIXES | {".mtl"}),
        (mesh.parent.parent / "images", TEXTURE_SUFFIXES),
    ):
        for inner, folders, names in os.walk(folder):
            folders.sort()
            found += [Path(inner, name) for name in sorted(names) if Path(name).suffix.lower() in suffixes]
    return found


def read(mesh: Path, check_library: Callable[[Path], None] = lambda library: None) -> Materials:
    """Read the materials of an OBJ file; calls ``check_library`` before it reads each MTL file.

    The MTL files are those that ``mtllib`` names, and the one with the mesh's own name. A file that is not where it is
    named, for example by an absolute path of another machine, is looked for by its name beside the mesh and in
    ``images``. Nothing else is ever opened, whatever an MTL file names. If two MTL entries have one name, the last
    counts.

    Raises InputError if a file's name continues in the next line.
    """
    known = _files_beside(mesh)
    libraries, missing, warnings = [], [], []
    by_name: dict[str, Material] = {}
    for keyword, rest in _lines(mesh, b"mtllib"):
        if keyword != "mtllib":
            continue
        parts = rest.split()
        several = mesh.parent / rest not in known and all(part.lower().endswith(".mtl") for part in parts)
        for name in parts if several else [rest]:
            library, note = _found(mesh, name, known, {".mtl"})
            warnings += note
            if library:
                libraries.append(library)
            else:
                missing.append(name)
                warnings.append(f"{mesh}: names {name}, which is not there; grey instead")
    own = mesh.with_suffix(".mtl")
    for library in dict.fromkeys([*libraries, *([own] if own in known else [])]):
        check_library(library)
        described, notes = _read_library(library, known)
        by_name |= described
        warnings += notes
    return Materials(by_name, missing, list(dict.fromkeys(warnings)))


def without_libraries(content: bytes) -> bytes:
    """An OBJ file without its ``mtllib`` lines and byte order mark, in UTF-8.

    So Blender opens no other file for it, and names its materials as ``read`` does.
    """
    content = LIBRARY_LINE.sub(b"", content.removeprefix(BYTE_ORDER_MARK))
    try:
        content.decode()
    except UnicodeDecodeError:
        content = b"\n".join(_text(line).encode() for line in content.split(b"\n"))
    return content


def _read_library(library: Path, known: Sequence[Path]) -> tuple[dict[str, Material], list[str]]:
    """The materials of an MTL file by name, and warnings."""
    by_name: dict[str, Material] = {}
    warnings, name = [], None
    for word, rest in _lines(library):
        keyword = KEYWORDS.get(word.lower())
        if keyword == "newmtl":
            name, by_name[rest] = rest, Material()
        elif name is not None and keyword:
            try:
                change, notes = _property(library, keyword, rest, known)
            except ValueError:
                change, notes = {}, [f"{library}: `{keyword} {rest}` of material {name} cannot be read; left out"]
            by_name[name] = by_name[name]._replace(**change)
            warnings += notes
    for name, material in by_name.items():
        if material.opacity == 0 and material.alpha_texture is None:
            warnings.append(f"{library}: material {name} is wholly transparent (`d` 0); opaque instead")
            by_name[name] = material._replace(opacity=1.0)
    return by_name, warnings


def _property(library: Path, keyword: str, rest: str, known: Sequence[Path]) -> tuple[dict, list[str]]:
    """A changed field of a material, and warnings; raises ValueError for what is no number."""
    if keyword == "Kd":
        values = [_number(word, 0, 1) for word in rest.split()[:3]]
        if len(values) not in (1, 3):
            raise ValueError(rest)
        return {"colour": tuple(values) if len(values) == 3 else (values[0],) * 3}, []
    if keyword in ("d", "Tr"):
        value = _number("".join(rest.removeprefix("-halo").split()[:1]), 0, 1)
        return {"opacity": value if keyword == "d" else 1 - value}, []
    name, options = _options(rest)
    unknown = [option for option in options if option not in UNUSED | {"-s", "-o"} and options[option] != ["off"]]
    warnings = [f"{library}: the option {option} of texture {name} is not applied" for option in unknown]
    file, notes = _found(library, name, known, TEXTURE_SUFFIXES)
    if file is None:
        instead = "the material's colour" if keyword == "map_Kd" else "the material's opacity"
        return {}, [f"{library}: names the texture {name}, which is not there; {instead} instead"]
    scale, offset = (
        [*map(_number, options.get(key, [])), *2 * [default]] for key, default in (("-s", 1.0), ("-o", 0.0))
    )
    texture = Texture(file, (scale[0], scale[1]), (offset[0], offset[1]))
    return {"texture" if keyword == "map_Kd" else "alpha_texture": texture}, warnings + notes


def _options(rest: str) -> tuple[str, dict[str, list[str]]]:
    """The name of a texture, which may hold spaces, and the options before it with their values."""
    options: dict[str, list[str]] = {}
    while (option := rest.split(maxsplit=1)[:1]) and option[0] in VALUES_OF and len(rest.split()) > 1:
        name, rest = option[0], rest.split(maxsplit=1)[1]
        options[name] = []
        for _ in range(VALUES_OF[name]):
            value, *after = rest.split(maxsplit=1)
            if not after or (VALUES_OF[name] == 3 and not _is_number(value)):
                break
            options[name].append(value)
            rest = after[0]
    return rest.strip().strip('"'), options


def _number(word: str, low: float = -math.inf, high: float = math.inf) -> float:
    """A finite number, moved into the range; raises ValueError for anything else."""
    value = float(word)
    if not math.isfinite(value):
        raise ValueError(word)
    return min(max(value, low), high)


def _is_number(word: str) -> bool:
    try:
        _number(word)
    except ValueError:
        return False
    return True


def _found(by: Path, name: str, known: Sequence[Path], suffixes: set[str]) -> tuple[Path | None, list[str]]:
    """The file that ``by`` names, by its path or else by its name alone, in any case; None if it is not known.

    There is a warning if the file is not where it is named.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    exact = os.path.normpath(by.parent / path)
    alike = [file for file in known if file.name.lower() == path.name.lower() and file.suffix.lower() in suffixes]
    for file in alike:
        if os.path.normpath(file) == exact:
            return file, []
    return (alike[0], [f"{by}: names {name}, which is not there; {alike[0]} instead"]) if alike else (None, [])


def _text(content: bytes) -> str:
    """Text in UTF-8, as most programs write it, or else in Latin-1."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _lines(file: Path, only: bytes = b"") -> Iterator[tuple[str, str]]:
    """The keyword and the rest of each line that contains ``only``; raises InputError for a name in two lines."""
    with file.open("rb") as lines:
        for number, line in enumerate(lines):
            if only in line and (words := LINE.match(line.removeprefix(BYTE_ORDER_MARK) if number == 0 else line)):
                keyword, rest = _text(words[1]), _text(words[2].strip(BLANK))
                named = keyword.rstrip("\\")
                if line.rstrip().endswith(b"\\") and (named in ("mtllib", "newmtl") or named.startswith("map_")):
                    raise InputError(f"{file}: a file's name continues in the next line; write it in one")
                yield keyword, rest.strip('"') if keyword == "mtllib" else rest
