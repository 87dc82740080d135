"""What code a script uses: a digest that changes when it does, and only then."""

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent


def code_digest(script: Path) -> str:
    """The digest of a script and of every module of this package that it imports, however far; 16 digits.

    Imports are read from the source, not run. Raises SyntaxError for a file that Python cannot parse.
    """
    total = hashlib.sha256(Path(script).read_bytes())
    for module in sorted(used_modules(Path(script))):
        total.update(module.relative_to(PACKAGE).as_posix().encode())
        total.update(module.read_bytes())
    return total.hexdigest()[:16]


def used_modules(file: Path) -> set[Path]:
    """The files of this package that ``file`` imports, directly or through others."""
    found, waiting = set(), [file]
    while waiting:
        for module in _imports(waiting.pop()):
            if module not in found:
                found.add(module)
                waiting.append(module)
    return found


@functools.cache
def _imports(file: Path) -> frozenset[Path]:
    modules = set()
    for name in _imported_names(ast.parse(file.read_text(encoding="utf-8"), str(file))):
        parts = name.split(".")
        if parts[0] == PACKAGE.name:
            for depth in range(1, len(parts) + 1):
                place = PACKAGE.joinpath(*parts[1:depth])
                modules |= {path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()}
    return frozenset(modules)


def _imported_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
