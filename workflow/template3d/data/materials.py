"""The material files and images of a shape, and what they name."""

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
"""The words of a material file that name an image."""
SHOWN = ("map_Kd", "map_d")
"""Those of which a view shows something."""
BLANK = bytes(range(33))
"""What stands between words for Blender: blanks, and all control characters."""
LINE = re.compile(rb"[%b]*([^%b]+)[%b]+(.*)" % (3 * (re.escape(BLANK),)), re.DOTALL)
"""A line of an OBJ or MTL file: a word, and the rest."""


def files(root: Path, synset: str, shape: str) -> list[Path]:
    """The material and texture files of a shape that exist, sorted: beside its mesh and in ``images``."""
    folder = root / synset / shape
    found = [file for file in (folder / "models").glob("*") if file.suffix.lower() in TEXTURE_SUFFIXES | {".mtl"}]
    found += [file for file in (folder / "images").glob("*") if file.suffix.lower() in TEXTURE_SUFFIXES]
    return sorted(found)


class Materials(NamedTuple):
    """What the materials of an OBJ file name, as it stands in the files: looked for beside the one that names it."""

    missing_libraries: list[str]
    missing_textures: list[str]
    """Of those that a view would show."""
    images: list[Path]
    """Those that are there, each of which Blender opens."""


def named_by(mesh: Path, check_library: Callable[[Path], None] = lambda library: None) -> Materials:
    """What the materials of an OBJ file name; ``check_library`` sees each library before it is read.

    Raises InputError if a name leads out of the shape's folder or into the next line. Blender reads names its own way,
    so whoever lets it checks once more which files it took.
    """
    libraries = {name: _beside(mesh, name) for name in _named(mesh, ("mtllib",))}
    for library in libraries.values():
        check_inside(mesh, mesh, library)
    lost, found = [], []
    always = mesh.with_suffix(".mtl")  # Blender reads it even where no line names it
    for library in filter(Path.is_file, dict.fromkeys([*libraries.values(), always])):
        check_library(library)
        shown = set(_named(library, SHOWN))
        for name in _named(library, IMAGES):
            image = _beside(library, name)
            check_inside(mesh, library, image)
            if image.is_file():
                found.append(image)
            elif name in shown:
                lost.append(name)
    missing = [name for name, library in libraries.items() if not library.is_file()]
    return Materials(missing, list(dict.fromkeys(lost)), list(dict.fromkeys(found)))


def _beside(file: Path, name: str) -> Path:
    return file.parent / name.replace("\\", "/")


def check_inside(mesh: Path, by: Path, named: Path) -> None:
    """Raise InputError if the file that ``by`` names is not in the folder of a mesh's shape.

    Links are not followed: those are the user's own.
    """
    folder, target = os.path.abspath(mesh.parents[1]), os.path.abspath(named)  # noqa: PTH100
    if os.path.commonpath([folder, target]) != folder:
        raise InputError(f"{by}: names {target}, outside of the shape's folder {folder}; put the file beside the mesh")


def _named(file: Path, keywords: tuple[str, ...]) -> list[str]:
    """The file names that stand behind some keywords in an OBJ or MTL file; options before a name are left out."""
    wanted = {keyword.encode() for keyword in keywords}
    names = []
    with file.open("rb") as lines:
        for line in lines:
            if (found := LINE.match(line)) and found[1].rstrip(b"\\") in wanted:
                if line.rstrip().endswith(b"\\"):
                    raise InputError(f"{file}: a file's name continues in the next line; write it in one")
                rest = os.fsdecode(found[2].strip(BLANK)).strip('"')
                names.append(rest.split()[-1] if rest.startswith("-") else rest)
    return list(dict.fromkeys(names))
