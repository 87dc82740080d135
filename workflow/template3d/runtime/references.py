"""The names outside of a definition that its statements use, and what the imported ones stand for."""

import ast
from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

EVERYTHING = "*"
"""After a module's name: all of its definitions. Alone: all definitions of all modules."""
ANY_NAME = {"eval", "exec", "globals", "locals", "vars"}
"""Builtins that can use any name of the module."""
ANY_MODULE = {"__import__", "import_module", "run_module", "run_path"}
"""Functions that can import any module, unless its name is a constant."""

Scope = dict[str, list[str]]
"""The names that a scope binds; of an imported one, what it may be."""
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Found(NamedTuple):
    """What some statements use."""

    uses: set[str]
    """Dotted names of definitions and modules."""
    meanings: set[tuple[str, str]]
    """Imported names, each with what it stands for; the text of a definition only has the names."""
    imports: set[str]
    """Modules that are imported inside of functions."""
    unknown: set[str]
    """Other names: builtins, and those that Python itself sets."""
    notes: list[str]
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
        self.found = Found(set(), set(), set(), set(), [])

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._use(node.id, [])

    def visit_Attribute(self, node: ast.Attribute) -> None:
        chain = dotted(node)
        if chain:
            self._use(chain[0], chain[1:])
        else:
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        chain = dotted(node.func)
        if chain and chain[-1] in ANY_MODULE:
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str) and not first.value.startswith("."):
                self.found.uses.add(f"{first.value}.{EVERYTHING}")
            else:
                self.found.uses.add(EVERYTHING)
                self.found.notes.append(f"calls {chain[-1]} with a computed name: all definitions of all modules count")
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
        self._within(True, bound_names(node.body, self.package), node.body)

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
        if self.scopes:  # those at the top count where their names are used
            for name, target, modules in imported_names(node, self.package):
                self.found.imports.update(modules)
                if name == EVERYTHING:
                    self.found.uses.add(f"{target}.{EVERYTHING}")

    visit_Import = visit_ImportFrom = _imports

    def _use(self, name: str, attributes: list[str]) -> None:
        innermost = len(self.scopes) - 1
        for depth in range(innermost, -1, -1):
            is_class, scope = self.scopes[depth]
            if name in scope and (not is_class or depth == innermost):
                self._add(name, scope[name], attributes)
                return
        self._add(name, self.aliases.get(name, []), attributes)
        if name in self.definitions:
            self.found.uses.add(f"{self.module}.{name}")
        elif name in self.aliases:
            return
        elif name in ANY_NAME:
            self.found.uses.add(f"{self.module}.{EVERYTHING}")
            self.found.notes.append(f"calls {name}: all definitions of the module count")
        else:
            self.found.unknown.add(name)

    def _add(self, name: str, targets: list[str], attributes: list[str]) -> None:
        for target in targets:
            self.found.meanings.add((name, target))
            self.found.uses.add(".".join([target, *attributes]))


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


def bound_names(body: Iterable[ast.AST], package: str, outer: Scope | None = None) -> Scope:
    """The names that statements bind in their own scope; of imported ones, what they stand for."""
    bound: Scope = {}
    declared: set[str] = set()
    waiting = list(body)
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
            bound.update({inner.target.id: [] for inner in walrus})
        elif not isinstance(node, ast.Lambda):
            if stored := _binds(node):
                bound.setdefault(stored, [])
            waiting += ast.iter_child_nodes(node)
    return {name: targets for name, targets in bound.items() if name not in declared}


def _binds(node: ast.AST) -> str | None:
    """The name that a node itself binds."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
        return node.id
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        return node.name
    return node.rest if isinstance(node, ast.MatchMapping) else None
