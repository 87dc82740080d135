"""The material and texture files of a shape, and the files that they name."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from template3d.runtime.errors import InputError

TEXTURE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".tga"}
IMAGES: tuple[str, ...] = (
    "map_Kd",
    "map_d",
    "map_Ka",
    "map_Ks",
    "map_Ke",
    "map_Ns",
    "map_Pr",
    "map_Pm",
    "map_Ps",
    "map_refl",
    "refl",
)
IMAGES += ("map_Bump", "map_bump", "bump", "norm", "disp", "decal")
"""Keywords of a material file that name an image."""
SHOWN = ("map_Kd", "map_d")
"""The keywords whose images a view shows."""
BLANK = bytes(range(33))
"""Characters that separate words in Blender's reader: the space and all control characters."""
LINE = re.compile(rb"[%b]*([^%b]+)[%b]+(.*)" % (3 * (re.escape(BLANK),)), re.DOTALL)
"""A line of an OBJ or MTL file: a keyword, and the rest."""


def files(root: Path, synset: str, shape: str) -> list[Path]:
    """The existing material and texture files of a shape, beside its mesh and in ``images``, sorted."""
    folder = root / synset / shape
    paths = [file for file in (folder / "models").glob("*") if file.suffix.lower() in TEXTURE_SUFFIXES | {".mtl"}]
    paths += [file for file in (folder / "images").glob("*") if file.suffix.lower() in TEXTURE_SUFFIXES]
    return sorted(paths)


class Materials(NamedTuple):
    """The files that the materials of an OBJ file name, relative to the file that names them."""

    missing_libraries: list[str]
    missing_textures: list[str]
    """Only textures that a view would show."""
    images: list[Path]
    """The existing images, all of which Blender opens."""


def named_by(mesh: Path, check_library: Callable[[Path], None] = lambda library: None) -> Materials:
    """Find the files that the materials of an OBJ file name; calls ``check_library`` before it reads each library.

    Raises InputError if a name leads out of the shape's folder or continues in the next line. Blender parses names
    differently, so check the files that it opened again after an import.
    """
    libraries = {name: _beside(mesh, name) for name in _named(mesh, ("mtllib",))}
    for library in libraries.values():
        check_inside(mesh, mesh, library)
    absent, present = [], []
    always = mesh.with_suffix(".mtl")  # Blender reads it even if no line names it
    for library in filter(Path.is_file, dict.fromkeys([*libraries.values(), always])):
        check_library(library)
        shown = set(_named(library, SHOWN))
        for name in _named(library, IMAGES):
            image = _beside(library, name)
            check_inside(mesh, library, image)
            if image.is_file():
                present.append(image)
            elif name in shown:
                absent.append(name)
    missing = [name for name, library in libraries.items() if not library.is_file()]
    return Materials(missing, list(dict.fromkeys(absent)), list(dict.fromkeys(present)))


def _beside(file: Path, name: str) -> Path:
    return file.parent / name.replace("\\", "/")


def check_inside(mesh: Path, by: Path, named: Path) -> None:
    """Raise InputError if the file that ``by`` names is not in the folder of a mesh's shape.

    Links are not followed, because they are the user's choice.
    """
    folder, target = os.path.abspath(mesh.parents[1]), os.path.abspath(named)  # noqa: PTH100
    if os.path.commonpath([folder, target]) != folder:
        raise InputError(f"{by}: names {target}, outside of the shape's folder {folder}; put the file beside the mesh")


def _named(file: Path, keywords: tuple[str, ...]) -> list[str]:
    """The file names after keywords in an OBJ or MTL file, without the options before a name."""
    encoded = {keyword.encode() for keyword in keywords}
    names = []
    with file.open("rb") as lines:
        for line in lines:
            if (words := LINE.match(line)) and words[1].rstrip(b"\\") in encoded:
                if line.rstrip().endswith(b"\\"):
                    raise InputError(f"{file}: a file's name continues in the next line; write it in one")
                rest = os.fsdecode(words[2].strip(BLANK)).strip('"')
                names.append(rest.split()[-1] if rest.startswith("-") else rest)
    return list(dict.fromkeys(names))
