"""A cassette in memory: its interactions, how they are found, and what was played and recorded."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from promptecho import errors
from promptecho._cassette import index as _index
from promptecho._cassette import layout, references, store
from promptecho._cassette.interaction import Interaction, read_interaction
from promptecho._cassette.path import CassettePath
from promptecho._cassette.relay import Relay
from promptecho._matching.bodies import is_opaque
from promptecho._matching.canonical import has_registered
from promptecho._matching.identity import Identity, MatchOn, MatchOptions, canonical_json, recorded_options
from promptecho._secrets.named_fields import REDACTED
from promptecho._warning import warn
from promptecho.providers._fields import SETTINGS

Json = Any
_UNBOUNDED = 1_000_000_000  # what this process wrote itself


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
    is its file, a text that has what a :class:`pathlib.Path` has, ``passed_through`` how many calls were let through
    untouched, ``background`` how many calls that SDKs make on their own (traces, counters) were answered on the spot,
    ``misses`` the misses so far.

    >>> with promptecho.use_cassette("cassettes/answer.yaml") as cassette:
    ...     answer = ask("What is six times seven?")
    >>> len(cassette), len(cassette.played), len(cassette.unused)
    (1, 0, 0)
    >>> cassette.recorded[0].body["model"]
    'gpt-5'
    """

    def __init__(self, path: Path, options: MatchOptions) -> None:
        self.file: Path = path
        self.path: CassettePath = CassettePath(path)
        self.options = options
        self._older: bool | None = None  # until somebody asks
        self._loaded: list[Interaction | None] = []  # ``None``: in the file, and not parsed yet
        self._index: _index.Index | None = None
        # As text until somebody looks at it: most recordings are only kept.
        self._recorded: list[Interaction | str] = []
        self._played: list[Interaction] = []
        self._by_key: dict[str, list[Interaction]] = {}
        # By the key that the file says: of their requests too little is left to make it again.
        self._incomplete: dict[str, list[Interaction]] = {}
        self._with_placeholders: list[Interaction] | None = None
        self._unmatched: Counter[str] = Counter()
        self.passed_through: int = 0
        self.background = 0
        self.recorded_at: str | None = None  # as the file says it
        self.misses: list[BaseException] = []
        self.relay: Relay | None = None  # if other processes take part
        self.told: int = 0  # how many of them have been raised or reported where a user sees them

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
        from promptecho._settings import settings
        from promptecho.errors import CassetteFileError

        file = Path(path)
        given = settings.resolve({"match_on": match_on}, place="Cassette.load", environ={}, project={}).match
        text = store.read_text(file)
        if text is None:
            raise CassetteFileError(f"{file} doesn't exist; record it first, with use_cassette({str(file)!r})")
        document = store.parse(text, file)
        cassette = cls(file, recorded_options(document.header.get("match_on")) if match_on is None else given)
        cassette.add_document(document)
        return cassette

    def add_document(self, document: store.Document, data: bytes = b"") -> None:
        """Take in what a file holds, parsed as a whole.

        ``data`` is its text: where a request has lost a part of itself, the mark of its entry tells its key.
        """
        self._note_header(document.header)
        self._older = None
        trusted: dict[int, bytes] = {}
        if document.incomplete and not has_registered():
            trusted = _index.trusted_keys(data, self.options.digest)
        for number, tree in enumerate(document.items):
            interaction = read_interaction(tree, self.file, number, self.options)
            self._loaded.append(interaction)
            if number not in document.incomplete:
                self._file_under_key(interaction)
            elif number in trusted:
                self._incomplete.setdefault(trusted[number].decode("ascii"), []).append(interaction)

    @property
    def unmatchable(self) -> list[Interaction]:
        """Recordings that no call can find: their requests lost a part, and were edited besides."""
        kept = {id(each) for entries in self._incomplete.values() for each in entries}
        return [each for each in self._loaded if each is not None and each.is_incomplete and id(each) not in kept]

    def add_index(self, index: _index.Index) -> None:
        """Take in a file whose entries are parsed when they are asked for."""
        self._note_header(index.header)
        self._index = index
        self._loaded = [None] * len(index)
        for number in index.plain:
            self._load(number)

    def _note_header(self, header: Mapping[str, Json]) -> None:
        recorded_at = header.get("recorded_at")
        self.recorded_at = recorded_at if isinstance(recorded_at, str) else None

    def _file_under_key(self, interaction: Interaction) -> None:
        entries = self._by_key.setdefault(interaction.identity.key, [])
        entries.append(interaction)
        if len(entries) > 1:
            self._by_key[interaction.identity.key] = _in_order(entries)

    def _load(self, number: int) -> Interaction:
        found = self._loaded[number]
        if found is None:
            assert self._index is not None
            found = read_interaction(self._index.tree(number), self.file, number, self.options)
            self._loaded[number] = found
            if found.is_incomplete:
                self._incomplete.setdefault(found.match_key, []).append(found)
            else:
                self._file_under_key(found)
        return found

    @property
    def match_on(self) -> list[str] | str:
        """The names of the body fields that calls are matched by, or ``"all"``."""
        return self.options.names

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

    @property
    def older(self) -> bool:
        """Whether it holds recordings whose keys know less: of earlier versions, or imported without headers."""
        if self._older is None:
            self._older = any(
                found.identity.headers is None if isinstance(found, Interaction) else not found.has_headers(number)
                for number, found in self.look_through()
            )
        return self._older

    def interaction(self, number: int) -> Interaction:
        """The recording of the file with a number."""
        return self._load(number)

    @property
    def recorded(self) -> tuple[Interaction, ...]:
        """What was recorded in this run, in the order in which it was finished; by child processes too."""
        self.hear()
        if any(isinstance(entry, str) for entry in self._recorded):
            self._read_recorded()
        return tuple(entry for entry in self._recorded if not isinstance(entry, str))

    @property
    def loaded_count(self) -> int:
        """How many recordings the file held when it was opened."""
        return len(self._loaded)

    @property
    def recorded_count(self) -> int:
        """How many calls were recorded in this run; quicker than to ask for them."""
        self.hear()
        return len(self._recorded)

    def played_numbers(self) -> list[int]:
        """The numbers of the recordings that were asked for or made in this run, in order."""
        self.hear()
        known = len(self._loaded)
        return sorted({each.number for each in self._played if each.number < known} | set(range(known, len(self))))

    def _read_recorded(self) -> None:
        """Parse what was recorded, each with what it has in common with others."""
        known = len(self._loaded)
        requests = [self._load(number).document["request"] for number in range(known)]
        trees: list[Json] = []
        for entry in self._recorded:
            # An entry as it was just written.
            trees.append(layout.load(entry)[0] if isinstance(entry, str) else entry.document)  # type: ignore[index]
            requests.append(trees[-1]["request"])
        first: dict[str, int] = {}
        for number, request in enumerate(requests):
            first.setdefault(request.get("match_key", ""), number)
        budget = references.Budget(_UNBOUNDED, 1)
        whole = references.Requests(requests.__getitem__, first.get, self.file, budget).whole
        for place, entry in enumerate(list(self._recorded)):
            if isinstance(entry, str):
                number = known + place
                tree = {**trees[place], "request": whole(number)}
                self._recorded[place] = read_interaction(tree, self.file, number, self.options)

    @property
    def played(self) -> tuple[Interaction, ...]:
        """What was replayed in this run, in order; one that was replayed twice is there twice."""
        self.hear()
        return tuple(self._played)

    @property
    def unused(self) -> tuple[Interaction, ...]:
        """Recordings of the file that no call has asked for."""
        self.hear()
        played = {interaction.number for interaction in self._played}
        return tuple(self._load(number) for number in range(len(self._loaded)) if number not in played)

    @property
    def unmatched(self) -> dict[str, int]:
        """How often a replayed call differed from its recording in a field that is not matched, by its name."""
        self.hear()
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
            for interaction in self._incomplete.pop(key[:16], ()):
                self._file_under_key(replace(interaction, identity=replace(interaction.identity, key=key)))
            entries = self._by_key.get(key)
            if entries:
                return entries
        return []

    def holds_recorded(self, is_in: Callable[[str], bool]) -> bool:
        """Whether a test of texts finds something in what was recorded in this run."""
        return any(
            is_in(entry if isinstance(entry, str) else canonical_json(entry.document)) for entry in self._recorded
        )

    def replace_recorded(self, changed: Callable[[Interaction], Interaction]) -> None:
        """Put other recordings in the place of those of this run."""
        if not self._recorded:
            return
        before = self.recorded
        self._recorded = [changed(entry) for entry in before]
        for was, now in zip(before, self._recorded):
            entries = self._by_key.get(was.identity.key, [])
            if now is not was and was in entries and isinstance(now, Interaction):
                entries.remove(was)
                self._by_key.setdefault(now.identity.key, []).append(now)

    def with_placeholders(self) -> list[Interaction]:
        """The recordings of the file in whose requests something was masked, beside the values of queries."""
        if self._with_placeholders is None:
            numbers = [
                number
                for number, found in self.look_through()
                if isinstance(found, Interaction) or found.mentions(number, REDACTED)
            ]
            self._with_placeholders = [
                entry
                for entry in map(self._load, numbers)
                if REDACTED in entry.identity.path or REDACTED in canonical_json(entry.identity.body)
            ]
        return self._with_placeholders

    def note_played(self, interaction: Interaction, identity: Identity) -> None:
        self._played.append(interaction)
        names: list[str] = []
        if identity is not interaction.identity:
            recorded, asked = interaction.identity.body, identity.body
            # What an earlier version read in another way was matched whole, as the call is.
            is_read_otherwise = interaction.identity.headers is None and identity.whole
            if recorded != asked and not is_opaque(recorded) and not is_read_otherwise:
                names = list(_unmatched(recorded, asked, identity))
        self._unmatched.update(names)
        if self._tells:
            self._tell("played", [interaction.number, interaction.identity.key, names])

    def note_recorded(self, entry: Interaction | str, tree: Mapping[str, Json]) -> None:
        """Take in what was recorded: its text in the file, or the interaction where later calls are to find it."""
        self._recorded.append(entry)
        if isinstance(entry, Interaction):
            self._by_key.setdefault(entry.identity.key, []).append(entry)
        if self._tells:
            self._tell("recorded", tree)

    def note_miss(self, miss: BaseException) -> None:
        self.misses.append(miss)
        if self._tells:
            self._tell("miss", [type(miss).__name__, str(miss)])

    def note_passed(self) -> None:
        self.passed_through += 1
        if self._tells:
            self._tell("passed", 1)

    # --- child processes ---

    @property
    def _tells(self) -> bool:
        """Whether this is a child process of the one that opened the cassette."""
        return self.relay is not None and not self.relay.is_opener

    def _tell(self, kind: str, value: Json) -> None:
        assert self.relay is not None
        self.relay.tell(kind, value)

    def hear(self) -> None:
        """Take in what child processes have done since the last time."""
        if self.relay is not None and self.relay.is_opener:
            for kind, value in self.relay.news():
                self._take_in(kind, value)

    def hear_last(self) -> None:
        """Take in the rest, and let no child process go on with this cassette."""
        if self.relay is not None and self.relay.is_opener:
            for kind, value in self.relay.close():
                self._take_in(kind, value)

    def _take_in(self, kind: str, value: Json) -> None:
        if kind == "played":
            number, key, names = value
            self._unmatched.update(names)
            known = self._load(number) if number < len(self._loaded) else self._recorded_under(key)
            if known is not None:
                self._played.append(known)
        elif kind == "recorded":
            interaction = read_interaction(value, self.file, len(self._loaded) + len(self._recorded), self.options)
            self._recorded.append(interaction)
            self._by_key.setdefault(interaction.identity.key, []).append(interaction)
        elif kind == "miss":
            name, text = value
            self.misses.append(errors.of_a_child(name, text, self.path))
        elif kind == "passed":
            self.passed_through += int(value)
        elif kind == "outside":
            warn(value, errors.UninterceptedCallWarning)

    def _recorded_under(self, key: str) -> Interaction | None:
        return next((each for each in self.recorded if each.identity.key == key), None)

    def __len__(self) -> int:
        self.hear()
        return len(self._loaded) + len(self._recorded)

    def __repr__(self) -> str:
        return f"<Cassette {str(self.path)!r}: {len(self)} recordings, {len(self._played)} played>"
