"""What the processes of one cassette share: what each has played and recorded, and whose turn it is.

The process that opened the cassette makes a private folder when it starts its first child. Each child appends to a
file of its own there, a line for each event as it happens, since ``os._exit`` ends most of them; the opener reads
them whenever it is asked, and for the last time when it closes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from promptecho import _forks

Json = Any
TICKET = "ticket.json"
_COUNTS = "asked.json"
_EVENTS = ".events"


class Relay:
    """The shared folder of an open cassette, as one of its processes sees it."""

    def __init__(self, folder: Path, *, opener: bool) -> None:
        self.folder: Path = folder
        self.is_opener: bool = opener
        self._read: dict[str, int] = {}  # how much of each file
        self._lock = _forks.new_lock()

    @classmethod
    def begin(cls, asked: Mapping[tuple[str, str], int]) -> Relay:
        """A new one; ``asked`` is how often each call was asked for so far."""
        relay = cls(Path(tempfile.mkdtemp(prefix="promptecho-run-")), opener=True)
        counts = [[*place, count] for place, count in asked.items()]
        (relay.folder / _COUNTS).write_text(json.dumps(counts), encoding="ascii")
        return relay

    @property
    def ticket(self) -> Path:
        """The file by which a program that is started joins the cassette."""
        return self.folder / TICKET

    def asked(self) -> dict[tuple[str, str], int]:
        """How often each call had been asked for when the first child was started."""
        counts = json.loads((self.folder / _COUNTS).read_text(encoding="ascii"))
        return {(key, host): count for key, host, count in counts}

    def take_turn(self, place: tuple[str, str], count: int) -> int:
        """The number of this call among identical ones of all processes; ``count``: the least that it can be."""
        name = hashlib.sha256("\n".join(place).encode("utf-8", "surrogateescape")).hexdigest()[:24]
        while True:
            try:
                os.close(os.open(self.folder / f"{name}.{count}", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                return count
            except FileExistsError:
                count += 1
            except FileNotFoundError:  # the cassette has just been closed
                return count

    def tell(self, kind: str, value: Json) -> None:
        """In a child: let the opener know of something."""
        line = json.dumps([kind, value]).encode("ascii") + b"\n"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        with contextlib.suppress(FileNotFoundError):  # the opener has closed, and listens no more
            descriptor = os.open(self.folder / f"{os.getpid()}{_EVENTS}", flags, 0o600)
            try:
                os.write(descriptor, line)
            finally:
                os.close(descriptor)

    def news(self) -> Iterator[tuple[str, Json]]:
        """In the opener: what was told since the last time."""
        with self._lock:
            heard = []
            with contextlib.suppress(FileNotFoundError):
                for entry in sorted(os.scandir(self.folder), key=lambda each: each.name):
                    if entry.name.endswith(_EVENTS):
                        heard += self._rest_of(entry)
        yield from heard

    def _rest_of(self, entry: os.DirEntry[str]) -> list[tuple[str, Json]]:
        begin = self._read.get(entry.name, 0)
        if entry.stat().st_size <= begin:
            return []
        with open(entry.path, "rb") as file:  # noqa: PTH123 - a scanned entry
            file.seek(begin)
            lines = file.read().split(b"\n")
        whole = lines[:-1]  # a kill can cut the last one
        self._read[entry.name] = begin + sum(len(line) + 1 for line in whole)
        return [(kind, value) for kind, value in map(json.loads, whole)]

    def is_closed(self) -> bool:
        """In a child: whether the opener has left the cassette."""
        return not self.folder.exists()

    def close(self) -> list[tuple[str, Json]]:
        """In the opener: let no child in any more, and hear what is left."""
        import shutil

        closed = self.folder.with_name(self.folder.name + ".closed")
        with contextlib.suppress(OSError):
            self.folder.rename(closed)
            self.folder = closed
        heard = list(self.news())
        shutil.rmtree(self.folder, ignore_errors=True)
        return heard
