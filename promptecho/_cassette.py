"""A cassette in memory: its interactions, how they are found, and what was played and recorded."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from promptecho import _index, _references, _store, _streams, _yaml
from promptecho._body import BodyProblem, decode_body, encode_body
from promptecho._matching import Identity, MatchOptions, identify_recorded
from promptecho._models import Headers, Response, ResponseHead
from promptecho._yaml import Flow
from promptecho.errors import WAY_OUT, CassetteFormatError

Json = Any


@dataclass(frozen=True, eq=False)
class Interaction:
    """One recorded call: the plain tree of the file, checked, and the response it holds.

    ``status``, ``method``, ``url`` and ``body`` (the canonical request body) are what a test wants to look at;
    ``response`` gives the neutral response.
    """

    document: Mapping[str, Json]
    identity: Identity
    response: Response
    number: int = -1  # its place in the file, from 0

    @property
    def method(self) -> str:
        return self.identity.method

    @property
    def url(self) -> str:
        return str(self.document["request"]["url"])

    @property
    def body(self) -> dict[str, Json]:
        return self.identity.body

    @property
    def match_key(self) -> str:
        return self.identity.short_key

    @property
    def status(self) -> int:
        return self.response.head.status_code

    @property
    def streaming(self) -> bool:
        return bool(self.document["response"].get("streaming", False))

    @property
    def incomplete(self) -> str | None:
        return self.response.incomplete

    @property
    def duration(self) -> float | None:
        """Seconds the recorded call took, or ``None`` where the file doesn't say."""
        value = self.document.get("duration")
        return float(value) if isinstance(value, (int, float)) else None

    def __repr__(self) -> str:
        return f"<Interaction {self.method} {self.url} -> {self.status}, key {self.match_key}>"


class _Shape:
    """Checks the tree of one interaction; every error names the file and the place in it."""

    def __init__(self, path: Path, index: int) -> None:
        self.path = path
        self.index = index

    def wrong(self, place: str, expected: str, value: object) -> CassetteFormatError:
        shown = repr(value)
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        where = f"interactions[{self.index}]" + (f".{place}" if place else "")
        return CassetteFormatError(f"{self.path}: {where} is {shown}, expected {expected}; {WAY_OUT}")

    def take(
        self, tree: Mapping[str, Json], name: str, kinds: type | tuple[type, ...], place: str, expected: str
    ) -> Any:
        value = tree.get(name)
        if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is int):
            raise self.wrong(f"{place}.{name}" if place else name, expected, value)
        return value


def read_interaction(tree: object, path: Path, index: int, options: MatchOptions) -> Interaction:
    """An interaction from its tree in the file."""
    shape = _Shape(path, index)
    if not isinstance(tree, dict):
        raise shape.wrong("", "a mapping with 'request' and 'response'", tree)
    request = shape.take(tree, "request", dict, "", "a mapping")
    response = shape.take(tree, "response", dict, "", "a mapping")
    method = shape.take(request, "method", str, "request", "an HTTP method such as POST")
    url = shape.take(request, "url", str, "request", "a URL")
    body = request.get("body")
    if body is None:
        body = {}
    if isinstance(request.get("body_json"), str):  # text that YAML cannot hold (lone surrogates)
        body = _json_text(request["body_json"], shape)
    if not isinstance(body, dict):
        raise shape.wrong("request.body", "a mapping", body)
    written_by_us = "duration" in tree
    query = request.get("query", "" if written_by_us else None)
    if query is not None and not isinstance(query, str):
        raise shape.wrong("request.query", "a text", query)
    normalizer = request.get("normalized_by")
    if normalizer is not None and not isinstance(normalizer, str):
        raise shape.wrong("request.normalized_by", "the name of a normalizer", normalizer)
    repeat = tree.get("repeat", 0)
    if not isinstance(repeat, int) or isinstance(repeat, bool):
        raise shape.wrong("repeat", "a number", repeat)
    try:
        identity = identify_recorded(method, url, query, body, options, normalizer=normalizer)
    except ValueError as problem:
        raise shape.wrong("request.url", f"a URL ({problem})", url) from None
    return Interaction(tree, identity, _response(response, shape), index)


def _json_text(text: str, shape: _Shape) -> Json:
    import json

    try:
        return json.loads(text)
    except ValueError:
        raise shape.wrong("request.body_json", "JSON", text) from None


def _headers(value: object, shape: _Shape) -> Headers:
    pairs: list[tuple[str, str]] = []
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise shape.wrong("response.headers", "a mapping of names to values", value)
    for name, entry in value.items():
        for item in entry if isinstance(entry, list) else [entry]:
            if isinstance(item, bool) or not isinstance(item, (str, int, float)):
                raise shape.wrong(f"response.headers.{name}", "a text or a list of texts", item)
            pairs.append((name, str(item)))
    return Headers(pairs)


