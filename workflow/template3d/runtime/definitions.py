"""The definitions of a Python module: what each one means, as a digest, and which other names it uses.

A definition is a function, a class, or a name that module-level statements assign. The module-level statements that may
do more than that, such as to register something, together are the definition ``EFFECTS``. Comments, docstrings,
annotations, formatting and the texts of log messages do not enter a digest. Nothing is run or imported.
"""

import ast
import builtins
import copy
import hashlib
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from template3d.runtime.normal_forms import is_text, normal, stripped
from template3d.runtime.references import (
    EVERYTHING,
    FUNCTIONS,
    Scope,
    bound_names,
    dotted,
    imported_names,
    references,
)

EFFECTS = ""
"""The name of the statements that run at every import of the module and may have an effect elsewhere."""
DEPTH = 20_000
"""How deep expressions may be nested."""
IMPURE_BUILTINS = {"__import__", "compile", "delattr", "eval", "exec", "input", "next", "open", "print", "setattr"}
PURE = {"Path", "cached_property", "classmethod", "compile", "contextmanager", "dataclass", "field", "getLogger"}
PURE |= {"MappingProxyType", "NewType", "TypeVar", "abstractmethod", "cache", "lru_cache", "namedtuple", "overload"}
PURE |= {"enable_grad", "inference_mode", "no_grad", "once_differentiable", "overrides", "partial", "property"}
PURE |= {"singledispatch", "staticmethod", "total_ordering", "wraps"}
"""Functions and decorators that have no effect besides their result; the last part of their names."""
IMPURE_NUMPY = {"random", "save", "savez", "seterr", "set_printoptions"}
CONSTRUCTORS = {"__init__", "__init_subclass__", "__new__", "__post_init__"}


def analysed(source: bytes, module: str, package: str, is_root: bool = False, file: str = "<unknown>") -> dict:
    """Analyse the text of ``module``, a dotted name; ``package`` is the one that its relative imports start from.

    ``is_root`` says that the module is run as a program, so that ``if __name__ == "__main__"`` counts.

    Returns JSON values: ``definitions``, by name, each with ``digest``, ``text_digest`` (with docstrings and
    annotations), ``reads_text`` (whether it reads those), ``uses`` (dotted names), ``imports`` (modules), ``bases``,
    ``hook`` (whether it acts on its subclasses) and ``notes`` (sentences on what cannot be known); ``imports``, the
    modules that are imported at the top; ``aliases``, what each imported name may be, in order, and
    ``alias_digests``; and ``notes`` on the whole module. Raises SyntaxError, with the name ``file``, for text that
    Python cannot parse.
    """
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, DEPTH))
    try:
        return _Module(ast.parse(source, file), module, package, is_root).analysis()
    finally:
        sys.setrecursionlimit(before)


