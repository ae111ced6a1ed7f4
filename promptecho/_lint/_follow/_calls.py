"""Calls: what is called with what, and what comes of it."""

from __future__ import annotations

import ast
from dataclasses import replace

from promptecho._lint._follow import _doubles, _sdks
from promptecho._lint._follow._arguments import NO_ARGUMENTS, Arguments, Place
from promptecho._lint._follow._following import EVERYTHING, MAX_NESTING, Following
from promptecho._lint._follow._frames import Call, Frame
from promptecho._lint._follow._values import (
    UNKNOWN,
    Bound,
    ClassValue,
    Cover,
    Function,
    Instance,
    Mapping,
    Mark,
    Object,
    Partial,
    Sequence,
    Value,
    depth,
    element,
)

_ENTERING = frozenset(
    ("enter_context", "enterContext", "enter_async_context", "enterAsyncContext", "enterClassContext")
)  # fmt: skip
_CALLING_FIRST = frozenset(("submit", "map", "run_sync", "call_soon", "apply_async", "start_soon", "pedantic"))
_GIVING_FIRST = frozenset(("run_until_complete", "create_task", "run"))


class Calls(Following):
    """Follows calls into what is called."""

    def _is_call(self, frame: Frame, node: ast.Call) -> Value:
        callee = self._callee(frame, node)
        passed = self._passed(frame, node)
        result = self.apply(frame, callee, passed)
        if callee == UNKNOWN or isinstance(callee, Instance):
            return self._passed_on(frame, node, passed, result)
        return result

    def _callee(self, frame: Frame, node: ast.Call) -> Value:
        """What is called; ``super().method`` is the method of the next base with this object."""
        function = node.func
        if frame.owner is None or not isinstance(function, ast.Attribute) or not is_super(function.value):
            return self.evaluate(frame, function)
        for base in frame.owner.lineage[1:]:
            found = base.names.get(function.attr)
            if isinstance(found, Function):
                return Bound(found, frame.names.get(frame.first, UNKNOWN))
        return UNKNOWN

    def _passed(self, frame: Frame, node: ast.Call) -> Arguments:
        args: list[Value] = []
        options: dict[str, Value] = {}
        places: dict[Place, ast.expr] = {}
        complete = True
        for argument in node.args:
            value = self.evaluate(frame, argument)
            if not isinstance(argument, ast.Starred):
                places[len(args)] = argument
                args.append(value)
            elif isinstance(value, Sequence) and not isinstance(argument.value, (ast.ListComp, ast.GeneratorExp)):
                args += value.items
            else:
                complete = False
        for keyword in node.keywords:
            value = self.evaluate(frame, keyword.value)
            if keyword.arg is not None:
                options[keyword.arg] = value
                places[keyword.arg] = keyword.value
            elif isinstance(value, Mapping) and all(isinstance(key, str) for key, _ in value.items):
                options.update(value.items)
            else:
                complete = False
        return Arguments(tuple(args), options, complete, node, node.func, places)

    def _passed_on(self, frame: Frame, node: ast.Call, passed: Arguments, result: Value) -> Value:
        """Calls by way of something that is not known: executors, exit stacks, event loops."""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        first = passed.first
        if name in _ENTERING:
            return self.enter(frame, first, node.args[0]) if passed.args else UNKNOWN
        if name in _CALLING_FIRST and _can_be_passed(first):
            rest = each_element(passed.rest()) if name == "map" else passed.rest()
            return self.apply(frame, first, replace(rest, complete=name != "map"))
        if name == "run_in_executor" and len(passed.args) > 1:
            return self.apply(frame, passed.at(1), passed.rest(2))
        if name in _GIVING_FIRST and passed.args:
            return first
        return result

    def apply(self, frame: Frame, callee: Value, passed: Arguments) -> Value:
        """Call a value."""
        if isinstance(callee, Function):
            return self.call_function(frame, callee, passed)
        if isinstance(callee, Bound):
            return self.call_bound(frame, callee, passed)
        if isinstance(callee, Partial):
            whole = replace(passed, options={**dict(callee.options), **passed.options}).behind(*callee.args)
            return self.apply(frame, callee.function, whole)
        if isinstance(callee, ClassValue):
            return self.construct(frame, callee, passed)
        if isinstance(callee, Object):
            method = self.attribute(frame, callee, "__call__")
            if not isinstance(method, Bound):
                return UNKNOWN
            return self.call_function(frame, method.function, passed.behind(method.owner, place=passed.callee))
        if isinstance(callee, (Cover, Mark)) and isinstance(passed.first, (Function, ClassValue)):
            return self.decorate(frame, callee, passed.first, None)
        return self.call_library(frame, callee, passed)

    def report(self, frame: Frame, node: ast.AST | None, what: Value, kind: str) -> None:
        """A call goes out, if nothing covers it."""
        if frame.covered or EVERYTHING in frame.patches or _sdks.is_covered(kind, frame.patches) or node is None:
            return
        path, line, column = frame.site(node)
        last = getattr(node, "end_lineno", line) or line
        frame.calls.append(Call(path, line, last, column, _sdks.shown(what), kind))

    def construct(self, frame: Frame, cls: ClassValue, passed: Arguments) -> Value:
        """An object of a class of the project."""
        initialiser = self.class_attribute(cls, "__init__", frame.patches)
        if initialiser is UNKNOWN:
            return UNKNOWN
        made: Value = Object(cls)
        if isinstance(initialiser, Function):
            summary = self.invoke(initialiser, passed.behind(made), frame.patches)
            self.absorb(frame, summary, f"{cls.name}()")
            names = initialiser.inner.parameters
            made = dict(summary.changed).get(names[0].arg, made) if names else made
        elif initialiser is None:
            made = self._construct_plainly(frame, cls, passed)
        return made if depth(made) <= MAX_NESTING else UNKNOWN

    def _construct_plainly(self, frame: Frame, cls: ClassValue, passed: Arguments) -> Object:
        """An object without an ``__init__`` of its own: a client by its base, or with the fields of a dataclass."""
        for name in () if _doubles.says_double(cls.name) else cls.library_bases:
            client = _sdks.construct(name, passed)
            if client is not None:
                return Object(cls, (("__client__", client),))
        fields = self._fields(frame, cls)
        values = {name: default for name, default in fields.items() if default is not None}
        values.update(zip(fields, passed.args))
        values.update({name: value for name, value in passed.options.items() if name in fields})
        return Object(cls, tuple(values.items()))

    def _fields(self, frame: Frame, cls: ClassValue) -> dict[str, Value | None]:
        """The fields of a dataclass or model: annotated names of its body, with their defaults."""
        fields: dict[str, Value | None] = {}
        for each in reversed(cls.lineage):
            for statement in each.node.body:
                if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                    name = statement.target.id
                    default = each.names.get(name) if statement.value is not None else None
                    if isinstance(default, Partial):  # field(default_factory=...)
                        default = self.apply(frame, default.function, replace(NO_ARGUMENTS, node=statement))
                    fields[name] = default
        return fields


def is_super(node: ast.AST) -> bool:
    """Whether an expression is ``super()``."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"


def each_element(passed: Arguments) -> Arguments:
    """What ``map`` passes: an element of each of its collections, and nobody knows which."""
    return Arguments(tuple(element(value) for value in passed.args), complete=False, node=passed.node)


def _can_be_passed(value: Value) -> bool:
    return isinstance(value, (Function, Bound, Partial)) or (isinstance(value, Instance) and bool(value.path))
