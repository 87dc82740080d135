"""Keys that stand twice in a section of a configuration file; YAML and JSON keep the last one and say nothing."""

from collections.abc import Iterator
from pathlib import Path

import yaml

from template3d.runtime.errors import InputError
from template3d.runtime.schema import shown


def check(file: Path) -> None:
    """Raise InputError for a key that a section of a YAML or JSON file has twice, or for a file that is neither.

    A key may stand beside the same key that comes from a merge (``<<``), because YAML says which one holds.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
        json = text.lstrip().startswith("{")  # which may have tabs between its words, where YAML may not
        root = yaml.compose(text.replace("\t", " ") if json else text, yaml.SafeLoader)  # deep texts crash CSafeLoader
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{file}: cannot be read as a YAML file in UTF-8 ({reason})") from error
    if not isinstance(root, yaml.MappingNode):
        raise InputError(f"{file}: must have keys at its top level, such as `seed: 0`")
    for key, first, second in _repeated(root, "", set()):
        raise InputError(f"{file}: the key {key} is in line {first} and in line {second}; keep one of them")


def _repeated(node: yaml.Node, path: str, seen: set[int]) -> Iterator[tuple[str, int, int]]:
    """The path and the two lines of each repeated key; a node that aliases share is read once."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, entry in enumerate(node.value):
            yield from _repeated(entry, f"{path}{index}.", seen)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[tuple[str, str], int] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and (key.tag, name) in lines:
                yield (path + name if name.isprintable() else shown(path + name)), lines[key.tag, name], line
            lines[key.tag, name] = line
            yield from _repeated(value, f"{path}{name}.", seen)
