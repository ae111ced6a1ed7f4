"""What stands around a test: its conftest files and plugins, their fixtures, their hooks."""

from __future__ import annotations

import ast
from pathlib import Path

from promptecho._lint._follow import Follower
from promptecho._lint._follow._values import NONE, ClassValue, Function, Sequence, Text, Value
from promptecho._lint._project import Module
from promptecho._lint._suite import Test

Layer = dict[str, Function]  # fixtures by the names under which they are asked for
_HOOKS = ("pytest_collection_modifyitems", "pytest_itemcollected", "pytest_runtest_setup")


class Fixtures:
    """The fixtures of a project, and which of them a test can ask for."""

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._project = follower.project
        self._conftests: dict[Path, list[Module]] = {}
        self._of_modules: dict[Module, Layer] = {}
        self._layers: dict[tuple[Module, tuple[ClassValue, ...]], list[Layer]] = {}
        self._hooks: dict[Path, list[str]] = {}

    def conftests(self, path: Path) -> list[Module]:
        """The conftest files that hold for a file, the nearest first, and the plugins they name."""
        folder = path.parent
        if folder not in self._conftests:
            found: list[Module] = []
            for parent in (folder, *folder.parents):
                module = self._project.module(parent / "conftest.py")
                if module is not None:
                    found.append(module)
                    found += self._plugins(module)
                if parent == self._project.root:
                    break
            self._conftests[folder] = found
        return self._conftests[folder]

    def _plugins(self, module: Module) -> list[Module]:
        named = self._follower.namespace(module).names.get("pytest_plugins", NONE)
        found = []
        for name in named.items if isinstance(named, Sequence) else (named,):
            plugin = self._project.resolve(name.exact, module.path) if isinstance(name, Text) and name.exact else None
            if plugin is not None:
                found.append(plugin)
        return found

    def layers(self, test: Test) -> list[Layer]:
        """The fixtures that a test can ask for: those of its classes, its file, its conftests."""
        key = (test.module, test.classes)
        if key not in self._layers:
            classes = [each for cls in reversed(test.classes) for each in cls.lineage if each.body is not None]
            modules = [test.module, *self._plugins(test.module), *self.conftests(test.module.path)]
            self._layers[key] = [
                *(self._among(each.names) for each in classes),
                *(self._of_module(module) for module in modules),
            ]
        return self._layers[key]

    def _of_module(self, module: Module) -> Layer:
        """The fixtures of a module, imported ones included."""
        if module not in self._of_modules:
            self._of_modules[module] = self._among(self._follower.namespace(module).names)
        return self._of_modules[module]

    def _among(self, names: dict[str, Value]) -> Layer:
        found = {}
        for name, value in names.items():
            resolved = self._follower.resolved(value)
            if isinstance(resolved, Function) and resolved.fixture is not None:
                found[resolved.fixture.name or name] = resolved
        return found

    def hooks(self, path: Path) -> list[str]:
        """The sources of hooks of conftest files that change what is collected."""
        folder = path.parent
        if folder not in self._hooks:
            hooks = [
                self._follower.namespace(conftest).names.get(name)
                for conftest in self.conftests(path)
                for name in _HOOKS
            ]
            self._hooks[folder] = [
                ast.unparse(hook.node).replace('"', "'") for hook in hooks if isinstance(hook, Function)
            ]
        return self._hooks[folder]
