"""Replacements: what ``mock.patch``, ``monkeypatch`` and ``mocker`` put in the place of a name."""

from __future__ import annotations

import ast

from promptecho._lint._follow import _doubles, _sdks
from promptecho._lint._follow._arguments import Arguments
from promptecho._lint._follow._following import EVERYTHING, Following
from promptecho._lint._follow._frames import Frame
from promptecho._lint._follow._values import (
    UNKNOWN,
    ClassValue,
    Constant,
    Cover,
    External,
    Function,
    Instance,
    Mapping,
    ModuleGlobal,
    ModuleValue,
    Object,
    Sequence,
    Text,
    Value,
)


class Replacing(Following):
    """Says by which names among ``patches`` a replacement is known."""

    def replaced(self, owner: Value, name: str) -> frozenset[str]:
        """What stands for a replaced attribute among ``patches``."""
        if isinstance(owner, ModuleValue):
            known = self.namespace(owner.module).names.get(name)
            also = {self.key(known.module, known.name)} if isinstance(known, ModuleGlobal) else set()
            return frozenset({self.key(owner.module, name), *also})
        cls = owner.cls if isinstance(owner, Object) else owner
        if isinstance(cls, ClassValue):
            return frozenset(self.key(each.module, f"{each.name}.{name}") for each in cls.lineage)
        if isinstance(owner, Instance):
            return frozenset({_sdks.package(owner.kind)})
        if isinstance(owner, External):
            return _package(owner.name)
        if isinstance(owner, (Function, Constant, Text, Sequence, Mapping)):
            return frozenset()
        return frozenset({EVERYTHING})

    def _replaced_attribute(self, owner: Value, name: Value) -> frozenset[str]:
        if isinstance(name, Text) and name.exact:
            return self.replaced(owner, name.exact)
        return self.replaced(owner, "") if isinstance(owner, External) else frozenset({EVERYTHING})

    def _replaced_name(self, frame: Frame, target: Value) -> frozenset[str]:
        """What stands for a replaced dotted name among ``patches``."""
        if not isinstance(target, Text) or not target.exact:
            return frozenset({EVERYTHING})
        parts = target.exact.split(".")
        for count in range(len(parts) - 1, 0, -1):
            module = self.project.resolve(".".join(parts[:count]), frame.module.path)
            if module is None:
                continue
            owner: Value = ModuleValue(module)
            for part in parts[count:-1]:
                owner = self.attribute(frame, owner, part)
            return self.replaced(owner, parts[-1])
        return _package(target.exact)

    def patcher(self, frame: Frame, passed: Arguments, *, by_object: bool) -> Cover:
        """``patch("module.name")`` and ``patch.object(owner, "name")``."""
        target = passed.get("target", 0)
        if by_object:
            patches = self._replaced_attribute(target, passed.get("attribute", 1))
            gives_mock = len(passed.args) < 3 and "new" not in passed.options and "new_callable" not in passed.options
        else:
            patches = self._replaced_name(frame, target)
            gives_mock = len(passed.args) < 2 and "new" not in passed.options
        return Cover("patch with a mock" if gives_mock else "patch", patches=patches, blocks=False)

    def call_monkeypatch(self, frame: Frame, callee: Instance, passed: Arguments) -> Value:
        """A call of a method of pytest's ``monkeypatch``."""
        name = ".".join(callee.path)
        if name in ("setattr", "delattr") and passed.args:
            if isinstance(passed.first, Text):
                frame.patches |= self._replaced_name(frame, passed.first)
            else:
                frame.patches |= self._replaced_attribute(passed.first, passed.at(1))
                self._override(frame, passed)
        if name == "setenv" and _doubles.is_route(passed.exact(0)):
            frame.patches |= {EVERYTHING}
        return Instance("pytest.MonkeyPatch") if name == "context" else UNKNOWN

    def _override(self, frame: Frame, passed: Arguments) -> None:
        """``setattr(agent, "client", fake)`` on an object: it keeps what it was given."""
        owner, name, place = passed.first, passed.exact(1), passed.places.get(0)
        if isinstance(owner, Object) and name and isinstance(place, (ast.Name, ast.Attribute)):
            self.store(frame, place, owner.having(name, passed.at(2)))

    def call_mocker(self, frame: Frame, callee: Instance, passed: Arguments) -> Value:
        """A call of a method of pytest-mock's ``mocker``."""
        name = ".".join(callee.path)
        if name in ("patch", "patch.object", "patch.multiple"):
            frame.patches |= self.patcher(frame, passed, by_object=name != "patch").patches
        return UNKNOWN


def _package(name: str) -> frozenset[str]:
    """A replacement somewhere in a library, which counts if calls ride on it."""
    top = name.partition(".")[0]
    return frozenset({top}) if _sdks.is_sdk_package(top) else frozenset()
