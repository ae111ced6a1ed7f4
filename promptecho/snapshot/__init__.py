"""``llm_snapshot``: assertions on what a model answered, kept in a readable file beside the test.

The fixture comes with the pytest plugin. What is here makes the looser comparisons; each name is loaded at its first
use, since pytest imports this package in every run.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # type checkers take it for typing's, whose import costs more than all the rest here
if TYPE_CHECKING:
    from promptecho.errors import SnapshotError
    from promptecho.snapshot._fixture import LLMSnapshot
    from promptecho.snapshot._judge import judge
    from promptecho.snapshot._reduce import reduce, stream
    from promptecho.snapshot._rules import any_of, contains, number, regex, schema, similar, subset, tools

__all__ = [
    "LLMSnapshot",
    "SnapshotError",
    "any_of",
    "contains",
    "judge",
    "number",
    "reduce",
    "regex",
    "schema",
    "similar",
    "stream",
    "subset",
    "tools",
]

_HOMES = {
    "LLMSnapshot": "promptecho.snapshot._fixture",
    "SnapshotError": "promptecho.errors",
    "judge": "promptecho.snapshot._judge",
    "reduce": "promptecho.snapshot._reduce",
    "stream": "promptecho.snapshot._reduce",
    **dict.fromkeys(
        ("any_of", "contains", "number", "regex", "schema", "similar", "subset", "tools"), "promptecho.snapshot._rules"
    ),
}


if not TYPE_CHECKING:  # a type checker that sees it would let any name pass

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module 'promptecho.snapshot' has no attribute {name!r}")
        value: object = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
