"""The project that is looked at: its root, what its pytest settings say, its modules by name.

Nothing of it is imported; the sources are parsed.
"""

from __future__ import annotations

import ast
import configparser
import fnmatch
import os
import re
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

from promptecho._settings import settings, toml

# As pytest's norecursedirs, with what holds installed packages.
_SKIPPED = ("node_modules", "build", "dist", "venv", "__pycache__", "*.egg", "*.egg-info", "CVS", "_darcs", "{arch}",
            "site-packages")  # fmt: skip


@dataclass
class Module:
    """A source file. ``tree`` is ``None`` where it is no Python; ``problem`` says why, with the line."""

    path: Path
    name: str
    text: str = field(default="", repr=False)
    tree: ast.Module | None = field(default=None, repr=False)
    problem: tuple[int, str] | None = None
    is_package: bool = False

    def __hash__(self) -> int:
        return hash(self.path)

    def __eq__(self, other: object) -> bool:
        return self is other


def read_source(data: bytes) -> tuple[str, str]:
    """The text of a Python file and its encoding; line ends stay as they are.

    Raises:
        SyntaxError, UnicodeDecodeError: it names an encoding that isn't, or isn't in the one it names.
    """
    encoding, _ = tokenize.detect_encoding(BytesIO(data).readline)
    return data.decode(encoding), encoding


@dataclass(frozen=True)
class Options:
    """What the settings of pytest say about what is collected."""

    python_files: tuple[str, ...] = ("test_*.py", "*_test.py")
    python_classes: tuple[str, ...] = ("Test",)
    python_functions: tuple[str, ...] = ("test",)
    pythonpath: tuple[str, ...] = ()
    usefixtures: tuple[str, ...] = ()
    norecursedirs: tuple[str, ...] = ()
    addopts: tuple[str, ...] = ()
    promptecho_cassette_names: tuple[str, ...] = ()

    @property
    def deselected(self) -> tuple[str, ...]:
        """The marks whose tests ``-m "not live"`` leaves out of every run."""
        text = " ".join(self.addopts)
        return tuple(re.findall(r"\bnot\s+\(?(\w+)", text)) if re.search(r"(?:^|\s)-m\b", text) else ()


