"""Which cassette files the tests name, exactly or in part."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from promptecho._lint._texts import ANY
from promptecho._settings import cassette_names

_HASH = re.compile(r"-[0-9a-f]{8}$")


@dataclass(frozen=True)
class Use(ABC):
    """A test and a cassette that it opens. ``site`` is the file, line and column at which it is named.

    ``is_sure``: the test itself says so; else it may come there by way of others. ``test`` is empty where none does.
    """

    test: str
    site: tuple[str, int, int]
    recorded_errors_meant: bool
    is_sure: bool
    folder: str

    @abstractmethod
    def matches(self, path: Path) -> bool:
        """Whether the test may open this file."""

    @cached_property
    def exact(self) -> str | None:
        """The path of the one file that the test opens, where that can be told."""
        return None


@dataclass(frozen=True)
class NamedUse(Use):
    """A cassette named by a path, parts of which may be unknown."""

    name: str

    @cached_property
    def is_open(self) -> bool:
        """Whether nothing is known of the path, so that it may be any."""
        return ANY in self.name and re.search(r"\w", re.sub(r"\.ya?ml$", "", self.name)) is None

    @cached_property
    def _whole(self) -> str:
        return os.path.normpath(os.path.join(self.folder, self.name))  # noqa: PTH118 - text only

    @cached_property
    def exact(self) -> str | None:
        return None if ANY in self.name else self._whole

    def matches(self, path: Path) -> bool:
        if self.is_open:
            return True
        before = f"{ANY}{self._whole.partition(ANY)[2]}" if self.name.startswith(ANY) else self._whole
        wanted = ".*".join(re.escape(each) for each in before.split(ANY))
        return re.fullmatch(wanted, os.path.normpath(str(path)), re.IGNORECASE | re.DOTALL) is not None


@dataclass(frozen=True)
class NamelessUse(Use):
    """A cassette that is named after the test. ``plain``: the test may run without parameters.

    ``module``: the folder of its cassettes, where the project asks for one.
    """

    name: str
    parametrised: bool = False
    plain: bool = True
    module: str | None = None

    @cached_property
    def _candidates(self) -> list[Path]:
        """Where its cassette may be, were it not parametrised; a project that names modules may have older ones."""
        folder = Path(self.folder)
        old = folder / f"{cassette_names.file_safe(self.name)}.yaml"
        if self.module is None:
            return [old]
        return [folder / cassette_names.plain(self.module) / f"{cassette_names.plain(self.name)}.yaml", old]

    @cached_property
    def exact(self) -> str | None:
        return None if self.parametrised else str(cassette_names.first_existing(tuple(self._candidates)))

    def matches(self, path: Path) -> bool:
        if path.suffix != ".yaml":
            return False
        for each in self._candidates:
            if path.parent != each.parent:
                continue
            if self.plain and path.stem.casefold() == each.stem.casefold():
                return True
            shown = _HASH.sub("", path.stem)
            for begin in (f"{self.name}[", f"{cassette_names.plain(self.name)}-") if self.parametrised else ():
                if path.stem.startswith(begin) or shown.startswith(begin):
                    return True
                if len(shown) > 60 and begin.startswith(shown):
                    return True
        return False
