"""Misses (and calls that went around the cassette) that the code under test has swallowed.

A test that says ``with pytest.raises(CassetteMiss)`` means it; code under test that says ``except BaseException`` does
not know what it threw away. The two can't be told apart at run time, so the source around the place where the miss was
caught is looked at; where there is none, the miss counts as swallowed. One that a test runner has is told already.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import linecache
import re
import sys
from collections.abc import Container, Iterable, Iterator
from types import CodeType, FrameType, TracebackType
from typing import Any

from promptecho._cassette.cassette import Cassette
from promptecho._telling import run
from promptecho.errors import PromptechoError, arrived, as_exception

_RUNNERS = re.compile(r"(_pytest|unittest)(\..+)?|asyncio\.runners")
_OURS = re.compile(r"promptecho(\..+)?|contextlib")


def first_swallowed(
    cassettes: Iterable[Cassette], outcome: BaseException | None = None, *, test: CodeType | None = None
) -> BaseException | None:
    """The first miss of some cassettes that nobody knows of yet, to be raised where the user's own code stands.

    ``outcome`` is what the code under test has ended with, ``test`` its code, if that isn't the caller's. What is found
    counts as told from now on. Of several, the first one says how many there are.
    """
    held = list(_held_by(outcome))
    told, texts = set(map(id, held)), set(map(str, held))
    code, line = (test, 0) if test is not None else _calling_code()
    swallowed = []
    for cassette in cassettes:
        for miss in map(arrived, cassette.untold_misses()):
            # What a child process raised came here as another object, if at all.
            is_told = id(miss) in told or (getattr(miss, "is_of_child", False) and str(miss) in texts | run.told)
            if not is_told and not _was_accounted_for(miss, code, line):
                swallowed.append(miss)
        cassette.told = len(cassette.misses)
    if not swallowed:
        return None
    first, more = swallowed[0], len(swallowed) - 1
    if more:
        first.args = (f"{first}\n  and {more} more call{'s' * (more > 1)} that no recording answers", *first.args[1:])
    return as_exception(first)


def _held_by(error: BaseException | None) -> Iterator[BaseException]:
    """An error and, of a group, those in it."""
    if error is not None:
        yield error
        for each in getattr(error, "exceptions", ()):
            if isinstance(each, BaseException):
                yield from _held_by(each)


def _calling_code() -> tuple[CodeType | None, int]:
    """The code that closes the cassette, and the line where it does; under unittest the test's method."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _OURS.fullmatch(frame.f_globals.get("__name__") or ""):
        frame = frame.f_back
    code, line = (None, 0) if frame is None else (frame.f_code, frame.f_lineno)
    while frame is not None:
        test = _test_case(frame)
        if test is not None:
            method = getattr(inspect.unwrap(getattr(test, test._testMethodName)), "__code__", code)
            return method, line if method is code else 0
        frame = frame.f_back
    return code, line


def _test_case(frame: FrameType) -> Any:
    unittest = sys.modules.get("unittest")
    itself = frame.f_locals.get("self") if unittest is not None else None
    return itself if unittest is not None and isinstance(itself, unittest.TestCase) else None


def _was_accounted_for(error: BaseException, code: CodeType | None, line: int) -> bool:
    """Whether the ``try`` or ``with`` that caught an error names it, or a test runner has it."""
    if getattr(error, "is_of_child", False):  # it was raised in another process, and went no further
        return not run.watching or _expects(
            code, error, None, ("raises", "RaisesGroup", "assertRaises", "assertRaisesRegex"), line
        )
    trace = error.__traceback__
    while trace is not None and _module(trace) == "promptecho._misses.workers":
        trace = trace.tb_next
    if trace is None:  # unittest's assertRaises has taken it away
        return _expects(code, error, None, ("assertRaises", "assertRaisesRegex"))
    if _RUNNERS.fullmatch(_module(trace)):
        return True
    frame = trace.tb_frame
    tree = _parsed(frame.f_code.co_filename, frame.f_globals)
    if tree is None:
        return False
    for node in _around(tree, trace.tb_lineno):
        if isinstance(node, (ast.With, ast.AsyncWith)):
            if any(_names_it(item.context_expr, error, frame) for item in node.items):
                return True
            if any(_is_named(each, ("suppress",)) for item in node.items for each in ast.walk(item.context_expr)):
                return False
        else:
            kinds = [handler.type for handler in node.handlers]
            if any(kind is not None and _names_it(kind, error, frame) for kind in kinds):
                return True
            if any(kind is None or _catches(kind, error, frame) for kind in kinds):
                return False
    if frame.f_code.co_flags & inspect.CO_COROUTINE:
        return _expects(code, error, frame, ("RaisesGroup", "ExceptionGroup", "BaseExceptionGroup"))
    # Where nothing in a method of a test caught the error, unittest has it, and has cut its own frames off.
    return _test_case(frame) is not None and not run.watching


