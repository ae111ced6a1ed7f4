"""The marks of a test: which it has, whether they leave it out, what ``parametrize`` gives it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from promptecho._lint._follow import Follower, _doubles
from promptecho._lint._follow._frames import Frame
from promptecho._lint._follow._values import (
    NONE,
    UNKNOWN,
    Constant,
    External,
    Mark,
    Sequence,
    Text,
    Value,
    element,
)
from promptecho._lint._suite import Test

# Conditions that say on which machine a test runs, not whether it may call a model.
_PLATFORM = re.compile(r"version_info|platform|os\.name|find_spec|\bPY3|WINDOWS|LINUX|MACOS|__version__|implementation")
_SWITCH = re.compile(r"environ|getenv|API_KEY|LIVE|TOKEN", re.IGNORECASE)
_TRUE, _FALSE = Constant(True, "bool"), Constant(False, "bool")


def marks_of(test: Test, follower: Follower) -> list[Mark]:
    """The marks of a test, the nearest first."""
    found = list(test.function.marks)
    for cls in reversed(test.classes):
        for each in cls.lineage:
            found += [*each.marks, *_pytestmark(each.body, test)]
    return [*found, *_pytestmark(follower.namespace(test.module), test)]


def _pytestmark(frame: Frame | None, test: Test) -> list[Mark]:
    found = []
    for value in _items(frame.names.get("pytestmark", NONE)) if frame is not None else ():
        if isinstance(value, Mark):
            found.append(value)
        elif isinstance(value, External) and value.name.startswith("pytest.mark."):
            found.append(Mark(value.name.rpartition(".")[2], site=(str(test.module.path), 1, 1)))
    return found


def _items(value: Value) -> tuple[Value, ...]:
    """The elements of a list, or the one value that stands in its place."""
    return value.items if isinstance(value, Sequence) else (value,)


def leaves_out(mark: Mark, deselected: Iterable[str], hooks: Iterable[str]) -> bool:
    """Whether a mark says that a test doesn't run, only where somebody asks for live calls, or not against a model."""
    if mark.name == "skip" or mark.name in deselected:
        return True
    if mark.name == "xfail" and ("run", _FALSE) in mark.options:
        return True
    if mark.name == "skipif" and _holds(mark):
        return True
    return _doubles.is_covering_mark(mark.name) or any(f"'{mark.name}'" in hook for hook in hooks)


def _holds(mark: Mark) -> bool:
    """Whether the condition of a ``skipif`` is taken to hold: it does, or it is a switch for live calls."""
    condition = mark.args[0] if mark.args else dict(mark.options).get("condition", UNKNOWN)
    if isinstance(condition, Constant):
        return bool(condition.value)
    source = ast.unparse(mark.node) if mark.node is not None else ""
    if isinstance(condition, Text):
        source = condition.start
    return _SWITCH.search(source) is not None or _PLATFORM.search(source) is None


def parameters(marks: Iterable[Mark]) -> dict[str, Value]:
    """Values of parameters that ``parametrize`` gives; several are taken as one where they are alike."""
    found: dict[str, Value] = {}
    for mark in marks:
        options = dict(mark.options)
        indirect = options.get("indirect", NONE)
        if mark.name != "parametrize" or not mark.args or indirect == _TRUE:
            continue
        names = _parameter_names(mark.args[0])
        rows = mark.args[1] if len(mark.args) > 1 else options.get("argvalues", UNKNOWN)
        of_fixtures = [item.exact for item in _items(indirect) if isinstance(item, Text)]
        for number, name in enumerate(names):
            if name not in of_fixtures:
                found[name] = _column(rows, number, len(names))
    return found


def _parameter_names(named: Value) -> list[str]:
    if isinstance(named, Text):
        return re.findall(r"\w+", named.exact or "")
    return [item.exact or "" for item in _items(named) if isinstance(item, Text)]


def _column(rows: Value, number: int, width: int) -> Value:
    """What the rows of ``parametrize`` have at one place."""
    values: list[Value] = []
    for row in rows.items if isinstance(rows, Sequence) else ():
        inside = row.items if isinstance(row, Sequence) and width > 1 else (row,)
        values.append(inside[number] if number < len(inside) else UNKNOWN)
    return element(Sequence(tuple(values)))
