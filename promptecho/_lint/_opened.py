"""Which cassettes the tests open: by their marks, their fixtures and the code that they run.

Rule: a cassette that some code names belongs to every test that mentions that code by name, also by way of others.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from promptecho._lint import _texts
from promptecho._lint._code import FUNCTIONS, Code, Def, Scope
from promptecho._lint._tests import CASSETTES, OWN, SCOPES, Mark, Test, Tests
from promptecho._lint._uses import NamedUse, NamelessUse, Use
from promptecho._settings import cassette_names

_OURS = re.compile(r"promptecho\.(?:.*\.)?use_cassette")
_Site = tuple[ast.stmt, Scope, ast.expr, ast.AST]


class Opened:
    """Finds the cassettes that tests open."""

    def __init__(self, code: Code, tests: Tests) -> None:
        self._code = code
        self._tests = tests
        self._project = code.project

    def uses(self, tests: Sequence[Test]) -> list[Use]:
        found = [use for test in tests for use in self._by_fixtures(test)]
        try:
            return [*found, *self._by_code(tests)]
        except RecursionError:  # an expression that is nested too deep: any cassette may be named in it
            return [*found, NamedUse("", ("", 1, 1), False, False, "", _texts.ANY)]

    # --- by marks and fixtures ---

    def _by_fixtures(self, test: Test) -> Iterator[Use]:
        around = self._tests.around(test)
        asked = {CASSETTES[each.name] for each in around if each.name in CASSETTES and each.function is None}
        marked = [mark for mark in self._tests.marks(test) if mark.name == "promptecho"]
        if marked or OWN in asked:
            modules = [test.module, *self._tests.conftests(test.module.path.parent)]
            generated = any(
                "pytest_generate_tests" in self._code.bindings(self._code.top(each).node) for each in modules
            )
            yield self._of_test(test, marked, generated or any(each.has_parameters for each in around))
        for scope in sorted(asked - {OWN}):
            yield self._of_scope(test, SCOPES[scope])

    def _of_test(self, test: Test, marked: list[Mark], maybe: bool) -> Use:
        folder = test.module.path.parent
        calls = [(mark.scope, mark.node) for mark in marked if isinstance(mark.node, ast.Call)]
        means = any(_means_errors(call) for _, call in calls)
        for scope, call in calls:
            path = _path(call)
            if path is not None and not (isinstance(path, ast.Constant) and path.value is None):
                site = (str(scope.module.path), call.lineno, call.col_offset + 1)
                return NamedUse(test.full_title, site, means, True, str(folder), _texts.read(self._code, scope, path))
        by_mark = any(mark.name in ("parametrize", "anyio") for mark in self._tests.marks(test))
        return NamelessUse(
            test.full_title, test.site, means, True, str(folder / cassette_names.FOLDER),
            test.title.replace("::", "."), by_mark or maybe, not by_mark, self._folder_of(test.module.path.stem),
        )  # fmt: skip

    def _folder_of(self, module: str) -> str | None:
        return module if self._project.names_modules else None

    def _of_scope(self, test: Test, scope: str) -> Use:
        """The cassette of the fixtures of a scope, which all tests of the scope name in one place."""
        file = test.module.path
        if scope == "class":
            name = test.title.rpartition("::")[0].replace("::", ".") or test.title
            path = cassette_names.path_for_class(name, file, "module" if self._project.names_modules else "test")
        elif scope == "module":
            path = cassette_names.path_for_module(file)
        else:
            path = cassette_names.path_for_folder(self._project.root if scope == "session" else file.parent, scope)
        return NamedUse(test.full_title, (str(path), 1, 1), False, True, str(file.parent), str(path))

    # --- by code ---

    def _by_code(self, tests: Sequence[Test]) -> Iterator[Use]:
        """Every ``use_cassette(...)`` in the project, for the tests that come to it."""
        direct: dict[ast.AST, list[Test]] = {}
        for test in tests:
            for node in dict.fromkeys((test.function.node, *(each.node for each in self._tests.classes(test)))):
                direct.setdefault(node, []).append(test)
        sites: list[_Site] = []
        for module in self._project.mentioning("use_cassette"):
            for top in module.tree.body if module.tree is not None else ():
                sites += self._sites(top, self._code.top(module), top, top)
        ways = self._ways() if sites else {}
        mentioned = {test: self._mentioned_by(test) for test in tests} if sites else {}
        for site in sites:
            top, _, _, owner = site
            users = direct.get(owner) or direct.get(top, [])
            leading = _leading_to(_names_of(top), ways) if owner not in direct else set()
            others = [test for test in tests if mentioned[test] & leading and test not in users]
            for each in [*users, *others]:
                yield from self._named(each, site)
            if not users and not others:
                yield from self._named(None, site)

    def _sites(self, top: ast.stmt, scope: Scope, node: ast.AST, owner: ast.AST) -> Iterator[_Site]:
        """The places below a node at which a cassette is named, each with the function or class that it is in."""
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            for decorator in node.decorator_list:
                yield from self._sites(top, scope, decorator, node)
            if isinstance(node, FUNCTIONS) and not isinstance(scope.node, FUNCTIONS):
                scope, owner = self._code.called(Def(scope.module, node), None, None, complete=False), node
            for statement in node.body:
                yield from self._sites(top, scope, statement, owner)
            return
        named = node.func if isinstance(node, ast.Call) else node
        is_ours = self._is_ours(scope, named)
        if is_ours and isinstance(node, ast.expr):
            yield top, scope, node, owner
        for child in ast.iter_child_nodes(node):
            if not (is_ours and child in (named, getattr(named, "value", None))):
                yield from self._sites(top, scope, child, owner)

    def _is_ours(self, scope: Scope, node: ast.AST) -> bool:
        if isinstance(node, ast.Name):
            bound = [each for one in (scope.node, self._code.top(scope.module).node)
                     for each in self._code.bindings(one).get(node.id, ())]  # fmt: skip
            is_imported = any(isinstance(each, (ast.Import, ast.ImportFrom)) for each in bound)
        else:
            is_imported = isinstance(node, ast.Attribute) and node.attr == "use_cassette"
        return is_imported and _OURS.fullmatch(self._code.name(scope, node)) is not None  # type: ignore[arg-type]

    def _named(self, test: Test | None, site: _Site) -> Iterator[Use]:
        _, scope, node, owner = site
        title, place = test.full_title if test else "", (str(scope.module.path), node.lineno, node.col_offset + 1)
        means = isinstance(node, ast.Call) and _means_errors(node)
        path = _path(node) if isinstance(node, ast.Call) else None
        is_own = test is not None and owner is test.function.node
        is_sure = is_own or isinstance(owner, ast.ClassDef)
        if path is None and node in getattr(owner, "decorator_list", ()):
            name = test.title.replace("::", ".") if test is not None and is_own else getattr(owner, "name", "")
            folder, module = scope.module.path.parent / cassette_names.FOLDER, self._folder_of(scope.module.path.stem)
            yield NamelessUse(title, place, means, is_sure, str(folder), name, module=module)
            return
        rows = self._tests.parameters(test) if test is not None and is_own else {}
        names = {each.id for each in ast.walk(path or node) if isinstance(each, ast.Name)}
        known = [(name, _texts.listed(self._code, scope, each)) for name, each in rows.items() if name in names]
        for given in [{name: each} for name, values in known[:1] for each in values] or [{}]:
            yield NamedUse(
                title, place, means, is_sure, str(self._project.root), _texts.read(self._code, scope, path, given)
            )

    def _mentioned_by(self, test: Test) -> set[str]:
        found = _mentions(test.function.node)
        for fixture in self._tests.around(test):
            found |= {fixture.name, *([fixture.function.node.name] if fixture.function is not None else [])}
        for cls in self._tests.classes(test):
            found |= {cls.node.name, *(name for each in cls.node.decorator_list for name in _mentions(each))}
        for module in (test.module, *self._tests.conftests(test.module.path.parent)):
            found |= {name for name in self._code.bindings(self._code.top(module).node) if name.startswith("pytest_")}
        return found

    def _ways(self) -> dict[str, set[str]]:
        """Which definitions of the project mention a name."""
        found: dict[str, set[str]] = {}
        for module in self._project.loaded():
            for top in module.tree.body if module.tree is not None else ():
                names = _names_of(top)
                for name in _mentions(top) if names else ():
                    found.setdefault(name, set()).update(names)
        return found


def _leading_to(names: list[str], ways: dict[str, set[str]]) -> set[str]:
    found, waiting = set(names), list(names)
    while waiting:
        fresh = ways.get(waiting.pop(), set()) - found
        found |= fresh
        waiting += fresh
    return found


def _names_of(top: ast.stmt) -> list[str]:
    """The names that a statement of a module gives to what is in it."""
    if isinstance(top, (*FUNCTIONS, ast.ClassDef)):
        return [top.name]
    if isinstance(top, (ast.Import, ast.ImportFrom)):
        return [each.asname for each in top.names if each.asname]
    stored = [each.id for each in ast.walk(top) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)]
    return stored + [each.name for each in ast.walk(top) if isinstance(each, (*FUNCTIONS, ast.ClassDef))]


def _mentions(node: ast.AST) -> set[str]:
    found = set()
    for each in ast.walk(node):
        words = [getattr(each, field, None) for field in ("id", "attr", "arg", "value")]
        words += [each.name] if isinstance(each, ast.alias) else []
        found |= {word for word in words if isinstance(word, str) and word.isidentifier()}
    return found


def _path(call: ast.Call) -> ast.expr | None:
    return next(iter([*call.args, *(each.value for each in call.keywords if each.arg == "path")]), None)


def _means_errors(call: ast.Call) -> bool:
    said = [each.value for each in call.keywords if each.arg == "on_record_error"]
    return any(isinstance(each, ast.Constant) and each.value == "record" for each in said)
