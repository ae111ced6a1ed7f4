"""What keeps the calls of a test in: cassettes, other recorders, doubles, replaced names, switches for live runs."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from promptecho._lint import _doubles
from promptecho._lint._code import FUNCTIONS, Code, Def, Scope

_REPLACING = ("setattr", "delattr", "setitem", "skipTest")


class Covers:
    """Tells what a function keeps in by itself, and what it leaves open for whoever called it."""

    def __init__(self, code: Code) -> None:
        self._code = code
        self._known: dict[tuple[ast.AST, str], bool] = {}

    def opens(self, scope: Scope, node: ast.expr) -> bool:
        """Whether ``with node`` or ``@node`` keeps calls in."""
        called = self._code.name(scope, node.func if isinstance(node, ast.Call) else node)
        name = self._code.name(scope, node)
        if name.startswith("pytest.mark."):
            return False
        if _doubles.is_cover(name) or _doubles.is_cover(called):
            return not _is_harmless(node)
        function = self._code.defs.get(called.partition("(")[0])
        return function is not None and self.has(function)

    def has(self, function: Def) -> bool:
        """Whether a function, or a method of a class, keeps anything in."""
        if isinstance(function.node, ast.ClassDef):
            methods = [each for cls in self._code.lineage(function) for each in getattr(cls.node, "body", ())]
            return any(self.has(Def(function.module, each)) for each in methods if isinstance(each, FUNCTIONS))
        scope = self._code.called(function, None, None, complete=False)
        return self._once(function.node, "has", lambda: self.whole(scope) or any(True for _ in self._blocks(scope)))

    def leaves(self, function: Def) -> bool:
        """Whether calls stay in after a function was called, or while it yields."""
        scope = self._code.called(function, None, None, complete=False)
        inside = (each for block in self._blocks(scope) for each in ast.walk(block))
        look = lambda: self.whole(scope) or any(isinstance(each, (ast.Yield, ast.YieldFrom)) for each in inside)  # noqa: E731
        return self._once(function.node, "leaves", look)

    def decorated(self, function: Def) -> bool:
        """Whether a decorator of a function or class keeps its calls in."""
        return any(self.opens(self._code.top(function.module), each) for each in function.node.decorator_list)

    def whole(self, scope: Scope) -> bool:
        """Whether something in a body, that is in no ``with``, keeps calls in or may."""
        return self._once(
            scope.node, "whole", lambda: any(self._replaces(scope, each) for each in self._outside(scope))
        )

    def _replaces(self, scope: Scope, node: ast.AST) -> bool:
        if isinstance(node, ast.Call):
            return self._is_covering_call(scope, node)
        if isinstance(node, (ast.If, ast.IfExp)):
            return _doubles.is_switch(node.test)
        if not isinstance(node, ast.Assign):
            return False
        for target in node.targets:
            if isinstance(target, ast.Subscript) and ast.unparse(target.value).endswith("environ"):
                return _doubles.sets_route([target.slice])
            if isinstance(target, ast.Attribute) and ast.unparse(target.value) not in ("self", "cls"):
                plain = ast.unparse(node.value) not in ("None", "False") and isinstance(node.value, ast.Constant)
                return not plain or target.attr.endswith(("_url", "_base"))
        return False

    def _is_covering_call(self, scope: Scope, node: ast.Call) -> bool:
        called = self._code.name(scope, node.func)
        name = called.rpartition(".")[2].lstrip("~")
        if name == "setenv":
            return _doubles.sets_route(node.args[:1])
        if name in _REPLACING or (name == "getfixturevalue" and not _strings(node)):
            return True
        if _doubles.is_cover(called) or _doubles.is_cover(self._code.name(scope, node)):
            return not _is_harmless(node)
        function = self._code.defs.get(called)
        return function is not None and isinstance(function.node, FUNCTIONS) and self.leaves(function)

    def _blocks(self, scope: Scope) -> Iterator[ast.AST]:
        """The ``with`` statements that keep calls in."""
        for each in self._code.within(scope.node):
            items = each.items if isinstance(each, (ast.With, ast.AsyncWith)) else []
            if any(self.opens(scope, item.context_expr) for item in items):
                yield each

    def _outside(self, scope: Scope) -> Iterator[ast.AST]:
        """What stands in a body; of a module, where doubles are made for later, only calls that are statements."""
        inside = self._code.within(scope.node)
        entered = {each.context_expr for each in inside if isinstance(each, ast.withitem)}
        statements = {each.value for each in inside if isinstance(each, ast.Expr)}
        for each in inside:
            is_later = each not in statements and not isinstance(scope.node, FUNCTIONS)
            if not (isinstance(each, ast.Call) and (each in entered or is_later)):
                yield each

    def _once(self, node: ast.AST, question: str, look: Callable[[], bool]) -> bool:
        if (node, question) not in self._known:
            self._known[node, question] = False  # one that calls itself
            self._known[node, question] = look()
        return self._known[node, question]


def _is_harmless(node: ast.expr) -> bool:
    """Whether this only sets variables, such as a key: ``patch.dict(os.environ, {"OPENAI_API_KEY": "x"})``."""
    is_dict = isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "dict" and len(node.args) > 1
    values = node.args[1] if is_dict and isinstance(node, ast.Call) else None
    return isinstance(values, ast.Dict) and not _doubles.sets_route([key for key in values.keys if key is not None])


def _strings(node: ast.Call) -> list[str]:
    return [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
