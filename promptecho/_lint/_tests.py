"""Which tests a project has, as pytest would collect them, and what stands around each: marks, fixtures, hooks."""

from __future__ import annotations

import ast
import fnmatch
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from promptecho._lint._code import (
    FUNCTIONS,
    UNKNOWN,
    Class,
    Code,
    Def,
    External,
    Mark,
    ModuleValue,
    Scope,
    Value,
    within,
)
from promptecho._lint._project import Module

SCOPES = ("session", "package", "module", "class", "function")
CASSETTES = {"promptecho_cassette": 4, **{f"promptecho_{scope}_cassette": at for at, scope in enumerate(SCOPES[:4])}}
_FIXTURES = ("pytest.fixture", "pytest.yield_fixture", "pytest_asyncio.fixture")
_HOOKS = ("pytest_collection_modifyitems", "pytest_itemcollected", "pytest_runtest_setup")
_SET_UP = {"setup_module": 2, "setUpModule": 2, "setup_function": 4}
_SET_UP_CLASS = {"setUpClass": 3, "setup_class": 3, "setUp": 4, "asyncSetUp": 4, "setup_method": 4}


@dataclass(frozen=True)
class Test:
    """A test function, with the classes that it stands in, the outermost first."""

    __test__ = False  # pytest would take it for one

    module: Module
    name: str
    function: Def
    classes: tuple[Class, ...] = ()

    @property
    def title(self) -> str:
        return "::".join((*(cls.node.name for cls in self.classes), self.name))

    @property
    def site(self) -> tuple[str, int, int]:
        """The file, line and column of its ``def``."""
        return (str(self.function.module.path), self.function.node.lineno, self.function.node.col_offset + 1)


@dataclass(frozen=True)
class Fixture:
    """A fixture, or a set-up function; without a function it is of a plugin. ``scope`` is a place in ``SCOPES``."""

    name: str
    function: Def | None = None
    scope: int = 4
    autouse: bool = False
    has_parameters: bool = False


