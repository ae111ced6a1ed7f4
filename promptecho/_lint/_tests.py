"""The tests of a project: which there are, what fixtures and marks stand around each, and which calls it reaches."""

from __future__ import annotations

import ast
import fnmatch
import re
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from promptecho._lint import _doubles
from promptecho._lint._follow import Follower, TooMuch
from promptecho._lint._frames import Call, Frame
from promptecho._lint._project import Module, Project
from promptecho._lint._uses import NamedUse, NamelessUse, Use
from promptecho._lint._values import (
    NONE,
    UNKNOWN,
    ClassValue,
    Constant,
    External,
    Function,
    Instance,
    Mapping,
    Mark,
    ModuleGlobal,
    Object,
    Sequence,
    Text,
    Value,
    text,
)

CASSETTE_FIXTURE = "promptecho_cassette"
_SCOPES = ("session", "package", "module", "class", "function")
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
# Conditions that say on which machine a test runs, not whether it may call a model.
_PLATFORM = re.compile(r"version_info|platform|os\.name|find_spec|\bPY3|WINDOWS|LINUX|MACOS|__version__|implementation")
_SWITCH = re.compile(r"environ|getenv|API_KEY|LIVE|TOKEN", re.IGNORECASE)


@dataclass(frozen=True)
class Test:
    """A test function, with the classes that it stands in, the outermost first."""

    __test__ = False  # pytest would take it for one

    module: Module
    name: str
    function: Function
    classes: tuple[ClassValue, ...] = ()

    @property
    def title(self) -> str:
        return "::".join((*(cls.name for cls in self.classes), self.name))

    @property
    def is_unittest(self) -> bool:
        return bool(self.classes) and is_unittest(self.classes[-1])


@dataclass
class Reached:
    """A call that nothing covers, and the tests that reach it; without any it is made at import."""

    call: Call
    tests: list[Test] = field(default_factory=list)
    module: Module | None = None


@dataclass
class Suite:
    """What is known of all tests of a project."""

    reached: list[Reached] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    tests: list[Test] = field(default_factory=list)
    broken: list[Module] = field(default_factory=list)


def is_unittest(cls: ClassValue) -> bool:
    """Whether a class is one of unittest's."""
    for base in cls.bases:
        if isinstance(base, External) and base.name.endswith("TestCase"):
            return True
        if isinstance(base, ClassValue) and is_unittest(base):
            return True
    return False


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(name.startswith(each) or ("*" in each and fnmatch.fnmatch(name, each)) for each in patterns)


