"""The shipped configuration and its schema, key by key."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
SCHEMA = yaml.safe_load((REPOSITORY / "workflow/schemas/config.schema.yaml").read_text())
DEFAULT = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
ENTRY = "0"
"""The last name of a key that stands for any entry of a list."""


class Key(NamedTuple):
    """A key of the configuration and its part of the schema, without references."""

    path: tuple[str, ...]
    schema: dict

    def __repr__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return ".".join(self.path)

    @property
    def is_path(self) -> bool:
        """Whether a legal value may name a file that is not there."""
        return self.schema.get("format", "").startswith("path")


def resolved(schema: dict) -> dict:
    if "$ref" not in schema:
        return schema
    referred = SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return resolved(referred) | {name: value for name, value in schema.items() if name != "$ref"}


def keys(schema: dict = SCHEMA, path: tuple[str, ...] = ()) -> Iterator[Key]:
    """All keys, sections and entries of lists too; ``chairs`` stands for the name of a category."""
    schema = resolved(schema)
    if path:
        yield Key(path, schema)
    named = dict(schema.get("properties", {}))
    if isinstance(schema.get("additionalProperties"), dict):
        named["chairs"] = schema["additionalProperties"]
    if "items" in schema:
        named[ENTRY] = schema["items"]
    for name, of_name in named.items():
        yield from keys(of_name, (*path, name))


def numbers(schema: dict) -> Iterator[dict]:
    """The rules for a number among those for a value."""
    for option in map(resolved, schema.get("anyOf", [schema])):
        if option.get("type") in ("integer", "number"):
            yield option


KEYS = list(keys())
NUMERIC = {key.name: number for key in KEYS for number in numbers(key.schema)}
"""The rules of every key that may be a number, by its name."""


def merged(base: dict, over: dict) -> dict:
    result = copy.deepcopy(base)
    for key, value in over.items():
        result[key] = merged(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
    return result


def changed(name: str, value: Any, base: dict = DEFAULT) -> dict:
    """A configuration with another value for a key; that of an entry becomes a list's only one."""
    *sections, last = name.split(".")
    if last == ENTRY:
        *sections, last = sections
        value = [value]
    result = inner = copy.deepcopy(base)
    for section in sections:
        inner[section] = dict(inner[section]) if isinstance(inner.get(section), dict) else {}
        inner = inner[section]
    inner[last] = value
    return result
