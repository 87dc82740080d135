"""The materials of a shape: the files that hold them, and what its MTL files say; the only reader of MTL files."""

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from template3d.data import obj

TEXTURE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".tga"}
KEYWORDS = {keyword.lower(): keyword for keyword in ("newmtl", "Kd", "d", "Tr", "map_Kd", "map_d")}
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


def files(mesh: Path) -> list[Path]:
    """The material and texture files of a mesh, sorted: all that ``read`` may return or open."""
    return sorted(_files_beside(mesh))


def _files_beside(mesh: Path) -> list[Path]:
    """The MTL files and textures in the folder of a mesh, then the textures in the shape's folder ``images``."""
    beside = _files_in(mesh.parent, TEXTURE_SUFFIXES | {".mtl"})
    return [*beside, *_files_in(mesh.parent.parent / "images", TEXTURE_SUFFIXES)]


def _files_in(folder: Path, suffixes: set[str]) -> list[Path]:
    """The files in a folder and in those within it, if it exists."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    named = [entry.path for entry in entries if os.path.splitext(entry.name)[1].lower() in suffixes and entry.is_file()]  # noqa: PTH122 - fast
    folders = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    return [*map(Path, named), *(file for inner in folders for file in _files_in(Path(inner), suffixes))]


def read(
    mesh: Path, mtllib_lines: Sequence[str], check_library: Callable[[Path], None] = lambda library: None
) -> Materials:
    """Read the materials of an OBJ file; calls ``check_library`` before it reads each MTL file.

    ``mtllib_lines`` holds what follows each ``mtllib`` of the OBJ file. The MTL files are those that it names, and the
    one with the mesh's own name. A file that is not where it is named, for example by an absolute path of another
    machine, is looked for by its name beside the mesh and in ``images``. Nothing else is ever opened, whatever an MTL
    file names. If two MTL entries have one name, the last counts.

    Raises InputError, naming the file and the line, for a name that continues in the next line.
    """
    known = _files_beside(mesh)
    libraries, missing, warnings = [], [], []
    by_name: dict[str, Material] = {}
    for line in mtllib_lines:
        named = line.strip('"')
        parts = named.split()
        several = mesh.parent / named not in known and all(part.lower().endswith(".mtl") for part in parts)
        for name in parts if several else [named]:
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


def _read_library(library: Path, known: Sequence[Path]) -> tuple[dict[str, Material], list[str]]:
    """The materials of an MTL file by name, and warnings."""
    by_name: dict[str, Material] = {}
    warnings, name = [], None
    for line in obj.lines(library):
        keyword, rest = KEYWORDS.get(obj.text(line.keyword).lower()), obj.text(line.rest)
        if keyword == "newmtl":
            name, by_name[rest] = rest, Material()
        elif name is not None and keyword and rest:
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
