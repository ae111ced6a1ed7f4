"""Which cassettes a command is about, and what they hold; one that can't be read says why."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from promptecho._cassette import store
from promptecho._cassette.cassette import Cassette
from promptecho._cassette.interaction import Interaction
from promptecho._matching.identity import MatchOptions, recorded_options
from promptecho.errors import CassetteFileError, PromptechoError

Json = Any

SUFFIXES = (".yaml", ".yml")
_SKIPPED = ("node_modules", "site-packages", "__pycache__")


@dataclass(frozen=True)
class OpenedCassette:
    """A cassette file. ``problem`` says why it can't be read, and then it has no interactions."""

    path: Path
    header: Mapping[str, Json] = field(default_factory=dict)
    interactions: tuple[Interaction, ...] = ()
    options: MatchOptions = field(default_factory=MatchOptions)
    size: int = 0
    problem: str = ""

    @property
    def recorded_at(self) -> datetime | None:
        """When the file says that it was recorded."""
        value = self.header.get("recorded_at")
        try:
            moment = datetime.fromisoformat(value.replace("Z", "+00:00")) if isinstance(value, str) else None
        except ValueError:
            return None
        return moment.replace(tzinfo=timezone.utc) if moment is not None and moment.tzinfo is None else moment

    @property
    def unfinished(self) -> bool:
        return self.header.get("unfinished") is True


def open_cassette(path: Path, options: MatchOptions | None = None) -> OpenedCassette:
    """Read a whole cassette; keys are made as its own ``match_on`` says, unless other options are given.

    Raises:
        CassetteFileError: there is none, or it can't be read.
        CassetteFormatError: it is damaged, foreign or of another version.
    """
    data = store.read_bytes(path)
    if data is None:
        raise CassetteFileError(f"{path} doesn't exist; name a cassette, as `promptecho ls` lists them")
    return from_bytes(data, path, options)


def from_bytes(data: bytes, path: Path, options: MatchOptions | None = None) -> OpenedCassette:
    """The same for what a file held at another time; ``path`` is its name in messages."""
    document = store.parse(store.decode(data, path), path)
    if options is None:
        options = recorded_options(document.header.get("match_on"))
    cassette = Cassette(path, options)
    cassette.add_document(document)
    return OpenedCassette(path, document.header, cassette.interactions, options, len(data))


def open_or_say_why(path: Path) -> OpenedCassette:
    """Read a cassette, or say what is wrong with it."""
    try:
        return open_cassette(path)
    except PromptechoError as problem:
        try:
            size = path.stat().st_size
        except OSError:
            size = 0
        return OpenedCassette(path, size=size, problem=str(problem))


def find(paths: Sequence[Path]) -> list[Path]:
    """The cassettes that some files and folders name, sorted; without any, those of all ``cassettes`` folders below.

    Raises:
        CassetteFileError: a path doesn't exist, or is a folder that can't be listed.
    """
    found: set[Path] = set()
    for path in paths:
        if not os.path.lexists(path):
            raise CassetteFileError(f"{path} doesn't exist; name cassettes, or folders with cassettes in them")
        found.update(_below(path) if path.is_dir() else [path])
    if not paths:
        found.update(path for path in _below(Path()) if "cassettes" in path.parts[:-1])
    return sorted(found, key=lambda path: path.as_posix())


def _below(folder: Path) -> Iterator[Path]:
    def closed(problem: OSError) -> None:
        if problem.filename is not None and Path(problem.filename) == folder:
            raise CassetteFileError(f"{folder} can't be listed: {problem.strerror}") from None

    for parent, folders, files in os.walk(folder, onerror=closed):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        for name in sorted(files):
            path = Path(parent) / name
            # A FIFO, a socket or a device is nobody's cassette; a link that leads nowhere is told as unreadable.
            if name.endswith(SUFFIXES) and not name.startswith(".") and (path.is_file() or not path.exists()):
                yield path
