"""The names outside of a definition that its statements use, and what the imported ones stand for."""

import ast
from collections.abc import Collection, Iterable, Iterator
from typing import Any

EVERYTHING = "*"
"""After a module's name: all of its definitions. Alone: all definitions of all modules."""
ANY_NAME = {"eval", "exec", "globals", "locals", "vars"}
"""Builtins that can use any name of the module."""
ANY_MODULE = {"__import__", "import_module", "resolve_name", "run_module", "run_path"}
"""Functions that can import any module, unless its name is a constant."""
ANY_OBJECT = {"__globals__", "__subclasses__"}
"""Attributes that lead to definitions that no name shows."""
READ_TEXT = {"inspect.getdoc", "inspect.getsource", "inspect.signature"}
READ_TEXT |= {"inspect.get_annotations", "typing.get_type_hints", "__annotations__", "__doc__"}
"""Functions and attributes that read annotations, docstrings or sources at run time."""

Scope = dict[str, list[str]]
"""The names that a scope binds; of an imported one, what it may be, in the order of the imports."""
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Found:
    """What some statements use."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.uses: set[str] = set()
        """Dotted names of definitions and modules."""
        self.meanings: set[tuple[str, ...]] = set()
        """Imported names, each with what it may stand for; the text of a definition only has the names."""
        self.aliases: set[str] = set()
        """Names that are imported at the module's top."""
        self.imports: set[str] = set()
        """Modules that are imported inside of functions."""
        self.unknown: set[str] = set()
        """Other names: builtins, and those that Python itself sets."""
        self.reads_text = False
        """Whether something reads annotations, docstrings or sources."""
        self.notes: list[str] = []
        """What cannot be known, in words that follow the name of the definition."""


def references(
    statements: Iterable[ast.stmt], module: str, package: str, aliases: Scope, definitions: Collection[str]
) -> Found:
    """What statements of a module use; ``aliases`` and ``definitions`` are the names at the module's top."""
    visitor = _References(module, package, aliases, definitions)
    for statement in statements:
        visitor.visit(statement)
    return visitor.found


