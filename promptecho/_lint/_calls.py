"""The calls of a test that go out unrecorded: in its own body, its fixtures, and in functions that these call."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from promptecho._lint import _doubles, _making
from promptecho._lint._code import FUNCTIONS, Class, Client, Code, Def, External, Scope
from promptecho._lint._covers import Covers
from promptecho._lint._project import Module
from promptecho._lint._tests import SCOPES, Fixture, Test, Tests, parameters

OWN = len(SCOPES) - 1


@dataclass(frozen=True)
class Call:
    """A call of an SDK. ``via``: the functions that lead to it; ``scope``: which cassettes could hold it."""

    path: Path
    line: int
    end_line: int
    column: int
    what: str
    name: str
    via: tuple[str, ...] = ()
    scope: int = OWN


class Calls:
    """Finds calls that nothing keeps in."""

    def __init__(self, code: Code, tests: Tests) -> None:
        self._code = code
        self._tests = tests
        self._covers = Covers(code)

    def is_unittest(self, test: Test) -> bool:
        return bool(test.classes) and self._code.is_unittest(test.classes[-1])

    def at_import(self, module: Module) -> list[Call]:
        """The calls that are made when a module is imported."""
        top = self._code.top(module)
        return _Body(self._code, self._covers, depth=1).read(top)

    def of_test(self, test: Test) -> list[Call]:
        """The calls that a test reaches and nothing keeps in; none of code that is nested too deep to be read."""
        try:
            return self._of_test(test)
        except RecursionError:
            return []

    def _of_test(self, test: Test) -> list[Call]:
        marks = self._tests.marks(test)
        if self._tests.is_left_out(test, marks) or self._is_replaced(test):
            return []
        around = self._tests.around(test, marks)
        given = tuple(parameters(marks))
        covered = [each.scope if each.function is not None or each.name.startswith("promptecho_") else 0
                   for each in around if self._keeps(each)]  # fmt: skip
        covered += [OWN for each in marks if _doubles.is_covering_mark(each.name)]
        covered += [3 for cls in test.classes for each in self._code.lineage(cls)
                    if self._covers.decorated(self._code.top(each.module), each.node)]  # fmt: skip
        if self._covers.decorated(self._code.top(test.function.module), test.function.node):
            covered.append(OWN)
        widest = min(covered, default=OWN + 1)
        found: list[Call] = []
        for each in around:
            if each.function is not None and each.scope < widest:
                found += self._read(test, each.function, (each.name,), each.scope)
        if widest > OWN:
            found += self._read(test, test.function, (), OWN, given)
        return list(dict.fromkeys(found))

    def _read(
        self, test: Test, function: Def, via: tuple[str, ...], scope: int, given: tuple[str, ...] = ()
    ) -> list[Call]:
        body = _Body(self._code, self._covers, via=via, scope=scope)
        return body.read(self._tests.scope(test, function, given))

    def _keeps(self, fixture: Fixture) -> bool:
        if fixture.function is None:
            return fixture.name.startswith("promptecho_") or _doubles.is_covering_fixture(fixture.name)
        if _doubles.says_double(fixture.name):
            return True
        top = self._code.top(fixture.function.module)
        return self._covers.leaves(fixture.function) or self._covers.decorated(top, fixture.function.node)

    def _is_replaced(self, test: Test) -> bool:
        """Whether the modules of a test or the hooks of its conftests replace something for all tests."""
        for module in (test.module, *self._tests.conftests(test.module.path.parent)):
            top = self._code.top(module)
            if self._covers.whole(top):
                return True
            for name in self._code.bindings(top.node):
                hook = self._code.lookup(top, name) if name.startswith("pytest_") else None
                if isinstance(hook, Def) and name != "pytest_addoption" and self._covers.has(hook):
                    return True
        return False


class _Body:
    """Reads one function, and one level of those that it calls."""

    def __init__(
        self, code: Code, covers: Covers, *, depth: int = 0, via: tuple[str, ...] = (), scope: int = OWN
    ) -> None:
        self._code = code
        self._covers = covers
        self._depth = depth
        self._via = via
        self._place = scope
        self._found: list[Call] = []

    def read(self, scope: Scope) -> list[Call]:
        if not self._covers.whole(scope):
            self._block(scope, scope.body)
        return self._found

    def _block(self, scope: Scope, statements: Sequence[ast.AST]) -> None:
        for each in statements:
            self._visit(scope, each)
            if isinstance(each, (ast.Return, ast.Raise, ast.Continue, ast.Break)):
                return

    def _visit(self, scope: Scope, node: ast.AST) -> None:
        if isinstance(node, ast.ClassDef) or (isinstance(node, FUNCTIONS) and isinstance(scope.node, ast.Module)):
            return
        if isinstance(node, ast.If) and isinstance(scope.node, ast.Module):
            return  # "__main__", TYPE_CHECKING and the like
        if isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                if self._covers.opens(scope, item.context_expr):
                    return
                self._visit(scope, item.context_expr)
            self._block(scope, node.body)
            return
        if isinstance(node, ast.Call):
            self._call(scope, node)
        for _, value in ast.iter_fields(node):
            if isinstance(value, list):
                self._block(scope, [each for each in value if isinstance(each, ast.AST)])
            elif isinstance(value, ast.AST):
                self._visit(scope, value)

    def _call(self, scope: Scope, node: ast.Call) -> None:
        called = self._code.value(scope, node.func)
        if isinstance(called, Client) and _making.asks(called.path, node):
            name = called.name if called.name.rpartition(".")[2].islower() else called.name.rpartition(".")[2]
            self._note(scope, node, ".".join((name, *called.path)), called.name)
        elif isinstance(called, External) and _making.asks_by_itself(called.name, node):
            self._note(scope, node, called.name, called.name)
        elif self._depth == 0:
            if isinstance(called, Class):
                called = self._code.attribute(self._code.value(scope, node), "__init__")
            if isinstance(called, Def) and not self._is_kept(called):
                inner = _Body(self._code, self._covers, depth=1, via=(*self._via, called.node.name), scope=self._place)
                self._found += inner.read(self._code.called(called, node, scope))

    def _is_kept(self, function: Def) -> bool:
        return self._covers.decorated(self._code.top(function.module), function.node)

    def _note(self, scope: Scope, node: ast.Call, what: str, name: str) -> None:
        self._found.append(
            Call(scope.module.path, node.lineno, node.end_lineno or node.lineno, node.col_offset + 1, what, name,
                 self._via, self._place)
        )  # fmt: skip
