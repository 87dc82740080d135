"""A folder in the ShapeNetCore.v2 layout: categories, splits, shape ids, and where their files are."""

import csv
import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np

from template3d.errors import InputError

ID = re.compile(r"(?=.{4,64}$)u?[0-9a-f]+(-[0-9a-f]+)*")
"""Hexadecimal digits, or, for a few of ShapeNet's, a UUID behind a ``u``."""
MODEL = Path("models") / "model_normalized.obj"
TEXTURE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".tga"}
IMAGES = ("map_Kd", "map_d", "map_Ka", "map_Ks", "map_Ke", "map_Ns", "map_Pr", "map_Pm", "map_Ps", "map_refl", "refl")
IMAGES += ("map_Bump", "map_bump", "bump", "norm", "disp", "decal")
"""The words of a material file that name an image."""
SHOWN = ("map_Kd", "map_d")
"""Those of which a view shows something."""
BLANK = bytes(range(33))
"""What stands between words for Blender: blanks, and all control characters."""
LINE = re.compile(rb"[%b]*([^%b]+)[%b]+(.*)" % (3 * (re.escape(BLANK),)), re.DOTALL)
"""A line of an OBJ or MTL file: a word, and the rest."""


def synsets(table: Path) -> dict[str, str]:
    """The category table (CSV with the columns ``category`` and ``synset``) as name to synset id."""
    with table.open(newline="") as file:
        return {row["category"]: row["synset"] for row in csv.DictReader(file)}


def synset(category: str, given: str | None, table: dict[str, str]) -> str:
    """The synset id of a category, as given or from the table; raises InputError if it is in neither."""
    if given or category in table:
        return given or table[category]
    raise InputError(
        f'config: categories.{category}: the synset of this category is not known; add `synset: "01234567"` to it '
        f"(known without: {', '.join(table)})"
    )


def check_root(root: Path) -> None:
    """Raise InputError unless a folder in the ShapeNetCore.v2 layout can be there."""
    if not root.is_dir():
        raise InputError(f"config: shapenet is {root}, but there is no such folder; give the path of ShapeNetCore.v2")


def check_url(url: str) -> None:
    """Raise InputError unless a URL names a file: where it is kept here follows from its host and its path."""
    parts = urlsplit(url)
    if not parts.hostname or {".", ".."} & {parts.netloc, *parts.path.split("/")} or not parts.path.rpartition("/")[2]:
        raise InputError(f"config: {url} is no address of a split list; fetch the list and give its path")


def splits(lists: dict[str, Path], synset: str) -> dict[str, list[str]]:
    """The shapes of a category by split, from its lists ``train`` and ``test``.

    Raises InputError for a wrong list, and for a shape that is in both.
    """
    found = {split: read_split(file, synset) for split, file in lists.items()}
    if both := sorted(set(found["train"]) & set(found["test"])):
        raise InputError(
            f"{lists['test']}: {both[0]} is also in {lists['train']}; a test shape must not be learnt from"
        )
    return found


