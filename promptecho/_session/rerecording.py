"""Mode ``all``: the recording that grows in a file beside the cassette, and takes its place when it is complete.

Rule: nothing that another test of the run, or another process, has put into the cassette meanwhile is lost; nor is what
tests would replay that did not run, or failed. Who uses a file is known at the end of a run alone, so what is dropped
is kept aside until then.
"""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from promptecho._cassette import store
from promptecho._cassette.cassette import Cassette
from promptecho._cassette.lock import FileLock
from promptecho._session import run_folder
from promptecho._session.refusals import without_refusals
from promptecho._telling import run
from promptecho._warning import warn
from promptecho.errors import CassetteFileError, CassetteFormatError, CassetteWarning

Json = Any
_MOST = 99  # files beside one cassette
_replaced: set[Path] = set()  # what was replaced in this process
_NOTE = "replaced"
_DROPPED = "dropped"
dropped: dict[str, list[Mapping[str, Json]]] = {}
"""What this run left out of the cassettes that it recorded again, by their real paths."""


class Rerecording(store.Journal):
    """The journal of a re-recording; the file beside the cassette is its own until ``release``."""

    def __init__(self, target: Path, header: Mapping[str, Json]) -> None:
        """Choose the file: one that an earlier run left, else one that nobody records into now.

        Raises:
            CassetteFileError: there is a folder in the place of the cassette, or no lock.
        """
        if target.is_dir():
            raise CassetteFileError(f"{target} is a folder; a cassette is a YAML file: name a file in it")
        side, self._claim = _claim(Path(os.path.realpath(target)))
        super().__init__(side, header, like=target)
        self.target = target
        self.total = 0  # recordings in the cassette, once it is replaced
        self._old = _read(target)

    def take_up(self, cassette: Cassette) -> bool:
        """Take in what an earlier run left half-way, if it did."""
        text = store.read_text(self.path)
        if text is None:
            return False
        document, self.left_out = without_refusals(store.parse(text, self.path))
        cassette.add_document(document)
        warn(
            f"{self.path}: an earlier re-recording of {self.target.name} stopped half-way; its {len(document.items)} "
            "recording(s) are taken up and the rest is recorded. Delete that file first to record everything again",
            CassetteWarning,
        )
        return True

    def replace(self, cassette: Cassette) -> None:
        """Put the complete recording in the place of the old one, with what was added to that meanwhile.

        Raises:
            CassetteFileError: it can't; both files are as they were.
        """
        with FileLock(Path(os.path.realpath(self.target))):
            kept = list(self._to_keep(cassette))
            if self.target not in _replaced and not run_folder.is_noted(_NOTE, self.target):
                self._keep_aside(cassette, kept)
            for item in kept:
                self.append(item)
            self.complete()
            self.move_to(self.target)
            _replaced.add(self.target)
            run_folder.note(_NOTE, self.target)
        self.total = len(cassette) + len(kept)

    def _to_keep(self, cassette: Cassette) -> Iterator[Mapping[str, Json]]:
        """What is in the cassette and must stay there, as none of it was asked for again."""
        now = _read(self.target)
        of_this_run = self.target in _replaced or run_folder.is_noted(_NOTE, self.target)
        if now is None or (now == self._old and not of_this_run):
            return
        old = set() if of_this_run else self._items_before()
        for item, document in self._not_asked(now, cassette):
            if _text(item) not in old:
                yield document

    def _not_asked(self, data: bytes, cassette: Cassette) -> Iterator[tuple[Mapping[str, Json], Mapping[str, Json]]]:
        """The recordings of a file that were not made again, as they are there and whole."""
        try:
            document = store.parse(store.decode(data, self.target), self.target)
        except CassetteFormatError:  # that is a reason to record it again
            return
        before = Cassette(self.target, cassette.options)
        before.add_document(document)
        asked = {interaction.identity.key for interaction in cassette.interactions}
        for item, interaction in zip(document.items, before.interactions):
            if interaction.identity.key not in asked:
                yield item, interaction.document

    def _keep_aside(self, cassette: Cassette, kept: list[Mapping[str, Json]]) -> None:
        """Keep until the end of the run what goes now, if somebody waits for that end."""
        gone = [document for _, document in self._not_asked(self._old or b"", cassette) if document not in kept]
        if gone and run.watching:
            path = os.path.realpath(self.target)
            dropped[path] = gone
            run_folder.write(_DROPPED, self.target, pickle.dumps((path, gone)))

    def _items_before(self) -> set[str]:
        try:
            text = store.decode(self._old or b"", self.target)
            return {_text(item) for item in store.parse(text, self.target).items} if text else set()
        except CassetteFormatError:
            return set()

    def release(self) -> None:
        """Let the next re-recording have the file beside the cassette."""
        self._claim.release()


def take_up_dropped(folder: Path) -> None:
    """In the controller of pytest-xdist: what the workers have dropped."""
    for file in folder.glob(f"{_DROPPED}-*"):
        path, gone = pickle.loads(file.read_bytes())
        dropped[path] = gone


def put_back(path: str) -> int:
    """Put into a cassette again what was dropped and not made again meanwhile; gives how many recordings."""
    gone = dropped.pop(path)
    text = store.read_text(Path(path))
    if text is None:
        return 0
    there = {_key(item) for item in store.parse(text, Path(path)).items}
    missing = [item for item in gone if _key(item) not in there]
    journal = store.Journal(Path(path), {})
    was_complete = not store.parse(text, Path(path)).unfinished
    for item in missing:
        journal.append(item)
    if missing and was_complete:
        journal.complete()
    return len(missing)


def _key(item: Mapping[str, Json]) -> str:
    return str(item["request"].get("match_key"))


def _text(item: Json) -> str:
    return json.dumps(item, sort_keys=True)


def _read(path: Path) -> bytes | None:
    try:
        return store.read_bytes(path)
    except CassetteFileError:
        return None


def _claim(real: Path) -> tuple[Path, FileLock]:
    sides = [store.side_path(real, number) for number in range(1, _MOST + 1)]
    for side in [*(side for side in sides if side.exists()), *sides]:
        claim = FileLock(side.with_name(f"{side.name}.claim"))  # the name of a lock, and of no file there
        if claim.try_to_take():
            return side, claim
    raise CassetteFileError(f"{real}: {_MOST} processes record it again at once; run it in fewer")
