"""What stands in a file already is written once: an agent's request repeats its history, tools and images.

A recording whose body repeats parts of an earlier one leaves them out and says in ``request.same_as`` where they are:

    same_as:
      messages[0:24]: 7d206bed48a0bc0c                        # elements 0 to 23, the same as there
      messages[24].content[1].image_url.url: 5b3bb0b5b3a1f0f2 messages[2].content[0].image_url.url

Each line names a place in the body, the ``match_key`` of an earlier recording, and the place there unless it is the
same. With several recordings under one key the first is meant, wherever it is in the file. Only fields that went into
the key of a recording are referred to, so another recording under that key has them too, and a deleted one can't be
mistaken for another: what referred to it is incomplete, and stays as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Optional

from promptecho._matching.identity import canonical_json
from promptecho.errors import WAY_OUT, CassetteFormatError

Json = Any
FIELD = "same_as"
_MIN_RUN = 200  # what is shorter is written again: a reference would be no easier to read
_MIN_TEXT = 1000
_MAX_ELEMENTS = 100_000

_RANGE = re.compile(r"(?P<name>[A-Za-z_][\w-]*)\[(?P<start>\d{1,6}):(?P<end>\d{1,6})\]")
_NAME = re.compile(r"[A-Za-z_][\w-]*\Z")
_STEP = re.compile(r"(?P<name>[A-Za-z_][\w-]*)|\[(?P<index>\d{1,6})\]")
_SOURCE = re.compile(r"(?P<key>[0-9a-f]{16})(?: (?P<place>\S+))?\Z")

Request = Mapping[str, Json]
Find = Callable[[str], Optional[Request]]


class _ReferenceProblem(ValueError):
    """A reference can't be followed; ``place`` is its key in the mapping."""

    def __init__(self, place: object, problem: str) -> None:
        super().__init__(problem)
        self.place = place


class _Lost(_ReferenceProblem):
    """What a reference names isn't in the file any more: its recording was deleted or edited by hand."""


# --- reading ----------------------------------------------------------------------------------------------------------


class Budget:
    """How many characters the references of one file may bring in: a small file must not fill the memory.

    A request says each part of the file once, give or take repeats, so what is much larger than the file was made to
    explode. A conversation of many turns is as large as the file once for each turn.
    """

    def __init__(self, size: int, count: int) -> None:
        self._each = 1_000_000 + 16 * size
        self._left = min(20_000_000 + count * size, 1_000_000_000)
        self._sizes: dict[int, tuple[Json, int]] = {}

    def begin(self) -> int:
        """What one recording may bring in."""
        return self._each

    def take(self, value: Json, room: int, place: str) -> int:
        """What is left for one recording of its ``room`` when a value was brought in."""
        size = self._size_of_list(value) if isinstance(value, list) else _size(value, self._each)
        self._left -= size
        if size > room or self._left < 0:
            raise _ReferenceProblem(place, "the references expand to far more than the file holds")
        return room - size

    def _size_of_list(self, items: list[Json]) -> int:
        """Elements are brought in again and again by later turns, so each is measured once."""
        total = 8
        for item in items:
            known = self._sizes.get(id(item))
            if known is None:
                known = self._sizes[id(item)] = (item, _size(item, self._each))  # kept, so that its id stays its own
            total += known[1]
        return total


class Requests:
    """The requests of one file, complete; which are read when they are needed.

    ``read`` gives a request as it is in the file, ``first`` the number of the first recording under a key. A request
    is given with its references where what they name is lost.
    """

    def __init__(
        self, read: Callable[[int], Json], first: Callable[[str], int | None], path: Path, budget: Budget
    ) -> None:
        self._read = read
        self._first = first
        self._path = path
        self._budget = budget
        self._whole: dict[int, Request] = {}

    def whole(self, number: int) -> Request:
        """The request of a recording with everything in its body.

        Raises:
            CassetteFormatError: a reference is not as promptecho writes it, or brings in too much.
        """
        waiting = [number]
        under_way: set[int] = set()
        while waiting:
            current = waiting[-1]
            request = self._whole.get(current)
            if request is None:
                request = self._read(current)
                needed = {self._first(key) for key in _sources(request)} - {None, current}
                missing = [each for each in needed if each is not None and each not in self._whole.keys() | under_way]
                if missing:
                    under_way.add(current)
                    waiting += missing
                    continue
                self._whole[current] = expand(request, self._find, self._path, current, self._budget)
            waiting.pop()
        return self._whole[number]

    def _find(self, key: str) -> Request | None:
        number = self._first(key)
        return None if number is None else self._whole.get(number)


def _sources(request: Request) -> Iterator[str]:
    """The keys of the recordings that a request refers to."""
    entries = request.get(FIELD)
    for source in entries.values() if isinstance(entries, dict) else ():
        found = _SOURCE.match(source) if isinstance(source, str) else None
        if found:
            yield found["key"]


