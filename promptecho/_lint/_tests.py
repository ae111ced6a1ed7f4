"""Which tests a project has, as pytest would collect them, and what stands around each: marks, fixtures, hooks."""

from __future__ import annotations

import ast
import fnmatch
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from promptecho._lint._code import FUNCTIONS, Code, Def, Scope
from promptecho._lint._project import Module

SCOPES = ("session", "package", "module", "class", "function")
OWN = len(SCOPES) - 1  # the place of the scope of a test itself
CASSETTES = {
    "promptecho_cassette": OWN,
    **{f"promptecho_{scope}_cassette": at for at, scope in enumerate(SCOPES[:OWN])},
}
_FIXTURE = re.compile(r"pytest(?:_asyncio)?\.(?:yield_)?fixture(?:\(\))?")
_HOOKS = ("pytest_collection_modifyitems", "pytest_itemcollected", "pytest_runtest_setup")
_ON_PURPOSE = ("skip", "skipif", "live", "online", "network")  # it does not run, or calls out if it does
_SET_UP = {"setup_module": 2, "setUpModule": 2, "setup_function": OWN}
_SET_UP_CLASS = {"setUpClass": 3, "setup_class": 3, "setUp": OWN, "asyncSetUp": OWN, "setup_method": OWN}


@dataclass(frozen=True)
class Mark:
    """A mark by its name, and the expression that makes it."""

    name: str
    node: ast.expr
    scope: Scope


@dataclass(frozen=True)
class Test:
    """A test function, with the classes that it stands in, the outermost first."""

    __test__ = False  # pytest would take it for one

    module: Module
    name: str
    function: Def
    classes: tuple[Def, ...] = ()
    is_unittest: bool = False

    @cached_property
    def title(self) -> str:
        return "::".join((*(cls.node.name for cls in self.classes), self.name))

    @property
    def full_title(self) -> str:
        return f"{self.module.path}::{self.title}"

    @property
    def site(self) -> tuple[str, int, int]:
        """The file, line and column of its ``def``."""
        return (str(self.function.module.path), self.function.node.lineno, self.function.node.col_offset + 1)


