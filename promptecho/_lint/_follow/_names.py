"""Names: what they stand for in a function, a class, a module; what imports bring in."""

from __future__ import annotations

import ast
import builtins
from pathlib import Path

from promptecho._lint._follow._arguments import SOME_ARGUMENTS
from promptecho._lint._follow._following import Following, TooMuch
from promptecho._lint._follow._frames import Frame
from promptecho._lint._follow._values import (
    NONE,
    UNKNOWN,
    External,
    Function,
    ModuleGlobal,
    ModuleValue,
    Value,
    join,
    text,
)
from promptecho._lint._project import Module

_BUILTINS = frozenset(dir(builtins))


class Names(Following):
    """Looks names up. A global of the project stays what its module says, unless it was replaced."""

    def namespace(self, module: Module) -> Frame:
        """The names at the top level of a module."""
        if module.namespace is None:
            frame = module.namespace = Frame(module)
            frame.names["__file__"] = text(module.path.as_posix(), True)
            frame.names["__name__"] = text(module.name)
            if module.tree is not None:
                steps, self.steps = self.steps, 0
                for statement in module.tree.body:
                    try:
                        if self.statement(frame, statement):
                            frame.names.setdefault("__left__", NONE)
                            break
                    except (RecursionError, TooMuch):
                        continue
                self._note_globals(frame, module.tree)
                self.steps = steps
        found: Frame = module.namespace
        return found

    def _note_globals(self, frame: Frame, tree: ast.Module) -> None:
        """Names that functions declare global and set, as ``setup_module`` does."""
        for value in list(frame.names.values()):
            if not isinstance(value, Function) or value.module is not frame.module:
                continue
            if any(isinstance(node, ast.Global) for node in ast.walk(value.node)):
                for name, found in self.invoke(value, SOME_ARGUMENTS, frozenset()).named_globals:
                    frame.names[name] = join(frame.names[name], found) if name in frame.names else found

    def key(self, module: Module, name: str) -> str:
        """How a replaced global of the project is named among ``patches``."""
        return f"{module.path}:{name}"

    def module_global(self, module: Module, name: str, patches: frozenset[str]) -> Value:
        """A global of a module of the project, ``UNKNOWN`` where it was replaced."""
        seen: set[tuple[Module, str]] = set()
        while (module, name) not in seen:
            seen.add((module, name))
            if self.key(module, name) in patches:
                return UNKNOWN
            found = self.namespace(module).names.get(name)
            if found is None:
                submodule = None
                if module.is_package:
                    submodule = self.project.resolve_at(module.path.parent / name)
                return ModuleValue(submodule) if submodule is not None else UNKNOWN
            if not isinstance(found, ModuleGlobal):
                return found
            module, name = found.module, found.name
        return UNKNOWN

    def resolved(self, value: Value) -> Value:
        """What an imported name stands for; anything else as it is."""
        return self.module_global(value.module, value.name, frozenset()) if isinstance(value, ModuleGlobal) else value

    def lookup(self, frame: Frame, name: str) -> Value:
        """What a name stands for in a frame."""
        patches = frame.patches
        scope: Frame | None = frame
        while scope is not None:
            if name in scope.names and not (name in scope.globals_ and scope is not frame):
                found = scope.names[name]
                if scope.outer is None and not scope.is_function and self.key(scope.module, name) in patches:
                    return UNKNOWN
                if isinstance(found, ModuleGlobal):
                    return self.module_global(found.module, found.name, patches)
                return found
            scope = scope.outer
        top = self.namespace(frame.module)
        if frame.top is not top and name in top.names:
            return self.module_global(frame.module, name, patches)
        return External(f"builtins.{name}") if name in _BUILTINS else UNKNOWN

    def import_module(self, name: str, asking: Module) -> Value:
        """The module of the project or library with a dotted name."""
        found = self.project.resolve(name, asking.path)
        return ModuleValue(found) if found is not None else External(name)

    def _do_import(self, frame: Frame, node: ast.Import) -> bool:
        for alias in node.names:
            if alias.asname:
                frame.names[alias.asname] = self.import_module(alias.name, frame.module)
            else:
                top = alias.name.partition(".")[0]
                frame.names[top] = self.import_module(top, frame.module)
        return False

    def _do_importfrom(self, frame: Frame, node: ast.ImportFrom) -> bool:
        place = _folder(frame.module, node) if node.level else None
        named = node.module or ""
        found = self.project.resolve_at(place) if place is not None else self.project.resolve(named, frame.module.path)
        for alias in node.names:
            bound = alias.asname or alias.name
            if alias.name == "*":
                self._import_all(frame, found)
            elif found is not None:
                frame.names[bound] = ModuleGlobal(found, alias.name)
            elif place is not None:  # a folder without __init__.py
                inner = self.project.resolve_at(place / alias.name)
                frame.names[bound] = ModuleValue(inner) if inner is not None else UNKNOWN
            else:
                frame.names[bound] = self.import_module(f"{named}.{alias.name}", frame.module)
        return False

    def _import_all(self, frame: Frame, module: Module | None) -> None:
        if module is not None and module is not frame.module:
            for name in list(self.namespace(module).names):
                if not name.startswith("_"):
                    frame.names[name] = ModuleGlobal(module, name)


def _folder(module: Module, node: ast.ImportFrom) -> Path:
    """What a relative import names, as a place without its suffix."""
    folder = module.path.parent
    for _ in range(node.level - 1):
        folder = folder.parent
    return folder.joinpath(*node.module.split(".")) if node.module else folder
