"""The rule ``unrecorded-call``: a finding for each test that calls a provider with no cassette open, at the test.

Calls are seen in the body of a test, in its fixtures, and in the functions that these call: one level deep.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from promptecho._lint import _doubles, _making
from promptecho._lint._code import FUNCTIONS, Code, Def, Scope
from promptecho._lint._covers import Covers
from promptecho._lint._fixes import AddMarks
from promptecho._lint._ignores import Ignores
from promptecho._lint._project import Module
from promptecho._lint._rules import Finding
from promptecho._lint._tests import OWN, Fixture, Test, Tests

_OPT_IN = {"urllib3", "requests", "aiohttp"}  # intercepted only if asked for
_RULE = "unrecorded-call"
_MARK = "run the test in a cassette (@pytest.mark.promptecho, the fixture promptecho_cassette, use_cassette)"
_WIDER = "let the fixture that makes it ask for promptecho_module_cassette, or that of its scope"
_IMPORT = "make it in a test or a fixture that has a cassette"


@dataclass(frozen=True)
class Call:
    """A call of an SDK. ``via``: the functions that lead to it; ``scope``: which cassettes could hold it."""

    path: Path
    line: int
    column: int
    end_line: int
    name: str
    via: tuple[str, ...] = ()
    scope: int = OWN


class Unrecorded:
    """Files findings for tests; calls with an ignore comment of their own are none."""

    def __init__(self, code: Code, tests: Tests, ignores: Ignores) -> None:
        self._code = code
        self._tests = tests
        self._covers = Covers(code)
        self._ignores = ignores

    def of_tests(self, tests: Sequence[Test]) -> Iterator[Finding]:
        wider: dict[Call, list[Test]] = {}
        for test in tests:
            try:
                found = self._kept(self._of_test(test))
            except RecursionError:  # nested too deep to be read
                continue
            for call in found:
                if call.scope < OWN:
                    wider.setdefault(call, []).append(test)
            own = [call for call in found if call.scope == OWN]
            if own:
                yield self._finding(
                    test, own[0], _more(len(own) - 1, ", and {} more call{}"), _MARK, self._fix(test, own)
                )
        for call, reaching in wider.items():
            yield self._finding(reaching[0], call, _more(len(reaching) - 1, "; so in {} more test{}"), _WIDER)

    def at_import(self, module: Module) -> Iterator[Finding]:
        reader = _Reader(self._code, self._covers, depth=1)
        for call in self._kept(reader.read(self._code.top(module))):
            text = f"{_making.shown(call.name)} is called when the module is imported"
            yield Finding(_RULE, call.path, call.line, call.column, text, _IMPORT, call.end_line)

    def _kept(self, calls: list[Call]) -> list[Call]:
        calls = list(dict.fromkeys(calls))
        return [each for each in calls if not self._ignores.suppress(_RULE, each.path, each.line, each.end_line)]

    # --- findings ---

    def _fix(self, test: Test, calls: Sequence[Call]) -> AddMarks | None:
        path = Path(test.site[0])
        if test.is_unittest or self._code.project.root not in path.parents:
            return None
        sdks = [known[0] for call in calls if (known := _making.maker(call.name.partition("(")[0])) is not None]
        return AddMarks(((path, test.site[1]),), any({each.sync, each.asynchronous} & _OPT_IN for each in sdks))

    def _finding(self, test: Test, call: Call, more: str, hint: str, fix: AddMarks | None = None) -> Finding:
        path, line, column = test.site
        place = f"line {call.line}"
        if str(call.path) != path:
            root = self._code.project.root
            place = (
                f"{(call.path.relative_to(root) if root in call.path.parents else call.path).as_posix()}:{call.line}"
            )
        way = f" by way of {', '.join(call.via)}" if call.via else ""
        text = f"calls {_making.shown(call.name)} with no cassette open{way} ({place}){more}"
        end = max(line, test.function.node.body[0].lineno - 1)
        return Finding(_RULE, Path(path), line, column, text, hint, end, fix, (call.path, call.line))

    # --- calls ---

    def _of_test(self, test: Test) -> list[Call]:
        if self._tests.is_left_out(test) or self._is_replaced(test):
            return []
        around = self._tests.around(test)
        covered = [self._place(each) for each in around if self._keeps(each)]
        covered += [OWN for each in self._tests.marks(test) if _doubles.is_covering(each.name)]
        covered += [OWN - 1 for each in self._tests.classes(test) if self._covers.decorated(each)]
        covered += [OWN] * self._covers.decorated(test.function)
        widest = min(covered, default=OWN + 1)
        found: list[Call] = []
        for each in around:
            if each.function is not None and each.scope < widest:
                found += self._read(test, each.function, (each.name,), each.scope)
        return found + (self._read(test, test.function, (), OWN) if widest > OWN else [])

    def _read(self, test: Test, function: Def, via: tuple[str, ...], scope: int) -> list[Call]:
        return _Reader(self._code, self._covers, via=via, scope=scope).read(self._tests.scope(test, function))

    def _place(self, fixture: Fixture) -> int:
        """From which scope on a fixture keeps calls in; one of a plugin may from the first."""
        return fixture.scope if fixture.function is not None or fixture.name.startswith("promptecho") else 0

    def _keeps(self, fixture: Fixture) -> bool:
        if fixture.function is None:
            return fixture.name.startswith("promptecho") or _doubles.is_covering(fixture.name)
        named = _doubles.says_double(fixture.name)
        return named or self._covers.leaves(fixture.function) or self._covers.decorated(fixture.function)

    def _is_replaced(self, test: Test) -> bool:
        """Whether the module of a test, its conftests or their hooks replace something for all tests."""
        for module in (test.module, *self._tests.conftests(test.module.path.parent)):
            top = self._code.top(module)
            names = [
                name
                for name in self._code.bindings(top.node)
                if name.startswith("pytest_") and name != "pytest_addoption"
            ]
            hooks = [self._code.defs.get(self._code.lookup(top, name)) for name in names]
            if self._covers.whole(top) or any(each is not None and self._covers.has(each) for each in hooks):
                return True
        return False


class _Reader:
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
            self._block(scope, getattr(scope.node, "body", []))
        return self._found

    def _block(self, scope: Scope, statements: Sequence[ast.AST]) -> None:
        for each in statements:
            self._visit(scope, each)
            if isinstance(each, (ast.Return, ast.Raise, ast.Continue, ast.Break)):
                return

    def _visit(self, scope: Scope, node: ast.AST) -> None:
        is_other = isinstance(node, (*FUNCTIONS, ast.If)) and isinstance(
            scope.node, ast.Module
        )  # "__main__" and the like
        if is_other or isinstance(node, ast.ClassDef):
            return
        for item in node.items if isinstance(node, (ast.With, ast.AsyncWith)) else ():
            if self._covers.opens(scope, item.context_expr):
                return
        if isinstance(node, ast.Call):
            self._call(scope, node)
        for _, value in ast.iter_fields(node):
            self._block(
                scope, [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, ast.AST)]
            )

    def _call(self, scope: Scope, node: ast.Call) -> None:
        name = self._code.name(scope, node.func)
        if _making.asks(name, node):
            end = node.end_lineno or node.lineno
            path = scope.module.path
            self._found.append(Call(path, node.lineno, node.col_offset + 1, end, name, self._via, self._place))
        called = self._code.defs.get(name) if self._depth == 0 else None
        if called is not None and isinstance(called.node, FUNCTIONS) and not self._covers.decorated(called):
            via = (*self._via, called.node.name)
            inner = _Reader(self._code, self._covers, depth=1, via=via, scope=self._place)
            self._found += inner.read(self._code.called(called, node, scope))


def _more(count: int, text: str) -> str:
    return text.format(count, "s" * (count > 1)) if count > 0 else ""