def _ini_table(file: Path) -> dict[str, Any] | None:
    """The settings of pytest in a file, ``None`` if it holds none."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    if file.name == "pyproject.toml":
        return _toml_table(text)
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error:
        return None
    section = "tool:pytest" if file.name == "setup.cfg" else "pytest"
    if parser.has_section(section):
        return dict(parser.items(section))
    return {} if file.name in ("pytest.ini", ".pytest.ini") else None


def _toml_table(text: str) -> dict[str, Any] | None:
    if not re.search(r"^\s*\[tool\.pytest", text, re.MULTILINE):
        return None
    try:
        table = toml.loads(text).get("tool", {}).get("pytest", {})
    except ValueError:
        return {}
    found = table.get("ini_options", table) if isinstance(table, dict) else {}
    return dict(found) if isinstance(found, dict) else {}


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(value.split())
    return tuple(str(entry) for entry in value) if isinstance(value, list) else ()


def find_root(start: Path) -> tuple[Path, Options]:
    """The root of the project of a path, as pytest finds it, and its settings."""
    folder = start if start.is_dir() else start.parent
    for parent in (folder, *folder.parents):
        for name in ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg"):
            table = _ini_table(parent / name)
            if table is not None:
                known = {key: _words(table[key]) for key in Options.__dataclass_fields__ if table.get(key)}
                return parent, Options(**known)
    for marker in ("setup.py", "pyproject.toml", ".git"):
        for parent in (folder, *folder.parents):
            if (parent / marker).exists():
                return parent, Options()
    return folder, Options()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _is_special(path: Path) -> bool:
    """Whether this is a FIFO, a socket or a device, which would be waited for."""
    return path.exists() and not path.is_file()


class Project:
    """The sources below a root."""

    def __init__(self, root: Path, options: Options) -> None:
        self.root = root
        self.options = options
        self._modules: dict[Path, Module | None] = {}
        self._resolved: dict[tuple[str, Path], Module | None] = {}
        self._is_file: dict[Path, bool] = {}
        self.files = sorted(self._walk())
        self._ignored = self._read_ignored()
        self.files = [path for path in self.files if not self.is_ignored(path)]

    @cached_property
    def names_modules(self) -> bool:
        """Whether the module's name is in the path of each cassette that is named after a test."""
        table = settings.project_table(self.root)[1]
        style = self.options.promptecho_cassette_names or (table.get("cassette_names", table.get("cassette-names")),)
        return style == ("module",)

    def _walk(self) -> Iterator[Path]:
        skipped = (*_SKIPPED, *self.options.norecursedirs)
        for folder, folders, files in os.walk(self.root):
            here = Path(folder)
            folders[:] = [
                name
                for name in folders
                if not name.startswith(".")
                and not any(fnmatch.fnmatch(name, pattern) for pattern in skipped)
                and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))  # noqa: PTH110, PTH118 - often called
            ]
            for name in files:
                if name.endswith((".py", ".yaml", ".yml", ".ipynb")) and not _is_special(here / name):
                    yield here / name

    def _read_ignored(self) -> list[tuple[Path, str]]:
        """``collect_ignore`` and ``collect_ignore_glob`` of each conftest, as patterns of paths."""
        found = []
        for path in self.files:
            if path.name != "conftest.py":
                continue
            module = self.module(path)
            for node in module.tree.body if module is not None and module.tree is not None else ():
                names = [target.id for target in getattr(node, "targets", ()) if isinstance(target, ast.Name)]
                if names in (["collect_ignore"], ["collect_ignore_glob"]):
                    for entry in ast.walk(node):
                        if isinstance(entry, ast.Constant) and isinstance(entry.value, str):
                            found.append((path.parent, entry.value))
        return found

    def is_ignored(self, path: Path) -> bool:
        """Whether pytest is told to leave a path out."""
        for folder, pattern in self._ignored:
            if folder in path.parents:
                parts = path.relative_to(folder).parts
                beginnings = ["/".join(parts[: count + 1]) for count in range(len(parts))]
                if any(fnmatch.fnmatch(beginning, pattern.rstrip("/")) for beginning in beginnings):
                    return True
        return False

    def is_test_file(self, path: Path) -> bool:
        """Whether pytest would collect tests from a file."""
        return path.suffix == ".py" and any(fnmatch.fnmatch(path.name, glob) for glob in self.options.python_files)

    def test_files(self) -> list[Path]:
        return [path for path in self.files if self.is_test_file(path)]

    def mentioning(self, word: str) -> list[Module]:
        """The modules in whose text a word is."""
        paths = [path for path in self.files if path.suffix == ".py" and word.encode() in _bytes(path)]
        return [module for module in map(self.module, paths) if module is not None]

    def loaded(self) -> list[Module]:
        """The modules that were parsed so far."""
        return [module for module in self._modules.values() if module is not None]

    def module_at(self, path: str) -> Module:
        """A module that is known to be there."""
        return self._modules[Path(path)] or Module(Path(path), "")

    def source(self, module: Module, node: ast.ImportFrom) -> Module | None:
        """The module of the project from which names are imported."""
        if not node.level:
            return self.resolve(node.module or "", module.path)
        folder = module.path.parents[min(node.level, len(module.path.parents)) - 1]
        return self.resolve_at(folder.joinpath(*(node.module or "__init__").split(".")))

    def module(self, path: Path) -> Module | None:
        """The parsed file at a path; ``None`` if there is none."""
        if path not in self._modules:
            self._modules[path] = self._parse(path)
        return self._modules[path]

    def _parse(self, path: Path) -> Module | None:
        try:
            data = path.read_bytes()
        except OSError:
            return None
        module = Module(path, self._name(path), is_package=path.name == "__init__.py")
        try:
            module.text, _ = read_source(data)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # escapes and comparisons of the user's code are not our subject
                module.tree = ast.parse(module.text, filename=str(path))
        except SyntaxError as problem:
            module.problem = (problem.lineno or 1, problem.msg or "invalid syntax")
        except (ValueError, RecursionError, MemoryError) as problem:
            module.problem = (1, str(problem) or type(problem).__name__)
        return module

    def _name(self, path: Path) -> str:
        """The dotted name of a file, counted from the first folder that is no package."""
        parts = [] if path.name == "__init__.py" else [path.stem]
        folder = path.parent
        while folder != self.root and (folder / "__init__.py").is_file():
            parts.insert(0, folder.name)
            folder = folder.parent
        return ".".join(parts) or path.parent.name

    def resolve(self, name: str, asking: Path) -> Module | None:
        """The module of the project with a dotted name, as a file at a path would import it."""
        key = (name, asking.parent)
        if key not in self._resolved:
            self._resolved[key] = self._find(name, asking)
        return self._resolved[key]

    def _find(self, name: str, asking: Path) -> Module | None:
        parts = name.split(".")
        for base in self._bases(asking):
            found = self.resolve_at(base.joinpath(*parts))
            if found is not None:
                return found
        return None

    def _bases(self, asking: Path) -> Iterator[Path]:
        for entry in self.options.pythonpath:
            yield self.root / entry
        folder = asking.parent
        while folder != folder.parent and self._exists(folder / "__init__.py"):
            folder = folder.parent
        yield folder
        yield asking.parent
        yield self.root
        yield self.root / "src"
        for parent in asking.parents:  # a package of a monorepo, with a layout of its own
            if parent == self.root or self.root not in parent.parents:
                break
            yield parent
            yield parent / "src"

    def resolve_at(self, place: Path) -> Module | None:
        """The module or package at a place, named without its suffix."""
        for path in (place.with_name(place.name + ".py"), place / "__init__.py"):
            if self._exists(path):
                return self.module(path)
        return None

    def _exists(self, path: Path) -> bool:
        if path not in self._is_file:
            self._is_file[path] = path.is_file()
        return self._is_file[path]