class _References(ast.NodeVisitor):
    """Collects the names outside of a definition that it uses."""

    def __init__(self, module: str, package: str, aliases: Scope, definitions: Collection[str]) -> None:
        self.module, self.package, self.aliases, self.definitions = module, package, aliases, definitions
        self.scopes: list[tuple[bool, Scope]] = []
        self.found = Found()

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._use(node.id, [])

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr in ANY_OBJECT:
            self._use_all(f"uses {node.attr}")
        self.found.reads_text |= node.attr in READ_TEXT
        chain = dotted(node)
        if chain:
            self._use(chain[0], chain[1:])
        else:
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        chain, first = dotted(node.func), node.args[0] if node.args else None
        is_constant = isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value[:1] != "."
        if chain and chain[-1] in ANY_MODULE and is_constant:
            self.found.uses.add(f"{first.value}.{EVERYTHING}")  # type: ignore[union-attr]
            for part in (*node.args, *node.keywords):
                self.visit(part)
        else:
            self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for part in (*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)):
            self.visit(part)
        self._inside(node.args, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for part in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
            self.visit(part)
        self._inside(node.args, [node.body])

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in (*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)):
            self.visit(part)
        scope = bound_names(node.body, self.package)
        for name, targets in scope.items():  # attributes of the class, which no name shows
            self._add(name, targets, [])
        self._within(True, scope, node.body)

    def _comprehension(self, node: Any) -> None:
        first, *others = node.generators
        self.visit(first.iter)  # in the scope outside
        targets = bound_names([generator.target for generator in node.generators], self.package)
        results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        inner = [part for generator in others for part in (generator.iter, *generator.ifs)]
        stored = [generator.target for generator in node.generators]
        self._within(False, targets, [*stored, *first.ifs, *inner, *results])

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def _inside(self, arguments: ast.arguments, body: list) -> None:
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        scope = bound_names(body, self.package)
        self._within(False, {argument.arg: [] for argument in named if argument} | scope, body)

    def _within(self, is_class: bool, scope: Scope, body: Iterable[ast.AST]) -> None:
        self.scopes.append((is_class, scope))
        for entry in body:
            self.visit(entry)
        self.scopes.pop()

    def _imports(self, node: ast.Import | ast.ImportFrom) -> None:
        for name, target, modules in imported_names(node, self.package):
            if self.scopes:  # those at the top count where their names are used
                self.found.imports.update(modules)
            if name == EVERYTHING:
                self.found.uses.add(f"{target}.{EVERYTHING}")
            elif self.scopes and name not in self.scopes[-1][1]:  # declared global
                self._add(name, [target], [])

    visit_Import = visit_ImportFrom = _imports

    def _use(self, name: str, attributes: list[str]) -> None:
        innermost = len(self.scopes) - 1
        for depth in range(innermost, -1, -1):
            is_class, scope = self.scopes[depth]
            if name in scope and (not is_class or depth == innermost):
                self._add(name, scope[name], attributes)
                if not is_class:  # a class body may read a global before it binds the same name
                    return
        if name in self.aliases:
            self.found.aliases.add(name)
            self._add(name, self.aliases[name], attributes)
        if name in self.definitions:
            self.found.uses.add(f"{self.module}.{name}")
        elif name in self.aliases:
            return
        elif name in ANY_NAME or (name == "builtins" and ANY_NAME.intersection(attributes)):
            self._use_module(name)
        elif name in ANY_MODULE:
            self._use_all(f"calls {name} with a computed name")
        else:
            self.found.unknown.add(name)

    def _add(self, name: str, targets: list[str], attributes: list[str]) -> None:
        if targets:
            self.found.meanings.add((name, *targets))
        for target in targets:
            full = ".".join([target, *attributes])
            last = full.rpartition(".")[2]
            if full.startswith("sys.modules"):
                self._use_all("uses sys.modules")
            elif last in ANY_MODULE:
                self._use_all(f"calls {last} with a computed name")
            elif full.startswith("builtins.") and last in ANY_NAME:
                self._use_module(last)
            elif "__dict__" in attributes:
                full = f"{target}.{EVERYTHING}"
            self.found.reads_text |= full in READ_TEXT
            self.found.uses.add(full)

    def _use_module(self, name: str) -> None:
        self.found.uses.add(f"{self.module}.{EVERYTHING}")
        self.found.notes.append(f"calls {name}: all definitions of the module count")

    def _use_all(self, what: str) -> None:
        self.found.uses.add(EVERYTHING)
        self.found.notes.append(f"{what}: all definitions of all modules count")


def dotted(node: ast.AST) -> list[str]:
    """The names of ``a.b.c``; empty for another expression."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else []


def imported_names(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[tuple[str, str, set[str]]]:
    """For each name that an import binds: the name, what it stands for, and the modules that are imported."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            top = alias.name.partition(".")[0]
            yield alias.asname or top, alias.name if alias.asname else top, {alias.name}
        return
    module = node.module or ""
    if node.level:
        parts = package.split(".")
        module = ".".join([*parts[: len(parts) - node.level + 1], *([module] if module else [])])
    for alias in node.names:
        if alias.name == "*":
            yield EVERYTHING, module, {module}
        else:
            yield alias.asname or alias.name, f"{module}.{alias.name}", {module, f"{module}.{alias.name}"}


def bound_names(body: Iterable[ast.AST], package: str) -> Scope:
    """The names that statements bind in their own scope; of imported ones, what they stand for, in order."""
    bound: Scope = {}
    declared: set[str] = set()
    waiting = list(body)[::-1]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            bound.setdefault(node.name, [])
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for name, target, _ in imported_names(node, package):
                bound.setdefault(name, []).append(target)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            declared.update(node.names)
        elif isinstance(node, COMPREHENSIONS):
            walrus = (inner for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr))
            for inner in walrus:
                bound.setdefault(inner.target.id, [])
        elif not isinstance(node, ast.Lambda):
            if stored := _binds(node):
                bound.setdefault(stored, [])
            waiting += list(ast.iter_child_nodes(node))[::-1]
    return {name: targets for name, targets in bound.items() if name not in declared}


def _binds(node: ast.AST) -> str | None:
    """The name that a node itself binds."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
        return node.id
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        return node.name
    return node.rest if isinstance(node, ast.MatchMapping) else None
