"""One test followed as pytest would run it: set-up, fixtures in their order, body."""

from __future__ import annotations

import ast
from dataclasses import replace
from functools import cache

from promptecho._lint import _marks, _opened
from promptecho._lint._fixtures import Fixtures
from promptecho._lint._follow import Follower, _doubles
from promptecho._lint._follow._arguments import SOME_ARGUMENTS, Arguments
from promptecho._lint._follow._frames import Frame
from promptecho._lint._follow._values import (
    UNKNOWN,
    Cover,
    Function,
    Instance,
    Mapping,
    Object,
    Text,
    Value,
    element,
    text,
)
from promptecho._lint._suite import Test
from promptecho._lint._uses import Use

_SCOPES = ("session", "package", "module", "class", "function")
_CASSETTES = {"promptecho_cassette": 4, **{f"promptecho_{scope}_cassette": at for at, scope in enumerate(_SCOPES[:4])}}
_ELSEWHERE = "/a temporary folder"  # no cassette of the project is there
_GIVEN: dict[str, Value] = {
    "monkeypatch": Instance("pytest.MonkeyPatch"),
    "mocker": Instance("mocker"),
    "class_mocker": Instance("mocker"),
    "module_mocker": Instance("mocker"),
    "package_mocker": Instance("mocker"),
    "session_mocker": Instance("mocker"),
    "request": Instance("request"),
    "benchmark": Instance("benchmark"),
    "tmp_path": text(_ELSEWHERE, True),
    "tmpdir": text(_ELSEWHERE, True),
}