def _header_list(value: object, shape: _Shape) -> Headers:
    if not isinstance(value, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair) for pair in value
    ):
        raise shape.wrong("response.header_list", "a list of [name, value]", value)
    return Headers([(name, text) for name, text in value])


def _response(tree: Mapping[str, Json], shape: _Shape) -> Response:
    status = shape.take(tree, "status", int, "response", "a status code such as 200")
    if not 100 <= status <= 599:
        raise shape.wrong("response.status", "a status code from 100 to 599", status)
    headers = (
        _header_list(tree["header_list"], shape) if "header_list" in tree else _headers(tree.get("headers"), shape)
    )
    streaming = tree.get("streaming", False)
    if not isinstance(streaming, bool):
        raise shape.wrong("response.streaming", "true or false", streaming)
    for name in ("reason", "incomplete", "http_version"):
        if tree.get(name) is not None and not isinstance(tree[name], str):
            raise shape.wrong(f"response.{name}", "a text", tree[name])
    if streaming:
        pieces = _event_bytes(tree, headers, shape)
    else:
        try:
            pieces = [decode_body(tree)]
        except BodyProblem as problem:
            raise shape.wrong(
                "response.body", f"a body as promptecho writes it ({problem})", tree.get("body")
            ) from None
    delays = tree.get("delays", [])
    if not isinstance(delays, list) or not all(isinstance(delay, (int, float)) for delay in delays):
        raise shape.wrong("response.delays", "a list of seconds", delays)
    chunks, waits = _cut(pieces, tree.get("chunks"), delays, shape)
    head = ResponseHead(
        status, _replayed_headers(headers, sum(map(len, chunks)), tree), tree.get("reason"), tree.get("http_version")
    )
    return Response(head, chunks, waits, tree.get("incomplete"))


def _replayed_headers(headers: Headers, length: int, tree: Mapping[str, Json]) -> Headers:
    """The recorded fields, less what described the coding that the stored body no longer has."""
    if tree.get("encoded") or not length:
        return headers
    plain = headers.without("content-encoding") if "content-encoding" in headers else headers
    if "content-length" not in plain or tree.get("incomplete") or plain.get("content-length") == str(length):
        return plain
    return plain.replaced("content-length", str(length))  # the coding is gone, or the body was edited by hand


def _event_bytes(tree: Mapping[str, Json], headers: Headers, shape: _Shape) -> list[bytes]:
    events = tree.get("events")
    if not isinstance(events, list):
        raise shape.wrong("response.events", "a list of events (streaming is true)", events)
    stream = _streams.format_of(headers.get("content-type"))
    pieces = []
    for number, event in enumerate(events):
        try:
            pieces.append(
                event.encode("utf-8") if stream is None and isinstance(event, str) else _decode(stream, event)
            )
        except (ValueError, TypeError) as problem:
            raise shape.wrong(f"response.events[{number}]", f"an event of the stream ({problem})", event) from None
    return pieces


def _decode(stream: Any, event: Json) -> bytes:
    if stream is not None:
        return bytes(stream.decode(event))
    if isinstance(event, dict) and isinstance(event.get("base64"), str):
        return base64.b64decode(event["base64"], validate=True)
    raise ValueError("a text was expected")


def _cut(
    pieces: list[bytes], sizes: object, delays: list[float], shape: _Shape
) -> tuple[tuple[bytes, ...], tuple[float, ...]]:
    """Chunks that end wherever an event or a chunk of the recording ended, and the seconds before each of them."""
    whole = tuple(piece for piece in pieces if piece)
    if sizes is None:
        return whole, tuple(map(float, delays)) if len(delays) == len(whole) else ()
    if not isinstance(sizes, list) or not all(isinstance(size, int) and size > 0 for size in sizes):
        raise shape.wrong("response.chunks", "a list of sizes in bytes", sizes)
    data = b"".join(pieces)
    if sum(sizes) != len(data):
        return whole, ()  # the body was edited by hand: its old cuts mean nothing
    starts = [0, *accumulate(sizes)]
    ends = sorted({*starts, *accumulate(len(piece) for piece in pieces)})
    chunks = tuple(data[start:end] for start, end in zip(ends, ends[1:]))
    if len(delays) != len(sizes):
        return chunks, ()
    before = dict(zip(starts, map(float, delays)))  # what came within one chunk came at once
    return chunks, tuple(before.get(start, 0.0) for start in ends[:-1])


