"""A cassette in memory: its interactions, how they are found, and what was played and recorded."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from promptecho import _index, _references, _store, _yaml
from promptecho._interaction import Interaction, read_interaction
from promptecho._matching import Identity, MatchOn, MatchOptions, recorded_options
from promptecho._neutral_fields import SETTINGS
from promptecho._request_body import is_opaque

Json = Any


def _in_order(entries: list[Interaction]) -> list[Interaction]:
    """Identical calls in the order in which they were asked: where no ``repeat`` says so, that of the file."""
    entries = sorted(entries, key=lambda entry: entry.number)
    places = [(int(entry.document.get("repeat", place)), entry.number) for place, entry in enumerate(entries)]
    return [entry for _, entry in sorted(zip(places, entries), key=lambda pair: pair[0])]


def _unmatched(recorded: Mapping[str, Json], asked: Mapping[str, Json], identity: Identity) -> Iterator[str]:
    """The fields in which a request differs from its recording; of an object of settings, those in it."""
    matched = set(identity.matched_on)
    for name in recorded.keys() | asked.keys():
        was, now = recorded.get(name), asked.get(name)
        if was == now or name in matched:
            continue
        if name in SETTINGS and isinstance(was, dict) and isinstance(now, dict):
            for below in was.keys() | now.keys():
                if was.get(below) != now.get(below) and f"{name}.{below}" not in matched:
                    yield f"{name}.{below}"
        else:
            yield name


class Cassette:
    """The recordings of one file, and what a test did with them.

    :class:`use_cassette` and the fixture ``promptecho_cassette`` give one; :meth:`load` reads one to look at. ``path``
    is its file, ``passed_through`` how many calls were let through untouched, ``misses`` the misses so far.

    >>> with promptecho.use_cassette("cassettes/answer.yaml") as cassette:
    ...     answer = ask("What is six times seven?")
    >>> len(cassette), len(cassette.played), len(cassette.unused)
    (1, 0, 0)
    >>> cassette.recorded[0].body["model"]
    'gpt-5'
    """

    def __init__(self, path: Path, options: MatchOptions) -> None:
        self.path = path
        self.options = options
        self.older: bool = False  # holds recordings of earlier versions, whose keys know less
        self._loaded: list[Interaction | None] = []  # ``None``: in the file, and not parsed yet
        self._index: _index.Index | None = None
        # As text until somebody looks at it: most recordings are only kept.
        self._recorded: list[Interaction | str] = []
        self._played: list[Interaction] = []
        self._by_key: dict[str, list[Interaction]] = {}
        self._unmatched: Counter[str] = Counter()
        self.passed_through = 0
        self.misses: list[BaseException] = []
        self.told = 0  # how many of them have been raised or reported where a user sees them

    @classmethod
    def load(cls, path: str | os.PathLike[str], match_on: MatchOn = None) -> Cassette:
        """Read a cassette file to look at, without opening it for calls.

        >>> with promptecho.use_cassette("cassettes/answer.yaml"):
        ...     answer = ask("What is six times seven?")
        >>> promptecho.Cassette.load("cassettes/answer.yaml").interactions
        (<Interaction POST http://127.0.0.1:.../v1/chat/completions -> 200, key ...>,)

        Args:
            path: The file.
            match_on: The fields by which ``match_key`` is made, as for :class:`use_cassette`; default: those that the
                file says.

        Raises:
            CassetteFileError: there is none, or it can't be read.
            CassetteFormatError: it is damaged, foreign or of another version.
        """
        from promptecho import _settings
        from promptecho.errors import CassetteFileError

        file = Path(path)
        given = _settings.resolve({"match_on": match_on}, place="Cassette.load", environ={}, project={}).match
        text = _store.read_text(file)
        if text is None:
            raise CassetteFileError(f"{file} doesn't exist; record it first, with use_cassette({str(file)!r})")
        document = _store.parse(text, file)
        cassette = cls(file, recorded_options(document.header.get("match_on")) if match_on is None else given)
        cassette.add_document(document)
        return cassette

    def add_document(self, document: _store.Document) -> None:
        """Take in what a file holds, parsed as a whole."""
        for number, tree in enumerate(document.items):
            interaction = read_interaction(tree, self.path, number, self.options)
            self._loaded.append(interaction)
            self._file_under_key(interaction)

    def add_index(self, index: _index.Index) -> None:
        """Take in a file whose entries are parsed when they are asked for."""
        self._index = index
        self._loaded = [None] * len(index)
        for number in index.plain:
            self._load(number)

    def _file_under_key(self, interaction: Interaction) -> None:
        self.older = self.older or interaction.identity.headers is None
        entries = self._by_key.setdefault(interaction.identity.key, [])
        entries.append(interaction)
        if len(entries) > 1:
            self._by_key[interaction.identity.key] = _in_order(entries)

    def _load(self, number: int) -> Interaction:
        found = self._loaded[number]
        if found is None:
            assert self._index is not None
            found = read_interaction(self._index.tree(number), self.path, number, self.options)
            self._loaded[number] = found
            self._file_under_key(found)
        return found

    @property
    def interactions(self) -> tuple[Interaction, ...]:
        """Every recording, those of the file before those of this run."""
        return (*(self._load(number) for number in range(len(self._loaded))), *self.recorded)

    def look_through(self) -> Iterator[tuple[int, Interaction | _index.Index]]:
        """The recordings of the file by number: parsed, or the index that has their text."""
        for number, found in enumerate(self._loaded):
            if found is not None:
                yield number, found
            elif self._index is not None:
                yield number, self._index

    def interaction(self, number: int) -> Interaction:
        """The recording of the file with a number."""
        return self._load(number)

    @property
    def recorded(self) -> tuple[Interaction, ...]:
        """What was recorded in this run, in the order in which it was finished."""
        if any(isinstance(entry, str) for entry in self._recorded):
            self._read_recorded()
        return tuple(entry for entry in self._recorded if not isinstance(entry, str))

    @property
    def recorded_count(self) -> int:
        """How many calls were recorded in this run; quicker than to ask for them."""
        return len(self._recorded)

    def played_numbers(self) -> list[int]:
        """The numbers of the recordings that were asked for or made in this run, in order."""
        known = len(self._loaded)
        return sorted({each.number for each in self._played if each.number < known} | set(range(known, len(self))))

    def _read_recorded(self) -> None:
        """Parse what was recorded, each with what it has in common with what stands before it."""
        first: dict[str, Mapping[str, Json]] = {}
        for number in range(len(self._loaded)):
            request = self._load(number).document["request"]
            first.setdefault(request.get("match_key", ""), request)
        for place, entry in enumerate(list(self._recorded)):
            number = len(self._loaded) + place
            if isinstance(entry, str):
                tree = _yaml.load(entry)[0]  # type: ignore[index]  # an entry as it was just written
                whole = _references.expand(tree["request"], first.get, self.path, number)
                entry = read_interaction({**tree, "request": whole}, self.path, number, self.options)
                self._recorded[place] = entry
            request = entry.document["request"]
            first.setdefault(request.get("match_key", ""), request)

    @property
    def played(self) -> tuple[Interaction, ...]:
        """What was replayed in this run, in order; one that was replayed twice is there twice."""
        return tuple(self._played)

    @property
    def unused(self) -> tuple[Interaction, ...]:
        """Recordings of the file that no call has asked for."""
        played = {interaction.number for interaction in self._played}
        return tuple(self._load(number) for number in range(len(self._loaded)) if number not in played)

    @property
    def unmatched(self) -> dict[str, int]:
        """How often a replayed call differed from its recording in a field that is not matched, by its name."""
        return dict(self._unmatched)

    def acknowledge_misses(self) -> None:
        """Say that the misses so far were meant: they don't fail the test at its end.

        >>> with promptecho.use_cassette("cassettes/answer.yaml", mode="none") as cassette:
        ...     try:
        ...         answer = ask("Nobody asked this before.")
        ...     except BaseException:
        ...         answer = "sorry"
        ...     cassette.acknowledge_misses()
        """
        self.misses.clear()
        self.told = 0

    def untold_misses(self) -> list[BaseException]:
        return self.misses[self.told :]

    def find(self, keys: Iterable[str]) -> list[Interaction]:
        """The recordings under the first of some keys that has any, in the order of the calls."""
        for key in keys:
            if self._index is not None:
                for number in self._index.by_key.get(key[:16].encode("ascii"), ()):
                    self._load(number)
            entries = self._by_key.get(key)
            if entries:
                return entries
        return []

    def note_played(self, interaction: Interaction, identity: Identity) -> None:
        self._played.append(interaction)
        if identity is interaction.identity:
            return
        recorded, asked = interaction.identity.body, identity.body
        # What an earlier version read in another way was matched whole, as the call is.
        is_read_otherwise = interaction.identity.headers is None and identity.whole
        if recorded != asked and not is_opaque(recorded) and not is_read_otherwise:
            self._unmatched.update(_unmatched(recorded, asked, identity))

    def note_recorded(self, entry: Interaction | str) -> None:
        """Take in what was recorded: its text in the file, or the interaction where later calls are to find it."""
        self._recorded.append(entry)
        if isinstance(entry, Interaction):
            self._by_key.setdefault(entry.identity.key, []).append(entry)

    def __len__(self) -> int:
        return len(self._loaded) + len(self._recorded)

    def __repr__(self) -> str:
        return f"<Cassette {str(self.path)!r}: {len(self)} recordings, {len(self._played)} played>"