class Tests:
    """The tests of a project, and their surroundings."""

    def __init__(self, code: Code) -> None:
        self._code = code
        self._options = code.project.options
        self._of_module = lru_cache(maxsize=None)(self._read_fixtures)
        self.conftests = lru_cache(maxsize=None)(self._read_conftests)
        self._hooks = lru_cache(maxsize=None)(self._read_hooks)
        self._values: dict[tuple[Def, tuple[Class, ...]], Value] = {}

    # --- tests ---

    def collect(self) -> Iterator[Test]:
        for path in self._code.project.test_files():
            module = self._code.project.module(path)
            if module is not None and module.tree is not None:
                yield from self._in_module(module)

    def _in_module(self, module: Module) -> Iterator[Test]:
        top = self._code.top(module)
        for name in list(self._code.bindings(top.node)):
            if _matches(name, self._options.python_functions):
                function = self._code.lookup(top, name)
                if isinstance(function, Def) and self._fixture(name, function) is None:
                    yield Test(module, name, function)
            else:
                cls = self._code.lookup(top, name) if name[:1].isupper() or name.startswith("_") else UNKNOWN
                if isinstance(cls, Class):
                    yield from self._in_class(module, (cls,))

    def _in_class(self, module: Module, classes: tuple[Class, ...]) -> Iterator[Test]:
        cls, lineage = classes[-1], self._code.lineage(classes[-1])
        is_unittest = self._code.is_unittest(cls)
        found: dict[str, tuple[Class, ast.AST | None]] = {}
        for each in reversed(lineage):
            found.update({name: (each, nodes[-1]) for name, nodes in self._code.bindings(each.node).items()})
        left_out = isinstance(found.get("__test__", (cls, None))[1], ast.Constant)
        if not (is_unittest or _matches(cls.node.name, self._options.python_classes)) or left_out:
            return
        if "__init__" in found and not is_unittest:
            return
        for name, (owner, node) in found.items():
            if isinstance(node, ast.ClassDef) and owner == cls:
                yield from self._in_class(module, (*classes, Class(module, node)))
            elif isinstance(node, FUNCTIONS) and _matches(
                name, ("test",) if is_unittest else self._options.python_functions
            ):
                function = self._code.attribute(cls, name)
                if isinstance(function, Def) and self._fixture(name, function) is None:
                    yield Test(module, name, function, classes)

    # --- marks ---

    def marks(self, test: Test) -> list[Mark]:
        """The marks of a test, the nearest first."""
        top = self._code.top(test.function.module)
        found = [self._code.value(top, each) for each in test.function.node.decorator_list]
        for cls in (each for outer in reversed(test.classes) for each in self._code.lineage(outer)):
            found += [self._code.value(self._code.top(cls.module), each) for each in cls.node.decorator_list]
            found += self._pytestmark(Scope(cls.module, cls.node))
        found += self._pytestmark(self._code.top(test.module))
        return [each for each in found if isinstance(each, Mark)]

    def _pytestmark(self, scope: Scope) -> Iterator[Value]:
        for node in self._code.bindings(scope.node).get("pytestmark", ()):
            for each in node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]:
                yield self._code.value(scope, each) if isinstance(each, ast.expr) else UNKNOWN

    def is_left_out(self, test: Test, marks: list[Mark]) -> bool:
        """Whether the marks of a test say that it doesn't run, or only where somebody asks for live calls."""
        hooks = self._hooks(test.module.path.parent)
        for mark in marks:
            if mark.name in ("skip", "skipif") or mark.name in self._options.deselected:
                return True
            if mark.name == "xfail" and "run=False" in ast.unparse(mark.node):
                return True
            if any(f"'{mark.name}'" in hook for hook in hooks):
                return True
        return any("add_marker" in hook and re.search(r"promptecho|vcr|skip", hook) and not marks for hook in hooks)

    def _read_hooks(self, folder: Path) -> list[str]:
        found = [self._code.lookup(self._code.top(each), name) for each in self.conftests(folder) for name in _HOOKS]
        return [ast.unparse(each.node).replace('"', "'") for each in found if isinstance(each, Def)]

    # --- fixtures ---

    def _read_conftests(self, folder: Path) -> list[Module]:
        """The conftest files that hold for a folder, the nearest first, and the plugins they name."""
        found: list[Module] = []
        for parent in (folder, *folder.parents):
            module = self._code.project.module(parent / "conftest.py")
            if module is not None and module.tree is not None:
                found += [module, *self._plugins(module)]
            if parent == self._code.project.root:
                break
        return found

    def _plugins(self, module: Module) -> Iterator[Module]:
        for node in self._code.bindings(self._code.top(module).node).get("pytest_plugins", ()):
            for each in ast.walk(node) if node is not None else ():
                name = each.value if isinstance(each, ast.Constant) else None
                found = self._code.module(name, module) if isinstance(name, str) and name else UNKNOWN
                if isinstance(found, ModuleValue):
                    yield found.module

    def _read_fixtures(self, module: Module) -> dict[str, Fixture]:
        top = self._code.top(module)
        found = [self._fixture(name, self._code.lookup(top, name)) for name in list(self._code.bindings(top.node))]
        for node in self._code.bindings(top.node).get("*", ()):
            source = self._code.module(node.module or "", module) if isinstance(node, ast.ImportFrom) else UNKNOWN
            if isinstance(source, ModuleValue) and source.module is not module:
                found += self._of_module(source.module).values()
        return {each.name: each for each in found if each is not None}

    def _fixture(self, name: str, function: Value) -> Fixture | None:
        """A function as a fixture, if it is one."""
        for node in function.node.decorator_list if isinstance(function, Def) else ():
            top = self._code.top(function.module)  # type: ignore[attr-defined]
            called = self._code.value(top, node.func if isinstance(node, ast.Call) else node)
            if isinstance(called, External) and called.name in _FIXTURES:
                options = {each.arg: each.value for each in node.keywords} if isinstance(node, ast.Call) else {}
                said = {key: each.value for key, each in options.items() if isinstance(each, ast.Constant)}
                scope = SCOPES.index(said["scope"]) if said.get("scope") in SCOPES else 4
                named = str(said.get("name") or name)
                return Fixture(named, function, scope, said.get("autouse") is True, "params" in options)  # type: ignore[arg-type]
        return None

    def layers(self, test: Test) -> list[dict[str, Fixture]]:
        """The fixtures that a test can ask for: those of its classes, its file, its conftests."""
        found = []
        for cls in (each for outer in reversed(test.classes) for each in self._code.lineage(outer)):
            made = [self._fixture(name, self._code.attribute(cls, name)) for name in self._code.bindings(cls.node)]
            found.append({each.name: each for each in made if each is not None})
        modules = [test.module, *self._plugins(test.module), *self.conftests(test.module.path.parent)]
        return [*found, *(self._of_module(module) for module in modules)]

    def around(self, test: Test, marks: list[Mark]) -> list[Fixture]:
        """What pytest sets up for a test: set-up functions and fixtures, those of wider scopes first."""
        layers = self.layers(test)
        given = parameters(marks)
        asked = [name for layer in reversed(layers) for name, each in layer.items() if each.autouse]
        asked += [*self._options.usefixtures, *_asked_for_by_name(test.function)]
        asked += [each for mark in marks if mark.name == "usefixtures" for each in _texts(mark.node)]
        asked += [] if test.classes and self._code.is_unittest(test.classes[-1]) else _filled(test.function)
        closure = list(dict.fromkeys(name for name in asked if name not in given))
        found: list[Fixture] = list(self._set_up(test))
        for name in closure:  # grows while it is gone through
            known = [layer[name] for layer in layers if name in layer]
            found += known or [Fixture(name, None, CASSETTES.get(name, 4))]
            for each in known:
                wanted = [*_filled(each.function), *_asked_for_by_name(each.function)] if each.function else []
                closure += [name for name in wanted if name not in closure]
        return sorted(found, key=lambda each: each.scope)

    def _set_up(self, test: Test) -> Iterator[Fixture]:
        for name, scope in _SET_UP.items():
            function = self._code.lookup(self._code.top(test.module), name)
            if isinstance(function, Def) and not (test.classes and scope == 4):
                yield Fixture(name, function, scope)
        for name, scope in _SET_UP_CLASS.items() if test.classes else ():
            function = self._code.attribute(test.classes[-1], name)
            if isinstance(function, Def):
                yield Fixture(name, function, scope)

    def scope(self, test: Test, function: Def, given: tuple[str, ...] = ()) -> Scope:
        """The scope of a test or of one of its fixtures, with what pytest passes."""
        scope = self._code.called(function, None, None, complete=False)
        layers = self.layers(test)
        for name in function.parameters:
            if name in given or scope.given[name] is not UNKNOWN:
                continue
            known = [layer[name].function for layer in layers if name in layer]
            source = next((each for each in known if each is not None and each.node is not function.node), None)
            if source is not None:
                scope.given[name] = self._value(test, source)
        return scope

    def _value(self, test: Test, fixture: Def) -> Value:
        key = (fixture, test.classes)
        if key not in self._values:
            self._values[key] = UNKNOWN  # one that asks for itself
            self._values[key] = self._code.returned(fixture, self.scope(test, fixture))
        return self._values[key]