def response_tree(
    head: ResponseHead, chunks: tuple[bytes, ...], *, delays: list[float], incomplete: str | None, encoded: bool
) -> dict[str, Json]:
    """The part of an interaction that holds its response; ``encoded``: the body still has its content coding."""
    tree: dict[str, Json] = {"status": head.status_code}
    if head.reason is not None:
        tree["reason"] = head.reason
    headers: dict[str, Json] = {}
    for name, value in head.headers:
        if name in headers:
            known = headers[name]
            headers[name] = [*known, value] if isinstance(known, list) else [known, value]
        else:
            headers[name] = value
    flat = [(name, text) for name, entry in headers.items() for text in (entry if isinstance(entry, list) else [entry])]
    if tuple(flat) == head.headers.pairs:
        tree["headers"] = headers
    else:  # repeats of a name that stand apart from one another: a mapping would lose their order
        tree["header_list"] = [Flow(pair) for pair in head.headers]
    content_type = head.headers.get("content-type")
    stream = None if encoded else _streams.format_of(content_type)
    body = b"".join(chunks)
    if stream is not None and body:
        pieces = stream.split(body)
        tree["streaming"] = True
        if incomplete:
            tree["incomplete"] = incomplete
        tree["events"] = [stream.encode(piece) for piece in pieces]
        cuts = set(accumulate(map(len, chunks))) - set(accumulate(map(len, pieces)))
        if cuts or delays:
            tree["chunks"] = Flow(map(len, chunks))
    else:
        tree["streaming"] = False
        if incomplete:
            tree["incomplete"] = incomplete
        if encoded:
            tree["encoded"] = True
            tree.update({"body": base64.b64encode(body).decode("ascii"), "binary": True})
        else:
            tree.update(encode_body(body, content_type))
        if len(chunks) > 1 and ("json" not in tree or delays):
            tree["chunks"] = Flow(map(len, chunks))
    if delays:
        tree["delays"] = Flow(delays)
    return tree


def _in_order(entries: list[Interaction]) -> list[Interaction]:
    """Identical calls in the order in which they were asked: where no ``repeat`` says so, that of the file."""
    entries = sorted(entries, key=lambda entry: entry.number)
    places = [(int(entry.document.get("repeat", place)), entry.number) for place, entry in enumerate(entries)]
    return [entry for _, entry in sorted(zip(places, entries), key=lambda pair: pair[0])]


class Cassette:
    """The recordings of one file, and what a test did with them.

    >>> with promptecho.use_cassette("cassettes/answer.yaml") as cassette:
    ...     ask("What is six times seven?")
    >>> assert not cassette.unused
    """

    def __init__(self, path: Path, options: MatchOptions) -> None:
        self.path = path
        self.options = options
        self.older = False  # holds recordings of promptecho 0.1.3, whose keys know less
        self._loaded: list[Interaction | None] = []  # ``None``: in the file, and not parsed yet
        self._index: _index.Index | None = None
        self._recorded: list[
            Interaction | str
        ] = []  # as text until somebody looks at it: most recordings are only kept
        self._played: list[Interaction] = []
        self._by_key: dict[str, list[Interaction]] = {}
        self._unmatched: Counter[str] = Counter()
        self.passed_through = 0
        self.misses: list[BaseException] = []

    @classmethod
    def load(cls, path: Any, match_on: Any = None) -> Cassette:
        """Read a cassette file to look at, without opening it for calls.

        Raises:
            CassetteFileError: there is none, or it can't be read.
            CassetteFormatError: it is damaged, foreign or of another version.
        """
        from promptecho import _settings
        from promptecho.errors import CassetteFileError

        file = Path(path)
        settings = _settings.resolve({"match_on": match_on}, place="Cassette.load", environ={}, project={})
        text = _store.read_text(file)
        if text is None:
            raise CassetteFileError(f"{file} doesn't exist; record it first, with use_cassette({str(file)!r})")
        cassette = cls(file, settings.match)
        cassette.add_document(_store.parse(text, file))
        return cassette

    def add_document(self, document: _store.Document) -> None:
        """Take in what a file holds, parsed as a whole."""
        for number, tree in enumerate(document.items):
            interaction = read_interaction(tree, self.path, number, self.options)
            self.older = self.older or "duration" not in interaction.document
            self._loaded.append(interaction)
            self._file_under_key(interaction)

    def add_index(self, index: _index.Index) -> None:
        """Take in a file whose entries are parsed when they are asked for."""
        self._index = index
        self._loaded = [None] * len(index)
        for number in index.plain:
            self._load(number)

    def _file_under_key(self, interaction: Interaction) -> None:
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
        """Every recording: those of the file, then those of this run."""
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
        """Say that the misses so far were meant: they are not raised again when the cassette closes."""
        self.misses.clear()

    def find(self, keys: list[str]) -> list[Interaction]:
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
        if recorded != asked:
            for name in recorded.keys() | asked.keys():
                if recorded.get(name) != asked.get(name) and name not in identity.matched:
                    self._unmatched[name] += 1

    def note_recorded(self, entry: Interaction | str) -> None:
        """Take in what was recorded: its text in the file, or the interaction where later calls are to find it."""
        self._recorded.append(entry)
        if isinstance(entry, Interaction):
            self._by_key.setdefault(entry.identity.key, []).append(entry)

    def __len__(self) -> int:
        return len(self._loaded) + len(self._recorded)

    def __repr__(self) -> str:
        return f"<Cassette {str(self.path)!r}: {len(self)} recordings, {len(self._played)} played>"
