"""``[tool.promptecho.lint]`` of a project: which rules hold in it, and which paths are left out."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptecho._lint._rules import RULES, check_names
from promptecho._settings.settings import project_table
from promptecho.errors import SettingsError

_KEYS = ("exclude", "ignore", "select")


@dataclass(frozen=True)
class LintSettings:
    """What a project says. ``exclude`` are patterns of paths below ``folder``."""

    folder: Path
    select: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    exclude: tuple[str, ...] = ()

    def rules(self, select: frozenset[str], ignore: frozenset[str]) -> frozenset[str]:
        """The rules to look for: what was asked for goes before what the project says."""
        if select:
            return select - ignore
        return (self.select or frozenset(RULES)) - (ignore or self.ignore)

    def excludes(self, path: Path) -> bool:
        """Whether a path, a folder above it, or its name alone is left out."""
        if not self.exclude or self.folder not in path.parents:
            return False
        parts = path.relative_to(self.folder).parts
        names = {*parts, *("/".join(parts[: count + 1]) for count in range(len(parts)))}
        return any(fnmatch.fnmatch(name, pattern.strip("/")) for name in names for pattern in self.exclude)


def settings_of(root: Path) -> LintSettings:
    """The settings that hold for the project at a root.

    Raises:
        SettingsError: the table has something else in it than it may.
    """
    file, whole = project_table(root)
    place = f"{file} [tool.promptecho.lint]"
    table = whole.get("lint", {})
    if not isinstance(table, dict):
        raise SettingsError(f"{place} is no table")
    for key in table:
        if key not in _KEYS:
            raise SettingsError(f"{place}: there is no setting {key!r}; there are {', '.join(_KEYS)}")
    given = {key: _texts(table.get(key, []), key, place) for key in _KEYS}
    return LintSettings(
        file.parent,
        check_names(given["select"], f"{place} select"),
        check_names(given["ignore"], f"{place} ignore"),
        given["exclude"],
    )


def _texts(value: Any, key: str, place: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) and each.strip() for each in value):
        what = "patterns of paths" if key == "exclude" else "rules"
        raise SettingsError(f"{place}: {key} takes a list of {what}, not {value!r}")
    return tuple(value)
