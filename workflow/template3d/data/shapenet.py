"""A folder in the ShapeNetCore.v2 layout: categories, shape ids, and the paths of meshes."""

import csv
import hashlib
import os
import re
from pathlib import Path

from template3d.runtime.errors import InputError

ID = re.compile(r"(?=.{4,64}$)u?[0-9a-f]+(-[0-9a-f]+)*")
"""Hexadecimal digits; a few of ShapeNet's ids are a UUID after a ``u``."""
MODEL = Path("models") / "model_normalized.obj"


def synsets(table: Path) -> dict[str, str]:
    """Read the category table, a CSV file with columns ``category`` and ``synset``; returns category to synset id."""
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
    root: Path, splits: dict[str, dict[str, list[str]]], missing: dict[str, frozenset[str]], on_missing_mesh: str
) -> None:
    """Raise InputError for shapes without a mesh, or, with ``skip``, for a split without any mesh."""
    for category, lists in splits.items():
        for split, shapes in lists.items():
            lost = [shape for shape in shapes if shape in missing[category]]
            if lost and (on_missing_mesh == "fail" or len(lost) == len(shapes)):
                remedy = (
                    "fix the list or set on_missing_mesh: skip" if len(lost) < len(shapes) else "is it the right one?"
                )
                raise InputError(
                    f"{root}: this folder has no mesh of {len(lost)} of the {len(shapes)} {split} shapes of {category} "
                    f"({', '.join(lost[:3])}{', ...' * (len(lost) > 3)}); {remedy}"
                )


def check_id(shape: object, source: str) -> str:
    """Return a shape's id of 4 to 64 characters; raises InputError, naming ``source``, for any other value.

    Ids become parts of paths, so this check must be strict.
    """
    if not isinstance(shape, str) or not ID.fullmatch(shape):
        raise InputError(f"{source}: {shape!r} is not a shape id; ShapeNet's are hexadecimal, such as 1a6f615e8b1b5ae4")
    return shape


def shard(shape: str, shards: int) -> int:
    """The shard of a shape, from its id alone, so that adding shapes never moves it."""
    return int(hashlib.sha256(shape.encode()).hexdigest(), 16) % shards


def mesh_file(root: Path, synset: str, shape: str) -> Path:
    """The path of a shape's mesh."""
    return root / synset / shape / MODEL


def ids(mesh: Path) -> tuple[str, str]:
    """The synset and the shape of a mesh file, from its path."""
    return mesh.parts[-4], mesh.parts[-3]
