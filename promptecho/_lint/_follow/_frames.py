"""What is known while a function of the project is followed, and what it comes to."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from promptecho._lint._follow._values import UNKNOWN, ClassValue, Cover, Value
from promptecho._lint._project import Module


@dataclass(frozen=True)
class Call:
    """A call of an SDK that nothing covers. ``chain`` names the functions through which it was reached."""

    path: str
    line: int
    end_line: int
    column: int
    what: str
    kind: str
    chain: tuple[str, ...] = ()


@dataclass(frozen=True)
class Summary:
    """What a call of a function of the project comes to, whatever stands around the call."""

    value: Value = UNKNOWN
    yielded: Value = UNKNOWN
    covered_at_yield: bool = False
    patches_at_yield: frozenset[str] = frozenset()
    calls: tuple[Call, ...] = ()
    uses: tuple[Cover, ...] = ()
    patches: frozenset[str] = frozenset()  # what it replaces, and leaves replaced
    covers_after: bool = False  # it opened a cassette and left it open
    changed: tuple[tuple[str, Value], ...] = ()  # its parameters whose attributes it set
    named_globals: tuple[tuple[str, Value], ...] = ()


NOTHING = Summary()


@dataclass(eq=False)
class Frame:
    """The names of a function, class body or module while it is followed, and what has happened in it so far."""

    module: Module
    names: dict[str, Value] = field(default_factory=dict)
    outer: Frame | None = None
    owner: ClassValue | None = None
    first: str = ""  # the name of its first parameter, for super()
    is_function: bool = False
    covered: bool = False
    patches: frozenset[str] = frozenset()
    calls: list[Call] = field(default_factory=list)
    uses: list[Cover] = field(default_factory=list)
    returned: list[Value] = field(default_factory=list)
    yielded: list[Value] = field(default_factory=list)
    covered_at_yield: bool = False
    patches_at_yield: frozenset[str] = frozenset()
    globals_: set[str] = field(default_factory=set)

    def site(self, node: ast.AST | None) -> tuple[str, int, int]:
        """The file, line and column at which something stands."""
        return (str(self.module.path), getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1)

    @property
    def top(self) -> Frame:
        frame = self
        while frame.outer is not None:
            frame = frame.outer
        return frame
