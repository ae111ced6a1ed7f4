"""Follows the code of a test suite, statement by statement, without running it.

It knows where a client of an SDK comes from (assignments, attributes, arguments, returns, closures), which calls are
made on it, and what stands around them. Each function is followed for the arguments it is given; what it comes to is a
``Summary`` that holds wherever the call stands, so it is remembered.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Iterable
from collections.abc import Sequence as Sequence_
from dataclasses import replace
from typing import Any

from promptecho._lint import _doubles, _sdks
from promptecho._lint._frames import NOTHING, Call, Frame, Summary
from promptecho._lint._library import LibraryCalls
from promptecho._lint._project import Module, Project
from promptecho._lint._values import (
    NONE,
    UNKNOWN,
    Bound,
    ClassValue,
    Constant,
    Cover,
    External,
    Fixture,
    Function,
    FunctionNode,
    Instance,
    Managed,
    Mapping,
    Mark,
    Method,
    ModuleGlobal,
    ModuleValue,
    Object,
    Partial,
    Sequence,
    Text,
    Value,
    concatenated,
    depth,
    join,
    join_all,
    joined_path,
    text,
)

_BUILTINS = frozenset(dir(builtins))
_MAX_DEPTH = 24
_MAX_NESTING = 6
_MAX_STEPS = 100_000
EVERYTHING = "*"  # something that can't be told was replaced: no call is reported behind it


class TooMuch(Exception):
    """Following a test takes too long; nothing is said about it."""


class Follower:
    """Follows functions of a project. ``steps`` counts statements, so that a test can be given up."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.steps = 0
        self.get_fixture: Callable[[Frame, str], Value] = lambda frame, name: UNKNOWN
        self._known: dict[Any, Summary] = {}
        self._stack: list[FunctionNode] = []
        self._assigned: dict[ClassValue, dict[str, Value]] = {}
        self._library = LibraryCalls(self)

    # --- modules and names ---

    def namespace(self, module: Module) -> Frame:
        """The names at the top level of a module."""
        if module.namespace is None:
            frame = module.namespace = Frame(module)
            frame.names["__file__"] = text(module.path.as_posix(), True)
            frame.names["__name__"] = text(module.name)
            if module.tree is not None:
                steps, self.steps = self.steps, 0
                for statement in module.tree.body:
                    try:
                        if self.statement(frame, statement):
                            frame.names.setdefault("__left__", NONE)
                            break
                    except (RecursionError, TooMuch):
                        continue
                self._note_globals(frame, module.tree)
                self.steps = steps
        found: Frame = module.namespace
        return found

    def _note_globals(self, frame: Frame, tree: ast.Module) -> None:
        """Names that functions declare global and set, as ``setup_module`` does."""
        for value in list(frame.names.values()):
            if not isinstance(value, Function) or value.module is not frame.module:
                continue
            if any(isinstance(node, ast.Global) for node in ast.walk(value.node)):
                for name, found in self.invoke(value, (), {}, False, frozenset()).named_globals:
                    frame.names[name] = join(frame.names[name], found) if name in frame.names else found

    def key(self, module: Module, name: str) -> str:
        """How a replaced global of the project is named among ``patches``."""
        return f"{module.path}:{name}"

    def module_global(self, module: Module, name: str, patches: frozenset[str]) -> Value:
        """A global of a module of the project, ``UNKNOWN`` where it was replaced."""
        seen: set[tuple[Module, str]] = set()
        while (module, name) not in seen:
            seen.add((module, name))
            if self.key(module, name) in patches:
                return UNKNOWN
            found = self.namespace(module).names.get(name)
            if found is None:
                submodule = None
                if module.is_package:
                    submodule = self.project.resolve_at(module.path.parent / name)
                return ModuleValue(submodule) if submodule is not None else UNKNOWN
            if not isinstance(found, ModuleGlobal):
                return found
            module, name = found.module, found.name
        return UNKNOWN

    def lookup(self, frame: Frame, name: str) -> Value:
        """What a name stands for in a frame."""
        patches = frame.patches
        scope: Frame | None = frame
        while scope is not None:
            if name in scope.names and not (name in scope.globals_ and scope is not frame):
                found = scope.names[name]
                if scope.outer is None and not scope.is_function and self.key(scope.module, name) in patches:
                    return UNKNOWN
                if isinstance(found, ModuleGlobal):
                    return self.module_global(found.module, found.name, patches)
                return found
            scope = scope.outer
        top = self.namespace(frame.module)
        if frame.top is not top and name in top.names:
            return self.module_global(frame.module, name, patches)
        return External(f"builtins.{name}") if name in _BUILTINS else UNKNOWN

    def import_module(self, name: str, asking: Module) -> Value:
        """The module of the project or library with a dotted name."""
        found = self.project.resolve(name, asking.path)
        return ModuleValue(found) if found is not None else External(name)

    # --- statements ---

    def block(self, frame: Frame, statements: Iterable[ast.stmt]) -> bool:
        """Follow statements; whether the code after them is never reached."""
        return any(self.statement(frame, statement) for statement in statements)

    def statement(self, frame: Frame, node: ast.stmt) -> bool:
        """Follow one statement; whether the code after it is never reached."""
        self.steps += 1
        if self.steps > _MAX_STEPS:
            raise TooMuch
        method = getattr(self, f"_do_{type(node).__name__.lower()}", None)
        return bool(method(frame, node)) if method is not None else False

    def _do_expr(self, frame: Frame, node: ast.Expr) -> bool:
        self.evaluate(frame, node.value)
        call = node.value
        if not isinstance(call, ast.Call):
            return False
        callee = self.evaluate(frame, call.func) if isinstance(call.func, (ast.Name, ast.Attribute)) else UNKNOWN
        if callee in (External("pytest.skip"), External("pytest.fail"), External("pytest.exit"), External("sys.exit")):
            return True
        return (
            isinstance(call.func, ast.Attribute)
            and call.func.attr in ("skipTest", "fail")
            and (isinstance(call.func.value, ast.Name) and call.func.value.id == "self")
        )

    def _do_return(self, frame: Frame, node: ast.Return) -> bool:
        frame.returned.append(self.evaluate(frame, node.value) if node.value is not None else NONE)
        return True

    def _do_raise(self, frame: Frame, node: ast.Raise) -> bool:
        if node.exc is not None:
            self.evaluate(frame, node.exc)
        return True

    def _do_continue(self, frame: Frame, node: ast.Continue) -> bool:
        return True

    def _do_break(self, frame: Frame, node: ast.Break) -> bool:
        return True

    def _do_assert(self, frame: Frame, node: ast.Assert) -> bool:
        self.evaluate(frame, node.test)
        return False

    def _do_delete(self, frame: Frame, node: ast.Delete) -> bool:
        for target in node.targets:
            if isinstance(target, ast.Name):
                frame.names.pop(target.id, None)
        return False

    def _do_global(self, frame: Frame, node: ast.Global) -> bool:
        frame.globals_.update(node.names)
        return False

    def _do_assign(self, frame: Frame, node: ast.Assign) -> bool:
        value = self.evaluate(frame, node.value)
        for target in node.targets:
            self.store(frame, target, value)
        return False

    def _do_annassign(self, frame: Frame, node: ast.AnnAssign) -> bool:
        if node.value is not None:
            self.store(frame, node.target, self.evaluate(frame, node.value))
        return False

    def _do_augassign(self, frame: Frame, node: ast.AugAssign) -> bool:
        self.evaluate(frame, node.value)
        if isinstance(node.target, ast.Name):
            self.store(frame, node.target, UNKNOWN)
        return False

    def _do_import(self, frame: Frame, node: ast.Import) -> bool:
        for alias in node.names:
            if alias.asname:
                frame.names[alias.asname] = self.import_module(alias.name, frame.module)
            else:
                top = alias.name.partition(".")[0]
                frame.names[top] = self.import_module(top, frame.module)
        return False

    def _do_importfrom(self, frame: Frame, node: ast.ImportFrom) -> bool:
        if node.level:
            folder = frame.module.path.parent
            for _ in range(node.level - 1):
                folder = folder.parent
            place = folder.joinpath(*node.module.split(".")) if node.module else folder
            found = self.project.resolve_at(place)
            prefix = ""
        else:
            place = None
            found = self.project.resolve(node.module or "", frame.module.path)
            prefix = node.module or ""
        for alias in node.names:
            bound = alias.asname or alias.name
            if alias.name == "*":
                if found is not None and found is not frame.module:
                    for name in list(self.namespace(found).names):
                        if not name.startswith("_"):
                            frame.names[name] = ModuleGlobal(found, name)
            elif found is not None:
                frame.names[bound] = ModuleGlobal(found, alias.name)
            elif place is not None:  # a folder without __init__.py
                inner = self.project.resolve_at(place / alias.name)
                frame.names[bound] = ModuleValue(inner) if inner is not None else UNKNOWN
            else:
                frame.names[bound] = self.import_module(f"{prefix}.{alias.name}", frame.module)
        return False

    def _do_functiondef(self, frame: Frame, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        closure: Frame | None = frame
        while closure is not None and not closure.is_function:
            closure = closure.outer  # a method doesn't see the names of its class; globals are looked up by module
        value: Value = Function(frame.module, node, closure, frame.owner if not frame.is_function else None)
        for decorator in reversed(node.decorator_list):
            value = self.decorate(frame, self.evaluate(frame, decorator), value, decorator)
        frame.names[node.name] = value
        return False

    _do_asyncfunctiondef = _do_functiondef

    def _do_classdef(self, frame: Frame, node: ast.ClassDef) -> bool:
        bases = tuple(self.evaluate(frame, base) for base in node.bases)
        body = Frame(frame.module, outer=frame, patches=frame.patches, covered=frame.covered)
        value = ClassValue(frame.module, node, bases, body=body)
        body.owner = value
        self.block(body, node.body)
        decorated: Value = value
        for decorator in reversed(node.decorator_list):
            decorated = self.decorate(frame, self.evaluate(frame, decorator), decorated, decorator)
        frame.names[node.name] = decorated
        frame.calls += body.calls
        return False

    def _do_if(self, frame: Frame, node: ast.If) -> bool:
        truth = self.truth(frame, node.test)
        if truth is True:
            return self.block(frame, node.body)
        if truth is False:
            return self.block(frame, node.orelse)
        switch = _SWITCH.search(ast.unparse(node.test)) is not None
        negated = isinstance(node.test, ast.UnaryOp) and isinstance(node.test.op, ast.Not)
        return self._branches(frame, [node.body, node.orelse], [switch and not negated, switch and negated])

    def _branches(self, frame: Frame, bodies: list[list[ast.stmt]], meant: Sequence_[bool] = ()) -> bool:
        """Follow each way through the code from the same state, and bring together what holds after all of them.

        ``meant``: on which of them somebody has asked for live calls.
        """
        names, covered, patches = frame.names, frame.covered, frame.patches
        states = []
        for number, body in enumerate(bodies):
            frame.names, frame.patches = dict(names), patches
            frame.covered = covered or (number < len(meant) and meant[number])
            if not self.block(frame, body):
                states.append((frame.names, frame.covered, frame.patches))
        if not states:
            frame.names, frame.covered, frame.patches = names, covered, patches
            return True
        merged, covered, patches = dict(states[0][0]), states[0][1], states[0][2]
        for other, is_covered, replaced in states[1:]:
            for name in merged.keys() | other.keys():
                left, right = merged.get(name), other.get(name)
                merged[name] = join(left, right) if left is not None and right is not None else left or right or NONE
            covered = covered and is_covered
            patches |= replaced
        names.clear()
        names.update(merged)
        frame.names, frame.covered, frame.patches = names, covered, patches
        return False

    def _do_for(self, frame: Frame, node: ast.For | ast.AsyncFor) -> bool:
        over = self.evaluate(frame, node.iter)
        self.store(frame, node.target, self.element(over))
        self._branches(frame, [node.body, []])
        self.block(frame, node.orelse)
        return False

    _do_asyncfor = _do_for

    def _do_while(self, frame: Frame, node: ast.While) -> bool:
        self.evaluate(frame, node.test)
        self._branches(frame, [node.body, []])
        self.block(frame, node.orelse)
        return False

    def _do_try(self, frame: Frame, node: Any) -> bool:
        ended = self._branches(frame, [[*node.body, *node.orelse], *(handler.body for handler in node.handlers)])
        return self.block(frame, node.finalbody) or ended

    _do_trystar = _do_try

    def _do_match(self, frame: Frame, node: Any) -> bool:
        self.evaluate(frame, node.subject)
        self._branches(frame, [*(case.body for case in node.cases), []])
        return False

    def _do_with(self, frame: Frame, node: ast.With | ast.AsyncWith) -> bool:
        covered, patches = frame.covered, frame.patches
        for item in node.items:
            value = self.enter(frame, self.evaluate(frame, item.context_expr), item.context_expr)
            if item.optional_vars is not None:
                self.store(frame, item.optional_vars, value)
        ended = self.block(frame, node.body)
        frame.covered, frame.patches = covered, patches
        return ended and not any(_SWALLOWS.search(ast.unparse(item.context_expr)) for item in node.items)

    _do_asyncwith = _do_with

    def enter(self, frame: Frame, value: Value, node: ast.AST | None) -> Value:
        """What ``with value`` gives; what it covers is covered from here on."""
        if isinstance(value, Cover):
            self.open_cover(frame, value)
            return UNKNOWN
        if isinstance(value, Managed):
            frame.covered = frame.covered or value.covered
            frame.patches |= value.patches
            return value.value
        if isinstance(value, Object):
            for name in ("__enter__", "__aenter__"):
                method = self.attribute(frame, value, name)
                if isinstance(method, Bound):
                    return self.apply(frame, method, (), {}, True, node)
            return UNKNOWN
        if isinstance(value, Instance):
            if _doubles.is_recorder(".".join((value.kind, *value.path))):
                frame.covered = True
                return UNKNOWN
            return value
        if value == UNKNOWN and node is not None and _doubles.says_double(ast.unparse(node).partition("(")[0]):
            frame.covered = True
        if isinstance(value, External) and _doubles.is_recorder(value.name):
            frame.covered = True
        return UNKNOWN

    def open_cover(self, frame: Frame, cover: Cover) -> None:
        """From here on a cover is open."""
        if cover.path is not None:
            frame.uses.append(cover)
        frame.covered = frame.covered or cover.blocks
        frame.patches |= cover.patches

    # --- decorators ---

    def decorate(self, frame: Frame, decorator: Value, value: Value, node: ast.AST | None) -> Value:
        """A function or class with a decorator applied."""
        if not isinstance(value, (Function, ClassValue)):
            return value
        if isinstance(decorator, External):
            if decorator.name.startswith("pytest.mark."):
                decorator = self._library.mark(frame, decorator.name, (), {}, node)
            elif decorator.name in ("pytest.fixture", "pytest_asyncio.fixture", "pytest.yield_fixture"):
                decorator = Fixture()
        if isinstance(decorator, Cover):
            return replace(value, covers=(*value.covers, decorator))
        if isinstance(decorator, Mark):
            return replace(value, marks=(*value.marks, decorator))
        if isinstance(decorator, Fixture) and isinstance(value, Function):
            return replace(value, fixture=decorator)
        if isinstance(decorator, Managed):  # contextlib.ContextDecorator
            cover = Cover("other", patches=decorator.patches, blocks=decorator.covered)
            return replace(value, covers=(*value.covers, cover))
        if isinstance(decorator, (External, Instance)):
            name = decorator.name if isinstance(decorator, External) else ".".join((decorator.kind, *decorator.path))
            if _doubles.is_recorder(name):
                return replace(value, covers=(*value.covers, Cover("other")))
            flag = _FLAGS.get(name)
            return replace(value, flags=value.flags | {flag}) if flag else value
        if isinstance(decorator, (Function, Bound, Partial)) and isinstance(value, Function):
            made = self.apply(frame, decorator, (value,), {}, True, node)
            if isinstance(made, Function) and made is not value:
                return replace(made, wraps=value, marks=(*value.marks, *made.marks), fixture=value.fixture)
        if node is not None and _doubles.says_double(ast.unparse(node).partition("(")[0]):
            return replace(value, covers=(*value.covers, Cover("other")))
        if isinstance(node, ast.Attribute) and node.attr in ("setter", "deleter", "getter"):
            return replace(value, flags=value.flags | {"setter"})
        return value

    # --- storing ---

    def store(self, frame: Frame, target: ast.AST, value: Value) -> None:
        """Assign a value to a target."""
        if isinstance(target, ast.Name):
            frame.names[target.id] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            items = value.items if isinstance(value, Sequence) and len(value.items) == len(target.elts) else ()
            for number, element in enumerate(target.elts):
                self.store(frame, element, items[number] if items else UNKNOWN)
        elif isinstance(target, ast.Starred):
            self.store(frame, target.value, UNKNOWN)
        elif isinstance(target, ast.Attribute):
            self.set_attribute(frame, target.value, target.attr, value)
        elif isinstance(target, ast.Subscript) and isinstance(target.value, (ast.Name, ast.Attribute)):
            known = frame.names.get(target.value.id) if isinstance(target.value, ast.Name) else None
            key = self.evaluate(frame, target.slice)
            if self.evaluate(frame, target.value) == External("os.environ"):
                if _doubles.is_route(str(_plain(key))):
                    frame.patches |= {EVERYTHING}
            elif isinstance(known, Mapping):
                kept = tuple(pair for pair in known.items if pair[0] != _plain(key))
                self.store(frame, target.value, Mapping((*kept, (_plain(key), value))))

    def set_attribute(self, frame: Frame, owner: ast.AST, name: str, value: Value) -> None:
        """``owner.name = value``: an object keeps it; on a module, a class or a client it is a replacement."""
        found = self.evaluate(frame, owner) if isinstance(owner, ast.expr) else UNKNOWN
        if isinstance(found, Object):
            if isinstance(owner, ast.Name) and owner.id not in frame.names and not isinstance(value, Instance):
                self._replace_global(frame, owner.id)
            if isinstance(owner, (ast.Name, ast.Attribute)):
                self.store(frame, owner, found.having(name, value))
            return
        if not isinstance(value, (Text, Constant)) or name in ("ALLOW_MODEL_REQUESTS", "base_url", "api_base"):
            frame.patches |= self.replaced(found, name)

    def _replace_global(self, frame: Frame, name: str) -> None:
        raw = self.namespace(frame.module).names.get(name)
        if isinstance(raw, ModuleGlobal):
            frame.patches |= {self.key(raw.module, raw.name)}
        else:
            frame.patches |= {self.key(frame.module, name)}

    def replaced(self, owner: Value, name: str) -> frozenset[str]:
        """What stands for a replaced attribute among ``patches``."""
        if isinstance(owner, ModuleValue):
            known = self.namespace(owner.module).names.get(name)
            also = {self.key(known.module, known.name)} if isinstance(known, ModuleGlobal) else set()
            return frozenset({self.key(owner.module, name), *also})
        if isinstance(owner, Object):
            owner = owner.cls
        if isinstance(owner, ClassValue):
            return frozenset(self.key(cls.module, f"{cls.name}.{name}") for cls in self.lineage(owner))
        if isinstance(owner, Instance):
            return frozenset({_sdks.package(owner.kind)})
        if isinstance(owner, External):
            top = owner.name.partition(".")[0]
            return frozenset({top}) if _sdks.is_sdk_package(top) else frozenset()
        if isinstance(owner, (Function, Constant, Text, Sequence, Mapping)):
            return frozenset()
        return frozenset({EVERYTHING})

    # --- expressions ---

    def evaluate(self, frame: Frame, node: ast.expr) -> Value:
        """What an expression is; calls in it are noted."""
        method = getattr(self, f"_is_{type(node).__name__.lower()}", None)
        if method is not None:
            found: Value = method(frame, node)
            return found
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.evaluate(frame, child)
        return UNKNOWN

    def _is_constant(self, frame: Frame, node: ast.Constant) -> Value:
        if isinstance(node.value, str):
            return text(node.value)
        return Constant(node.value, type(node.value).__name__)

    def _is_name(self, frame: Frame, node: ast.Name) -> Value:
        return self.lookup(frame, node.id)

    def _is_attribute(self, frame: Frame, node: ast.Attribute) -> Value:
        return self.attribute(frame, self.evaluate(frame, node.value), node.attr)

    def _is_await(self, frame: Frame, node: ast.Await) -> Value:
        return self.evaluate(frame, node.value)

    def _is_starred(self, frame: Frame, node: ast.Starred) -> Value:
        return self.evaluate(frame, node.value)

    def _is_namedexpr(self, frame: Frame, node: ast.NamedExpr) -> Value:
        value = self.evaluate(frame, node.value)
        self.store(frame, node.target, value)
        return value

    def _is_lambda(self, frame: Frame, node: ast.Lambda) -> Value:
        return Function(frame.module, node, frame if frame.is_function else None)

    def _is_ifexp(self, frame: Frame, node: ast.IfExp) -> Value:
        truth = self.truth(frame, node.test)
        if truth is not None:
            return self.evaluate(frame, node.body if truth else node.orelse)
        return join(self.evaluate(frame, node.body), self.evaluate(frame, node.orelse))

    def _is_boolop(self, frame: Frame, node: ast.BoolOp) -> Value:
        values = [self.evaluate(frame, each) for each in node.values]
        if isinstance(node.op, ast.Or):
            return next((value for value in values if value != NONE), NONE)
        return values[-1]

    def _is_joinedstr(self, frame: Frame, node: ast.JoinedStr) -> Value:
        parts = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                parts.append(self.evaluate(frame, part.value))
            else:
                parts.append(self.evaluate(frame, part))
        return concatenated(parts)

    def _is_binop(self, frame: Frame, node: ast.BinOp) -> Value:
        left, right = self.evaluate(frame, node.left), self.evaluate(frame, node.right)
        if isinstance(node.op, ast.Div) and isinstance(left, Text):
            return joined_path((left, right))
        if isinstance(node.op, ast.Add):
            if isinstance(left, Text) or isinstance(right, Text):
                return concatenated([left, right])
            if isinstance(left, Sequence) and isinstance(right, Sequence):
                return Sequence(left.items + right.items)
        if isinstance(node.op, ast.Mod) and isinstance(left, Text) and left.exact is not None:
            return Text(tuple(piece for part in left.exact.split("%s") for piece in (part, None))[:-1])
        if isinstance(node.op, ast.BitOr):
            return _sdks.piped(left, right)
        return UNKNOWN

    def _is_tuple(self, frame: Frame, node: ast.Tuple | ast.List | ast.Set) -> Value:
        return Sequence(tuple(self.evaluate(frame, element) for element in node.elts))

    _is_list = _is_tuple
    _is_set = _is_tuple

    def _is_dict(self, frame: Frame, node: ast.Dict) -> Value:
        items = []
        for key, value in zip(node.keys, node.values):
            found = self.evaluate(frame, value)
            if key is None:
                if not isinstance(found, Mapping):
                    items.append((None, UNKNOWN))
                else:
                    items += found.items
            else:
                items.append((_plain(self.evaluate(frame, key)), found))
        return Mapping(tuple(items)) if len(items) <= 50 else UNKNOWN

    def _is_subscript(self, frame: Frame, node: ast.Subscript) -> Value:
        owner, key = self.evaluate(frame, node.value), self.evaluate(frame, node.slice)
        if owner == External("os.environ"):
            return Instance("os.environ")
        if isinstance(owner, Method) and owner.name == "parents" and isinstance(owner.owner, Text):
            return self._library.ancestor(owner.owner, key)
        if isinstance(owner, Sequence) and isinstance(key, Constant) and isinstance(key.value, int):
            return owner.items[key.value] if -len(owner.items) <= key.value < len(owner.items) else UNKNOWN
        if isinstance(owner, Mapping):
            found = owner.get(_plain(key))
            return found if found is not None else self.element(Sequence(tuple(value for _, value in owner.items)))
        if isinstance(owner, (ClassValue, External)):  # Generic[T]
            return owner
        return UNKNOWN

    def _is_yield(self, frame: Frame, node: ast.Yield) -> Value:
        frame.yielded.append(self.evaluate(frame, node.value) if node.value is not None else NONE)
        frame.covered_at_yield = frame.covered_at_yield or frame.covered
        frame.patches_at_yield |= frame.patches
        return UNKNOWN

    def _is_yieldfrom(self, frame: Frame, node: ast.YieldFrom) -> Value:
        value = self.evaluate(frame, node.value)
        frame.yielded.append(value.value if isinstance(value, Managed) else UNKNOWN)
        if isinstance(value, Managed):
            frame.covered_at_yield = frame.covered_at_yield or value.covered
        frame.covered_at_yield = frame.covered_at_yield or frame.covered
        frame.patches_at_yield |= frame.patches
        return UNKNOWN

    def _comprehension(self, frame: Frame, node: Any) -> Value:
        inner = Frame(
            frame.module, dict(frame.names), frame.outer, frame.owner, frame.first, frame.is_function, frame.covered,
            frame.patches, frame.calls, frame.uses,
        )  # fmt: skip
        for part in node.generators:
            over = self.evaluate(inner, part.iter)
            self.store(inner, part.target, self.element(over))
            for condition in part.ifs:
                self.evaluate(inner, condition)
        parts = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
        values = [self.evaluate(inner, part) for part in parts]
        return UNKNOWN if isinstance(node, ast.DictComp) else Sequence((values[0],))

    _is_listcomp = _comprehension
    _is_setcomp = _comprehension
    _is_generatorexp = _comprehension
    _is_dictcomp = _comprehension

    def element(self, value: Value) -> Value:
        """What the elements of a collection have in common."""
        return join_all(value.items) if isinstance(value, Sequence) and value.items else UNKNOWN

    def truth(self, frame: Frame, node: ast.expr) -> bool | None:
        """Whether a condition holds, ``None`` where that can't be told."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self.truth(frame, node.operand)
            return None if inner is None else not inner
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            left, right = self.evaluate(frame, node.left), self.evaluate(frame, node.comparators[0])
            if isinstance(node.left, ast.Name) and node.left.id == "__name__" and right == text("__main__"):
                return False
            if right == NONE and isinstance(node.ops[0], (ast.Is, ast.IsNot, ast.Eq, ast.NotEq)):
                known = _is_none(left)
                wanted = isinstance(node.ops[0], (ast.Is, ast.Eq))
                return None if known is None else known is wanted
            return None
        value = self.evaluate(frame, node)
        if value == External("typing.TYPE_CHECKING"):
            return False
        if isinstance(value, Constant):
            return bool(value.value)
        if isinstance(value, (Instance, Object, Function, ClassValue)) and value != Instance("os.environ"):
            return True
        return None

    # --- attributes ---

    def attribute(self, frame: Frame, owner: Value, name: str) -> Value:
        """``owner.name``."""
        if isinstance(owner, ModuleValue):
            return self.module_global(owner.module, name, frame.patches)
        if isinstance(owner, External):
            return self._external_attribute(frame, owner, name)
        if isinstance(owner, Instance):
            return replace(owner, path=(*owner.path, name)) if len(owner.path) < _MAX_NESTING else UNKNOWN
        if isinstance(owner, Object):
            return self._object_attribute(frame, owner, name)
        if isinstance(owner, ClassValue):
            found = self._class_attribute(owner, name, frame.patches)
            if isinstance(found, Function) and "classmethod" in found.flags:
                return Bound(found, owner)
            return UNKNOWN if found is None else found
        if isinstance(owner, Text):
            return self._library.text_attribute(owner, name)
        if isinstance(owner, Mapping) and owner.get(name) is not None:  # types.SimpleNamespace
            return owner.get(name) or UNKNOWN
        if isinstance(owner, (Cover, Sequence, Mapping, Managed)):
            return Method(owner, name)
        if isinstance(owner, Function) and name == "__wrapped__":
            return owner.inner
        return UNKNOWN

    def _external_attribute(self, frame: Frame, owner: External, name: str) -> Value:
        full = f"{owner.name}.{name}"
        top = owner.name.partition(".")[0]
        if not _sdks.is_sdk_package(top) and top not in ("pytest", "builtins"):
            found = self.project.resolve(full, frame.module.path)
            if found is not None:
                return ModuleValue(found)
        return External(full)

    def lineage(self, cls: ClassValue) -> list[ClassValue]:
        """A class and its bases of the project, in the order in which attributes are looked up."""
        found: list[ClassValue] = []
        waiting = [cls]
        while waiting:
            each = waiting.pop(0)
            if each in found or len(found) > 20:
                continue
            found.append(each)
            waiting = [base for base in each.bases if isinstance(base, ClassValue)] + waiting
        return found

    def external_bases(self, cls: ClassValue) -> list[str]:
        """The library classes that a class is derived from."""
        return [base.name for each in self.lineage(cls) for base in each.bases if isinstance(base, External)]

    def _class_attribute(self, cls: ClassValue, name: str, patches: frozenset[str]) -> Value | None:
        for each in self.lineage(cls):
            if self.key(each.module, f"{each.name}.{name}") in patches:
                return UNKNOWN
            if each.body is not None and name in each.body.names:
                found = each.body.names[name]
                if isinstance(found, ModuleGlobal):
                    return self.module_global(found.module, found.name, patches)
                if isinstance(found, Function) and each.covers and self.is_decorated(each, name):
                    return replace(found, covers=(*found.covers, *each.covers))
                return found
        return None

    def is_decorated(self, cls: ClassValue, name: str) -> bool:
        """Whether a decorator of a class reaches a method: its tests, or all of its methods if it has no tests."""
        names = cls.body.names if cls.body is not None else {}
        has_tests = any(each.startswith("test") for each, value in names.items() if isinstance(value, Function))
        return name.startswith("test") or not has_tests

    def _object_attribute(self, frame: Frame, owner: Object, name: str) -> Value:
        own = owner.get(name)
        if own is not None and own != NONE:
            return own
        found = self._class_attribute(owner.cls, name, frame.patches)
        if isinstance(found, Function):
            if "property" in found.flags or "setter" in found.flags:
                return self.apply(frame, Bound(found, owner), (), {}, True, None)
            if "staticmethod" in found.flags:
                return found
            return Bound(found, owner.cls if "classmethod" in found.flags else owner)
        elsewhere = self._assigned_elsewhere(owner.cls).get(name)
        known = [value for value in (own, found, elsewhere) if value is not None]
        if found is UNKNOWN and self.key(owner.cls.module, f"{owner.cls.name}.{name}") in frame.patches:
            return UNKNOWN
        if not known:
            client = owner.get("__client__")
            return self.attribute(frame, client, name) if client is not None else UNKNOWN
        return join_all(known)

    def _assigned_elsewhere(self, cls: ClassValue) -> dict[str, Value]:
        """Attributes that methods of a class set on ``self``, its set-up methods and fixtures included."""
        if cls not in self._assigned:
            found: dict[str, Value] = {}
            self._assigned[cls] = found
            for each in self.lineage(cls):
                for function in list(each.body.names.values()) if each.body is not None else []:
                    if not isinstance(function, Function) or not _parameters(function.inner.node):
                        continue
                    first = _parameters(function.inner.node)[0].arg
                    summary = self.invoke(function.inner, (Object(cls),), {}, False, frozenset())
                    for name, value in summary.changed:
                        if name == first and isinstance(value, Object):
                            for key, attribute in value.attributes:
                                found[key] = join(found[key], attribute) if key in found else attribute
        return self._assigned[cls]

    # --- calls ---

    def _is_call(self, frame: Frame, node: ast.Call) -> Value:
        callee = self._callee(frame, node)
        args: list[Value] = []
        complete = True
        for argument in node.args:
            value = self.evaluate(frame, argument)
            if isinstance(argument, ast.Starred):
                if isinstance(value, Sequence) and not isinstance(argument.value, (ast.ListComp, ast.GeneratorExp)):
                    args += value.items
                else:
                    complete = False
            else:
                args.append(value)
        options: dict[str, Value] = {}
        for keyword in node.keywords:
            value = self.evaluate(frame, keyword.value)
            if keyword.arg is not None:
                options[keyword.arg] = value
            elif isinstance(value, Mapping) and all(isinstance(key, str) for key, _ in value.items):
                options.update(value.items)
            else:
                complete = False
        result = self.apply(frame, callee, tuple(args), options, complete, node)
        if isinstance(callee, (Function, Bound, ClassValue)):
            return result
        return self._passed_on(frame, node, callee, tuple(args), options, result)

    def _callee(self, frame: Frame, node: ast.Call) -> Value:
        """What is called; ``super().method`` is the method of the next base with this object."""
        function = node.func
        if (
            isinstance(function, ast.Attribute)
            and isinstance(function.value, ast.Call)
            and isinstance(function.value.func, ast.Name)
            and function.value.func.id == "super"
            and frame.owner is not None
        ):
            for base in self.lineage(frame.owner)[1:]:
                found = base.body.names.get(function.attr) if base.body is not None else None
                if isinstance(found, Function):
                    return Bound(found, frame.names.get(frame.first, UNKNOWN))
            return UNKNOWN
        return self.evaluate(frame, function)

    def _passed_on(
        self,
        frame: Frame,
        node: ast.Call,
        callee: Value,
        args: tuple[Value, ...],
        options: dict[str, Value],
        result: Value,
    ) -> Value:
        """Calls by way of something that is not known: executors, exit stacks, event loops."""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if callee != UNKNOWN and not isinstance(callee, Instance):
            return result
        if name in ("enter_context", "enterContext", "enter_async_context", "enterAsyncContext", "enterClassContext"):
            return self.enter(frame, args[0], node.args[0]) if args else UNKNOWN
        if name in ("submit", "map", "run_sync", "call_soon", "apply_async", "start_soon", "pedantic") and args:
            first = args[0]
            if isinstance(first, (Function, Bound, Partial)) or (isinstance(first, Instance) and first.path):
                rest = tuple(self.element(arg) for arg in args[1:]) if name == "map" else args[1:]
                return self.apply(frame, first, rest, options, name != "map", node)
        if name == "run_in_executor" and len(args) > 1:
            return self.apply(frame, args[1], args[2:], {}, True, node)
        if name in ("run_until_complete", "create_task", "run") and args:
            return args[0]
        return result

    def apply(
        self,
        frame: Frame,
        callee: Value,
        args: tuple[Value, ...],
        options: dict[str, Value],
        complete: bool,
        node: ast.AST | None,
    ) -> Value:
        """Call a value. ``complete``: nothing is passed but ``args`` and ``options``."""
        if isinstance(callee, Function):
            return self._call_function(frame, callee, args, options, complete, node, bound=False)
        if isinstance(callee, Bound):
            return self._call_function(
                frame, callee.function, (callee.owner, *args), options, complete, node, bound=True
            )
        if isinstance(callee, Partial):
            return self.apply(
                frame, callee.function, (*callee.args, *args), {**dict(callee.options), **options}, complete, node
            )
        if isinstance(callee, ClassValue):
            return self.construct(frame, callee, args, options, complete, node)
        if isinstance(callee, Object):
            method = self.attribute(frame, callee, "__call__")
            return self.apply(frame, method, args, options, complete, node) if isinstance(method, Bound) else UNKNOWN
        if isinstance(callee, Instance):
            outcome = self._library.call_instance(frame, callee, args, options, node)
            if outcome is not None:
                return outcome
            made = _sdks.call_method(callee, args, options, complete)
            if made.network:
                self.report(frame, node, callee, callee.kind)
            return made.value
        if isinstance(callee, (Cover, Mark)) and args and isinstance(args[0], (Function, ClassValue)):
            return self.decorate(frame, callee, args[0], None)
        if isinstance(callee, Method):
            return self._library.call_text_method(frame, callee, args, options)
        if isinstance(callee, External):
            return self._library.call(frame, callee, args, options, complete, node)
        return UNKNOWN

    def report(self, frame: Frame, node: ast.AST | None, what: Value, kind: str) -> None:
        """A call goes out, if nothing covers it."""
        if frame.covered or EVERYTHING in frame.patches or _sdks.is_covered(kind, frame.patches) or node is None:
            return
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        last = getattr(node, "end_lineno", line) or line
        frame.calls.append(Call(str(frame.module.path), line, last, column + 1, _sdks.shown(what), kind))

    def construct(
        self,
        frame: Frame,
        cls: ClassValue,
        args: tuple[Value, ...],
        options: dict[str, Value],
        complete: bool,
        node: ast.AST | None,
    ) -> Value:
        """An object of a class of the project."""
        made: Value = Object(cls)
        initialiser = self._class_attribute(cls, "__init__", frame.patches)
        if initialiser is UNKNOWN:
            return UNKNOWN
        if isinstance(initialiser, Function):
            summary = self.invoke(initialiser, (made, *args), options, complete, frame.patches)
            self.absorb(frame, summary, f"{cls.name}()")
            changed = dict(summary.changed)
            names = _parameters(initialiser.inner.node)
            made = changed.get(names[0].arg, made) if names else made
        elif initialiser is None:
            clients = [
                client
                for name in (() if _doubles.says_double(cls.name) else self.external_bases(cls))
                if (client := _sdks.construct(name, args, options, complete)) is not None
            ]
            if clients:
                return Object(cls, (("__client__", clients[0]),))
            fields = self._fields(frame, cls)
            values = {name: default for name, default in fields.items() if default is not None}
            values.update(zip(fields, args))
            values.update({name: value for name, value in options.items() if name in fields})
            made = Object(cls, tuple(values.items()))
        return made if depth(made) <= _MAX_NESTING else UNKNOWN

    def _fields(self, frame: Frame, cls: ClassValue) -> dict[str, Value | None]:
        """The fields of a dataclass or model: annotated names of its body, with their defaults."""
        fields: dict[str, Value | None] = {}
        for each in reversed(self.lineage(cls)):
            for statement in each.node.body:
                if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                    default: Value | None = None
                    if statement.value is not None:
                        default = each.body.names.get(statement.target.id) if each.body is not None else None
                    if isinstance(default, Partial):  # field(default_factory=...)
                        default = self.apply(frame, default.function, (), {}, True, statement)
                    fields[statement.target.id] = default
        return fields

    def _call_function(
        self,
        frame: Frame,
        function: Function,
        args: tuple[Value, ...],
        options: dict[str, Value],
        complete: bool,
        node: ast.AST | None,
        *,
        bound: bool,
    ) -> Value:
        if depth(Sequence(args)) > _MAX_NESTING + 1:
            args = tuple(value if depth(value) <= _MAX_NESTING else UNKNOWN for value in args)
        summary = self.invoke(function, args, options, complete, frame.patches)
        self.absorb(frame, summary, function.name)
        self._take_changes(frame, function, summary, node, bound)
        if "contextmanager" in function.flags:
            return Managed(summary.yielded, summary.covered_at_yield, summary.patches_at_yield)
        return summary.value

    def _take_changes(
        self, frame: Frame, function: Function, summary: Summary, node: ast.AST | None, bound: bool
    ) -> None:
        """Objects that a function got and set attributes of, as they are afterwards."""
        if not summary.changed or not isinstance(node, ast.Call):
            return
        expressions: list[ast.AST | None] = list(node.args)
        if bound:  # a method kept in a name has an object that is named nowhere in the call
            expressions.insert(0, node.func.value if isinstance(node.func, ast.Attribute) else None)
        places: dict[str, ast.AST | None] = dict(zip((each.arg for each in _parameters(function.node)), expressions))
        places.update({keyword.arg: keyword.value for keyword in node.keywords if keyword.arg})
        for name, value in summary.changed:
            place = places.get(name)
            if bound and place is expressions[0] and isinstance(place, ast.Call):
                if isinstance(place.func, ast.Name) and place.func.id == "super":
                    frame.names[frame.first] = value
            elif isinstance(place, (ast.Name, ast.Attribute)):
                self.store(frame, place, value)

    def absorb(self, frame: Frame, summary: Summary, name: str) -> None:
        """What a called function did, as something that happened here."""
        if not frame.covered:
            frame.calls += [replace(call, chain=(name, *call.chain)) for call in summary.calls]
        frame.uses += summary.uses
        frame.patches |= summary.patches
        frame.covered = frame.covered or summary.covers_after

    def invoke(
        self,
        function: Function,
        args: tuple[Value, ...],
        options: dict[str, Value],
        complete: bool,
        patches: frozenset[str],
    ) -> Summary:
        """Follow a function for arguments."""
        names = self._bind(function, args, options, complete, patches)
        inner = patches.union(*(cover.patches for cover in function.covers)) if function.covers else patches
        key = (function.node, function.module, tuple(names.items()), inner, function.owner)
        summary = self._known.get(key) if function.closure is None else None
        if summary is None:
            if len(self._stack) >= _MAX_DEPTH or self._stack.count(function.node) >= 2:
                return NOTHING
            self._stack.append(function.node)
            try:
                summary = self._run(function, names, inner)
            finally:
                self._stack.pop()
            if function.closure is None:
                self._known[key] = summary
        if not function.covers:
            return summary
        blocked = any(cover.blocks for cover in function.covers)
        return replace(
            summary,
            calls=() if blocked else summary.calls,
            uses=(*summary.uses, *(cover for cover in function.covers if cover.path is not None)),
            patches=summary.patches - inner | patches if summary.patches else summary.patches,
            covered_at_yield=summary.covered_at_yield or blocked,
        )

    def _run(self, function: Function, names: dict[str, Value], patches: frozenset[str]) -> Summary:
        node = function.node
        frame = Frame(function.module, dict(names), function.closure, function.owner, is_function=True, patches=patches)
        parameters = _parameters(node)
        frame.first = parameters[0].arg if parameters else ""
        if isinstance(node, ast.Lambda):
            frame.returned.append(self.evaluate(frame, node.body))
        elif not self.block(frame, node.body):
            frame.returned.append(NONE)
        changed = tuple(
            (name, frame.names[name])
            for name, value in names.items()
            if isinstance(value, Object) and isinstance(frame.names.get(name), Object) and frame.names[name] != value
        )
        return Summary(
            value=join_all(frame.returned),
            yielded=join_all(frame.yielded),
            covered_at_yield=frame.covered_at_yield,
            patches_at_yield=frame.patches_at_yield - patches,
            calls=tuple(frame.calls),
            uses=tuple(frame.uses),
            patches=frame.patches - patches,
            covers_after=frame.covered,
            changed=changed,
            named_globals=tuple((name, frame.names[name]) for name in sorted(frame.globals_) if name in frame.names),
        )

    def _bind(
        self,
        function: Function,
        args: tuple[Value, ...],
        options: dict[str, Value],
        complete: bool,
        patches: frozenset[str],
    ) -> dict[str, Value]:
        """The parameters of a function, for arguments; those that are not given take their defaults."""
        spec = function.node.args
        positional = _parameters(function.node)
        names: dict[str, Value] = {}
        for parameter, value in zip(positional, args):
            names[parameter.arg] = value
        if spec.vararg is not None:
            names[spec.vararg.arg] = Sequence(args[len(positional) :]) if complete else UNKNOWN
        known = {each.arg for each in (*positional, *spec.kwonlyargs)}
        names.update({name: value for name, value in options.items() if name in known})
        if spec.kwarg is not None:
            rest = tuple((name, value) for name, value in options.items() if name not in known)
            names[spec.kwarg.arg] = Mapping(rest) if complete else UNKNOWN
        defaults: dict[str, ast.expr | None] = dict(
            zip((each.arg for each in positional[len(positional) - len(spec.defaults) :]), spec.defaults)
        )
        defaults.update(zip((each.arg for each in spec.kwonlyargs), spec.kw_defaults))
        outside = function.closure or self.namespace(function.module)
        for name in (each.arg for each in (*positional, *spec.kwonlyargs)):
            if name not in names:
                default = defaults.get(name)
                quiet = Frame(function.module, outer=outside, covered=True, patches=patches)
                names[name] = self.evaluate(quiet, default) if default is not None and complete else UNKNOWN
        return names


# Conditions by which somebody asks for live calls.
_SWITCH = re.compile(r"\benviron\b|\bgetenv\b|\bgetoption\b")
# Contexts that go on after what was raised in them.
_SWALLOWS = re.compile(r"^(?:\w+\.)*(?:raises|suppress|assertRaises\w*|RaisesGroup|warns|subTest)\b")
_FLAGS = {
    "builtins.property": "property",
    "functools.cached_property": "property",
    "builtins.staticmethod": "staticmethod",
    "builtins.classmethod": "classmethod",
    "contextlib.contextmanager": "contextmanager",
    "contextlib.asynccontextmanager": "contextmanager",
}


def _parameters(node: FunctionNode) -> list[ast.arg]:
    return [*node.args.posonlyargs, *node.args.args]


def _plain(value: Value) -> Any:
    """A key of a mapping as it is written, where it can be told."""
    if isinstance(value, Text):
        return value.exact
    return value.value if isinstance(value, Constant) else None


def _is_none(value: Value) -> bool | None:
    if value == NONE:
        return True
    return None if value in (UNKNOWN, Instance("os.environ")) else False
