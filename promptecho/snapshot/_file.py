"""The snapshot file: ``__llm_snapshots__/<test module>.yaml``, read, changed and replaced as a whole.

Writers of several processes take turns by a lock, and each changes its own entries only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promptecho._cassette import layout, store
from promptecho.errors import SnapshotError
from promptecho.snapshot._expected import Expected, Matcher, decoded, same
from promptecho.snapshot._rules import read_matcher

Json = Any

FOLDER = "__llm_snapshots__"
VERSION = 1
_WAY_OUT = "mend it, restore it from version control, or delete it and write it again with --llm-snapshot-update"


def path_for(module: Path) -> Path:
    """Where the snapshots of a test module are."""
    return module.parent / FOLDER / f"{module.stem}.yaml"


_loaded: dict[Path, tuple[object, dict[str, Json]]] = {}  # each file with what told this state of it from others


def load(path: Path) -> dict[str, Json]:
    """The snapshots of a file as they stand there; none where there is no file. They are shared: not to be changed.

    Raises:
        SnapshotError: it is no snapshot file, or can't be read.
    """
    try:
        now = path.stat()
    except OSError:
        return _read(path)
    state = (now.st_ino, now.st_mtime_ns, now.st_size)
    known = _loaded.get(path)
    if known is None or known[0] != state:
        known = _loaded[path] = (state, _read(path))
    return known[1]


def _read(path: Path) -> dict[str, Json]:
    try:
        text = store.read_text(path)
    except (OSError, ValueError) as problem:
        raise SnapshotError(f"{problem}; {_WAY_OUT}") from None
    if text is None:
        return {}
    try:
        tree = layout.load_1_2(text)
    except layout.YamlProblem as problem:
        place = f", line {problem.line}" if problem.line else ""
        raise SnapshotError(f"{path}{place}: {problem.problem}; {_WAY_OUT}") from None
    if not isinstance(tree, dict) or tree.get("version") != VERSION or isinstance(tree.get("version"), bool):
        raise SnapshotError(f"{path} is no snapshot file: expected 'version: {VERSION}' at its top; {_WAY_OUT}")
    snapshots = tree.get("snapshots")
    if set(tree) != {"version", "snapshots"} or not isinstance(snapshots, dict):
        raise SnapshotError(f"{path}: expected 'snapshots:' with a mapping below 'version:'; {_WAY_OUT}")
    return snapshots


def read(entry: Json, path: Path, name: str) -> Expected:
    """What a snapshot expects.

    Raises:
        SnapshotError: a matcher in it is wrong; it names the file, the snapshot and the place in it.
    """

    def wrong_at(place: str, text: str) -> SnapshotError:
        where = f" at {place}" if place else ""
        return SnapshotError(f"{path}: snapshot {name!r}{where}: {text}")

    def read_at(spec: Json, place: str) -> Matcher:
        def inner(tree: Json) -> Expected:
            return decoded(tree, place, read_at, lambda text: SnapshotError(f"{path}: snapshot {name!r}: {text}"))

        return read_matcher(spec, inner, lambda text: wrong_at(place, text))

    return decoded(entry, "", read_at, lambda text: SnapshotError(f"{path}: snapshot {name!r}: {text}"))


def text_of(snapshots: Mapping[str, Json]) -> str:
    """A whole file, its snapshots in the order of their names, numbers in them by value."""
    names = sorted(snapshots, key=order_of)
    return layout.emit_block({"version": VERSION, "snapshots": {name: snapshots[name] for name in names}}, 0)


def order_of(name: str) -> tuple[list[str | int], str]:
    """``test_a``, ``test_a 2``, ``test_a 10``, ``test_b``."""
    parts: list[str | int] = list(re.split(r"(\d{1,18})", name))
    for place in range(1, len(parts), 2):
        parts[place] = int(parts[place])
    return parts, name


def change(path: Path, written: Mapping[str, Json], removed: Mapping[str, Json] | None = None) -> None:
    """Write some snapshots and take others out; a file without any is removed, and so is an empty folder.

    ``removed``: names with the entry that is meant; one that somebody changed meanwhile stays.

    Raises:
        SnapshotError: the file can't be read or written; it is as it was.
    """
    try:
        with store.FileLock(path):
            old = _read(path)
            new = {**old, **written}
            for name, entry in (removed or {}).items():
                if name in new and same(new[name], entry):
                    del new[name]
            if same(new, old):
                return
            if new:
                path.parent.mkdir(parents=True, exist_ok=True)
                store.write_atomically(path, text_of(new))
                return
            path.unlink()
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
    except OSError as problem:
        raise SnapshotError(f"{path} can't be written: {problem.strerror or problem}; it is as it was") from None
    except layout.UnwritableText as problem:
        raise SnapshotError(f"{path} can't be written: {problem}; it is as it was") from None
