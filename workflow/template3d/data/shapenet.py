"""ShapeNet's names: categories, synsets, ids of shapes, and the shard of a shape; its known faults."""

import csv
import hashlib
import re
from pathlib import Path

from template3d.runtime.errors import InputError

ID = re.compile(r"\w[\w .,+()-]{0,127}(?<![ .])")
"""A name that is safe in a path, in an archive and in a table. ShapeNet's own ids are hexadecimal."""
RESERVED = frozenset({"failed"})
"""Archives use this name for their list of failures."""


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


def synset(category: str, given: str | None, table: dict[str, str], layout: str = "shapenet") -> str:
    """The synset id of a category, as given or from the table; in a flat folder, the category's name will do.

    Raises InputError if there is none.
    """
    if given or category in table:
        return given or table[category]
    if layout == "flat":
        return category
    raise InputError(
        f'config: categories.{category}: the synset of this category is not known; add `synset: "01234567"` to it '
        f"(known without: {', '.join(table)})"
    )


def is_id(name: str) -> bool:
    """Whether a name can be the id of a shape."""
    return ID.fullmatch(name) is not None and name not in RESERVED


def check_id(shape: object, source: str) -> str:
    """Return a shape's id of up to 128 characters; raises InputError, naming ``source``, for any other value.

    Ids become parts of paths, so this check must be strict.
    """
    if not isinstance(shape, str) or not is_id(shape):
        raise InputError(
            f"{source}: {shape!r} cannot be the id of a shape; an id begins with a letter or digit and has letters, "
            "digits, spaces and . , + ( ) - _ only, and `failed` is taken: rename the shape, and its entry here"
        )
    return shape


def shard(shape: str, shards: int) -> int:
    """The shard of a shape, from its id alone, so that adding shapes never moves it."""
    return int(hashlib.sha256(shape.encode()).hexdigest(), 16) % shards