def is_incomplete(request: Request) -> bool:
    """Whether something that a request refers to is lost, after it was looked for."""
    return bool(request.get(FIELD))


def losses(request: Request) -> list[tuple[str, str]]:
    """The places of a body whose content is lost, each with what its reference names."""
    entries = request.get(FIELD)
    return list(entries.items()) if isinstance(entries, dict) else []


def expand(request: Request, find: Find, path: Path, number: int, budget: Budget) -> Request:
    """The request of a recording with everything in its body; as it is if something of it is lost.

    ``find`` gives the first request under a key, complete; ``path`` and ``number`` say in errors where it stands.

    Raises:
        CassetteFormatError: a place or a source is not as promptecho writes it, or they bring in too much.
    """
    entries = request.get(FIELD)
    if entries is None:
        return request
    try:
        body = _expanded(request.get("body", {}), entries, find, budget)
    except _Lost:
        return request
    except _ReferenceProblem as problem:
        place = f"interactions[{number}].request.{FIELD}" + (f"['{problem.place}']" if problem.place else "")
        raise CassetteFormatError(f"{path}: {place}: {problem}; {WAY_OUT}") from None
    return {**{name: entry for name, entry in request.items() if name not in (FIELD, "body")}, "body": body}


def _expanded(body: Json, entries: Json, find: Find, budget: Budget) -> Json:
    if not isinstance(entries, dict):
        raise _ReferenceProblem("", "expected a mapping of places in the body to recordings")
    room = budget.begin()
    lost: _Lost | None = None
    for place, source in entries.items():
        found = _SOURCE.match(source) if isinstance(source, str) else None
        if found is None or not isinstance(place, str):
            raise _ReferenceProblem(place, "expected the match_key of a recording, and a place in it if it is another")
        other = find(found["key"])
        try:
            if other is None or is_incomplete(other):
                raise _Lost(place, f"the recording with the match_key {found['key']} is lost")
            there = found["place"] or place
            if not _is_keyed(other, there):
                raise _ReferenceProblem(place, f"the recording {found['key']} is not matched by {there}")
            value = _value_at(other.get("body", {}), there, place)
        except _Lost as problem:  # the others are looked at all the same
            lost = lost or problem
            continue
        room = budget.take(value, room, place)
        if lost is None:
            body = _with_value(body, place, value)
    if lost is not None:
        raise lost
    return body


def _is_keyed(request: Request, place: str) -> bool:
    """Whether the field of a place went into the key of a recording."""
    matched = request.get("matched_on")
    name = re.split(r"[.\[]", place, maxsplit=1)[0]
    return matched == "all" or (isinstance(matched, list) and name in matched)


def _steps(place: str, where: str) -> list[str | int]:
    steps: list[str | int] = []
    at = 0
    while at < len(place):
        found = _STEP.match(place, at)
        if found is None:
            raise _ReferenceProblem(where, f"{place} is no place in a body, such as messages[2].content")
        steps.append(found["name"] or int(found["index"]))
        at = found.end()
        at += place.startswith(".", at)
    return steps


def _value_at(body: Json, place: str, where: str) -> Json:
    found = _RANGE.fullmatch(place)
    steps: list[str | int] = [found["name"]] if found else _steps(place, where)
    value = body
    for step in steps:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            raise _Lost(where, f"the recording that it names has nothing at {place}") from None
    if found:
        start, end = int(found["start"]), int(found["end"])
        if not isinstance(value, list) or len(value[start:end]) != end - start:
            raise _Lost(where, f"the recording that it names has no elements {place}")
        return value[start:end]
    return value


def _with_value(body: Json, place: str, value: Json) -> Json:
    """The body with a value put in; what is shared with other recordings is copied, never changed."""
    found = _RANGE.fullmatch(place)
    if not found:
        return _put(body, _steps(place, place), value, place)
    name, start = found["name"], int(found["start"])
    if not isinstance(body, dict) or not isinstance(value, list) or int(found["end"]) - start != len(value):
        raise _ReferenceProblem(place, "the two places are not lists of one length")
    own = body.get(name, [])
    if not isinstance(own, list) or len(own) < start:
        raise _ReferenceProblem(place, f"the list that it completes has no element {start - 1}")
    if len(own) + len(value) > _MAX_ELEMENTS:
        raise _ReferenceProblem(place, f"the list would have more than {_MAX_ELEMENTS:,} elements")
    return {**body, name: [*own[:start], *value, *own[start:]]}


def _put(tree: Json, steps: list[str | int], value: Json, place: str) -> Json:
    step, rest = steps[0], steps[1:]
    if isinstance(tree, dict) and isinstance(step, str) and (step in tree) == bool(rest):
        return {**tree, step: _put(tree[step], rest, value, place) if rest else value}
    if isinstance(tree, list) and isinstance(step, int) and rest and step < len(tree):
        return [*tree[:step], _put(tree[step], rest, value, place), *tree[step + 1 :]]
    raise _ReferenceProblem(place, "there is no such place in the body, or something stands there already")


