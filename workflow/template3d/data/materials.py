"""The materials of a shape: the files that hold them, and what its MTL files say; the only reader of MTL files."""

import math
import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from template3d.data import obj
from template3d.runtime.errors import InputError, printable
from template3d.runtime.limits import USUAL, Limits

TEXTURE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".tga"}
KEYWORDS = {keyword.lower(): keyword for keyword in ("newmtl", "Kd", "d", "Tr", "map_Kd", "map_d")}
VALUES_OF = {"-o": 3, "-s": 3, "-t": 3, "-mm": 2, "-blendu": 1, "-blendv": 1, "-bm": 1, "-boost": 1, "-cc": 1}
VALUES_OF |= {"-clamp": 1, "-colorspace": 1, "-imfchan": 1, "-texres": 1, "-type": 1}
"""The options before a texture's name, and how many values follow at most."""
UNUSED = {"-blendu", "-blendv", "-bm", "-boost", "-colorspace", "-texres", "-type"}
"""Options that change nothing in a view: filters and resolution of the reader, strength of a bump map."""
MOST_LIBRARIES = 1000
"""The most MTL files that a mesh may name."""
MOST_WARNINGS = 1000
"""The most warnings that are kept."""
LONGEST = 10_000
"""The characters of a line of an MTL file that are read."""


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
    """The regular files in a folder and in those within it, if it exists."""
    found, waiting = [], [str(folder)]
    while waiting:  # not os.walk, which recurses: folders may be nested more deeply than functions
        try:
            entries = sorted(os.scandir(waiting.pop()), key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            continue
        named = (entry.path for entry in entries if os.path.splitext(entry.name)[1].lower() in suffixes)  # noqa: PTH122 - fast
        found += [Path(path) for path in named if os.path.isfile(path)]  # noqa: PTH113 - fast
        waiting += [entry.path for entry in reversed(entries) if entry.is_dir(follow_symlinks=False)]
    return found


class _Known:
    """The files that a mesh and its MTL files may name."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.paths = {os.path.normpath(file): file for file in files}
        self._by_name: dict[str, list[Path]] = {}
        for file in files:
            self._by_name.setdefault(file.name.lower(), []).append(file)

    def named(self, by: Path, name: str, suffixes: set[str]) -> tuple[Path | None, list[str]]:
        """The file that ``by`` names, by its path or else by its name alone, in any case; None if it is not known.

        There is a warning if the file is not where it is named.
        """
        path = PurePosixPath(name.replace("\\", "/"))
        alike = [file for file in self._by_name.get(path.name.lower(), []) if file.suffix.lower() in suffixes]
        if not alike:
            return None, []
        exact = self.paths.get(os.path.normpath(by.parent / path))
        if exact in alike:
            return exact, []
        return alike[0], [f"{by}: names {name}, which is not there; {alike[0]} instead"]


def read(mesh: Path, mtllib_lines: Sequence[str], limits: Limits = USUAL) -> Materials:
    """Read the materials of an OBJ file.

    ``mtllib_lines`` holds what follows each ``mtllib`` of the OBJ file. The MTL files are those that it names, and the
    one with the mesh's own name. A file that is not where it is named, for example by an absolute path of another
    machine, is looked for by its name beside the mesh and in ``images``. Nothing else is ever opened, whatever an MTL
    file names. If two MTL entries have one name, the last counts.

    Raises InputError, naming the file, for a library that is larger or describes more materials than ``limits`` allows,
    and, naming the line, for a name that continues in the next line.
    """
    known = _Known(_files_beside(mesh))
    libraries: list[Path] = []
    missing: list[str] = []
    warnings: list[str] = []
    by_name: dict[str, Material] = {}
    for line in mtllib_lines:
        named = line.strip('"')
        parts = named.split()
        single = os.path.normpath(mesh.parent / named) in known.paths
        several = not single and all(part.lower().endswith(".mtl") for part in parts)
        for name in parts if several else [named]:
            if len(libraries) + len(missing) >= MOST_LIBRARIES:
                raise InputError(f"{mesh}: names more than {MOST_LIBRARIES} material libraries; put them into one")
            library, note = known.named(mesh, name, {".mtl"})
            warnings += note
            if library:
                libraries.append(library)
            else:
                missing.append(name)
                warnings.append(f"{mesh}: names {name}, which is not there; grey instead")
    own = known.paths.get(os.path.normpath(mesh.with_suffix(".mtl")))
    for library in dict.fromkeys([*libraries, *([own] if own else [])]):
        limits.check_mesh(library)
        described, notes = _read_library(library, known, limits)
        by_name |= described
        limits.check_materials(library, len(by_name))
        warnings += notes
    return Materials(by_name, missing, list(dict.fromkeys(map(printable, warnings)))[:MOST_WARNINGS])


def _read_library(library: Path, known: _Known, limits: Limits) -> tuple[dict[str, Material], list[str]]:
    """The materials of an MTL file by name, and warnings."""
    by_name: dict[str, Material] = {}
    warnings: list[str] = []
    name = None
    for line in obj.lines(library):
        keyword, rest = KEYWORDS.get(obj.text(line.keyword).lower()), obj.text(line.rest[:LONGEST])
        if keyword == "newmtl":
            name, by_name[rest] = rest, Material()
            limits.check_materials(library, len(by_name))
        elif name is not None and keyword and rest:
            try:
                change, notes = _property(library, keyword, rest, known)
            except ValueError:
                change, notes = {}, [f"{library}: `{keyword} {rest}` of material {name} cannot be read; left out"]
            by_name[name] = by_name[name]._replace(**change)
            warnings += notes if len(warnings) < MOST_WARNINGS else []
    for name, material in by_name.items():
        if material.opacity == 0 and material.alpha_texture is None:
            warnings.append(f"{library}: material {name} is wholly transparent (`d` 0); opaque instead")
            by_name[name] = material._replace(opacity=1.0)
    return by_name, warnings


def _property(library: Path, keyword: str, rest: str, known: _Known) -> tuple[dict, list[str]]:
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
    file, notes = known.named(library, name, TEXTURE_SUFFIXES)
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
    words = [(word[0], word.start()) for word in re.finditer(r"\S+", rest)]
    position, last = 0, len(words) - 1
    while position < last and (option := words[position][0]) in VALUES_OF:
        options[option], position = [], position + 1
        while position < last and len(options[option]) < VALUES_OF[option]:
            value = words[position][0]
            if VALUES_OF[option] == 3 and not _is_number(value):
                break
            options[option].append(value)
            position += 1
    return rest[words[position][1] :].strip().strip('"'), options


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
