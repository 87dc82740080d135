"""The normal form of statements: two texts with one meaning have one normal form."""

import ast
from collections.abc import Collection
from typing import Any

from template3d.runtime.references import dotted

KINDS_OF_FIELD = ("ClassVar", "InitVar", "KW_ONLY")
"""Annotations that change what a dataclass does."""
PLAIN_BASES = {"ABC", "Enum", "Exception", "Generic", "Module", "NodeTransformer", "NodeVisitor", "object"}
"""Bases of other packages that do not read the annotations of a class."""
LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical"}
MEANINGLESS = {"ctx", "kind", "type_comment"}
"""Fields of syntax trees that follow from the others, or have no effect."""


def stripped(statement: ast.stmt, loggers: Collection[str], plain: Collection[str]) -> list[ast.stmt]:
    """What remains of a statement, or nothing, without what has no meaning; changes its tree.

    ``loggers`` are the names of loggers, and ``plain`` those of classes that do not read annotations.
    """
    kept = _Stripped(loggers, plain).visit(statement)
    return kept if isinstance(kept, list) else [kept] if kept else []


def is_text(statement: ast.stmt) -> bool:
    """Whether a statement is a constant, such as a docstring."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


class _Stripped(ast.NodeTransformer):
    """Removes what has no meaning: docstrings, annotations, ``pass``, the texts of log messages."""

    def __init__(self, loggers: Collection[str], plain: Collection[str]) -> None:
        self.loggers, self.plain = loggers, plain

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if is_text(node) else self.generic_visit(node)

    def visit_Pass(self, node: ast.Pass) -> None:
        return None

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None:
            return None
        return self.generic_visit(ast.copy_location(ast.Assign([node.target], node.value), node))

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        fields = [entry for entry in node.body if isinstance(entry, ast.AnnAssign)]
        keeps = node.decorator_list or not all(map(self._is_plain, node.bases))
        kept: list[ast.stmt] = []
        for entry in node.body:
            if entry in fields and keeps:
                said = ast.unparse(entry.annotation)
                kind = next((kind for kind in KINDS_OF_FIELD if kind in said), "")
                value = self.visit(entry.value) if entry.value else None
                kept.append(ast.copy_location(ast.AnnAssign(entry.target, ast.Constant(kind), value, 1), entry))
            else:
                kept += stripped(entry, self.loggers, self.plain)
        for part in ("bases", "keywords", "decorator_list"):
            setattr(node, part, [self.visit(entry) for entry in getattr(node, part)])
        node.body = kept
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        chain = dotted(node.func)
        is_log = len(chain) == 2 and chain[0] in self.loggers and chain[1] in LOG_METHODS
        if is_log and node.args and isinstance(node.args[0], ast.Constant):
            node.args[0] = ast.Constant("")
        return self.generic_visit(node)

    def _is_plain(self, base: ast.expr) -> bool:
        """Whether a base class does not read the annotations of its subclasses, as NamedTuple does."""
        chain = dotted(base.value if isinstance(base, ast.Subscript) else base)
        return bool(chain) and (chain[0] in self.plain or chain[-1] in PLAIN_BASES)


def normal(node: Any) -> Any:
    """A syntax tree as nested lists, which do not depend on the version of Python; imports are left out."""
    if isinstance(node, ast.Constant):
        return [type(node.value).__name__, repr(node.value)]
    if isinstance(node, ast.AST):
        values = ((name, getattr(node, name, None)) for name in node._fields if name not in MEANINGLESS)
        return [type(node).__name__, *((name, normal(value)) for name, value in values if value not in (None, []))]
    if isinstance(node, list):
        return [normal(entry) for entry in node if not isinstance(entry, ast.Import | ast.ImportFrom)]
    return node
