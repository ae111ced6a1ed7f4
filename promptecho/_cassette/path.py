"""The path of a cassette as users get it: a text, as in promptecho 0.1, that has all that a ``pathlib.Path`` has."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import Any


class CassettePath(str):
    """The path of a cassette's file: a text, with the attributes of a :class:`pathlib.Path`."""

    __slots__ = ()

    def __fspath__(self) -> str:
        return str.__str__(self)

    def __truediv__(self, other: Any) -> Path:
        return Path(self).joinpath(other)

    def __eq__(self, other: object) -> bool:
        return Path(self) == other if isinstance(other, PurePath) else str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return str.__hash__(self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(Path(self), name)
