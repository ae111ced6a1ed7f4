"""What the expressions in a module stand for, told from its text and written as one dotted name.

``openai.OpenAI`` is a library's name, ``openai.OpenAI().responses`` what one gives; ``/shop/ai.py:ask`` is of the
project, ``None`` is nothing, and ``~name`` can't be told. Names are read without regard to order: one that is bound to
a client here and to something else there can't be told.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Union

from promptecho._lint import _making
from promptecho._lint._project import Module, Project

FunctionNode = Union[ast.FunctionDef, ast.AsyncFunctionDef]
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_IMPORTS = (ast.Import, ast.ImportFrom)
_LOADERS = ("pytest.importorskip", "importlib.import_module")
_SAME = ("asyncio.run", "contextlib.closing", "contextlib.nullcontext", "functools.partial")
_DEEPEST = 12
Bindings = dict[str, list["ast.AST | None"]]


@dataclass(eq=False)
class Scope:
    """A module, a class or a function, with what the parameters stand for."""

    module: Module
    node: ast.AST
    given: dict[str, str] = field(default_factory=dict)
    known: dict[ast.AST, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Def:
    """A function or class of the project; ``owner`` is the name of the object that a method is called on."""

    module: Module
    node: FunctionNode | ast.ClassDef
    owner: str = ""

    @property
    def parameters(self) -> list[str]:
        spec = self.node.args if isinstance(self.node, FUNCTIONS) else ast.arguments([], [], None, [], [], None, [])
        return [each.arg for each in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)]


def join(names: Sequence[str]) -> str:
    """What holds whichever of some names it is; ``None`` gives way, and two clients stay one."""
    left = [name for name in names if name != "None"] or list(names) or ["None"]
    same = all(name == left[0] for name in left) or all(_making.is_client(name) for name in left)
    return left[0] if same else "~"


class Code:
    """Looks up names and expressions in the modules of a project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.defs: dict[str, Def] = {}
        self._tops: dict[Module, Scope] = {}
        self._inside: dict[ast.AST, list[ast.AST]] = {}
        self._bindings: dict[ast.AST, Bindings] = {}
        self._attributes: dict[ast.AST, dict[str, list[tuple[FunctionNode, ast.expr | None]]]] = {}
        self._asked: list[object] = []
        self._cuts = 0

    def top(self, module: Module) -> Scope:
        """The scope of a module; an empty one, if it is no Python."""
        if module not in self._tops:
            self._tops[module] = Scope(module, module.tree or ast.Module([], []))
        return self._tops[module]

    def within(self, node: ast.AST) -> list[ast.AST]:
        """All that stands in a body: functions inside a function belong to it, other bodies are scopes of their own."""
        if node not in self._inside:
            found: list[ast.AST] = []
            waiting: list[ast.AST] = list(reversed(getattr(node, "body", [])))
            while waiting:
                each = waiting.pop()
                found.append(each)
                if not isinstance(each, (ast.ClassDef, *(() if isinstance(node, FUNCTIONS) else FUNCTIONS))):
                    waiting += reversed(list(ast.iter_child_nodes(each)))
            self._inside[node] = found
        return self._inside[node]

    def bindings(self, node: ast.AST) -> Bindings:
        """What is bound to each name in a scope; ``None`` for what can't be told."""
        if node not in self._bindings:
            found: Bindings = {}
            for each in self.within(node):
                _bind(found, each)
                inner = self.within(each) if isinstance(node, ast.Module) and isinstance(each, FUNCTIONS) else []
                names = {name for one in inner if isinstance(one, ast.Global) for name in one.names}
                bound: Bindings = {}
                for one in inner if names else ():
                    _bind(bound, one)
                for name in names:
                    found.setdefault(name, []).extend(bound.get(name, []))
            elsewhere = [name for each in self.within(node) if isinstance(each, ast.Global) for name in each.names]
            self._bindings[node] = {name: values for name, values in found.items() if name not in elsewhere}
        return self._bindings[node]

    # --- names ---

    def lookup(self, scope: Scope, name: str) -> str:
        """What a name stands for in a scope."""
        bound, given = self.bindings(scope.node).get(name, []), [scope.given[name]] if name in scope.given else []
        key = (scope.node, name)
        if key in self._asked:
            self._cuts += 1
            return join(given)
        if len(self._asked) > _DEEPEST:
            self._cuts += 1
            return f"~{name}"
        if bound or given:
            self._asked.append(key)
            try:
                return join([*given, *(self._bound(scope, each, name) for each in bound)])
            finally:
                self._asked.remove(key)
        if not isinstance(scope.node, ast.Module):
            return self.lookup(self.top(scope.module), name)
        stars = [each for each in self.bindings(scope.node).get("*", ()) if isinstance(each, ast.ImportFrom)]
        sources = [self.project.source(scope.module, each) for each in stars]
        return next((self.lookup(self.top(each), name) for each in sources
                     if each is not None and name in self.bindings(self.top(each).node)), f"~{name}")  # fmt: skip

    def _bound(self, scope: Scope, node: ast.AST | None, name: str) -> str:
        if isinstance(node, _IMPORTS):
            alias = next(each for each in node.names if name in (each.asname, each.name, each.name.partition(".")[0]))
            if isinstance(node, ast.Import):
                return self.module(alias.name if alias.asname else name, scope.module)
            source = self.project.source(scope.module, node)
            if source is None:
                if not node.level:
                    return f"{node.module}.{alias.name}"
                source = self.project.resolve_at(scope.module.path.parents[node.level - 1] / alias.name)
                return f"{source.path}:" if source is not None and node.module is None else f"~{name}"
            return self.attribute(f"{source.path}:", alias.name)
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            inside = f"{scope.node.name}." if isinstance(scope.node, ast.ClassDef) else ""
            return self._defined(Def(scope.module, node), f"{inside}{name}")
        if isinstance(node, ast.withitem):
            entered = self.name(scope, node.context_expr)
            return entered if _making.is_client(entered) else f"~{name}"
        return self.name(scope, node) if isinstance(node, ast.expr) else f"~{name}"

    def _defined(self, found: Def, name: str) -> str:
        key = f"{found.module.path}:{name}"
        self.defs[key] = found
        return key

    def module(self, name: str, asking: Module) -> str:
        found = self.project.resolve(name, asking.path)
        return name if found is None else f"{found.path}:"

    def attribute(self, owner: str, name: str) -> str:
        """``owner.name``."""
        if owner == "None":
            return owner
        if owner.endswith(":"):
            module = self.project.module_at(owner[:-1])
            inner = self.project.resolve_at(module.path.parent / name) if module.is_package else None
            known = name in self.bindings(self.top(module).node) or inner is None
            return self.lookup(self.top(module), name) if known else f"{inner.path}:"  # type: ignore[union-attr]
        cls = self.defs.get(owner.partition("(")[0])
        if cls is not None and isinstance(cls.node, ast.ClassDef) and owner.partition("(")[2] in ("", ")", "...)"):
            return self._of_class(cls, owner, name)
        return f"{owner}.{name}"

    # --- classes ---

    def lineage(self, cls: Def) -> list[Def]:
        """A class and its bases in the project, in the order in which attributes are looked up."""
        found: list[Def] = []
        waiting = [cls]
        while waiting and len(found) < _DEEPEST:
            each = waiting.pop(0)
            if each not in found and isinstance(each.node, ast.ClassDef):
                found.append(each)
                bases = [self.defs.get(self.name(self.top(each.module), base)) for base in each.node.bases]
                waiting = [base for base in bases if base is not None] + waiting
        return found

    def is_unittest(self, cls: Def) -> bool:
        bases = [self.name(self.top(each.module), base) for each in self.lineage(cls)
                 for base in getattr(each.node, "bases", ())]  # fmt: skip
        return any(base.endswith("TestCase") for base in bases)

    def _of_class(self, cls: Def, owner: str, name: str) -> str:
        """What stands in the body of a class or of a base, or is set on ``self`` in its methods."""
        key = (cls.node, f".{name}")
        if key in self._asked:
            self._cuts += 1
            return "None"
        self._asked.append(key)
        try:
            for each in self.lineage(cls):
                known = self.bindings(each.node).get(name, [])
                if len(known) == 1 and isinstance(known[0], FUNCTIONS):
                    method = Def(each.module, known[0], owner)
                    made = self._defined(method, f"{getattr(each.node, 'name', '')}.{name}")
                    is_property = any("property" in ast.unparse(one) for one in known[0].decorator_list)
                    return self.returned(method, self.called(method, None, None)) if is_property else made
                values = [self._bound(Scope(each.module, each.node), one, name) for one in known]
                values += self._set_on_self(each, owner, name)
                if values:
                    return join(values)
            return f"~{name}"
        finally:
            self._asked.remove(key)

    def _set_on_self(self, cls: Def, owner: str, name: str) -> list[str]:
        if cls.node not in self._attributes:
            found = self._attributes[cls.node] = {}
            for method in (each for each in cls.node.body if isinstance(each, FUNCTIONS)):
                for each in self.within(method):
                    targets = each.targets if isinstance(each, ast.Assign) else [getattr(each, "target", None)]
                    for target in targets:
                        if isinstance(target, ast.Attribute) and ast.unparse(target.value) in ("self", "cls"):
                            found.setdefault(target.attr, []).append((method, getattr(each, "value", None)))
        values = []
        for method, value in self._attributes[cls.node].get(name, ()):
            defaults = method.name == "__init__" and owner.endswith("()")
            values.append(self.name(self.called(Def(cls.module, method, owner), None, None, complete=defaults), value))
        return values

    # --- expressions ---

    def name(self, scope: Scope, node: ast.expr | None) -> str:
        """What an expression stands for."""
        if node is None:
            return "None"
        if node not in scope.known:
            cuts = self._cuts
            found = self._name(scope, node)
            if cuts != self._cuts and self._asked:  # something was left out, as it is being asked for
                return found
            scope.known[node] = found
        return scope.known[node]

    def _name(self, scope: Scope, node: ast.expr) -> str:
        if isinstance(node, ast.Name):
            return self.lookup(scope, node.id)
        if isinstance(node, ast.Attribute):
            return self.attribute(self.name(scope, node.value), node.attr)
        if isinstance(node, ast.Call):
            return self._result(scope, node)
        if isinstance(node, (ast.Await, ast.NamedExpr)):
            return self.name(scope, node.value)
        if isinstance(node, ast.BoolOp):
            return join([self.name(scope, each) for each in node.values])
        if isinstance(node, ast.Lambda):
            return self.name(scope, node.body)
        if isinstance(node, ast.IfExp):
            return join([self.name(scope, node.body), self.name(scope, node.orelse)])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):  # chains of LangChain
            sides = [self.name(scope, node.left), self.name(scope, node.right)]
            return next((each for each in sides if _making.is_client(each)), "~")
        return "None" if isinstance(node, ast.Constant) and node.value is None else "~"

    def _result(self, scope: Scope, node: ast.Call) -> str:
        called = self.name(scope, node.func)
        known = self.defs.get(called)
        if known is not None and isinstance(known.node, FUNCTIONS):
            result = self.returned(known, self.called(known, node, scope))
            return f"{called}()" if result.startswith(("~", "None")) else result
        if known is not None:
            return f"{called}(...)" if node.args or node.keywords else f"{called}()"
        if called in _LOADERS and node.args and isinstance(node.args[0], ast.Constant):
            return self.module(str(node.args[0].value), scope.module)
        if called == "None":
            return called
        if called in _SAME and node.args:
            return self.name(scope, node.args[0])
        return _making.made(called, node, lambda each: _making.is_client(self.name(scope, each)))

    # --- functions ---

    def called(self, function: Def, call: ast.Call | None, caller: Scope | None, *, complete: bool = True) -> Scope:
        """The scope of a function that is called; ``complete``: what isn't given takes its default."""
        names = function.parameters
        scope = Scope(function.module, function.node, {name: f"~{name}" for name in names})
        if not isinstance(function.node, FUNCTIONS):
            return scope
        spec = function.node.args
        pairs = [*zip(reversed([*spec.posonlyargs, *spec.args]), reversed(spec.defaults)),
                 *zip(spec.kwonlyargs, spec.kw_defaults)]  # fmt: skip
        spread = call is not None and any(
            isinstance(each, ast.Starred) or getattr(each, "arg", "") is None for each in (*call.args, *call.keywords)
        )
        for each, default in pairs if complete and not spread else ():
            scope.given[each.arg] = self.name(self.top(function.module), default) if default is not None else "~"
        if names and names[0] in ("self", "cls"):
            scope.given[names.pop(0)] = function.owner or "~self"
        if call is not None and caller is not None and not spread:
            scope.given.update({name: self.name(caller, each) for name, each in zip(names, call.args)})
            named = {each.arg: each.value for each in call.keywords if each.arg in names}
            scope.given.update({str(name): self.name(caller, each) for name, each in named.items()})
        return scope

    def returned(self, function: Def, scope: Scope) -> str:
        """What a function returns, or yields."""
        if function.node in self._asked or len(self._asked) > _DEEPEST:
            self._cuts += 1
            return "~"
        self._asked.append(function.node)
        try:
            found = [each for each in self.within(function.node) if isinstance(each, (ast.Return, ast.Yield))]
            yields = [each for each in found if isinstance(each, ast.Yield)]
            return join([self.name(scope, each.value) for each in yields or found])
        finally:
            self._asked.remove(function.node)


def _bind(found: Bindings, node: ast.AST) -> None:
    """Note the names that a statement or expression binds."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            _bind_target(found, target, node.value)
    elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
        _bind_target(found, node.target, node.value)
    elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension, ast.AugAssign)):
        _bind_target(found, node.target, None)
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        _bind_target(found, node.optional_vars, node)
    elif isinstance(node, _IMPORTS):
        for alias in node.names:
            name = alias.asname or (alias.name if isinstance(node, ast.ImportFrom) else alias.name.partition(".")[0])
            found.setdefault(name, []).append(node)
    elif isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        found.setdefault(node.name, []).append(node)
    elif isinstance(node, ast.arg):
        found.setdefault(node.arg, []).append(None)


def _bind_target(found: Bindings, target: ast.AST, value: ast.AST | None) -> None:
    if isinstance(target, ast.Name):
        found.setdefault(target.id, []).append(value)
    for each in target.elts if isinstance(target, (ast.Tuple, ast.List)) else ():
        _bind_target(found, each, None)
