"""The code that a script uses, as digests that change only when that code changes."""

import ast
import functools
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
DISTRIBUTIONS = {"PIL": "pillow", "skimage": "scikit-image", "igl": "libigl", "mathutils": "bpy"}
"""Packages whose import name differs from the name of their distribution."""
WATCHERS = {"training/pictures.py"}
"""Modules that only observe. No result depends on them, or on the modules that only they import."""


def code_digests(script: Path) -> dict[str, str]:
    """Digests (12 hexadecimal digits), by name, of a script and of every module of this package that it imports.

    Follows indirect imports. Reads them from the source without running it, so it raises SyntaxError for a file that
    Python cannot parse.
    """
    script = Path(script)
    names = {module.relative_to(PACKAGE).as_posix(): module for module in sorted(used_modules(script))}
    return {name: _digest(file) for name, file in {f"scripts/{script.name}": script, **names}.items()}


def package_versions(script: Path, pins: Path) -> dict[str, str]:
    """The versions, pinned in a requirements file, of the packages that a script and its modules import directly."""
    pinned = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", pins.read_text(encoding="utf-8"), re.MULTILINE))
    pinned = {name.lower().replace("_", "-"): version for name, version in pinned.items()}
    imported = {name.partition(".")[0] for file in {Path(script), *used_modules(Path(script))} for name in _names(file)}
    distributions = {DISTRIBUTIONS.get(name, name.lower().replace("_", "-")) for name in imported}
    return {name: pinned[name] for name in sorted(distributions & pinned.keys())}


def used_modules(file: Path) -> set[Path]:
    """The files of this package that ``file`` imports, directly or indirectly."""
    modules, waiting = set(), [file]
    while waiting:
        for module in _imports(waiting.pop()):
            if module not in modules and module.relative_to(PACKAGE).as_posix() not in WATCHERS:
                modules.add(module)
                waiting.append(module)
    return modules


@functools.cache
def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


@functools.cache
def _imports(file: Path) -> frozenset[Path]:
    modules = set()
    for name in _names(file):
        parts = name.split(".")
        if parts[0] == PACKAGE.name:
            for depth in range(1, len(parts) + 1):
                base = PACKAGE.joinpath(*parts[1:depth])
                modules |= {path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()}
    return frozenset(modules)


@functools.cache
def _names(file: Path) -> frozenset[str]:
    return frozenset(_imported_names(ast.parse(file.read_text(encoding="utf-8"), str(file))))


def _imported_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
