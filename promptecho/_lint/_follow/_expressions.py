"""Expressions: what their values are."""

from __future__ import annotations

import ast
from typing import Any

from promptecho._lint._follow import _sdks, _texts
from promptecho._lint._follow._following import Following
from promptecho._lint._follow._frames import Frame
from promptecho._lint._follow._values import (
    NONE,
    UNKNOWN,
    ClassValue,
    Constant,
    External,
    Function,
    Instance,
    Managed,
    Mapping,
    Method,
    Object,
    Sequence,
    Text,
    Value,
    element,
    join,
    plain,
    text,
)

_ENVIRONMENT = Instance("os.environ")  # a value of it, which may be missing
_MOST_ENTRIES = 50  # a larger mapping is a table, not options


class Expressions(Following):
    """Evaluates expressions, each kind by a method ``_is_<node>``. What it doesn't know it looks through for calls."""

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
        return _texts.concatenated(parts)

    def _is_binop(self, frame: Frame, node: ast.BinOp) -> Value:
        left, right = self.evaluate(frame, node.left), self.evaluate(frame, node.right)
        if isinstance(node.op, ast.Div) and isinstance(left, Text):
            return _texts.joined_path((left, right))
        if isinstance(node.op, ast.Add):
            if isinstance(left, Text) or isinstance(right, Text):
                return _texts.concatenated([left, right])
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
                items.append((plain(self.evaluate(frame, key)), found))
        return Mapping(tuple(items)) if len(items) <= _MOST_ENTRIES else UNKNOWN

    def _is_subscript(self, frame: Frame, node: ast.Subscript) -> Value:
        owner, key = self.evaluate(frame, node.value), self.evaluate(frame, node.slice)
        if owner == External("os.environ"):
            return _ENVIRONMENT
        if isinstance(owner, Method) and owner.name == "parents" and isinstance(owner.owner, Text):
            return _texts.ancestor(owner.owner, key)
        if isinstance(owner, Sequence) and isinstance(key, Constant) and isinstance(key.value, int):
            return owner.items[key.value] if -len(owner.items) <= key.value < len(owner.items) else UNKNOWN
        if isinstance(owner, Mapping):
            found = owner.get(plain(key))
            return found if found is not None else element(Sequence(tuple(value for _, value in owner.items)))
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
            self.store(inner, part.target, element(over))
            for condition in part.ifs:
                self.evaluate(inner, condition)
        parts = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
        values = [self.evaluate(inner, part) for part in parts]
        return UNKNOWN if isinstance(node, ast.DictComp) else Sequence((values[0],))

    _is_listcomp = _comprehension

    _is_setcomp = _comprehension

    _is_generatorexp = _comprehension

    _is_dictcomp = _comprehension

    def truth(self, frame: Frame, node: ast.expr) -> bool | None:
        """Whether a condition holds, ``None`` where that can't be told."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self.truth(frame, node.operand)
            return None if inner is None else not inner
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            return self._comparison(frame, node.left, node.ops[0], node.comparators[0])
        value = self.evaluate(frame, node)
        if value == External("typing.TYPE_CHECKING"):
            return False
        if isinstance(value, Constant):
            return bool(value.value)
        if isinstance(value, (Instance, Object, Function, ClassValue)) and value != _ENVIRONMENT:
            return True
        return None

    def _comparison(self, frame: Frame, one: ast.expr, by: ast.cmpop, other: ast.expr) -> bool | None:
        left, right = self.evaluate(frame, one), self.evaluate(frame, other)
        if isinstance(one, ast.Name) and one.id == "__name__" and right == text("__main__"):
            return False
        if right != NONE or not isinstance(by, (ast.Is, ast.IsNot, ast.Eq, ast.NotEq)):
            return None
        if left in (UNKNOWN, _ENVIRONMENT):
            return None
        return (left == NONE) is isinstance(by, (ast.Is, ast.Eq))
