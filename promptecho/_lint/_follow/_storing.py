"""Assignments: to names, attributes, entries."""

from __future__ import annotations

import ast

from promptecho._lint._follow import _doubles
from promptecho._lint._follow._following import EVERYTHING, Following
from promptecho._lint._follow._frames import Frame
from promptecho._lint._follow._values import (
    UNKNOWN,
    Constant,
    External,
    Instance,
    Mapping,
    ModuleGlobal,
    Object,
    Sequence,
    Text,
    Value,
    plain,
)

# Settings of SDKs whose value, plain as it is, keeps calls from going to a provider.
_REROUTING = ("ALLOW_MODEL_REQUESTS", "base_url", "api_base")


class Storing(Following):
    """Assigns values. What is set on an object stays with it; on what belongs to all it is a replacement."""

    def store(self, frame: Frame, target: ast.AST, value: Value) -> None:
        """Assign a value to a target."""
        if isinstance(target, ast.Name):
            frame.names[target.id] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            items = value.items if isinstance(value, Sequence) and len(value.items) == len(target.elts) else ()
            for number, element in enumerate(target.elts):
                self.store(frame, element, items[number] if items else UNKNOWN)
        elif isinstance(target, ast.Starred):
            self.store(frame, target.value, UNKNOWN)
        elif isinstance(target, ast.Attribute):
            self.set_attribute(frame, target.value, target.attr, value)
        elif isinstance(target, ast.Subscript) and isinstance(target.value, (ast.Name, ast.Attribute)):
            self._set_entry(frame, target.value, self.evaluate(frame, target.slice), value)

    def _set_entry(self, frame: Frame, owner: ast.Name | ast.Attribute, key: Value, value: Value) -> None:
        known = frame.names.get(owner.id) if isinstance(owner, ast.Name) else None
        if self.evaluate(frame, owner) == External("os.environ"):
            if _doubles.is_route(str(plain(key))):
                frame.patches |= {EVERYTHING}
        elif isinstance(known, Mapping):
            kept = tuple(pair for pair in known.items if pair[0] != plain(key))
            self.store(frame, owner, Mapping((*kept, (plain(key), value))))

    def set_attribute(self, frame: Frame, owner: ast.AST, name: str, value: Value) -> None:
        """``owner.name = value``: an object keeps it; on a module, a class or a client it is a replacement."""
        found = self.evaluate(frame, owner) if isinstance(owner, ast.expr) else UNKNOWN
        if isinstance(found, Object):
            if isinstance(owner, ast.Name) and owner.id not in frame.names and not isinstance(value, Instance):
                self._replace_global(frame, owner.id)
            if isinstance(owner, (ast.Name, ast.Attribute)):
                self.store(frame, owner, found.having(name, value))
        elif not isinstance(value, (Text, Constant)) or name in _REROUTING:
            frame.patches |= self.replaced(found, name)

    def _replace_global(self, frame: Frame, name: str) -> None:
        """An object of the whole module was changed: from here on nothing is known of it."""
        raw = self.namespace(frame.module).names.get(name)
        if isinstance(raw, ModuleGlobal):
            frame.patches |= {self.key(raw.module, raw.name)}
        else:
            frame.patches |= {self.key(frame.module, name)}
