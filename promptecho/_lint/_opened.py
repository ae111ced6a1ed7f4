"""Which cassettes the tests open: by their marks, their fixtures and the code that they run.

Rule: a cassette that some code names belongs to every test that mentions that code by name, also by way of others.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from promptecho import _cassette_names
from promptecho._lint._code import FUNCTIONS, Code, Def, External, Mark, Scope
from promptecho._lint._tests import CASSETTES, SCOPES, Fixture, Test, Tests, parameters
from promptecho._lint._texts import Text, Texts
from promptecho._lint._uses import NamedUse, NamelessUse, Use

_Site = tuple[str, int, int]


class Opened:
    """Finds the cassettes that tests open."""

    def __init__(self, code: Code, tests: Tests) -> None:
        self._code = code
        self._tests = tests
        self._texts = Texts(code)
        self._root = code.project.root
        self._in_modules = code.project.names_modules

    def uses(self, tests: Sequence[Test]) -> list[Use]:
        found: list[Use] = []
        around = {}
        for test in tests:
            marks = self._tests.marks(test)
            around[test] = self._tests.around(test, marks)
            found += self._by_fixtures(test, marks, around[test])
        try:
            return [*found, *self._by_code(tests, around)]
        except RecursionError:  # an expression that is nested too deep: any cassette may be named in it
            return [*found, NamedUse("", ("", 1, 1))]

    # --- by marks and fixtures ---

    def _by_fixtures(self, test: Test, marks: list[Mark], around: list[Fixture]) -> Iterator[Use]:
        asked = {each.scope for each in around if each.name in CASSETTES and each.function is None}
        marked = [mark for mark in marks if mark.name == "promptecho"]
        if marked or 4 in asked:
            maybe = any(each.has_parameters for each in around) or self._generates(test)
            yield self._of_test(test, marks, marked, maybe)
        for scope in sorted(asked - {4}):
            yield self._of_scope(test, SCOPES[scope])

    def _generates(self, test: Test) -> bool:
        modules = [test.module, *self._tests.conftests(test.module.path.parent)]
        return any("pytest_generate_tests" in self._code.bindings(self._code.top(each).node) for each in modules)

    def _of_test(self, test: Test, marks: list[Mark], marked: list[Mark], maybe: bool) -> Use:
        folder = test.module.path.parent
        calls = [(mark.scope, mark.node) for mark in marked if isinstance(mark.node, ast.Call)]
        for scope, call in calls:
            path = _argument(call, "path")
            if path is not None and not (isinstance(path, ast.Constant) and path.value is None):
                site = (str(scope.module.path), call.lineno, call.col_offset + 1)
                means = any(_means_errors(each) for _, each in calls)
                return NamedUse(_title(test), site, means, True, self._texts.read(scope, path), str(folder))
        by_mark = any(mark.name in ("parametrize", "anyio") for mark in marks)
        return NamelessUse(
            _title(test), test.site, any(_means_errors(call) for _, call in calls), True,
            str(folder / _cassette_names.FOLDER),
            test.title.replace("::", "."), by_mark or maybe, not by_mark,
            test.module.path.stem if self._in_modules else None,
        )  # fmt: skip

    def _of_scope(self, test: Test, scope: str) -> Use:
        """The cassette of the fixtures of a scope, which all tests of the scope name in one place."""
        file = test.module.path
        if scope == "class":
            name = test.title.rpartition("::")[0].replace("::", ".") or test.title
            path = _cassette_names.path_for_class(name, file, "module" if self._in_modules else "test")
        elif scope == "module":
            path = _cassette_names.path_for_module(file)
        else:
            path = _cassette_names.path_for_folder(self._root if scope == "session" else file.parent, scope)
        return NamedUse(_title(test), (str(path), 1, 1), False, True, Text((str(path),)), str(file.parent))

    # --- by code ---

    def _by_code(self, tests: Sequence[Test], around: dict[Test, list[Fixture]]) -> Iterator[Use]:
        """Every ``use_cassette(...)`` in the project, for the tests that come to it."""
        direct: dict[ast.AST, list[Test]] = {}
        for test in tests:
            classes = (each.node for cls in test.classes for each in self._code.lineage(cls))
            for each in dict.fromkeys((test.function.node, *classes)):
                direct.setdefault(each, []).append(test)
        sites = [
            (top, site)
            for module in self._code.project.mentioning("use_cassette")
            for top in (module.tree.body if module.tree is not None else ())
            for site in self._sites(self._code.top(module), top, top)
        ]
        mentioned = {test: self._mentioned_by(test, around[test]) for test in tests} if sites else {}
        ways = self._ways() if sites else {}
        for top, (scope, node, owner) in sites:
            users = direct.get(owner) or direct.get(top, [])
            for test in users:
                yield self._named(test, scope, node, owner)
            if owner not in direct:
                leading = _leading_to(_names_of(top), ways)
                others = [test for test in tests if test not in users and mentioned[test] & leading]
                for test in others:
                    yield self._named(test, scope, node, owner)
                if not (users or others):
                    yield self._named(None, scope, node, owner)

    def _sites(self, scope: Scope, node: ast.AST, owner: ast.AST) -> Iterator[tuple[Scope, ast.expr, ast.AST]]:
        """The places below a node at which a cassette is named, each with the function or class that it is in."""
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            for decorator in node.decorator_list:
                yield from self._sites(scope, decorator, node)
            if isinstance(node, FUNCTIONS) and not isinstance(scope.node, FUNCTIONS):
                scope, owner = self._code.called(Def(scope.module, node), None, None, complete=False), node
            for statement in node.body:
                yield from self._sites(scope, statement, owner)
            return
        if isinstance(node, ast.Call) and self._is_ours(scope, node.func):
            yield scope, node, owner
        elif isinstance(node, (ast.Name, ast.Attribute)) and self._is_ours(scope, node):
            yield scope, node, owner
            return
        for child in ast.iter_child_nodes(node):
            if not (isinstance(node, ast.Call) and child is node.func and self._is_ours(scope, child)):
                yield from self._sites(scope, child, owner)

    def _is_ours(self, scope: Scope, node: ast.expr) -> bool:
        named = self._code.value(scope, node) if isinstance(node, (ast.Name, ast.Attribute)) else None
        return (
            isinstance(named, External) and re.fullmatch(r"promptecho\.(?:.*\.)?use_cassette", named.name) is not None
        )

    def _named(self, test: Test | None, scope: Scope, node: ast.expr, owner: ast.AST) -> Use:
        site = (str(scope.module.path), node.lineno, node.col_offset + 1)
        means = isinstance(node, ast.Call) and _means_errors(node)
        path = _argument(node, "path") if isinstance(node, ast.Call) else None
        is_named_after = path is None and node in getattr(owner, "decorator_list", ())
        if is_named_after:
            name = test.title if test is not None and owner is test.function.node else getattr(owner, "name", "")
            folder = str(scope.module.path.parent / _cassette_names.FOLDER)
            stem = scope.module.path.stem if self._in_modules else None
            return NamelessUse(_title(test), site, means, True, folder, name.replace("::", "."), module=stem)
        is_own = test is not None and owner is test.function.node
        rows = parameters(self._tests.marks(test)) if test is not None and is_own else {}
        choices = {name: self._texts.listed(scope, each) for name, each in rows.items()}
        known = {name: each for name, each in choices.items() if each}
        is_sure = is_own or isinstance(owner, ast.ClassDef)
        return NamedUse(_title(test), site, means, is_sure, self._texts.read(scope, path, known), str(self._root))

    def _mentioned_by(self, test: Test, around: list[Fixture]) -> set[str]:
        found = _mentions(test.function.node) | {each.name for each in around}
        found |= {each.function.node.name for each in around if each.function is not None}
        for cls in (each for outer in test.classes for each in self._code.lineage(outer)):
            found |= {cls.node.name} | {name for each in cls.node.decorator_list for name in _mentions(each)}
        for module in (test.module, *self._tests.conftests(test.module.path.parent)):
            names = self._code.bindings(self._code.top(module).node)
            found |= {name for name in names if name.startswith("pytest_") or name == "setup_module"}
        return found

    def _ways(self) -> dict[str, set[str]]:
        """Which definitions of the project mention a name."""
        found: dict[str, set[str]] = {}
        for module in self._code.project.loaded():
            for top in module.tree.body if module.tree is not None else ():
                for name in _mentions(top) if _names_of(top) else ():
                    found.setdefault(name, set()).update(_names_of(top))
        return found


def _leading_to(names: list[str], ways: dict[str, set[str]]) -> set[str]:
    found, waiting = set(names), list(names)
    while waiting:
        fresh = ways.get(waiting.pop(), set()) - found
        found |= fresh
        waiting += fresh
    return found


def _names_of(top: ast.stmt) -> list[str]:
    if isinstance(top, (*FUNCTIONS, ast.ClassDef)):
        return [top.name]
    if isinstance(top, (ast.Import, ast.ImportFrom)):
        return [each.asname for each in top.names if each.asname]
    stored = [each.id for each in ast.walk(top) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)]
    return stored + [each.name for each in ast.walk(top) if isinstance(each, (*FUNCTIONS, ast.ClassDef))]


def _mentions(node: ast.AST) -> set[str]:
    found = set()
    for each in ast.walk(node):
        name = getattr(each, "id", None) or getattr(each, "attr", None) or getattr(each, "arg", None)
        value = getattr(each, "value", None)
        found |= {word for word in (name, value) if isinstance(word, str) and word.isidentifier()}
        if isinstance(each, ast.alias):
            found.add(each.name)
    return found


def _argument(call: ast.Call, name: str) -> ast.expr | None:
    named = [each.value for each in call.keywords if each.arg == name]
    return call.args[0] if call.args else named[0] if named else None


def _means_errors(call: ast.Call) -> bool:
    return any(
        each.arg == "on_record_error" and isinstance(each.value, ast.Constant) and each.value.value == "record"
        for each in call.keywords
    )


def _title(test: Test | None) -> str:
    return f"{test.module.path}::{test.title}" if test is not None else ""
