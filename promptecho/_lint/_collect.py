"""Which tests a project has, and what following each of them comes to."""

from __future__ import annotations

import fnmatch

from promptecho._lint._fixtures import Fixtures
from promptecho._lint._follow import Follower, TooMuch
from promptecho._lint._follow._frames import Call, Frame
from promptecho._lint._follow._values import UNKNOWN, ClassValue, Constant, Function, Value
from promptecho._lint._project import Module, Project
from promptecho._lint._run import Run
from promptecho._lint._suite import Reached, Suite, Test
from promptecho._lint._uses import Use


class Collector:
    """Finds the tests of a project as pytest does, and follows each."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.follower = Follower(project)
        self.follower.get_fixture = self._get_fixture
        self._fixtures = Fixtures(self.follower)
        self._run: Run | None = None

    def collect(self) -> Suite:
        """Follow every test of the project."""
        suite = Suite()
        found: dict[tuple[str, int, int], Reached] = {}
        for path in self.project.test_files():
            module = self.project.module(path)
            for test in self.tests(module) if module is not None else ():
                suite.tests.append(test)
                calls, uses, of_wider_scope = self.follow(test)
                suite.uses += uses
                for number, call in enumerate(calls):
                    reached = found.setdefault((call.path, call.line, call.column), Reached(call))
                    reached.is_of_wider_scope = reached.is_of_wider_scope or number < of_wider_scope
                    if test not in reached.tests:
                        reached.tests.append(test)
        for module in self.project.loaded():
            for call in module.namespace.calls if module.namespace is not None else ():
                found.setdefault((call.path, call.line, call.column), Reached(call, module=module))
        suite.broken = [module for module in self.project.loaded() if module.tree is None]
        suite.reached = list(found.values())
        return suite

    def tests(self, module: Module) -> list[Test]:
        """The tests that pytest would collect from a file."""
        found: list[Test] = []
        for name, value in list(self.follower.namespace(module).names.items()):
            resolved = self.follower.resolved(value)
            if isinstance(resolved, Function) and self._is_named_test(name, resolved):
                found.append(Test(module, name, resolved))
            elif isinstance(resolved, ClassValue):
                found += self._class_tests(module, (resolved,))
        return found

    def _is_named_test(self, name: str, function: Function) -> bool:
        return function.fixture is None and _matches(name, self.project.options.python_functions)

    def _class_tests(self, module: Module, classes: tuple[ClassValue, ...]) -> list[Test]:
        cls = classes[-1]
        by_name = _matches(cls.name, self.project.options.python_classes)
        if not (by_name or cls.is_unittest) or cls.body is None:
            return []
        attributes: dict[str, Value] = {}
        for each in reversed(cls.lineage):
            attributes.update(each.names)
        if attributes.get("__test__") == Constant(False, "bool") or ("__init__" in attributes and not cls.is_unittest):
            return []
        found = []
        for name, value in attributes.items():
            if isinstance(value, Function):
                is_test = name.startswith("test") and value.fixture is None
                if is_test if cls.is_unittest else self._is_named_test(name, value):
                    found.append(Test(module, name, value, classes))
            elif isinstance(value, ClassValue) and value in cls.names.values():
                found += self._class_tests(module, (*classes, value))
        return found

    def follow(self, test: Test) -> tuple[list[Call], list[Use], int]:
        """The calls that a test reaches and nothing covers, and the cassettes it opens.

        Last, how many of the calls come from fixtures of wider scope; they are the first ones.
        """
        self.follower.steps = 0
        self._run = run = Run(self.follower, self._fixtures, test)
        try:
            run.follow()
        except (RecursionError, TooMuch):
            return [], run.uses(), 0
        finally:
            self._run = None
        return run.frame.calls, run.uses(), run.calls_of_wider_scope

    def _get_fixture(self, frame: Frame, name: str) -> Value:
        """What ``request.getfixturevalue`` gives, while a test is followed."""
        if self._run is None:
            return UNKNOWN
        value = self._run.fixture(name)
        frame.covered = frame.covered or self._run.frame.covered
        frame.patches |= self._run.frame.patches
        return value


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(name.startswith(each) or ("*" in each and fnmatch.fnmatch(name, each)) for each in patterns)
