"""Whether a miss (or a call that went around the cassette) was caught on purpose.

A test that says ``with pytest.raises(CassetteMiss)`` means it; code under test that says ``except BaseException`` does
not know what it threw away. The two can't be told apart at run time, so the source around the place where the miss was
caught is looked at; where there is none, the miss counts as swallowed.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator

from promptecho.errors import PromptechoError


def was_caught_on_purpose(error: BaseException) -> bool:
    """Whether the ``try`` or ``with`` that caught an error names it."""
    trace = error.__traceback__
    if trace is None:
        return False
    lines = linecache.getlines(trace.tb_frame.f_code.co_filename, trace.tb_frame.f_globals)
    try:
        tree = ast.parse("".join(lines))
    except (SyntaxError, ValueError, RecursionError):
        return False
    names = {kind.__name__ for kind in type(error).__mro__ if issubclass(kind, PromptechoError)}
    for node in _around(tree, trace.tb_lineno):
        if isinstance(node, (ast.With, ast.AsyncWith)):
            if any(_names_it(item.context_expr, names) for item in node.items):
                return True
        elif isinstance(node, ast.Try):
            caught = [handler.type for handler in node.handlers]
            if any(kind is not None and _names_it(kind, names) for kind in caught):
                return True
            if any(kind is None or "BaseException" in ast.dump(kind) for kind in caught):
                return False
    return False


def _around(tree: ast.AST, line: int) -> Iterator[ast.AST]:
    """The statements whose body holds a line, the innermost first."""
    found: list[tuple[int, ast.AST]] = []
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, (ast.With, ast.AsyncWith, ast.Try)) and isinstance(body, list):
            last = body[-1].end_lineno or body[-1].lineno
            if body[0].lineno <= line <= last:
                found.append((last - body[0].lineno, node))
    return (node for _, node in sorted(found, key=lambda pair: pair[0]))


def _names_it(expression: ast.AST, names: set[str]) -> bool:
    return any(
        (isinstance(node, ast.Name) and node.id in names) or (isinstance(node, ast.Attribute) and node.attr in names)
        for node in ast.walk(expression)
    )
