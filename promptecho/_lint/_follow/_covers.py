"""What keeps calls in while it is open, and what decorators make of functions and classes."""

from __future__ import annotations

import ast
from dataclasses import replace

from promptecho._lint._follow import _doubles
from promptecho._lint._follow._arguments import Arguments
from promptecho._lint._follow._following import Following
from promptecho._lint._follow._frames import Frame
from promptecho._lint._follow._values import (
    UNKNOWN,
    Bound,
    ClassValue,
    Cover,
    External,
    Fixture,
    Function,
    Instance,
    Managed,
    Mark,
    Object,
    Partial,
    Value,
)

_FIXTURES = ("pytest.fixture", "pytest_asyncio.fixture", "pytest.yield_fixture")
_FLAGS = {
    "builtins.property": "property",
    "functools.cached_property": "property",
    "builtins.staticmethod": "staticmethod",
    "builtins.classmethod": "classmethod",
    "contextlib.contextmanager": "contextmanager",
    "contextlib.asynccontextmanager": "contextmanager",
}


class Covers(Following):
    """Opens and closes what covers calls; applies decorators."""

    def enter(self, frame: Frame, value: Value, node: ast.AST | None) -> Value:
        """What ``with value`` gives; what it covers is covered from here on."""
        if isinstance(value, Cover):
            self._open(frame, value)
            return UNKNOWN
        if isinstance(value, Managed):
            frame.covered = frame.covered or value.covered
            frame.patches |= value.patches
            return value.value
        if isinstance(value, Object):
            for name in ("__enter__", "__aenter__"):
                method = self.attribute(frame, value, name)
                if isinstance(method, Bound):
                    return self.apply(frame, method, Arguments(node=node))
            return UNKNOWN
        if isinstance(value, Instance):
            if _doubles.is_recorder(value.name):
                frame.covered = True
                return UNKNOWN
            return value
        if value == UNKNOWN and node is not None and _doubles.says_double(ast.unparse(node).partition("(")[0]):
            frame.covered = True
        if isinstance(value, External) and _doubles.is_recorder(value.name):
            frame.covered = True
        return UNKNOWN

    def _open(self, frame: Frame, cover: Cover) -> None:
        """From here on a cover is open."""
        if cover.path is not None:
            frame.uses.append(cover)
        frame.covered = frame.covered or cover.blocks
        frame.patches |= cover.patches

    def call_cover(self, frame: Frame, cover: Cover, name: str) -> None:
        """A call of a method of a recorder or patcher: ``start``, ``stop``, ``__enter__``."""
        if name in ("__enter__", "__aenter__", "start", "activate", "install", "insert"):
            self._open(frame, cover)
        elif name in ("__exit__", "__aexit__", "stop", "deactivate", "leave", "eject"):
            frame.covered = frame.covered and not cover.blocks
            frame.patches -= cover.patches

    def decorate(self, frame: Frame, decorator: Value, value: Value, node: ast.AST | None) -> Value:
        """A function or class with a decorator applied."""
        if not isinstance(value, (Function, ClassValue)):
            return value
        meaning = _meaning(frame, decorator, node)
        if isinstance(meaning, Cover):
            return replace(value, covers=(*value.covers, meaning))
        if isinstance(meaning, Mark):
            return replace(value, marks=(*value.marks, meaning))
        if isinstance(meaning, Fixture) and isinstance(value, Function):
            return replace(value, fixture=meaning)
        if isinstance(meaning, (External, Instance)):
            flag = _FLAGS.get(meaning.name)
            return replace(value, flags=value.flags | {flag}) if flag else value
        if isinstance(meaning, (Function, Bound, Partial)) and isinstance(value, Function):
            made = self.apply(frame, meaning, Arguments((value,), node=node))
            if isinstance(made, Function) and made is not value:
                return replace(made, wraps=value, marks=(*value.marks, *made.marks), fixture=value.fixture)
        if node is not None and _doubles.says_double(ast.unparse(node).partition("(")[0]):
            return replace(value, covers=(*value.covers, Cover("other")))
        if isinstance(node, ast.Attribute) and node.attr in ("setter", "deleter", "getter"):
            return replace(value, flags=value.flags | {"setter"})
        return value


def _meaning(frame: Frame, decorator: Value, node: ast.AST | None) -> Value:
    """A decorator as the cover, mark or fixture that it comes to; else itself."""
    if isinstance(decorator, External) and decorator.name.startswith("pytest.mark."):
        return Mark(decorator.name.rpartition("mark.")[2], site=frame.site(node), node=node)
    if isinstance(decorator, External) and decorator.name in _FIXTURES:
        return Fixture()
    if (
        isinstance(decorator, External)
        and decorator.name.startswith("promptecho.")
        and "use_cassette" in decorator.name
    ):
        return Cover("promptecho", frame.site(node))  # without parentheses
    if isinstance(decorator, (External, Instance)) and _doubles.is_recorder(decorator.name):
        return Cover("other")
    if isinstance(decorator, Managed):  # contextlib.ContextDecorator
        return Cover("other", patches=decorator.patches, blocks=decorator.covered)
    return decorator
