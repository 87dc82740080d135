"""The normal form of statements: two texts with one meaning have one normal form."""

import ast
from collections.abc import Collection
from typing import Any

from template3d.runtime.references import FUNCTIONS, dotted

KINDS_OF_FIELD = ("ClassVar", "InitVar", "KW_ONLY")
"""Annotations that change what a dataclass does."""
PLAIN_BASES = {"ABC", "Enum", "Exception", "Generic", "Module", "NodeTransformer", "NodeVisitor", "object"}
"""Bases of other packages that do not read the annotations of a class."""
FIELD_MAKERS = {"NamedTuple", "Protocol", "TypedDict", "dataclass"}
"""Bases and decorators that only read which fields a class has, and in which order."""
LOGGERS = {"log", "logger", "logging"}
LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
MEANINGLESS = {"ctx", "kind", "type_comment"}
"""Fields of syntax trees that follow from the others, or have no effect."""


def stripped(statement: ast.stmt, plain: Collection[str]) -> list[ast.stmt]:
    """What remains of a statement, or nothing, without what has no meaning; changes its tree.

    ``plain`` are the names of classes that do not read annotations.
    """
    kept = _Stripped(plain).visit(statement)
    return kept if isinstance(kept, list) else [kept] if kept else []


def is_text(statement: ast.stmt) -> bool:
    """Whether a statement is a constant, such as a docstring."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def normal(node: Any) -> Any:
    """A syntax tree as nested lists, which do not depend on the version of Python.

    Without the imports of modules, functions and classes, but with those in other statements (``if``, ``try``).
    """
    if isinstance(node, ast.Constant):
        constant = node.value
        return [type(constant).__name__, hex(constant) if isinstance(constant, int) else repr(constant)]
    if isinstance(node, ast.AST):
        unordered = isinstance(node, (ast.Module, ast.ClassDef, *FUNCTIONS))
        parts: list = [type(node).__name__]
        for name in node._fields:
            value: Any = getattr(node, name, None)
            if unordered and name == "body":
                value = [entry for entry in value if not isinstance(entry, ast.Import | ast.ImportFrom)]
            if name not in MEANINGLESS and value is not None and value != []:
                parts.append((name, normal(value)))
        return parts
    return [normal(entry) for entry in node] if isinstance(node, list) else node


class _Stripped(ast.NodeTransformer):
    """Removes what has no meaning: docstrings, annotations, ``pass``, the texts of log messages."""

    def __init__(self, plain: Collection[str]) -> None:
        self.plain = plain

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if is_text(node) else self.generic_visit(node)

    def visit_Pass(self, node: ast.Pass) -> None:
        return None

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        if any(dotted(decorator)[-1:] == ["register"] for decorator in node.decorator_list):
            node.body = [kept for entry in node.body for kept in stripped(entry, self.plain)]
            return node  # of singledispatch, which reads the annotations
        node.returns = None
        return self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None:
            return None
        return self.generic_visit(ast.copy_location(ast.Assign([node.target], node.value), node))

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        readers = [base for base in node.bases if not self._is_plain(base)] + node.decorator_list
        makes_fields = all(self._makes_fields(reader) for reader in readers)
        kept: list[ast.stmt] = []
        for entry in node.body:
            if isinstance(entry, ast.AnnAssign) and readers:
                said = ast.unparse(entry.annotation)
                kind = next((kind for kind in KINDS_OF_FIELD if kind in said), "") if makes_fields else said
                value = self.visit(entry.value) if entry.value else None
                kept.append(ast.copy_location(ast.AnnAssign(entry.target, ast.Constant(kind), value, 1), entry))
            else:
                kept += stripped(entry, self.plain)
        for part in ("bases", "keywords", "decorator_list"):
            setattr(node, part, [self.visit(entry) for entry in getattr(node, part)])
        node.body = kept
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        chain = dotted(node.func)
        if chain[-1:] and chain[-1] in LOG_METHODS and LOGGERS.intersection(chain[-2:-1]) and node.args:
            text = node.args[0]
            if isinstance(text, ast.JoinedStr):
                text.values = [part for part in text.values if not isinstance(part, ast.Constant)]
            elif isinstance(text, ast.Constant):
                node.args[0] = ast.Constant("")
        return self.generic_visit(node)

    def _is_plain(self, base: ast.expr) -> bool:
        """Whether a base class does not read the annotations of its subclasses."""
        chain = dotted(base.value if isinstance(base, ast.Subscript) else base)
        return bool(chain) and (chain[0] in self.plain or chain[-1] in PLAIN_BASES)

    def _makes_fields(self, reader: ast.expr) -> bool:
        chain = dotted(reader.func if isinstance(reader, ast.Call) else reader)
        return bool(chain) and chain[-1] in FIELD_MAKERS
