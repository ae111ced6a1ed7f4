"""Which cassette files the tests name, exactly or in part."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from promptecho import _cassette_names
from promptecho._lint._texts import Piece, Text

_HASH = re.compile(r"-[0-9a-f]{8}$")


@dataclass(frozen=True)
class Use(ABC):
    """A test and a cassette that it opens. ``site`` is the file, line and column at which it is named.

    ``is_sure``: the test itself says so; else it may come there by way of others. ``test`` is empty where none does.
    """

    test: str
    site: tuple[str, int, int]
    recorded_errors_meant: bool = False
    is_sure: bool = False

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

    pattern: Text = field(default_factory=Text)
    folder: str = ""

    @property
    def is_open(self) -> bool:
        """Whether nothing is known of the path, so that it may be any."""
        known = "".join(str(piece) for piece in self.pattern.pieces if piece is not None)
        return re.search(r"\w", re.sub(r"\.ya?ml$", "", known)) is None

    @cached_property
    def exact(self) -> str | None:
        whole = self.pattern.exact
        return os.path.normpath(os.path.join(self.folder, whole)) if whole else None  # noqa: PTH118 - text only

    def matches(self, path: Path) -> bool:
        exact = self.exact
        if exact is not None:
            return exact.casefold() == os.path.normpath(str(path)).casefold()
        if self.is_open:
            return True
        pieces = list(self.pattern.pieces)
        first = pieces[0]
        if isinstance(first, str):
            pieces[0] = os.path.join(self.folder, first).replace("/./", "/")  # noqa: PTH118 - text only
            if ".." in first:
                pieces[0] = None  # brought to one form only as a whole
        elif isinstance(first, tuple):
            pieces[0] = tuple(os.path.normpath(os.path.join(self.folder, each)) for each in first)  # noqa: PTH118
        wanted = "".join(_expression(piece) for piece in pieces)
        return re.fullmatch(wanted, path.as_posix(), re.IGNORECASE | re.DOTALL) is not None


def _expression(piece: Piece) -> str:
    if piece is None:
        return ".*"
    options = (piece,) if isinstance(piece, str) else piece
    return "(?:" + "|".join(re.escape(option) for option in options) + ")"


@dataclass(frozen=True)
class NamelessUse(Use):
    """A cassette that the fixture names after the test."""

    folder: str = ""
    name: str = ""
    parametrised: bool = False
    plain: bool = True  # the test may run without parameters
    module: str | None = None  # for the folder of its cassettes, where the project asks for one

    @cached_property
    def _candidates(self) -> list[Path]:
        """Where its cassette may be, were it not parametrised; a project that names modules may have older ones."""
        folder = Path(self.folder)
        old = folder / f"{_cassette_names.file_safe(self.name)}.yaml"
        if self.module is None:
            return [old]
        return [folder / _cassette_names.plain(self.module) / f"{_cassette_names.plain(self.name)}.yaml", old]

    @cached_property
    def exact(self) -> str | None:
        return None if self.parametrised else str(_cassette_names.first_existing(tuple(self._candidates)))

    def matches(self, path: Path) -> bool:
        if path.suffix != ".yaml":
            return False
        for each in self._candidates:
            if path.parent != each.parent:
                continue
            if self.plain and path.stem.casefold() == each.stem.casefold():
                return True
            shown = _HASH.sub("", path.stem)
            for begin in (f"{self.name}[", f"{_cassette_names.plain(self.name)}-") if self.parametrised else ():
                if path.stem.startswith(begin) or shown.startswith(begin):
                    return True
                if len(shown) > 60 and begin.startswith(shown):
                    return True
        return False
