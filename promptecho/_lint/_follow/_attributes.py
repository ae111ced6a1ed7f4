"""Attributes: of modules, classes, objects and what libraries gave."""

from __future__ import annotations

from dataclasses import replace

from promptecho._lint._follow import _sdks, _texts
from promptecho._lint._follow._arguments import NO_ARGUMENTS, Arguments
from promptecho._lint._follow._following import MAX_NESTING, Following
from promptecho._lint._follow._frames import Frame
from promptecho._lint._follow._values import (
    NONE,
    UNKNOWN,
    Bound,
    ClassValue,
    Cover,
    External,
    Function,
    Instance,
    Managed,
    Mapping,
    Method,
    ModuleGlobal,
    ModuleValue,
    Object,
    Sequence,
    Text,
    Value,
    join,
    join_all,
)
from promptecho._lint._project import Project


class Attributes(Following):
    """Looks attributes up, as Python does."""

    def __init__(self, project: Project) -> None:
        super().__init__(project)
        self._assigned: dict[ClassValue, dict[str, Value]] = {}

    def attribute(self, frame: Frame, owner: Value, name: str) -> Value:
        """``owner.name``."""
        if isinstance(owner, ModuleValue):
            return self.module_global(owner.module, name, frame.patches)
        if isinstance(owner, External):
            return self._attribute_of_library(frame, owner, name)
        if isinstance(owner, Instance):
            return replace(owner, path=(*owner.path, name)) if len(owner.path) < MAX_NESTING else UNKNOWN
        if isinstance(owner, Object):
            return self._attribute_of_object(frame, owner, name)
        if isinstance(owner, ClassValue):
            return self._attribute_of_class(frame, owner, name)
        if isinstance(owner, Text):
            return _texts.attribute(owner, name)
        if isinstance(owner, Mapping) and owner.get(name) is not None:  # types.SimpleNamespace
            return owner.get(name) or UNKNOWN
        if isinstance(owner, (Cover, Sequence, Mapping, Managed)):
            return Method(owner, name)
        if isinstance(owner, Function) and name == "__wrapped__":
            return owner.inner
        return UNKNOWN

    def _attribute_of_library(self, frame: Frame, owner: External, name: str) -> Value:
        full = f"{owner.name}.{name}"
        top = owner.name.partition(".")[0]
        if not _sdks.is_sdk_package(top) and top not in ("pytest", "builtins"):
            found = self.project.resolve(full, frame.module.path)
            if found is not None:
                return ModuleValue(found)
        return External(full)

    def class_attribute(self, cls: ClassValue, name: str, patches: frozenset[str]) -> Value | None:
        """``cls.name`` as it stands in the body of the class or of a base; ``None`` if it isn't there."""
        for each in cls.lineage:
            if self.key(each.module, f"{each.name}.{name}") in patches:
                return UNKNOWN
            found = each.names.get(name)
            if isinstance(found, ModuleGlobal):
                return self.module_global(found.module, found.name, patches)
            if isinstance(found, Function) and each.covers_method(name):
                return replace(found, covers=(*found.covers, *each.covers))
            if found is not None:
                return found
        return None

    def _attribute_of_class(self, frame: Frame, cls: ClassValue, name: str) -> Value:
        found = self.class_attribute(cls, name, frame.patches)
        if isinstance(found, Function) and "classmethod" in found.flags:
            return Bound(found, cls)
        return UNKNOWN if found is None else found

    def _attribute_of_object(self, frame: Frame, owner: Object, name: str) -> Value:
        own = owner.get(name)
        if own is not None and own != NONE:
            return own
        found = self.class_attribute(owner.cls, name, frame.patches)
        if isinstance(found, Function):
            if "property" in found.flags or "setter" in found.flags:
                return self.apply(frame, Bound(found, owner), NO_ARGUMENTS)
            if "staticmethod" in found.flags:
                return found
            return Bound(found, owner.cls if "classmethod" in found.flags else owner)
        elsewhere = self._assigned_elsewhere(owner.cls).get(name)
        known = [value for value in (own, found, elsewhere) if value is not None]
        if found is UNKNOWN and self.key(owner.cls.module, f"{owner.cls.name}.{name}") in frame.patches:
            return UNKNOWN
        if not known:
            client = owner.get("__client__")
            return self.attribute(frame, client, name) if client is not None else UNKNOWN
        return join_all(known)

    def _assigned_elsewhere(self, cls: ClassValue) -> dict[str, Value]:
        """Attributes that methods of a class set on ``self``, its set-up methods and fixtures included."""
        if cls not in self._assigned:
            found = self._assigned[cls] = {}  # what is found already is seen by methods that ask again
            for each in cls.lineage:
                for function in list(each.names.values()):
                    if isinstance(function, Function) and function.inner.parameters:
                        for name, value in self._set_on_first(function.inner, Object(cls)):
                            found[name] = join(found[name], value) if name in found else value
        return self._assigned[cls]

    def _set_on_first(self, function: Function, subject: Object) -> tuple[tuple[str, Value], ...]:
        """The attributes that an object has after a method was called on it."""
        first = function.parameters[0].arg
        summary = self.invoke(function, Arguments((subject,), complete=False), frozenset())
        after = dict(summary.changed).get(first)
        return after.attributes if isinstance(after, Object) else ()
