"""What the names in a module stand for, told from its text: clients of SDKs, functions and classes of the project.

Names are read without regard to order: one that is bound to a client here and to something else there is unknown, and
nothing is ever said about what is unknown.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Union

from promptecho._lint import _doubles, _making
from promptecho._lint._project import Module, Project

FunctionNode = Union[ast.FunctionDef, ast.AsyncFunctionDef]
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_MOST_ASKED = 30
_LOADERS = ("pytest.importorskip", "importlib.import_module")


@dataclass(frozen=True)
class Value:
    """Base of all."""


UNKNOWN, NONE = Value(), Value()
COVER = Value()  # a cassette, another recorder, a double: calls inside it stay in


@dataclass(frozen=True)
class External(Value):
    """A name of a library, such as ``openai.OpenAI``."""

    name: str


@dataclass(frozen=True)
class Client(Value):
    """What makes calls, by the name that made it, and the attributes taken since."""

    name: str
    path: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mark(Value):
    name: str
    node: ast.expr
    scope: Scope


@dataclass(frozen=True)
class ModuleValue(Value):
    module: Module


@dataclass(frozen=True)
class Class(Value):
    module: Module
    node: ast.ClassDef


@dataclass(frozen=True)
class Object(Value):
    """An object of a class of the project, and the call that made it."""

    cls: Class
    call: ast.Call | None = None
    scope: Scope | None = None


@dataclass(frozen=True)
class Def(Value):
    """A function of the project, with the object that it is a method of."""

    module: Module
    node: FunctionNode
    me: Object | None = None

    @property
    def parameters(self) -> list[str]:
        spec = self.node.args
        return [each.arg for each in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)]


@dataclass(eq=False)
class Scope:
    """A module, a class or a function, with what its parameters were given."""

    module: Module
    node: ast.AST
    given: dict[str, Value] = field(default_factory=dict)
    known: dict[ast.AST, Value] = field(default_factory=dict)

    @property
    def body(self) -> list[ast.stmt]:
        return getattr(self.node, "body", [])


def within(node: ast.AST) -> Iterator[ast.AST]:
    """All that stands in a body: functions inside a function belong to it, other bodies have scopes of their own."""
    waiting: list[ast.AST] = list(reversed(getattr(node, "body", [])))
    while waiting:
        each = waiting.pop()
        yield each
        if not isinstance(each, ast.ClassDef) and (isinstance(node, FUNCTIONS) or not isinstance(each, FUNCTIONS)):
            waiting += reversed(list(ast.iter_child_nodes(each)))


def join(values: list[Value]) -> Value:
    """What holds whichever of some values it is; ``None`` gives way to the others, and two clients stay one."""
    left = [value for value in values if value is not NONE]
    if not left:
        return NONE
    same = all(type(each) is type(left[0]) for each in left) and isinstance(left[0], Client)
    return left[0] if same or all(each == left[0] for each in left) else UNKNOWN


class Code:
    """Looks up names and expressions in the modules of a project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._bindings: dict[ast.AST, dict[str, list[ast.AST | None]]] = {}
        self._modules: dict[Module, Scope] = {}
        self._asked: set[tuple[ast.AST, str]] = set()
        self._cuts = 0  # how often something was left out because it was being asked for

    def top(self, module: Module) -> Scope:
        """The scope of a module; an empty one, if it is no Python."""
        if module not in self._modules:
            self._modules[module] = Scope(module, module.tree or ast.Module([], []))
        return self._modules[module]

    # --- names ---

    def bindings(self, node: ast.AST) -> dict[str, list[ast.AST | None]]:
        """What is bound to each name in a scope; ``None`` for what can't be told."""
        if node not in self._bindings:
            found: dict[str, list[ast.AST | None]] = {}
            elsewhere: set[str] = set()
            for each in within(node):
                _bind(found, each)
                if isinstance(each, ast.Global):
                    elsewhere.update(each.names)
                elif isinstance(node, ast.Module) and isinstance(each, FUNCTIONS):
                    self._bind_globals(found, each)
            self._bindings[node] = {name: values for name, values in found.items() if name not in elsewhere}
        return self._bindings[node]

    def _bind_globals(self, found: dict[str, list[ast.AST | None]], function: FunctionNode) -> None:
        inside: dict[str, list[ast.AST | None]] = {}
        names = [name for each in within(function) if isinstance(each, ast.Global) for name in each.names]
        for each in within(function) if names else ():
            _bind(inside, each)
        for name in names:
            found.setdefault(name, []).extend(inside.get(name, ()))

    def lookup(self, scope: Scope, name: str) -> Value:
        """What a name stands for in a scope."""
        bound = self.bindings(scope.node).get(name, [])
        values = [scope.given[name]] if name in scope.given else []
        if (scope.node, name) in self._asked:
            self._cuts += 1
            return join(values)
        if not bound and not values:
            if not isinstance(scope.node, ast.Module):
                return self.lookup(self.top(scope.module), name)
            return self._from_star(scope, name)
        self._asked.add((scope.node, name))
        try:
            return join([*values, *(self._bound(scope, each, name) for each in bound)])
        finally:
            self._asked.discard((scope.node, name))

    def _from_star(self, scope: Scope, name: str) -> Value:
        for node in self.bindings(scope.node).get("*", []) if name != "*" else ():
            found = self._imported(scope.module, node, name) if isinstance(node, ast.ImportFrom) else UNKNOWN
            if found is not UNKNOWN:
                return found
        return UNKNOWN

    def _bound(self, scope: Scope, node: ast.AST | None, name: str) -> Value:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            return self._imported(scope.module, node, name)
        if isinstance(node, ast.ClassDef):
            return Class(scope.module, node)
        if isinstance(node, FUNCTIONS):
            return UNKNOWN if isinstance(scope.node, FUNCTIONS) else Def(scope.module, node)
        if isinstance(node, ast.withitem):
            entered = self.value(scope, node.context_expr)
            return entered if isinstance(entered, Client) else UNKNOWN
        return self.value(scope, node) if isinstance(node, ast.expr) else UNKNOWN

    def _imported(self, module: Module, node: ast.Import | ast.ImportFrom, name: str) -> Value:
        alias = next((each for each in node.names if _bound_name(each) == name), ast.alias(name))
        if isinstance(node, ast.Import):
            return self.module(alias.name if alias.asname else name, module)
        found = self.source(module, node)
        if found is None and node.level and node.module is None:  # of a folder without __init__.py
            found = self.project.resolve_at(_folder(module, node) / alias.name)
            return ModuleValue(found) if found is not None else UNKNOWN
        if found is not None:
            return self.attribute(ModuleValue(found), alias.name)
        return UNKNOWN if node.level else self.attribute(External(node.module or ""), alias.name)

    def source(self, module: Module, node: ast.ImportFrom) -> Module | None:
        """The module of the project from which names are imported."""
        if not node.level:
            return self.project.resolve(node.module or "", module.path)
        return self.project.resolve_at(_folder(module, node).joinpath(*(node.module or "").split(".")))

    def module(self, name: str, asking: Module) -> Value:
        """The module of the project or a library with a dotted name."""
        found = self.project.resolve(name, asking.path)
        return ModuleValue(found) if found is not None else External(name)

    # --- attributes ---

    def attribute(self, owner: Value, name: str) -> Value:
        """``owner.name``."""
        if isinstance(owner, ModuleValue):
            scope = self.top(owner.module)
            if name in self.bindings(scope.node) or not owner.module.is_package:
                return self.lookup(scope, name)
            inner = self.project.resolve_at(owner.module.path.parent / name)
            return ModuleValue(inner) if inner is not None else self.lookup(scope, name)
        if isinstance(owner, External):
            return External(f"{owner.name}.{name}")
        if isinstance(owner, Client):
            return Client(owner.name, (*owner.path, name))
        if isinstance(owner, (Object, Class)):
            return self._of_class(owner if isinstance(owner, Object) else Object(owner), name)
        return owner if owner is COVER else UNKNOWN

    def lineage(self, cls: Class) -> list[Class]:
        """A class and its bases in the project, in the order in which attributes are looked up."""
        found: list[Class] = []
        waiting = [cls]
        while waiting and len(found) < 20:
            each = waiting.pop(0)
            if each not in found:
                found.append(each)
                bases = [self.value(self.top(each.module), base) for base in each.node.bases]
                waiting = [base for base in bases if isinstance(base, Class)] + waiting
        return found

    def is_unittest(self, cls: Class) -> bool:
        bases = [self.value(self.top(each.module), base) for each in self.lineage(cls) for base in each.node.bases]
        return any(isinstance(base, External) and base.name.endswith("TestCase") for base in bases)

    def _of_class(self, owner: Object, name: str) -> Value:
        """What stands in the body of a class or of a base, or is set on ``self`` in its methods."""
        if (owner.cls.node, f".{name}") in self._asked:
            self._cuts += 1
            return NONE
        self._asked.add((owner.cls.node, f".{name}"))
        try:
            lineage = self.lineage(owner.cls)
            made = next((each for each in lineage if "__init__" in self.bindings(each.node)), None)
            for cls in lineage:
                values = [self._in_body(owner, cls, each, name) for each in self.bindings(cls.node).get(name, ())]
                for method in cls.node.body:
                    if isinstance(method, FUNCTIONS):
                        values += self._set_on_self(owner, cls, method, name, cls == made)
                if values:
                    return join(values)
            return UNKNOWN
        finally:
            self._asked.discard((owner.cls.node, f".{name}"))

    def _in_body(self, owner: Object, cls: Class, node: ast.AST | None, name: str) -> Value:
        if not isinstance(node, FUNCTIONS):
            return self._bound(Scope(cls.module, cls.node), node, name)
        method = Def(cls.module, node, owner)
        is_property = any("property" in ast.unparse(each) for each in node.decorator_list)
        return self.returned(method, self.called(method, None, None)) if is_property else method

    def _set_on_self(self, owner: Object, cls: Class, node: FunctionNode, name: str, is_made: bool) -> list[Value]:
        method = Def(cls.module, node, owner)
        given: Scope | None = None
        found = []
        for each in within(node):
            targets = each.targets if isinstance(each, ast.Assign) else [getattr(each, "target", None)]
            if any(_is_of_self(target, method) and target.attr == name for target in targets):  # type: ignore[union-attr]
                if given is None:
                    call = owner.call if is_made and node.name == "__init__" else None
                    given = self.called(method, call, owner.scope, complete=call is not None)
                value = getattr(each, "value", None)
                found.append(self.value(given, value) if value is not None else NONE)
        return found

    # --- expressions ---

    def value(self, scope: Scope, node: ast.expr | None) -> Value:
        """What an expression is."""
        if node is None:
            return NONE
        if node not in scope.known:
            cuts = self._cuts
            found = self._value(scope, node)
            if cuts != self._cuts and self._asked:
                return found
            scope.known[node] = found
        return scope.known[node]

    def _value(self, scope: Scope, node: ast.expr) -> Value:
        if isinstance(node, ast.Name):
            return self.lookup(scope, node.id)
        if isinstance(node, ast.Attribute):
            found = self.attribute(self.value(scope, node.value), node.attr)
            is_mark = isinstance(found, External) and found.name.startswith("pytest.mark.")
            return Mark(node.attr, node, scope) if is_mark else found
        if isinstance(node, ast.Call):
            return self._result(scope, node)
        if isinstance(node, (ast.Await, ast.NamedExpr)):
            return self.value(scope, node.value)
        if isinstance(node, ast.BoolOp):
            return join([self.value(scope, each) for each in node.values])
        if isinstance(node, ast.IfExp):
            return join([self.value(scope, node.body), self.value(scope, node.orelse)])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):  # chains of LangChain
            sides = [self.value(scope, node.left), self.value(scope, node.right)]
            return next((each for each in sides if isinstance(each, Client)), UNKNOWN)
        return NONE if isinstance(node, ast.Constant) and node.value is None else UNKNOWN

    def _result(self, scope: Scope, node: ast.Call) -> Value:
        called = self.value(scope, node.func)
        if called is COVER or _doubles.says_double(_last_name(node.func)):
            return COVER if not _doubles.is_harmless_patch(node) else UNKNOWN
        if isinstance(called, Mark):
            return Mark(called.name, node, scope)
        if isinstance(called, External):
            return self._of_library(scope, node, called.name)
        if isinstance(called, Client):
            is_same = _making.is_quiet(called.path) and _making.is_same(node, self._is_client(scope))
            return Client(called.name) if is_same else UNKNOWN
        if isinstance(called, Class):
            return Object(called, node, scope)
        return self.returned(called, self.called(called, node, scope)) if isinstance(called, Def) else UNKNOWN

    def _of_library(self, scope: Scope, node: ast.Call, name: str) -> Value:
        if name in _LOADERS and node.args and isinstance(node.args[0], ast.Constant):
            return self.module(str(node.args[0].value), scope.module)
        if _doubles.is_cover(name):
            return COVER if not _doubles.is_harmless_patch(node) else UNKNOWN
        if name in _making.SESSIONS:
            return External(name.partition(".")[0])
        return Client(name) if _making.makes_client(name, node, self._is_client(scope)) else UNKNOWN

    def _is_client(self, scope: Scope) -> _making.IsClient:
        return lambda node: isinstance(self.value(scope, node), Client)

    # --- functions ---

    def called(self, function: Def, call: ast.Call | None, caller: Scope | None, *, complete: bool = True) -> Scope:
        """The scope of a function that is called; ``complete``: what isn't given takes its default."""
        spec = function.node.args
        defaults = dict(zip(reversed([*spec.posonlyargs, *spec.args]), reversed(spec.defaults)))
        defaults.update({each: value for each, value in zip(spec.kwonlyargs, spec.kw_defaults) if value is not None})
        names = function.parameters
        outside = self.top(function.module)
        scope = Scope(function.module, function.node, dict.fromkeys(names, UNKNOWN))
        passed = [*call.args, *(each.value for each in call.keywords if each.arg is None)] if call is not None else []
        if complete and not any(isinstance(each, ast.Starred) for each in passed):
            scope.given.update({each.arg: self.value(outside, value) for each, value in defaults.items()})
        if function.me is not None and names and not _is_static(function.node):
            scope.given[names.pop(0)] = function.me
        if call is not None and caller is not None:
            for name, argument in zip(names, call.args):
                scope.given[name] = self.value(caller, argument)
            scope.given.update(
                {each.arg: self.value(caller, each.value) for each in call.keywords if each.arg in names}
            )
        return scope

    def returned(self, function: Def, scope: Scope) -> Value:
        """What a function returns, or yields."""
        if (function.node, "return") in self._asked or len(self._asked) > _MOST_ASKED:
            self._cuts += 1
            return UNKNOWN
        self._asked.add((function.node, "return"))
        try:
            found = [each for each in within(function.node) if isinstance(each, (ast.Return, ast.Yield))]
            yields = [each for each in found if isinstance(each, ast.Yield)]
            return join([self.value(scope, each.value) for each in yields or found])
        finally:
            self._asked.discard((function.node, "return"))