class Run:
    """One test being followed. ``frame`` holds what has happened in it so far."""

    def __init__(self, follower: Follower, fixtures: Fixtures, test: Test) -> None:
        self.frame = Frame(test.module)
        self._follower = follower
        self._test = test
        self._conftests = fixtures.conftests(test.module.path)
        self._layers = fixtures.layers(test)
        self._hooks = fixtures.hooks(test.module.path)
        self._marks = _marks.marks_of(test, follower)
        self._parameters = _marks.parameters(self._marks)
        self._values: dict[tuple[str, int], Value] = {}
        self._subject: Value = Object(test.classes[-1]) if test.classes else UNKNOWN
        self._cassette: tuple[str, int, int] | None = None  # where the test asks for one
        self.calls_of_wider_scope = 0  # how many of the calls that nothing covers come before what is the test's own
        self._opens: set[int] = set()  # the scopes, by their places, that have a cassette
        self._has_fixture_parameters = False

    def follow(self) -> None:
        """Follow set-up, fixtures and body, in pytest's order."""
        self._read_marks()
        self._follow_session()
        names = self._follower.namespace(self._test.module).names
        autouse = self._autouse()
        asked = self._asked_for(autouse)
        self._opens.update(_CASSETTES[name] for name in asked if name in _CASSETTES)
        is_set_up = False
        for place, scope in enumerate(_SCOPES):
            if scope == "function":
                self.calls_of_wider_scope = len(self.frame.calls)
            # The cassette of a scope covers what is set up in it, and nothing of a wider one.
            self.frame.covered = self.frame.covered or place in self._opens
            if scope == "module":
                self._set_up(names.get("setup_module"), "setup_module")
            elif scope == "class":
                self._set_up_class("setUpClass" if self._test.is_unittest else "setup_class")
            for name in asked:
                if self._scope(name) != place:
                    continue
                if not is_set_up and name not in autouse and scope == "function":
                    self._set_up_each(names)
                    is_set_up = True
                self.fixture(name)
        if not is_set_up:
            self._set_up_each(names)
        if self._test.is_unittest:
            for name in ("setUp", "asyncSetUp"):
                self._set_up_class(name)
        self._follow_body()

    def uses(self) -> list[Use]:
        """The cassettes that the test opens."""
        test, root, modules = self._test, self._follower.project.root, self._follower.project.names_modules
        found = [_opened.by_code(test, cover, root) for cover in dict.fromkeys(self.frame.uses)]
        if self._cassette is not None:
            maybe = self._has_fixture_parameters or self._generates_tests()
            found.append(_opened.by_fixture(test, self._marks, self._cassette, modules, may_have_parameters=maybe))
        found += [_opened.by_scope(test, _SCOPES[place], root, modules) for place in sorted(self._opens) if place < 4]
        return found

    def _generates_tests(self) -> bool:
        modules = [self._test.module, *self._conftests]
        return any("pytest_generate_tests" in self._follower.namespace(module).names for module in modules)

    # --- marks and set-up ---

    def _read_marks(self) -> None:
        promptecho = [mark for mark in self._marks if mark.name == "promptecho"]
        marking = [hook for hook in self._hooks if "add_marker" in hook]
        if promptecho or any("promptecho" in hook for hook in marking):
            self._opens.add(len(_SCOPES) - 1)
            self._cassette = promptecho[0].site if promptecho else self._test.site
        deselected = self._follower.project.options.deselected
        if any(_marks.leaves_out(mark, deselected, self._hooks) for mark in self._marks):
            self.frame.covered = True
        if any("vcr" in hook for hook in marking):
            self.frame.covered = True

    def _follow_session(self) -> None:
        """What modules and hooks replace for all tests."""
        for module in (self._test.module, *self._conftests):
            frame = self._follower.namespace(module)
            self.frame.patches |= frame.patches
            self.frame.covered = self.frame.covered or frame.covered
            if module.path.name == "conftest.py":
                for name in ("pytest_configure", "pytest_sessionstart", "pytest_runtest_setup"):
                    hook = frame.names.get(name)
                    if isinstance(hook, Function):
                        summary = self._follower.invoke(hook, SOME_ARGUMENTS, self.frame.patches)
                        self.frame.patches |= summary.patches
                        self.frame.covered = self.frame.covered or summary.covers_after

    def _set_up_each(self, names: dict[str, Value]) -> None:
        if not self._test.classes:
            self._set_up(names.get("setup_function"), "setup_function")
        elif not self._test.is_unittest:
            self._set_up_class("setup_method")

    def _set_up_class(self, name: str) -> None:
        for cls in self._test.classes[-1].lineage if self._test.classes else ():
            found = cls.names.get(name)
            if isinstance(found, Function):
                decorated = [cover for each in self._test.classes[-1].lineage for cover in each.covers]
                found = replace(
                    found, covers=(*found.covers, *(each for each in decorated if each.kind == "promptecho"))
                )
                self._set_up(found, name, self._subject)  # what a class method sets, its objects have
                return

    def _set_up(self, function: Value | None, name: str, *subject: Value) -> None:
        if isinstance(function, Function):
            summary = self._follower.invoke(function, Arguments(subject, complete=False), self.frame.patches)
            self._follower.absorb(self.frame, summary, name)
            self._take_subject(function, summary.changed)

    def _take_subject(self, function: Function, changed: tuple[tuple[str, Value], ...]) -> None:
        """The object of the test as a method that was called on it has left it."""
        parameters = function.inner.node.args.args
        for name, value in changed:
            if parameters and name == parameters[0].arg and isinstance(self._subject, Object):
                self._subject = value

    # --- the body ---

    def _follow_body(self) -> None:
        test = self._test
        covers = list(test.function.covers)
        for each in test.classes[-1].lineage if test.classes else ():
            if each.covers_method(test.name):
                covers += each.covers
        parameters = _filled_by_pytest(test.function)
        is_method = bool(test.classes) and "staticmethod" not in test.function.flags
        first = parameters[:1] if is_method else []
        mocks = _count_mocks(covers)
        options: dict[str, Value] = {
            name: self._parameters[name] if name in self._parameters else self.fixture(name)
            for name in parameters[len(first) + mocks :]
        }
        options.update(dict.fromkeys(parameters[len(first) :][:mocks], UNKNOWN))
        passed = Arguments((self._subject,) if first else (), options)
        summary = self._follower.invoke(replace(test.function, covers=tuple(covers)), passed, self.frame.patches)
        self._follower.absorb(self.frame, summary, test.name)

    # --- fixtures ---

    def _autouse(self) -> list[str]:
        return [
            name
            for layer in reversed(self._layers)
            for name, function in layer.items()
            if function.fixture is not None and function.fixture.autouse
        ]

    def _asked_for(self, autouse: list[str]) -> list[str]:
        """The names of the fixtures of the test in the order in which pytest sets them up."""
        marked = [
            item.exact or ""
            for mark in self._marks
            if mark.name == "usefixtures"
            for item in mark.args
            if isinstance(item, Text)
        ]
        parameters: list[str] = []
        if not self._test.is_unittest:
            mocks = _count_mocks(self._test.function.covers)
            parameters = _filled_by_pytest(self._test.function)[bool(self._test.classes) + mocks :]
        named = dict.fromkeys([*autouse, *self._follower.project.options.usefixtures, *marked, *parameters])
        closure = [name for name in named if name not in self._parameters]
        for name in closure:  # grows while it is gone through
            function = self._fixture_function(name, 0)
            for parameter in _filled_by_pytest(function) if function is not None else ():
                if parameter not in closure and parameter not in ("self", "cls"):
                    closure.append(parameter)
        return sorted(closure, key=self._scope)

    def _scope(self, name: str) -> int:
        function = self._fixture_function(name, 0)
        scope = function.fixture.scope if function is not None and function.fixture is not None else "function"
        if name in _CASSETTES and function is None:
            return _CASSETTES[name]
        if name == "request" or (function is None and name in ("tmp_path_factory", "session_mocker")):
            return 0
        return _SCOPES.index(scope) if scope in _SCOPES else len(_SCOPES) - 1

    def _fixture_function(self, name: str, level: int) -> Function | None:
        found = [layer[name] for layer in self._layers if name in layer]
        return found[level] if level < len(found) else None

    def fixture(self, name: str, level: int = 0) -> Value:
        """The value of a fixture, set up if it isn't yet; ``level`` counts the overridden ones."""
        if (name, level) not in self._values:
            self._values[name, level] = UNKNOWN  # one that asks for itself finds this
            function = self._fixture_function(name, level)
            made = self._foreign_fixture(name) if function is None else self._own_fixture(function, name, level)
            self._values[name, level] = made
        return self._values[name, level]

    def _foreign_fixture(self, name: str) -> Value:
        if name in _CASSETTES:
            self.frame.covered = True
            self._opens.add(_CASSETTES[name])
            if name == "promptecho_cassette":
                self._cassette = self._cassette or self._test.site
        elif name in _GIVEN:
            return _GIVEN[name]
        elif _doubles.is_covering_fixture(name):
            self.frame.covered = True
        return UNKNOWN

    def _own_fixture(self, function: Function, name: str, level: int) -> Value:
        passed = self._passed_to_fixture(function, name, level)
        if _doubles.says_double(name) and not name.startswith("vcr_"):
            self.frame.covered = True
        summary = self._follower.invoke(function, passed, self.frame.patches)
        self._follower.absorb(self.frame, summary, f"fixture {name}")
        self._take_subject(function, summary.changed)
        if not _is_generator(function.inner.node):
            return summary.value
        self.frame.covered = self.frame.covered or summary.covered_at_yield
        self.frame.patches |= summary.patches_at_yield
        return summary.yielded

    def _passed_to_fixture(self, function: Function, name: str, level: int) -> Arguments:
        """What pytest gives a fixture: the object of the test, its parameters, other fixtures."""
        args: tuple[Value, ...] = ()
        options: dict[str, Value] = {}
        params = function.fixture.params if function.fixture is not None else None
        self._has_fixture_parameters = self._has_fixture_parameters or params is not None
        for number, parameter in enumerate(_filled_by_pytest(function)):
            if number == 0 and parameter in ("self", "cls"):
                args = (self._subject,)
            elif parameter == "request" and params is not None:
                options["request"] = Mapping((("param", element(params)),))
            else:
                options[parameter] = self.fixture(parameter, level + 1 if parameter == name else 0)
        return Arguments(args, options)


def _count_mocks(covers: tuple[Cover, ...] | list[Cover]) -> int:
    """How many parameters ``mock.patch`` fills."""
    return sum(cover.kind == "patch with a mock" for cover in covers)


def _filled_by_pytest(function: Function) -> list[str]:
    """The parameters that pytest fills: those of the decorated function without a default."""
    inner = function.inner
    spec = inner.node.args
    plain = inner.parameters[: len(inner.parameters) - len(spec.defaults)]
    named = [each for each, default in zip(spec.kwonlyargs, spec.kw_defaults) if default is None]
    return [each.arg for each in (*plain, *named)]


@cache
def _is_generator(node: ast.AST) -> bool:
    waiting = list(ast.iter_child_nodes(node))
    while waiting:
        each = waiting.pop()
        if isinstance(each, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            waiting += ast.iter_child_nodes(each)
    return False
