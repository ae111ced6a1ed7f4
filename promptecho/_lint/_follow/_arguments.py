"""What a call passes to what it calls."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Union

from promptecho._lint._follow._values import UNKNOWN, Text, Value

Place = Union[int, str]


@dataclass(frozen=True)
class Arguments:
    """The values of a call. ``complete``: nothing else is passed.

    ``node`` is where the call stands. ``callee`` and ``places`` are the expressions of what is called and of the
    arguments, by position or name, as far as they stand there.
    """

    args: tuple[Value, ...] = ()
    options: Mapping[str, Value] = field(default_factory=dict)
    complete: bool = True
    node: ast.AST | None = None
    callee: ast.expr | None = None
    places: Mapping[Place, ast.expr] = field(default_factory=dict)

    @property
    def first(self) -> Value:
        return self.at(0)

    def at(self, position: int, default: Value = UNKNOWN) -> Value:
        return self.args[position] if position < len(self.args) else default

    def get(self, name: str, position: int, default: Value = UNKNOWN) -> Value:
        """The argument of a parameter, given by its name or its position."""
        return self.options[name] if name in self.options else self.at(position, default)

    def exact(self, position: int) -> str:
        """The text at a position, empty where it is none or can't be told."""
        value = self.at(position)
        return value.exact or "" if isinstance(value, Text) else ""

    def rest(self, count: int = 1) -> Arguments:
        """Without the first ones, of which one is called."""
        return replace(self, args=self.args[count:], callee=None, places=self._moved(-count))

    def behind(self, *values: Value, place: ast.expr | None = None) -> Arguments:
        """With values in front; ``place`` is the expression of the first."""
        places = self._moved(len(values))
        if place is not None:
            places[0] = place
        return replace(self, args=(*values, *self.args), callee=None, places=places)

    def _moved(self, by: int) -> dict[Place, ast.expr]:
        moved: dict[Place, ast.expr] = {}
        for key, place in self.places.items():
            if isinstance(key, str):
                moved[key] = place
            elif key + by >= 0:
                moved[key + by] = place
        return moved


NO_ARGUMENTS = Arguments()
SOME_ARGUMENTS = Arguments(complete=False)  # nothing is known of what is passed
