"""Entry points of other packages, found without paying for a search where there are none.

``importlib.metadata`` parses the entry points of everything that is installed, which takes longer than all else that
a first cassette does. The groups of promptecho are rare, so the files are only looked through for the name.
Format: https://packaging.python.org/specifications/entry-points/
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint as EntryPoint

_MARK = b"[promptecho."
_METADATA = (".dist-info", ".egg-info")


def entry_points(group: str) -> Mapping[str, EntryPoint]:
    """The entry points of a group, by their names."""
    return _on(tuple(sys.path)).get(group, {})


@lru_cache(maxsize=4)
def _on(path: tuple[str, ...]) -> Mapping[str, Mapping[str, EntryPoint]]:
    if not any(map(_may_have_some, path)):
        return {}
    from importlib import metadata

    found: dict[str, dict[str, EntryPoint]] = {}
    for distribution in metadata.distributions(path=list(path)):
        for point in distribution.entry_points:
            if point.group.startswith("promptecho."):
                found.setdefault(point.group, {}).setdefault(point.name, point)
    return found


def _may_have_some(place: str) -> bool:
    """Whether a place on the path has entry points of ours; what is no folder (a zip file) may have some."""
    try:
        return any(_has_mark(entry) for entry in Path(place or ".").iterdir() if entry.suffix in _METADATA)
    except NotADirectoryError:
        return True
    except OSError:
        return False


def _has_mark(folder: Path) -> bool:
    try:
        return _MARK in (folder / "entry_points.txt").read_bytes()
    except OSError:
        return False