def _size(tree: Json, room: int) -> int:
    """About how many characters a tree has; counting ends where there is no more room."""
    total, waiting = 0, [tree]
    while waiting and total <= room:
        node = waiting.pop()
        total += len(node) if isinstance(node, str) else 8
        if isinstance(node, dict):
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return total


# --- writing ----------------------------------------------------------------------------------------------------------


@dataclass
class _Seen:
    """One list of a recording: the digests of its elements."""

    key: str
    name: str
    digests: list[bytes]


@dataclass
class Shortened:
    """What to write of a request, and what ``Written.note`` needs to know of it."""

    request: Request
    lists: list[_Seen] = field(default_factory=list)
    texts: dict[bytes, str] = field(default_factory=dict)


class Written:
    """What stands in one file, in the order in which it was written."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._elements: dict[bytes, tuple[_Seen, int]] = {}  # the latest place of an element
        self._texts: dict[bytes, tuple[str, str]] = {}

    def shorten(self, request: Request) -> Shortened:
        """The request without what it repeats; it counts as written only when ``note`` says so."""
        body, key = request.get("body"), request.get("match_key")
        if not isinstance(body, dict) or not isinstance(key, str) or not _SOURCE.match(key) or is_incomplete(request):
            return Shortened(request)
        made = Shortened(request)
        same_as: dict[str, str] = {}
        short: dict[str, Json] = {}
        for name, value in body.items():
            if not _NAME.match(name):
                short[name] = value
            elif isinstance(value, list):
                kept = self._shorten_list(name, value, key, same_as, made)
                if kept or not value:
                    short[name] = kept
            else:
                value = self._shorten_texts(value, name, same_as, made, _MIN_RUN)
                if value is not None or body[name] is None:
                    short[name] = value
        if same_as:
            rest = {name: value for name, value in request.items() if name != "body"}
            made.request = {**rest, FIELD: same_as, "body": short}
        return made

    def _shorten_list(
        self, name: str, items: list[Json], key: str, same_as: dict[str, str], made: Shortened
    ) -> list[Json]:
        if not any(isinstance(item, (dict, str)) for item in items[:100]) or len(items) > _MAX_ELEMENTS:
            return items
        texts = [canonical_json(item) for item in items]
        seen = _Seen(key, name, [blake2b(text.encode("ascii"), digest_size=16).digest() for text in texts])
        made.lists.append(seen)
        kept: list[Json] = []
        at = 0
        while at < len(items):
            source, start = self._elements.get(seen.digests[at], (None, 0))
            end = at
            if source is not None:
                while (
                    end < len(items)
                    and start + end - at < len(source.digests)
                    and source.digests[start + end - at] == seen.digests[end]
                ):
                    end += 1
            if source is not None and sum(len(text) for text in texts[at:end]) >= _MIN_RUN:
                place, there = f"{name}[{at}:{end}]", f"{source.name}[{start}:{start + end - at}]"
                same_as[place] = source.key if there == place else f"{source.key} {there}"
                at = end
            else:
                if len(texts[at]) >= _MIN_TEXT and not isinstance(items[at], str):
                    kept.append(self._shorten_texts(items[at], f"{name}[{at}]", same_as, made))
                else:
                    kept.append(items[at])
                at += 1
        return kept

    def _shorten_texts(
        self, tree: Json, place: str, same_as: dict[str, str], made: Shortened, least: int = _MIN_TEXT
    ) -> Json:
        """A tree without the long texts (images too) that stand in the file already; ``None`` for such a text."""
        if isinstance(tree, str) and len(tree) >= least:
            digest = blake2b(tree.encode("utf-8", "surrogatepass"), digest_size=16).digest()
            found = self._texts.get(digest)
            if found is None:
                made.texts.setdefault(digest, place)
                return tree
            same_as[place] = found[0] if found[1] == place else f"{found[0]} {found[1]}"
            return None
        if isinstance(tree, list):
            return [
                item if isinstance(item, str) else self._shorten_texts(item, f"{place}[{number}]", same_as, made)
                for number, item in enumerate(tree)
            ]
        if isinstance(tree, dict):
            changed = {}
            for name, value in tree.items():
                if _NAME.match(name) and isinstance(value, (str, list, dict)):
                    value = self._shorten_texts(value, f"{place}.{name}", same_as, made)
                    if value is None:
                        continue
                changed[name] = value
            return changed
        return tree

    def note(self, made: Shortened) -> None:
        """The request was written: later ones can refer to it, if it is the first under its key."""
        key = made.request.get("match_key")
        if not isinstance(key, str) or key in self._keys:
            return
        self._keys.add(key)
        for seen in made.lists:
            if _is_keyed(made.request, seen.name):
                for number, digest in enumerate(seen.digests):
                    self._elements[digest] = (seen, number)
        for digest, place in made.texts.items():
            if _is_keyed(made.request, place):
                self._texts.setdefault(digest, (key, place))
