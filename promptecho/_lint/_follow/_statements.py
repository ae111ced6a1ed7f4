"""Statements: which ways lead through the code, and what holds after them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from typing import Any

from promptecho._lint._follow._following import Following, TooMuch
from promptecho._lint._follow._frames import Frame
from promptecho._lint._follow._values import NONE, UNKNOWN, ClassValue, External, Function, Value, element, join

_MAX_STEPS = 100_000
# Conditions by which somebody asks for live calls.
_SWITCH = re.compile(r"\benviron\b|\bgetenv\b|\bgetoption\b")
# Contexts that go on after what was raised in them.
_SWALLOWS = re.compile(r"^(?:\w+\.)*(?:raises|suppress|assertRaises\w*|RaisesGroup|warns|subTest)\b")
_State = tuple[dict[str, Value], bool, frozenset[str]]  # names, whether calls are covered, what is replaced
_ENDS = tuple(External(name) for name in ("pytest.skip", "pytest.fail", "pytest.exit", "sys.exit"))


class Statements(Following):
    """Follows statements. A method ``_do_<node>`` says whether the code after it is never reached."""

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
        if callee in _ENDS:
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

    def _branches(self, frame: Frame, bodies: list[list[ast.stmt]], meant: Sequence[bool] = ()) -> bool:
        """Follow each way through the code from the same state, and bring together what holds after all of them.

        ``meant``: on which of them somebody has asked for live calls.
        """
        names, covered, patches = frame.names, frame.covered, frame.patches
        states: list[_State] = []
        for number, body in enumerate(bodies):
            frame.names, frame.patches = dict(names), patches
            frame.covered = covered or (number < len(meant) and meant[number])
            if not self.block(frame, body):
                states.append((frame.names, frame.covered, frame.patches))
        after, covered, patches = _merged(states) if states else (names, covered, patches)
        if states:
            names.clear()
            names.update(after)
        frame.names, frame.covered, frame.patches = names, covered, patches
        return not states

    def _do_for(self, frame: Frame, node: ast.For | ast.AsyncFor) -> bool:
        over = self.evaluate(frame, node.iter)
        self.store(frame, node.target, element(over))
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


def _merged(states: Sequence[_State]) -> _State:
    """What holds after one of several ways was taken."""
    names, covered, patches = dict(states[0][0]), states[0][1], states[0][2]
    for other, is_covered, replaced in states[1:]:
        for name in names.keys() | other.keys():
            left, right = names.get(name), other.get(name)
            names[name] = join(left, right) if left is not None and right is not None else left or right or NONE
        covered = covered and is_covered
        patches |= replaced
    return names, covered, patches