def parameters(marks: list[Mark]) -> dict[str, ast.expr | None]:
    """The parameters that ``parametrize`` gives a test, and the expression of their rows."""
    found: dict[str, ast.expr | None] = {}
    for mark in marks:
        node = mark.node
        if mark.name != "parametrize" or not isinstance(node, ast.Call) or not node.args:
            continue
        if any(each.arg == "indirect" for each in node.keywords):
            continue
        names = [name for each in _texts(node.args[0]) for name in re.findall(r"\w+", each)]
        rows = node.args[1] if len(node.args) > 1 else None
        found.update(dict.fromkeys(names, rows if len(names) == 1 else None))
    return found


def _filled(function: Def) -> list[str]:
    """The parameters that pytest fills: those without a default."""
    spec = function.node.args
    plain = [*spec.posonlyargs, *spec.args]
    named = [each for each, default in zip(spec.kwonlyargs, spec.kw_defaults) if default is None]
    wanted = [each.arg for each in (*plain[: len(plain) - len(spec.defaults)], *named)]
    return wanted[1:] if function.me is not None and wanted[:1] in (["self"], ["cls"]) else wanted


def _asked_for_by_name(function: Def) -> list[str]:
    calls = [each for each in within(function.node) if isinstance(each, ast.Call)]
    return [text for each in calls if getattr(each.func, "attr", "") == "getfixturevalue" for text in _texts(each)]


def _texts(node: ast.AST) -> list[str]:
    return [each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)]


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(name.startswith(each) or ("*" in each and fnmatch.fnmatch(name, each)) for each in patterns)