class Collector:
    """Finds the tests and fixtures of a project, and follows each test."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.follower = Follower(project)
        self.follower.get_fixture = self._get_fixture
        self._conftests: dict[Path, list[Module]] = {}
        self._layers: dict[Module, dict[str, Function]] = {}
        self._by_class: dict[tuple[Module, tuple[ClassValue, ...]], list[dict[str, Function]]] = {}
        self._hooks: dict[Path, list[str]] = {}
        self._run: _Run | None = None

    def collect(self) -> Suite:
        """Follow every test of the project."""
        suite = Suite()
        found: dict[tuple[str, int, int], Reached] = {}
        for path in self.project.test_files():
            module = self.project.module(path)
            if module is None:
                continue
            if module.tree is None:
                suite.broken.append(module)
                continue
            for test in self.tests(module):
                suite.tests.append(test)
                calls, uses = self.follow(test)
                suite.uses += uses
                for call in calls:
                    reached = found.setdefault((call.path, call.line, call.column), Reached(call))
                    if test not in reached.tests:
                        reached.tests.append(test)
        for module in self.project.loaded():
            for call in module.namespace.calls if module.namespace is not None else ():
                found.setdefault((call.path, call.line, call.column), Reached(call, module=module))
        suite.broken += [
            module for module in self.project.loaded() if module.tree is None and module not in suite.broken
        ]
        suite.reached = list(found.values())
        return suite

    # --- tests ---

    def tests(self, module: Module) -> list[Test]:
        """The tests that pytest would collect from a file."""
        found: list[Test] = []
        names = self.follower.namespace(module).names
        for name in list(names):
            value = self._resolved(names[name])
            if isinstance(value, Function) and _matches(name, self.project.options.python_functions):
                if value.fixture is None:
                    found.append(Test(module, name, value))
            elif isinstance(value, ClassValue):
                found += self._class_tests(module, (value,))
        return found

    def _class_tests(self, module: Module, classes: tuple[ClassValue, ...]) -> list[Test]:
        cls = classes[-1]
        by_name = _matches(cls.name, self.project.options.python_classes)
        if not (by_name or is_unittest(cls)) or cls.body is None:
            return []
        attributes: dict[str, Value] = {}
        for each in reversed(self.follower.lineage(cls)):
            attributes.update(each.body.names if each.body is not None else {})
        if attributes.get("__test__") == Constant(False, "bool") or ("__init__" in attributes and not is_unittest(cls)):
            return []
        found = []
        for name, value in attributes.items():
            if isinstance(value, Function) and value.fixture is None:
                if _matches(name, ("test",) if is_unittest(cls) else self.project.options.python_functions):
                    found.append(Test(module, name, value, classes))
            elif isinstance(value, ClassValue) and value in cls.body.names.values():
                found += self._class_tests(module, (*classes, value))
        return found

    def _resolved(self, value: Value) -> Value:
        if isinstance(value, ModuleGlobal):
            return self.follower.module_global(value.module, value.name, frozenset())
        return value

    # --- fixtures ---

    def conftests(self, path: Path) -> list[Module]:
        """The conftest files that hold for a file, the nearest first, and the plugins they name."""
        folder = path.parent
        if folder not in self._conftests:
            found: list[Module] = []
            for parent in (folder, *folder.parents):
                module = self.project.module(parent / "conftest.py")
                if module is not None:
                    found.append(module)
                    found += self._plugins(module)
                if parent == self.project.root:
                    break
            self._conftests[folder] = found
        return self._conftests[folder]

    def _plugins(self, module: Module) -> list[Module]:
        named = self.follower.namespace(module).names.get("pytest_plugins", NONE)
        names = named.items if isinstance(named, Sequence) else (named,)
        found = []
        for name in names:
            if isinstance(name, Text) and name.exact:
                plugin = self.project.resolve(name.exact, module.path)
                if plugin is not None:
                    found.append(plugin)
        return found

    def fixtures_of(self, module: Module) -> dict[str, Function]:
        """The fixtures of a module, imported ones included, by the names under which they are asked for."""
        if module not in self._layers:
            self._layers[module] = self._fixtures(self.follower.namespace(module).names)
        return self._layers[module]

    def _fixtures(self, names: dict[str, Value]) -> dict[str, Function]:
        found = {}
        for name, value in names.items():
            resolved = self._resolved(value)
            if isinstance(resolved, Function) and resolved.fixture is not None:
                found[resolved.fixture.name or name] = resolved
        return found

    def layers(self, test: Test) -> list[dict[str, Function]]:
        """The fixtures that a test can ask for: those of its classes, its file, its conftests."""
        key = (test.module, test.classes)
        if key not in self._by_class:
            self._by_class[key] = self._all_layers(test)
        return self._by_class[key]

    def _all_layers(self, test: Test) -> list[dict[str, Function]]:
        found = [
            self._fixtures(each.body.names)
            for cls in reversed(test.classes)
            for each in self.follower.lineage(cls)
            if each.body is not None
        ]
        found.append(self.fixtures_of(test.module))
        found += [
            plugin_fixtures for plugin in self._plugins(test.module) if (plugin_fixtures := self.fixtures_of(plugin))
        ]
        return found + [self.fixtures_of(conftest) for conftest in self.conftests(test.module.path)]

    def hooks(self, path: Path) -> list[str]:
        """The sources of hooks of conftest files that change what is collected."""
        folder = path.parent
        if folder not in self._hooks:
            self._hooks[folder] = found = []
            for conftest in self.conftests(path):
                names = self.follower.namespace(conftest).names
                for name in ("pytest_collection_modifyitems", "pytest_itemcollected", "pytest_runtest_setup"):
                    hook = names.get(name)
                    if isinstance(hook, Function):
                        found.append(ast.unparse(hook.node).replace('"', "'"))
        return self._hooks[folder]

    # --- following ---

    def follow(self, test: Test) -> tuple[list[Call], list[Use]]:
        """The calls that a test reaches and nothing covers, and the cassettes it opens."""
        self.follower.steps = 0
        self._run = run = _Run(self, test)
        try:
            run.run()
        except (RecursionError, TooMuch):
            return [], run.uses()
        finally:
            self._run = None
        return run.frame.calls, run.uses()

    def _get_fixture(self, frame: Frame, name: str) -> Value:
        if self._run is None:
            return UNKNOWN
        value = self._run.fixture(name)
        frame.covered = frame.covered or self._run.frame.covered
        frame.patches |= self._run.frame.patches
        return value


class _Run:
    """One test being followed: its marks, its fixtures in pytest's order, its body."""

    def __init__(self, collector: Collector, test: Test) -> None:
        self.collector = collector
        self.follower = collector.follower
        self.test = test
        self.frame = Frame(test.module)
        self.layers = collector.layers(test)
        self.hooks = collector.hooks(test.module.path)
        self.marks = self._all_marks()
        self.parameters = self._parametrised()
        self.values: dict[tuple[str, int], Value] = {}
        self.subject: Value = Object(test.classes[-1]) if test.classes else UNKNOWN
        self.has_cassette: tuple[str, int, int] | None = None
        self.has_fixture_parameters = False

    # --- marks ---

    def _all_marks(self) -> list[Mark]:
        """The marks of the test, the nearest first."""
        function: Function | None = self.test.function
        found: list[Mark] = list(function.marks) if function is not None else []
        for cls in reversed(self.test.classes):
            for each in self.follower.lineage(cls):
                found += each.marks
                found += self._marks_in(each.body)
        return found + self._marks_in(self.follower.namespace(self.test.module))

    def _marks_in(self, frame: Frame | None) -> list[Mark]:
        named = frame.names.get("pytestmark", NONE) if frame is not None else NONE
        found = []
        for value in named.items if isinstance(named, Sequence) else (named,):
            if isinstance(value, Mark):
                found.append(value)
            elif isinstance(value, External) and value.name.startswith("pytest.mark."):
                found.append(Mark(value.name.rpartition(".")[2], site=(str(self.test.module.path), 1, 1)))
        return found

    def _is_left_out(self) -> bool:
        """Whether the test does not run, or only where somebody asks for live calls."""
        for mark in self.marks:
            if mark.name == "skip" or mark.name in self.collector.project.options.deselected:
                return True
            if mark.name in ("skipif", "xfail") and self._is_switched_off(mark):
                return True
            if _doubles.is_covering_mark(mark.name) or any(f"'{mark.name}'" in hook for hook in self.hooks):
                return True
        return False

    def _is_switched_off(self, mark: Mark) -> bool:
        if mark.name == "xfail":
            return ("run", Constant(False, "bool")) in mark.options
        condition = mark.args[0] if mark.args else dict(mark.options).get("condition", UNKNOWN)
        if isinstance(condition, Constant):
            return bool(condition.value)
        source = ast.unparse(mark.node) if mark.node is not None else ""
        if isinstance(condition, Text):
            source = condition.start
        return _SWITCH.search(source) is not None or _PLATFORM.search(source) is None

    def _parametrised(self) -> dict[str, Value]:
        """Values of parameters that ``parametrize`` gives; several are taken as one where they are alike."""
        found: dict[str, Value] = {}
        for mark in self.marks:
            if mark.name != "parametrize" or not mark.args:
                continue
            options = dict(mark.options)
            named = mark.args[0]
            names = (
                re.findall(r"\w+", named.exact or "")
                if isinstance(named, Text)
                else [item.exact or "" for item in named.items if isinstance(item, Text)]
                if isinstance(named, Sequence)
                else []
            )
            rows = mark.args[1] if len(mark.args) > 1 else options.get("argvalues", UNKNOWN)
            indirect = options.get("indirect", NONE)
            if indirect == Constant(True, "bool"):
                continue
            only = (
                [item.exact for item in indirect.items if isinstance(item, Text)]
                if isinstance(indirect, Sequence)
                else []
            )
            for number, name in enumerate(names):
                if name in only:
                    continue
                columns: list[Value] = []
                for row in rows.items if isinstance(rows, Sequence) else ():
                    inside = row.items if isinstance(row, Sequence) and len(names) > 1 else (row,)
                    columns.append(inside[number] if number < len(inside) else UNKNOWN)
                found[name] = self.follower.element(Sequence(tuple(columns)))
        return found

    # --- running ---

    def run(self) -> None:
        """Follow set-up, fixtures and body, in pytest's order."""
        promptecho = [mark for mark in self.marks if mark.name == "promptecho"]
        if promptecho or any("promptecho" in hook and "add_marker" in hook for hook in self.hooks):
            self.frame.covered = True
            self.has_cassette = promptecho[0].site if promptecho else self._place()
        if self._is_left_out() or any("vcr" in hook and "add_marker" in hook for hook in self.hooks):
            self.frame.covered = True
        names = self.follower.namespace(self.test.module).names
        self._session()
        self._set_up(names.get("setup_module"), "setup_module", None)
        if not self.test.is_unittest:
            self._set_up_class("setup_class")
        asked, autouse = self._asked_for()
        is_set_up = False
        for name in asked:
            if not is_set_up and name not in autouse and self._scope(name) == len(_SCOPES) - 1:
                self._set_up_each(names)
                is_set_up = True
            self.fixture(name)
        if not is_set_up:
            self._set_up_each(names)
        if self.test.is_unittest:
            for name in ("setUpClass", "setUp", "asyncSetUp"):
                self._set_up_class(name)
        self._body()

    def _session(self) -> None:
        """What modules and hooks replace for all tests."""
        for module in (self.test.module, *self.collector.conftests(self.test.module.path)):
            frame = self.follower.namespace(module)
            self.frame.patches |= frame.patches
            self.frame.covered = self.frame.covered or frame.covered
            if module.path.name == "conftest.py":
                for name in ("pytest_configure", "pytest_sessionstart", "pytest_runtest_setup"):
                    hook = frame.names.get(name)
                    if isinstance(hook, Function):
                        summary = self.follower.invoke(hook, (), {}, False, self.frame.patches)
                        self.frame.patches |= summary.patches
                        self.frame.covered = self.frame.covered or summary.covers_after

    def _set_up_each(self, names: dict[str, Value]) -> None:
        if self.test.classes:
            if not self.test.is_unittest:
                self._set_up_class("setup_method")
        else:
            self._set_up(names.get("setup_function"), "setup_function", None)

    def _set_up_class(self, name: str) -> None:
        if not self.test.classes:
            return
        for cls in self.follower.lineage(self.test.classes[-1]):
            found = cls.body.names.get(name) if cls.body is not None else None
            if isinstance(found, Function):
                self._set_up(found, name, self.subject)  # what a class method sets, its objects have
                return

    def _set_up(self, function: Value | None, name: str, subject: Value | None) -> None:
        if isinstance(function, Function):
            args = () if subject is None else (subject,)
            summary = self.follower.invoke(function, args, {}, False, self.frame.patches)
            self.follower.absorb(self.frame, summary, name)
            self._take_subject(function, summary.changed)

    def _take_subject(self, function: Function, changed: tuple[tuple[str, Value], ...]) -> None:
        parameters = function.inner.node.args.args
        for name, value in changed:
            if parameters and name == parameters[0].arg and isinstance(self.subject, Object):
                self.subject = value

    def _body(self) -> None:
        function = self.test.function
        covers = list(function.covers)
        for cls in self.test.classes[-1:]:
            for each in self.follower.lineage(cls):
                if each.covers and self.follower.is_decorated(each, self.test.name):
                    covers += each.covers
        mocks = sum(cover.kind == "patch with a mock" for cover in covers)
        parameters = [argument.arg for argument in _arguments(function.inner)]
        is_method = bool(self.test.classes) and "staticmethod" not in function.flags
        first = parameters[:1] if is_method else []
        wanted = parameters[len(first) :][mocks:]
        options = {name: self.parameters[name] if name in self.parameters else self.fixture(name) for name in wanted}
        args = (self.subject,) if first else ()
        options.update(dict.fromkeys(parameters[len(first) :][:mocks], UNKNOWN))
        summary = self.follower.invoke(replace(function, covers=tuple(covers)), args, options, True, self.frame.patches)
        self.follower.absorb(self.frame, summary, self.test.name)

    # --- fixtures ---

    def _asked_for(self) -> tuple[list[str], set[str]]:
        """The names of the fixtures of the test in the order in which pytest sets them up, and which are autouse."""
        autouse = [
            name
            for layer in reversed(self.layers)
            for name, function in layer.items()
            if function.fixture is not None and function.fixture.autouse
        ]
        marked = [
            item.exact or ""
            for mark in self.marks
            if mark.name == "usefixtures"
            for item in mark.args
            if isinstance(item, Text)
        ]
        parameters = [argument.arg for argument in _arguments(self.test.function.inner)]
        if self.test.classes:
            parameters = parameters[1:]
        mocks = sum(cover.kind == "patch with a mock" for cover in self.test.function.covers)
        parameters = [] if self.test.is_unittest else parameters[mocks:]
        named = dict.fromkeys([*autouse, *self.collector.project.options.usefixtures, *marked, *parameters])
        closure = [name for name in named if name not in self.parameters]
        for name in closure:  # grows while it is gone through
            function = self._fixture_function(name, 0)
            for argument in _arguments(function.inner) if function is not None else []:
                if argument.arg not in closure and argument.arg not in ("self", "cls"):
                    closure.append(argument.arg)
        return sorted(closure, key=self._scope), set(autouse)

    def _scope(self, name: str) -> int:
        function = self._fixture_function(name, 0)
        scope = function.fixture.scope if function is not None and function.fixture is not None else "function"
        if name == "request" or (function is None and name in ("tmp_path_factory", "session_mocker")):
            return 0
        return _SCOPES.index(scope) if scope in _SCOPES else len(_SCOPES) - 1

    def _fixture_function(self, name: str, level: int) -> Function | None:
        found = [layer[name] for layer in self.layers if name in layer]
        return found[level] if level < len(found) else None

    def fixture(self, name: str, level: int = 0) -> Value:
        """The value of a fixture, set up if it isn't yet; ``level`` counts the overridden ones."""
        if (name, level) in self.values:
            return self.values[name, level]
        self.values[name, level] = UNKNOWN  # one that asks for itself finds this
        function = self._fixture_function(name, level)
        if function is None:
            self.values[name, level] = self._foreign_fixture(name)
        else:
            self.values[name, level] = self._own_fixture(function, name, level)
        return self.values[name, level]

    def _foreign_fixture(self, name: str) -> Value:
        if name == CASSETTE_FIXTURE:
            self.frame.covered = True
            self.has_cassette = self.has_cassette or self._place()
            return UNKNOWN
        if name in _GIVEN:
            return _GIVEN[name]
        if _doubles.is_covering_fixture(name):
            self.frame.covered = True
        return UNKNOWN

    def _own_fixture(self, function: Function, name: str, level: int) -> Value:
        node = function.inner.node
        options: dict[str, Value] = {}
        made = function.fixture
        self.has_fixture_parameters = self.has_fixture_parameters or (made is not None and made.params is not None)
        args: tuple[Value, ...] = ()
        for number, argument in enumerate(_arguments(function.inner)):
            if number == 0 and argument.arg in ("self", "cls"):
                args = (self.subject,)
            elif argument.arg == "request" and made is not None and made.params is not None:
                options["request"] = Mapping((("param", self.follower.element(made.params)),))
            else:
                options[argument.arg] = self.fixture(argument.arg, level + 1 if argument.arg == name else 0)
        if _doubles.says_double(name) and not name.startswith("vcr_"):
            self.frame.covered = True
        summary = self.follower.invoke(function, args, options, True, self.frame.patches)
        self.follower.absorb(self.frame, summary, f"fixture {name}")
        self._take_subject(function, summary.changed)
        if not _is_generator(node):
            return summary.value
        self.frame.covered = self.frame.covered or summary.covered_at_yield
        self.frame.patches |= summary.patches_at_yield
        return summary.yielded

    # --- cassettes ---

    def _place(self) -> tuple[str, int, int]:
        node = self.test.function.inner.node
        return (str(self.test.function.inner.module.path), node.lineno, node.col_offset + 1)

    def uses(self) -> list[Use]:
        """The cassettes that the test opens."""
        found: list[Use] = []
        for cover in dict.fromkeys(self.frame.uses):
            found.append(self._named(cover.path or UNKNOWN, cover.site, cover.options, self.collector.project.root))
        if self.has_cassette is not None:
            found.append(self._from_fixture(self.has_cassette))
        return found

    def _named(
        self, path: Value, site: tuple[str, int, int], options: tuple[tuple[str, Value], ...], folder: Path
    ) -> NamedUse:
        meant = dict(options).get("on_record_error") == Text(("record",))
        return NamedUse(self._title(), site, meant, path, str(folder))

    def _title(self) -> str:
        return f"{self.test.module.path}::{self.test.title}"

    def _from_fixture(self, site: tuple[str, int, int]) -> Use:
        options: dict[str, Value] = {}
        path: Value | None = None
        for mark in self.marks:
            if mark.name == "promptecho":
                given = dict(mark.options)
                named = mark.args[0] if mark.args else given.get("path")
                if path is None and named is not None:
                    path, site = named, mark.site
                for name, value in given.items():
                    options.setdefault(name, value)
        folder = self.test.module.path.parent
        if path is not None and path != NONE:
            return self._named(path, site, tuple(options.items()), folder)
        meant = options.get("on_record_error") == Text(("record",))
        name = ".".join((*(cls.name for cls in self.test.classes), self.test.name))
        by_mark = any(mark.name in ("parametrize", "anyio") for mark in self.marks)
        maybe = self.has_fixture_parameters or self._generates_tests()
        return NamelessUse(
            self._title(),
            self._place(),
            meant,
            str(folder / "cassettes"),
            name,
            parametrised=by_mark or maybe,
            plain=not by_mark,
        )

    def _generates_tests(self) -> bool:
        modules = [self.test.module, *self.collector.conftests(self.test.module.path)]
        return any("pytest_generate_tests" in self.follower.namespace(module).names for module in modules)


def _arguments(function: Function) -> list[ast.arg]:
    """The parameters that pytest fills: those without a default."""
    spec = function.node.args
    plain = [*spec.posonlyargs, *spec.args]
    plain = plain[: len(plain) - len(spec.defaults)]
    return plain + [each for each, default in zip(spec.kwonlyargs, spec.kw_defaults) if default is None]


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