def _bind(found: dict[str, list[ast.AST | None]], node: ast.AST) -> None:
    """Note the names that a statement or expression binds."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            _bind_target(found, target, node.value)
    elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)):
        if node.value is not None:
            _bind_target(found, node.target, node.value)
    elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension, ast.AugAssign)):
        _bind_target(found, node.target, None)
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        _bind_target(found, node.optional_vars, node)
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        for alias in node.names:
            found.setdefault(_bound_name(alias), []).append(node)
    elif isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        found.setdefault(node.name, []).append(node)
    elif isinstance(node, ast.arg):
        found.setdefault(node.arg, []).append(None)


def _bind_target(found: dict[str, list[ast.AST | None]], target: ast.AST, value: ast.AST | None) -> None:
    if isinstance(target, ast.Name):
        found.setdefault(target.id, []).append(value)
    elif isinstance(target, (ast.Tuple, ast.List)):
        parts = value.elts if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts) else None
        for number, each in enumerate(target.elts):
            _bind_target(found, each, parts[number] if parts is not None else None)
    elif isinstance(target, ast.Starred):
        _bind_target(found, target.value, None)


def _bound_name(alias: ast.alias) -> str:
    return alias.asname or (alias.name if alias.name == "*" else alias.name.partition(".")[0])


def _folder(module: Module, node: ast.ImportFrom) -> Path:
    folder = module.path.parent
    for _ in range(node.level - 1):
        folder = folder.parent
    return folder


def _is_of_self(target: ast.AST | None, method: Def) -> bool:
    owner = target.value if isinstance(target, ast.Attribute) else None
    return isinstance(owner, ast.Name) and owner.id in method.parameters[:1]


def _is_static(node: FunctionNode) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "staticmethod" for each in node.decorator_list)


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