class _Module:
    """The statements of a module, by the definitions that they belong to."""

    def __init__(self, tree: ast.Module, module: str, package: str, is_root: bool) -> None:
        self.module, self.package = module, package
        self.doc = ast.get_docstring(tree, clean=False) or ""
        self.body = [entry for statement in tree.body for entry in _always(statement, is_root)]
        self.bound = {id(entry): bound_names([entry], package) for entry in self.body}
        self.aliases: Scope = {}
        self.imports: set[str] = set()
        for statement in self.body:
            if not isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
                self._add_imports(statement)
        self.star = self.aliases.pop(EVERYTHING, [])
        self.statements: dict[str, list[ast.stmt]] = {}
        for statement in self.body:
            for name in self._names_of(statement):
                self.statements.setdefault(name, []).append(statement)
        top = package.partition(".")[0]
        ours = {name for name, targets in self.aliases.items() if any(t.partition(".")[0] == top for t in targets)}
        plain = ours | self.statements.keys()
        self.stripped = {id(entry): stripped(copy.deepcopy(entry), plain) for entry in self.body}

    def analysis(self) -> dict[str, Any]:
        """The analysis, as in ``analysed``."""
        notes = [f"{self.module} imports all names of {', '.join(self.star)}"] if self.star else []
        return {
            "definitions": {name: self._definition(name) for name in self.statements},
            "imports": sorted(self.imports | set(self.star)),
            "aliases": self.aliases,
            "star": self.star,
            "alias_digests": {name: _digest(repr(self._binding(name))) for name in self.aliases},
            "notes": [f"{note}: all definitions there count" for note in notes],
        }

    def _definition(self, name: str) -> dict[str, Any]:
        those = self.statements[name]
        meant = [kept for entry in those for kept in self.stripped[id(entry)]]
        found = references(meant, self.module, self.package, self.aliases, self.statements.keys())
        context = [sorted(found.meanings), [self._binding(alias) for alias in sorted(found.aliases)], self.star]
        if len(those) > 1 and name != EFFECTS:
            context.append(self._order(name))
        if "__doc__" in found.unknown:  # a program may print its docstring
            context.append(self.doc)
        reads = ["reads annotations, docstrings or sources: those of all its code count"] * found.reads_text
        classes = [node for entry in those for node in ast.walk(entry) if isinstance(node, ast.ClassDef)]
        return {
            "digest": _digest(repr([normal(entry) for entry in meant]) + repr(context)),
            "text_digest": _digest(repr([normal(entry) for entry in those]) + repr(context)),
            "reads_text": found.reads_text,
            "uses": sorted(found.uses | {f"{target}.{EVERYTHING}" for target in self.star}),
            "imports": sorted(found.imports),
            "bases": sorted({target for entry in classes for target in self._bases(entry)}),
            "hook": any(_acts_on_subclasses(entry) for entry in classes),
            "notes": [f"{self.module}{'.' * bool(name)}{name} {note}" for note in [*found.notes, *reads]],
        }

    def _add_imports(self, statement: ast.stmt) -> None:
        for name, targets in self.bound[id(statement)].items():
            if targets:
                self.aliases.setdefault(name, []).extend(targets)
        for node in ast.walk(statement):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for _, _, modules in imported_names(node, self.package):
                    self.imports |= modules

    def _names_of(self, statement: ast.stmt) -> Iterator[str]:
        """The definitions that a module-level statement belongs to."""
        if isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass) or is_text(statement):
            return
        yield from sorted(name for name, targets in self.bound[id(statement)].items() if not targets)
        if not self._is_pure(statement):
            yield EFFECTS

    def _binding(self, name: str) -> list:
        """How an imported name is bound, in order: by imports, and by other statements that may bind it."""
        binding: list = []
        for statement in self.body:
            targets = self.bound[id(statement)]
            if name in targets:
                is_import = isinstance(statement, ast.Import | ast.ImportFrom)
                binding.append(targets[name] if is_import else normal(self.stripped[id(statement)]))
        return binding

    def _order(self, name: str) -> list:
        """The definitions of the statements that bind or use a name that several statements bind, in order."""
        order = []
        for statement in self.body:
            bound = self.bound[id(statement)].keys()
            mentioned = any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(statement))
            if name in bound or (mentioned and not isinstance(statement, FUNCTIONS)):
                order.append(sorted(bound))
        return order

    def _bases(self, node: ast.ClassDef) -> Iterator[str]:
        """The dotted names of the bases of a class."""
        for base in node.bases:
            if names := dotted(base.value if isinstance(base, ast.Subscript) else base):
                starts = self.aliases.get(names[0], [f"{self.module}.{names[0]}"])
                yield from (".".join([start, *names[1:]]) for start in starts)

    def _is_pure(self, statement: ast.stmt) -> bool:
        """Whether a statement only binds names when its module is imported."""
        if isinstance(statement, FUNCTIONS):
            arguments = statement.args
            run = (*statement.decorator_list, *arguments.defaults, *filter(None, arguments.kw_defaults))
            return all(map(self._is_pure_decorator, statement.decorator_list)) and self._calls_are_pure(run)
        if isinstance(statement, ast.ClassDef):
            run = (*statement.decorator_list, *statement.bases, *(keyword.value for keyword in statement.keywords))
            kinds = (*FUNCTIONS, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.Pass, ast.Import, ast.ImportFrom)
            inner = (
                isinstance(entry, kinds) and self._is_pure(entry) for entry in statement.body if not is_text(entry)
            )
            return (
                all(map(self._is_pure_decorator, statement.decorator_list)) and self._calls_are_pure(run) and all(inner)
            )
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            leaves = [leaf for target in targets for leaf in _leaves(target)]
            value = [statement.value] if statement.value else []
            return all(isinstance(leaf, ast.Name) for leaf in leaves) and self._calls_are_pure(value)
        return isinstance(statement, ast.Pass | ast.Import | ast.ImportFrom)

    def _is_pure_decorator(self, decorator: ast.expr) -> bool:
        chain = dotted(decorator.func if isinstance(decorator, ast.Call) else decorator)
        return chain[-1:] not in ([], ["partial"]) and (
            self._is_pure_function(chain) or (len(chain) == 2 and chain[1] in ("setter", "getter", "deleter"))
        )

    def _calls_are_pure(self, expressions: Iterable[ast.AST]) -> bool:
        waiting = list(expressions)
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.Call) and not self._is_pure_call(node):
                return False
            if not isinstance(node, ast.Lambda):
                waiting += ast.iter_child_nodes(node)
        return True

    def _is_pure_call(self, node: ast.Call) -> bool:
        if chain := dotted(node.func):
            return self._is_pure_function(chain)
        inner = node.func.value if isinstance(node.func, ast.Attribute) else None
        return isinstance(inner, ast.Constant | ast.JoinedStr) or (
            isinstance(inner, ast.Call) and self._is_pure_call(inner)
        )

    def _is_pure_function(self, chain: list[str]) -> bool:
        """Whether a function has no effect besides its result, as far as its name tells."""
        if len(chain) == 1 and chain[0] not in self.aliases:
            own = [entry for entry in self.body if chain[0] in self.bound[id(entry)]]
            is_builtin = hasattr(builtins, chain[0]) and chain[0] not in IMPURE_BUILTINS
            return all(map(_is_record, own)) if own else is_builtin
        tops = {start.partition(".")[0] for start in self.aliases.get(chain[0], [])}
        if tops == {"numpy"}:
            return not IMPURE_NUMPY.intersection(chain)
        return chain[-1] in PURE and bool(tops) and self.package.partition(".")[0] not in tops


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:12]


