"""What keeps the calls of a test in: cassettes, other recorders, doubles, replaced names, switches for live runs."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from promptecho._lint import _doubles
from promptecho._lint._code import COVER, FUNCTIONS, Code, Def, External, Mark, Object, Scope, within

_REPLACING = ("setattr", "delattr", "setitem", "skipTest")


class Covers:
    """Tells what a function keeps in by itself, and what it leaves open for whoever called it."""

    def __init__(self, code: Code) -> None:
        self._code = code
        self._known: dict[tuple[ast.AST, str], bool] = {}

    def opens(self, scope: Scope, node: ast.expr) -> bool:
        """Whether ``with node`` or ``@node`` keeps calls in."""
        value = self._code.value(scope, node)
        called = node.func if isinstance(node, ast.Call) else node
        if value is COVER:
            return True
        if isinstance(value, Mark):
            return False
        if isinstance(value, External):
            return _doubles.is_cover(value.name)
        if isinstance(value, Object):
            methods = [each for cls in self._code.lineage(value.cls) for each in cls.node.body]
            if any(isinstance(each, FUNCTIONS) and self.has(Def(value.cls.module, each, value)) for each in methods):
                return True
        function = self._code.value(scope, called)
        if isinstance(function, Def):
            return self.has(function)
        return _doubles.says_double(ast.unparse(called)) and not (
            isinstance(node, ast.Call) and _doubles.is_harmless_patch(node)
        )

    def has(self, function: Def) -> bool:
        """Whether a function keeps anything in, anywhere in it."""
        scope = self._scope(function)
        return self._once(function.node, "has", lambda: self.whole(scope) or any(self._blocks(scope)))

    def leaves(self, function: Def) -> bool:
        """Whether calls stay in after a function was called, or while it yields."""
        scope = self._scope(function)

        def look() -> bool:
            yields = (ast.Yield, ast.YieldFrom)
            return self.whole(scope) or any(
                isinstance(each, yields) for block in self._blocks(scope) for each in ast.walk(block)
            )

        return self._once(function.node, "leaves", look)

    def decorated(self, scope: Scope, node: ast.AST) -> bool:
        """Whether a decorator of a function or class keeps its calls in."""
        return any(self.opens(scope, each) for each in getattr(node, "decorator_list", ()))

    def whole(self, scope: Scope) -> bool:
        """Whether something in a body, that is in no ``with``, keeps calls in or may."""
        return self._once(scope.node, "whole", lambda: any(self._is_replacing(scope, each) for each in _outside(scope)))

    def _is_replacing(self, scope: Scope, node: ast.AST) -> bool:
        if isinstance(node, ast.Call):
            return self._is_covering_call(scope, node)
        if isinstance(node, (ast.If, ast.IfExp)):
            return _doubles.is_switch(node.test)
        if not isinstance(node, (ast.Assign, ast.AnnAssign)):
            return False
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Subscript) and ast.unparse(target.value).endswith("environ"):
                return _doubles.sets_route([target.slice])
            if isinstance(target, ast.Attribute) and not _is_self(target.value):
                plain = isinstance(node.value, ast.Constant) and node.value.value not in (None, False)
                if not plain or target.attr.endswith(("_url", "_base")):
                    return True
        return False

    def _is_covering_call(self, scope: Scope, node: ast.Call) -> bool:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in _REPLACING:
            return True
        if name == "setenv":
            return _doubles.sets_route(node.args[:1])
        if name == "getfixturevalue":
            return not (node.args and isinstance(node.args[0], ast.Constant))
        if self._code.value(scope, node) is COVER:
            return True
        function = self._code.value(scope, node.func)
        return isinstance(function, Def) and self.leaves(function)

    def _blocks(self, scope: Scope) -> Iterator[ast.AST]:
        """The ``with`` statements that keep calls in."""
        for each in within(scope.node):
            items = each.items if isinstance(each, (ast.With, ast.AsyncWith)) else []
            if any(self.opens(scope, item.context_expr) for item in items):
                yield each

    def _scope(self, function: Def) -> Scope:
        return self._code.called(function, None, None, complete=False)

    def _once(self, node: ast.AST, question: str, look: Callable[[], bool]) -> bool:
        if (node, question) not in self._known:
            self._known[node, question] = False  # one that calls itself
            self._known[node, question] = look()
        return self._known[node, question]


def _outside(scope: Scope) -> Iterator[ast.AST]:
    """What stands in a body; of a module, where doubles are made for later, only calls that are statements."""
    entered = {item.context_expr for each in within(scope.node) if isinstance(each, (ast.With, ast.AsyncWith))
               for item in each.items}  # fmt: skip
    statements = {each.value for each in within(scope.node) if isinstance(each, ast.Expr)}
    for each in within(scope.node):
        if isinstance(each, ast.Call) and (
            each in entered or (each not in statements and not isinstance(scope.node, FUNCTIONS))
        ):
            continue
        yield each


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")
