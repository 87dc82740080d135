"""The definitions of a Python module: what each one means, as a digest, and which other names it uses.

A definition is a function, a class, or a name that module-level statements assign. All other module-level statements
together are the definition ``EFFECTS``. Comments, docstrings, annotations, formatting and the texts of log messages do
not enter a digest. Nothing is run or imported.
"""

import ast
import builtins
import hashlib
from collections.abc import Iterator
from typing import Any

from template3d.runtime.normal_forms import is_text, normal, stripped
from template3d.runtime.references import EVERYTHING, FUNCTIONS, Scope, bound_names, dotted, imported_names, references

EFFECTS = ""
"""The name of the statements that run at every import of the module, and of those that may register something."""
READ_TEXT = {"__annotations__", "get_annotations", "get_type_hints", "getdoc", "getsource", "signature", "register"}
"""Names of functions and attributes that read annotations, docstrings or sources at run time."""


def analysed(source: str, module: str, package: str, is_root: bool = False) -> dict[str, Any]:
    """Analyse the text of ``module``, a dotted name; ``package`` is the one that its relative imports start from.

    ``is_root`` says that the module is run as a program, so that ``if __name__ == "__main__"`` counts.

    Returns JSON values: ``definitions``, by name, each with ``digest``, ``uses`` (dotted names), ``imports`` (modules),
    ``bases``, ``hook`` (whether it acts on its subclasses) and ``notes`` (sentences on what cannot be
    known); ``imports``, the modules that are imported at the top; ``aliases``, what each imported name may be; and
    ``notes`` on the whole module. Raises SyntaxError for text that Python cannot parse.
    """
    tree = ast.parse(source)
    words = [getattr(node, "id", getattr(node, "attr", None)) for node in ast.walk(tree)]
    reading = sorted(READ_TEXT.intersection(words))
    notes = [f"{module} uses {', '.join(reading)}: all its comments on types and docstrings count"] if reading else []
    doc = ast.get_docstring(tree, clean=False) or ""
    body = [entry for statement in tree.body for entry in _always(statement, is_root)]
    scope: Scope = {}
    imports: set[str] = set()
    for statement in body:
        for node in ast.walk(statement) if not isinstance(statement, (*FUNCTIONS, ast.ClassDef)) else ():
            if isinstance(node, ast.Import | ast.ImportFrom):
                for name, target, modules in imported_names(node, package):
                    scope.setdefault(name, []).append(target)
                    imports |= modules
    if star := scope.pop(EVERYTHING, []):
        notes.append(f"{module} imports all names of {', '.join(star)}: all definitions there count")
    statements: dict[str, list[ast.stmt]] = {}
    for statement in body:
        for name in _names_of(statement, scope, package):
            statements.setdefault(name, []).append(statement)
    loggers = {name for name, those in statements.items() if any(map(_is_logger, those))}
    top = package.partition(".")[0]
    ours = {name for name, targets in scope.items() if any(target.partition(".")[0] == top for target in targets)}
    plain = ours | statements.keys()
    stripped_of = {id(entry): [entry] if reading else stripped(entry, loggers, plain) for entry in body}
    definitions = {}
    for name, those in statements.items():
        meant = [kept for entry in those for kept in stripped_of[id(entry)]]
        found = references(meant, module, package, scope, statements.keys())
        text = repr([normal(entry) for entry in meant]) + repr(sorted(found.meanings))
        text += doc if "__doc__" in found.unknown else ""  # a program may print its docstring
        classes = [entry for entry in those if isinstance(entry, ast.ClassDef)]
        definitions[name] = {
            "digest": hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:12],
            "uses": sorted(found.uses | {f"{target}.{EVERYTHING}" for target in star}),
            "imports": sorted(found.imports),
            "notes": [f"{module}{'.' * bool(name)}{name} {note}" for note in found.notes],
            "bases": sorted(target for entry in classes for target in _bases(entry, module, scope)),
            "hook": any(_acts_on_subclasses(entry) for entry in classes),
        }
    return {
        "definitions": definitions,
        "imports": sorted(imports | set(star)),
        "aliases": scope,
        "notes": notes,
    }


def _always(statement: ast.stmt, is_root: bool) -> Iterator[ast.stmt]:
    """The statement, or what remains of a test for type checking or for being the program."""
    if isinstance(statement, ast.If):
        test = ast.unparse(statement.test)
        never = test in ("TYPE_CHECKING", "typing.TYPE_CHECKING") or (not is_root and test == "__name__ == '__main__'")
        if never:
            yield from (entry for inner in statement.orelse for entry in _always(inner, is_root))
            return
    yield statement


def _names_of(statement: ast.stmt, scope: Scope, package: str) -> Iterator[str]:
    """The definitions that a module-level statement belongs to."""
    if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
        yield statement.name
        if any(_is_ours(_root(decorator), scope, package) for decorator in statement.decorator_list):
            yield EFFECTS
    elif isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        leaves = [leaf for target in targets for leaf in _leaves(target)]
        yield from sorted({leaf.id for leaf in leaves if isinstance(leaf, ast.Name)})
        if not all(isinstance(leaf, ast.Name) for leaf in leaves):
            yield EFFECTS
    elif not isinstance(statement, (ast.Import, ast.ImportFrom, ast.Pass)) and not is_text(statement):
        yield EFFECTS
        yield from sorted(bound_names([statement], package, scope).keys() - scope.keys())


def _is_ours(name: str | None, scope: Scope, package: str) -> bool:
    """Whether a decorator may be a function of this package, and so may register what it decorates."""
    if name is None:
        return True
    top = package.partition(".")[0]
    return any(target.partition(".")[0] == top for target in scope.get(name, [])) or (
        name not in scope and not hasattr(builtins, name)
    )


def _root(node: ast.AST) -> str | None:
    """The name that an expression begins with, or None."""
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def _leaves(target: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        for inner in target.elts:
            yield from _leaves(inner)
    else:
        yield target.value if isinstance(target, ast.Starred) else target


def _is_logger(statement: ast.stmt) -> bool:
    value = getattr(statement, "value", None)
    return isinstance(value, ast.Call) and ast.unparse(value.func) in ("logging.getLogger", "getLogger")


def _bases(node: ast.ClassDef, module: str, scope: Scope) -> Iterator[str]:
    """The dotted names of the bases of a class."""
    for base in node.bases:
        if names := dotted(base):
            starts = scope.get(names[0], [f"{module}.{names[0]}"])
            yield from (".".join([start, *names[1:]]) for start in starts)


def _acts_on_subclasses(node: ast.ClassDef) -> bool:
    inner = {entry.name for entry in node.body if isinstance(entry, FUNCTIONS)}
    return "__init_subclass__" in inner or any(keyword.arg == "metaclass" for keyword in node.keywords)
