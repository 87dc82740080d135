"""A folder in the ShapeNetCore.v2 layout: categories, shape ids, and the paths of meshes."""

import csv
import hashlib
import os
import re
from pathlib import Path

from template3d.runtime.errors import InputError

ID = re.compile(r"\w[\w .,+()-]{0,127}(?<![ .])")
"""A name that is safe in a path, in an archive and in a table. ShapeNet's own ids are hexadecimal."""
RESERVED = frozenset({"failed"})
"""Archives use this name for their list of failures."""
MODEL = Path("models") / "model_normalized.obj"


def synsets(table: Path) -> dict[str, str]:
    """Read the category table, a CSV file with columns ``category`` and ``synset``; returns category to synset id."""
    with table.open(newline="") as file:
        return {row["category"]: row["synset"] for row in csv.DictReader(file)}


def known_faults(table: Path) -> dict[str, dict[str, str]]:
    """Read the table of known faults, a CSV file; returns a sentence for each shape, by synset and shape."""
    faults: dict[str, dict[str, str]] = {}
    with table.open(newline="") as file:
        for row in csv.DictReader(file):
            faults.setdefault(row["synset"], {})[row["shape"]] = f"{row['fault']} ({row['source']})"
    return faults


def synset(category: str, given: str | None, table: dict[str, str]) -> str:
    """The synset id of a category, as given or from the table; raises InputError if it is in neither."""
    if given or category in table:
        return given or table[category]
    raise InputError(
        f'config: categories.{category}: the synset of this category is not known; add `synset: "01234567"` to it '
        f"(known without: {', '.join(table)})"
    )


def check_root(root: Path) -> None:
    """Raise InputError unless the folder exists."""
    if not root.is_dir():
        raise InputError(f"config: shapenet is {root}, but there is no such folder; give the path of ShapeNetCore.v2")


def missing_meshes(root: Path, synset: str, splits: dict[str, list[str]]) -> frozenset[str]:
    """The shapes in a category's splits that have no mesh in the folder."""
    present = {entry.name for entry in os.scandir(root / synset)} if (root / synset).is_dir() else set()
    return frozenset(
        shape
        for shapes in splits.values()
        for shape in shapes
        if shape not in present or not mesh_file(root, synset, shape).exists()
    )


def check_missing(
    root: Path,
    synsets: dict[str, str],
    splits: dict[str, dict[str, list[str]]],
    missing: dict[str, frozenset[str]],
    on_missing_mesh: str,
) -> None:
    """Raise InputError for shapes without a mesh, or, with ``skip``, for a split without any mesh.

    The sentence names the path of the first missing mesh, and what the folder holds instead.
    """
    for category, lists in splits.items():
        for split, shapes in lists.items():
            absent = [shape for shape in shapes if shape in missing[category]]
            if absent and (on_missing_mesh == "fail" or len(absent) == len(shapes)):
                some = f"{', '.join(absent[:3])}{', ...' * (len(absent) > 3)}"
                remedy = "fix the list or set on_missing_mesh: skip"
                if len(absent) == len(shapes):
                    remedy = f"there is no {mesh_file(root, synsets[category], absent[0])}; " + held_instead(
                        root, synsets[category], absent[0]
                    )
                raise InputError(
                    f"{root}: this folder has no mesh of {len(absent)} of the {len(shapes)} {split} shapes of "
                    f"{category} ({some}); {remedy}"
                )


def held_instead(root: Path, synset: str, shape: str) -> str:
    """A sentence that says where the missing mesh probably is and what to do, or what the folder holds instead."""
    older = root / synset / shape / "model.obj"
    inner = [folder for folder in _subfolders(root) if (folder / synset).is_dir()]
    zipped = root / f"{synset}.zip"
    if older.exists():
        return f"{older} is ShapeNetCore.v1's layout; this workflow reads ShapeNetCore.v2"
    if inner:
        return f"{inner[0] / synset} exists: set shapenet to {inner[0]}"
    if (root.parent / synset).is_dir():
        return f"{root.parent / synset} exists: set shapenet to {root.parent}"
    if zipped.exists():
        return f"unzip {zipped} in its folder"
    folder = next(folder for folder in (root / synset / shape, root / synset, root) if folder.is_dir())
    names = sorted(entry.name for entry in os.scandir(folder))
    return f"{folder} holds {', '.join(names[:3]) or 'nothing'}{', ...' * (len(names) > 3)}"


def _subfolders(folder: Path) -> list[Path]:
    return sorted(Path(entry.path) for entry in os.scandir(folder) if entry.is_dir())


def check_id(shape: object, source: str) -> str:
    """Return a shape's id of up to 128 characters; raises InputError, naming ``source``, for any other value.

    Ids become parts of paths, so this check must be strict.
    """
    if not isinstance(shape, str) or not ID.fullmatch(shape) or shape in RESERVED:
        raise InputError(
            f"{source}: {shape!r} cannot be the id of a shape; an id begins with a letter or digit and has letters, "
            "digits, spaces and . , + ( ) - _ only: rename the shape's folder, and its entry here"
        )
    return shape


def shard(shape: str, shards: int) -> int:
    """The shard of a shape, from its id alone, so that adding shapes never moves it."""
    return int(hashlib.sha256(shape.encode()).hexdigest(), 16) % shards


def root_of(config: dict) -> Path:
    """The folder of the meshes that a configuration selects."""
    return Path("results/demo_shapes" if config["shapenet"] == "demo" else config["shapenet"]).expanduser()


def mesh_file(root: Path, synset: str, shape: str) -> Path:
    """The path of a shape's mesh."""
    return root / synset / shape / MODEL


def ids(mesh: Path) -> tuple[str, str]:
    """The synset and the shape of a mesh file, from its path."""
    return mesh.parts[-4], mesh.parts[-3]
