"""What the last pytest run did with a cassette, from the record that the plugin leaves in pytest's cache."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptecho._lint._cassettes import LAST_RUN

Json = Any


@dataclass(frozen=True)
class Entry:
    """One cassette in the record. ``complete`` says that all tests known to use it ran, and passed."""

    path: Path
    recordings: int
    played: frozenset[int]
    complete: bool
    tests: tuple[str, ...]


@dataclass(frozen=True)
class LastRun:
    """The record of a project, written at a time; the names of tests are relative to ``root``, pytest's root folder."""

    root: Path
    written_at: float
    entries: Mapping[Path, Entry]

    def entry(self, path: Path) -> Entry | None:
        """What the record says of a cassette."""
        return self.entries.get(path.resolve())


def find_record(start: Path) -> LastRun | None:
    """The record of the nearest project at or above a folder; ``None`` if pytest left none that can be read."""
    return next(find_records(start), None)


def find_records(start: Path) -> Iterator[LastRun]:
    """The records at or above a folder, the nearest first: pytest may have been started in several of these folders."""
    start = start.resolve()
    for root in (start, *start.parents):
        try:
            tree = json.loads((root / LAST_RUN).read_text(encoding="utf-8"))
            written_at = (root / LAST_RUN).stat().st_mtime
        except (OSError, ValueError):
            continue
        if isinstance(tree, dict) and tree.get("version") == 1 and isinstance(tree.get("cassettes"), dict):
            entries = [_entry((root / name).resolve(), entry) for name, entry in tree["cassettes"].items()]
            yield LastRun(root, written_at, {entry.path: entry for entry in entries if entry is not None})


def _entry(path: Path, tree: Json) -> Entry | None:
    if not isinstance(tree, dict):
        return None
    count, played, tests = tree.get("recordings"), tree.get("played"), tree.get("tests")
    if not isinstance(count, int) or not isinstance(played, list) or not isinstance(tests, list):
        return None
    return Entry(
        path,
        count,
        frozenset(number for number in played if isinstance(number, int)),
        tree.get("complete") is True,
        tuple(str(test) for test in tests),
    )