def _always(statement: ast.stmt, is_root: bool) -> Iterator[ast.stmt]:
    """The statement, or what remains of a test for type checking or for being the program."""
    if isinstance(statement, ast.If):
        test = ast.unparse(statement.test)
        if test.rpartition(".")[2] == "TYPE_CHECKING" or (not is_root and test == "__name__ == '__main__'"):
            yield from (entry for inner in statement.orelse for entry in _always(inner, is_root))
            return
    yield statement


def _leaves(target: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        for inner in target.elts:
            yield from _leaves(inner)
    else:
        yield target.value if isinstance(target, ast.Starred) else target


def _is_record(statement: ast.stmt) -> bool:
    """Whether a statement is a class that only has fields, so that making an object has no effect."""
    if not isinstance(statement, ast.ClassDef):
        return False
    methods = {entry.name for entry in statement.body if isinstance(entry, FUNCTIONS)}
    return not methods & CONSTRUCTORS and all(dotted(base) == ["NamedTuple"] for base in statement.bases)


def _acts_on_subclasses(node: ast.ClassDef) -> bool:
    inner = {entry.name for entry in node.body if isinstance(entry, FUNCTIONS)}
    return "__init_subclass__" in inner or any(keyword.arg == "metaclass" for keyword in node.keywords)