@dataclass(frozen=True)
class Fixture:
    """A fixture, or a set-up function; without a function it is of a plugin. ``scope`` is a place in ``SCOPES``."""

    name: str
    function: Def | None = None
    scope: int = OWN
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
        self.marks = lru_cache(maxsize=None)(self._read_marks)
        self.around = lru_cache(maxsize=None)(self._read_around)
        self._values: dict[tuple[Def, tuple[Def, ...]], str] = {}

    def classes(self, test: Test) -> list[Def]:
        """The classes that a test stands in, and their bases, the nearest first."""
        return [each for outer in reversed(test.classes) for each in self._code.lineage(outer)]

    # --- tests ---

    def collect(self) -> Iterator[Test]:
        for path in self._code.project.test_files():
            module = self._code.project.module(path)
            if module is not None and module.tree is not None:
                top = self._code.top(module)
                for name in list(self._code.bindings(top.node)):
                    found = self._code.defs.get(self._code.lookup(top, name))
                    if found is not None and isinstance(found.node, ast.ClassDef):
                        yield from self._in_class(module, (found,))
                    elif found is not None and self._is_test(name, found):
                        yield Test(module, name, found)

    def _is_test(self, name: str, function: Def) -> bool:
        return _matches(name, self._options.python_functions) and self._fixture(name, function) is None

    def _in_class(self, module: Module, classes: tuple[Def, ...]) -> Iterator[Test]:
        cls, is_unittest = classes[-1], self._code.is_unittest(classes[-1])
        found: dict[str, tuple[Def, ast.AST | None]] = {}
        for each in reversed(self._code.lineage(cls)):
            found.update({name: (each, nodes[-1]) for name, nodes in self._code.bindings(each.node).items()})
        if not (is_unittest or _matches(cls.node.name, self._options.python_classes)):
            return
        if "__test__" in found or ("__init__" in found and not is_unittest):
            return
        for name, (owner, node) in found.items():
            if isinstance(node, ast.ClassDef) and owner == cls:
                yield from self._in_class(module, (*classes, Def(module, node)))
            elif isinstance(node, FUNCTIONS):
                function = Def(owner.module, node, f"{cls.module.path}:{cls.node.name}()")
                self._code.defs.setdefault(f"{cls.module.path}:{cls.node.name}", cls)
                if name.startswith("test") if is_unittest else self._is_test(name, function):
                    yield Test(module, name, function, classes, is_unittest)

    # --- marks ---

    def _read_marks(self, test: Test) -> list[Mark]:
        """The marks of a test, the nearest first."""
        found = list(self._decorators(test.function))
        for cls in self.classes(test):
            found += [*self._decorators(cls), *self._pytestmark(Scope(cls.module, cls.node))]
        return [*found, *self._pytestmark(self._code.top(test.module))]

    def _decorators(self, of: Def) -> Iterator[Mark]:
        for node in of.node.decorator_list:
            yield from self._mark(self._code.top(of.module), node)

    def _pytestmark(self, scope: Scope) -> Iterator[Mark]:
        for node in self._code.bindings(scope.node).get("pytestmark", ()):
            for each in node.elts if isinstance(node, (ast.List, ast.Tuple)) else [node]:
                yield from self._mark(scope, each)

    def _mark(self, scope: Scope, node: ast.AST | None) -> Iterator[Mark]:
        name = self._code.name(scope, node) if isinstance(node, ast.expr) else ""
        if name.startswith("pytest.mark.") and isinstance(node, ast.expr):
            bound = self._code.bindings(scope.node).get(node.id, []) if isinstance(node, ast.Name) else []
            made = bound[0] if len(bound) == 1 and isinstance(bound[0], ast.expr) else node
            yield Mark(name[len("pytest.mark.") :].partition("(")[0], made, scope)

    def is_left_out(self, test: Test) -> bool:
        """Whether marks and hooks say that a test doesn't run, only where live calls are asked for, or recorded."""
        hooks = self._hooks(test.module.path.parent)
        return any("add_marker" in hook and re.search(r"promptecho|vcr", hook) for hook in hooks) or any(
            mark.name in (*_ON_PURPOSE, *self._options.deselected)
            or (mark.name == "xfail" and "run=False" in ast.unparse(mark.node))
            or any(f"'{mark.name}'" in hook for hook in hooks)
            for mark in self.marks(test)
        )

    def _read_hooks(self, folder: Path) -> list[str]:
        names = [self._code.lookup(self._code.top(each), name) for each in self.conftests(folder) for name in _HOOKS]
        return [ast.unparse(self._code.defs[name].node).replace('"', "'") for name in names if name in self._code.defs]

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
            for name in _texts(node):
                found = self._code.project.resolve(name, module.path)
                if found is not None:
                    yield found

    def _read_fixtures(self, module: Module) -> dict[str, Fixture]:
        top = self._code.top(module)
        names = self._code.bindings(top.node)
        found = [self._fixture(name, self._code.defs.get(self._code.lookup(top, name))) for name in list(names)]
        for node in names.get("*", ()):
            source = self._code.project.source(module, node) if isinstance(node, ast.ImportFrom) else None
            found += self._of_module(source).values() if source is not None and source is not module else ()
        return {each.name: each for each in found if each is not None}

    def _fixture(self, name: str, function: Def | None) -> Fixture | None:
        """A function as a fixture, if it is one."""
        for node in function.node.decorator_list if function is not None else ():
            if function is not None and _FIXTURE.fullmatch(self._code.name(self._code.top(function.module), node)):
                options = {each.arg: each.value for each in node.keywords} if isinstance(node, ast.Call) else {}
                said = {key: each.value for key, each in options.items() if isinstance(each, ast.Constant)}
                scope = SCOPES.index(said["scope"]) if said.get("scope") in SCOPES else OWN
                return Fixture(
                    str(said.get("name") or name), function, scope, said.get("autouse") is True, "params" in options
                )
        return None

    def _layers(self, test: Test) -> list[dict[str, Fixture]]:
        """The fixtures that a test can ask for: those of its classes, its file, its conftests."""
        found = []
        for cls in self.classes(test):
            functions = {node.name: Def(cls.module, node, test.function.owner) for node in cls.node.body
                         if isinstance(node, FUNCTIONS)}  # fmt: skip
            made = [self._fixture(name, each) for name, each in functions.items()]
            found.append({each.name: each for each in made if each is not None})
        modules = [test.module, *self._plugins(test.module), *self.conftests(test.module.path.parent)]
        return [*found, *(self._of_module(module) for module in modules)]

    def _read_around(self, test: Test) -> list[Fixture]:
        """What pytest sets up for a test: set-up functions and fixtures, those of wider scopes first."""
        layers = self._layers(test)
        asked = [name for layer in reversed(layers) for name, each in layer.items() if each.autouse]
        asked += [*self._options.usefixtures, *self._asked_for(test.function, is_test=not test.is_unittest)]
        asked += [each for mark in self.marks(test) if mark.name == "usefixtures" for each in _texts(mark.node)]
        given = self.parameters(test)
        closure = list(dict.fromkeys(name for name in asked if name not in given))
        found = list(self._set_up(test))
        for name in closure:  # grows while it is gone through
            known = [layer[name] for layer in layers if name in layer]
            found += known or [Fixture(name, None, CASSETTES.get(name, OWN))]
            wanted = [one for each in known if each.function is not None for one in self._asked_for(each.function)]
            closure += dict.fromkeys(one for one in wanted if one not in closure)
        return sorted(found, key=lambda each: each.scope)

    def _set_up(self, test: Test) -> Iterator[Fixture]:
        top = self._code.top(test.module)
        for name, scope in _SET_UP.items():
            found = self._code.defs.get(self._code.lookup(top, name))
            if found is not None and not (test.classes and scope == OWN):
                yield Fixture(name, found, scope)
        for name, scope in _SET_UP_CLASS.items():
            for cls in self.classes(test):
                bound = self._code.bindings(cls.node).get(name, [None])[-1]
                if isinstance(bound, FUNCTIONS):
                    yield Fixture(name, Def(cls.module, bound, test.function.owner), scope)
                    break

    def _asked_for(self, function: Def, *, is_test: bool = True) -> list[str]:
        """The fixtures that a function asks for: by its parameters without a default, and by name."""
        calls = [each for each in self._code.within(function.node) if isinstance(each, ast.Call)]
        named = [text for each in calls if getattr(each.func, "attr", "") == "getfixturevalue" for text in _texts(each)]
        spec = function.node.args if isinstance(function.node, FUNCTIONS) and is_test else None
        if spec is None:
            return named
        plain = [*spec.posonlyargs, *spec.args]
        wanted = plain[: len(plain) - len(spec.defaults)]
        wanted += [each for each, default in zip(spec.kwonlyargs, spec.kw_defaults) if default is None]
        return [*(each.arg for each in wanted if each.arg not in ("self", "cls")), *named]

    def scope(self, test: Test, function: Def) -> Scope:
        """The scope of a test or of one of its fixtures, with what pytest passes."""
        scope = self._code.called(function, None, None, complete=False)
        layers = self._layers(test)
        given = self.parameters(test) if function is test.function else {}
        for name in function.parameters:
            known = [layer[name].function for layer in layers if name in layer and name not in given]
            source = next((each for each in known if each is not None and each.node is not function.node), None)
            if source is not None:
                scope.given[name] = self._value(test, source)
        return scope

    def _value(self, test: Test, fixture: Def) -> str:
        key = (fixture, test.classes)
        if key not in self._values:
            self._values[key] = "~"  # one that asks for itself
            self._values[key] = self._code.returned(fixture, self.scope(test, fixture))
        return self._values[key]

    def parameters(self, test: Test) -> dict[str, ast.expr | None]:
        """The parameters that ``parametrize`` gives a test, with the expression of their rows."""
        found: dict[str, ast.expr | None] = {}
        for mark in self.marks(test):
            args = mark.node.args if isinstance(mark.node, ast.Call) and mark.name == "parametrize" else []
            if args and "indirect=" not in ast.unparse(mark.node):
                names = [name for each in _texts(args[0]) for name in re.findall(r"\w+", each)]
                found.update(dict.fromkeys(names, args[1] if len(names) == 1 and len(args) > 1 else None))
        return found


def _texts(node: ast.AST | None) -> list[str]:
    every = ast.walk(node) if node is not None else ()
    return [each.value for each in every if isinstance(each, ast.Constant) and isinstance(each.value, str)]


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(name.startswith(each) or ("*" in each and fnmatch.fnmatch(name, each)) for each in patterns)