def _module(trace: TracebackType) -> str:
    return str(trace.tb_frame.f_globals.get("__name__"))


def _expects(
    code: CodeType | None, error: BaseException, frame: FrameType | None, calls: Container[str | None], line: int = 0
) -> bool:
    """Whether a function names an error in one of some calls, or in an ``except*``.

    A call around the ``line`` where the cassette closes doesn't count: what is expected there is still to be raised.
    """
    tree = _parsed(code.co_filename, None) if code is not None else None
    if tree is None or code is None:
        return False
    waiting = (
        _waiting_at(tree, line) if sys.version_info >= (3, 10) else ()
    )  # before, the line is that of the last call
    not_yet = {id(each) for item in waiting for each in ast.walk(item)}
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) and function.name == code.co_name:
            for inner in ast.walk(function):
                expected: list[ast.AST] = []
                if type(inner).__name__ == "TryStar":
                    expected = [each.type for each in inner.handlers]  # type: ignore[attr-defined]  # of Python 3.11
                elif (
                    isinstance(inner, ast.Call)
                    and id(inner) not in not_yet
                    and any(_is_named(each, calls) for each in ast.walk(inner))
                ):
                    expected = [inner]
                if any(_names_it(each, error, frame) for each in expected):
                    return True
    return False


def _parsed(file: str, module: dict[str, Any] | None) -> ast.AST | None:
    try:
        return ast.parse("".join(linecache.getlines(file, module)))
    except (SyntaxError, ValueError, RecursionError):
        return None


def _around(tree: ast.AST, line: int) -> Iterator[Any]:
    """The statements whose body holds a line, the innermost first."""
    found: list[tuple[int, ast.AST]] = []
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (isinstance(node, (ast.With, ast.AsyncWith)) or hasattr(node, "handlers")) and isinstance(body, list):
            last = body[-1].end_lineno or body[-1].lineno
            if body[0].lineno <= line <= last:
                found.append((last - body[0].lineno, node))
    return (node for _, node in sorted(found, key=lambda pair: pair[0]))


def _waiting_at(tree: ast.AST, line: int) -> Iterator[ast.withitem]:
    """What ``with`` statements have around one that begins in a line and closes a cassette there."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.With, ast.AsyncWith)):
            header, last = node.items[-1].context_expr.end_lineno or node.lineno, node.end_lineno or node.lineno
            if node.lineno <= line <= header:
                yield from node.items[:-1]  # the last one is inside of the others
            elif node.lineno < line <= last:
                yield from node.items


def _names(error: BaseException) -> set[str | None]:
    return {kind.__name__ for kind in type(error).__mro__ if issubclass(kind, PromptechoError)}


def _names_it(expression: ast.AST, error: BaseException, frame: FrameType | None) -> bool:
    """Whether an expression has one of our own classes that an error is of, by its name or by another one."""
    names = _names(error)
    return any(
        _is_named(node, names) or any(issubclass(kind, PromptechoError) for kind in _kinds(node, error, frame))
        for node in ast.walk(expression)
    )


def _catches(expression: ast.AST, error: BaseException, frame: FrameType) -> bool:
    return any(_kinds(node, error, frame) for node in ast.walk(expression))


def _is_named(node: ast.AST, names: Container[str | None]) -> bool:
    return getattr(node, "id", None) in names or getattr(node, "attr", None) in names


def _kinds(node: ast.AST, error: BaseException, frame: FrameType | None) -> list[type]:
    """The classes that a name stands for, of those that an error is of."""
    if frame is None or not isinstance(node, ast.Name):
        return []
    for scope in (frame.f_locals, frame.f_globals, vars(builtins)):
        if node.id in scope:
            value = scope[node.id]
            kinds = value if isinstance(value, tuple) else (value,)
            return [kind for kind in kinds if isinstance(kind, type) and isinstance(error, kind)]
    return []