def keep_split(fetched: Path, sha256: str, file: Path, url: str) -> None:
    """Move a fetched split list to ``file``; raises InputError unless its content has the checksum."""
    content = fetched.read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != sha256:
        raise InputError(
            f"{url}: what came has the SHA-256 {found}, not {sha256}; if the list was really changed, put its new "
            "checksum into the configuration"
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    fetched.replace(file)


def missing_meshes(root: Path, synset: str, splits: dict[str, list[str]]) -> frozenset[str]:
    """The shapes of a category's splits of which the folder has no mesh."""
    there = {entry.name for entry in os.scandir(root / synset)} if (root / synset).is_dir() else set()
    return frozenset(
        shape
        for shapes in splits.values()
        for shape in shapes
        if shape not in there or not mesh_file(root, synset, shape).exists()
    )


def check_missing(
    root: Path, splits: dict[str, dict[str, list[str]]], missing: dict[str, frozenset[str]], on_missing_mesh: str
) -> None:
    """Raise InputError for shapes without a mesh, or, with ``skip``, for a split of which no mesh is there."""
    for category, lists in splits.items():
        for split, shapes in lists.items():
            lost = [shape for shape in shapes if shape in missing[category]]
            if lost and (on_missing_mesh == "fail" or len(lost) == len(shapes)):
                way = (
                    "mend the list or set on_missing_mesh: skip" if len(lost) < len(shapes) else "is it the right one?"
                )
                raise InputError(
                    f"{root}: this folder has no mesh of {len(lost)} of the {len(shapes)} {split} shapes of {category} "
                    f"({', '.join(lost[:3])}{', ...' * (len(lost) > 3)}); {way}"
                )


def check_id(shape: object, source: str) -> str:
    """A shape's id, unchanged; raises InputError, naming ``source``, unless it is one: 4 to 64 characters.

    Ids become parts of paths, so nothing else may pass.
    """
    if not isinstance(shape, str) or not ID.fullmatch(shape):
        raise InputError(f"{source}: {shape!r} is not a shape id; ShapeNet's are hexadecimal, such as 1a6f615e8b1b5ae4")
    return shape


def read_split(file: Path, synset: str) -> list[str]:
    """The shape ids of one category in a split file, in the file's order.

    The file is a DeepSDF split (JSON: dataset to synset to ids), a JSON list of ids, or text with one id a line.
    Raises InputError for a missing or unreadable file, a wrong or repeated id, or no ids of this synset.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{file}: cannot read this split ({error}); give a DeepSDF split file or a list of ids"
        ) from error
    if file.suffix == ".json":
        try:
            content = json.loads(text)
            if isinstance(content, dict):
                content = [shape for dataset in content.values() for shape in dataset.get(synset, [])]
            content = list(content)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(f"{file}: not valid ({error}); give a DeepSDF split file or a list of ids") from error
    else:
        content = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    ids = [check_id(shape, str(file)) for shape in content]
    if not ids:
        raise InputError(f"{file}: names no shape of synset {synset}; is it the split of another category?")
    if repeated := {shape for shape in ids if ids.count(shape) > 1} if len(set(ids)) < len(ids) else set():
        raise InputError(f"{file}: names {sorted(repeated)[0]} more than once; list every shape once")
    return ids


def shard(shape: str, shards: int) -> int:
    """The shard of a shape: from its id alone, so that another shape never moves it."""
    return int(hashlib.sha256(shape.encode()).hexdigest(), 16) % shards


def generator(shape: str, seed: int, purpose: str) -> np.random.Generator:
    """Random numbers of one shape for one purpose: the same whatever the order, the shard or the machine."""
    words = hashlib.sha256(f"{seed}/{purpose}/{shape}".encode()).digest()
    return np.random.default_rng(np.frombuffer(words, dtype=np.uint32))


def mesh_file(root: Path, synset: str, shape: str) -> Path:
    """Where the mesh of a shape lies."""
    return root / synset / shape / MODEL


def ids(mesh: Path) -> tuple[str, str]:
    """The synset and the shape that a mesh file belongs to, by its place."""
    return mesh.parts[-4], mesh.parts[-3]


def material_files(root: Path, synset: str, shape: str) -> list[Path]:
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


def materials(mesh: Path, check_library: Callable[[Path], None] = lambda library: None) -> Materials:
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
    folder, place = os.path.abspath(mesh.parents[1]), os.path.abspath(named)  # noqa: PTH100
    if os.path.commonpath([folder, place]) != folder:
        raise InputError(f"{by}: names {place}, outside of the shape's folder {folder}; put the file beside the mesh")


def _named(file: Path, keywords: tuple[str, ...]) -> list[str]:
    """The file names that stand behind some keywords in an OBJ or MTL file; options before a name are left out."""
    wanted = {keyword.encode() for keyword in keywords}
    names = []
    with file.open("rb") as lines:
        for line in lines:
            if (found := LINE.match(line)) and found[1].rstrip(b"\\") in wanted:
                if line.rstrip().endswith(b"\\"):
                    raise InputError(f"{file}: a file's name goes on in the next line; write it in one")
                rest = os.fsdecode(found[2].strip(BLANK)).strip('"')
                names.append(rest.split()[-1] if rest.startswith("-") else rest)
    return list(dict.fromkeys(names))
