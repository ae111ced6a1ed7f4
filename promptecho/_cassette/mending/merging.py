"""Joins the recordings of two branches into one file, as a merge of git asks for it.

Recordings are told apart by their keys, and identical calls by their order. One that both branches recorded with the
same answer is kept once, with two answers both are kept, in a sequence. A conflict is only what both sides changed,
each in its own way: what is left then has git's markers around whole recordings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from promptecho._cassette import references, store
from promptecho._cassette.layout import Flow
from promptecho._matching.identity import canonical_json

Json = Any
_OF_ONE_CALL = ("headers", "header_list", "delays", "chunks")


@dataclass(frozen=True)
class Recording:
    """One entry: its tree, complete, and its text where the file has the layout of promptecho."""

    item: Json
    text: str | None

    @property
    def written(self) -> str:
        return store.item_text(self.item) if self.text is None else self.text

    @property
    def name(self) -> str:
        """What to call it in a message."""
        request = self.item["request"]
        return f"{request.get('method')} {request.get('url')}, key {request.get('match_key')}"


@dataclass(frozen=True)
class Side:
    """One of the files that are joined."""

    header: Mapping[str, Json] = field(default_factory=dict)
    head: str | None = None
    recordings: Sequence[Recording] = ()


@dataclass(frozen=True)
class Joined:
    """The text of the joined file; ``conflicts`` names what both sides changed, ``twice`` what both recorded with two
    answers."""

    text: str
    conflicts: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()


def read_side(text: str, path: Path) -> Side:
    """One side from its text; an empty one has no recordings.

    Raises:
        CassetteFormatError: it is damaged, foreign or of another version.
    """
    if not text.strip():
        return Side()
    if text.rstrip().endswith("\ninteractions:"):  # all the recordings are on the other side
        text = text.rstrip() + " []\n"
    document = store.parse(text, path)
    texts = store.entry_texts(text, len(document.items) + document.torn)
    for item in document.items:
        store.check_item(item, path)
    if texts is None:
        return Side(document.header, None, [Recording(item, None) for item in document.items])
    head, entries = texts
    return Side(document.header, head, [Recording(*pair) for pair in zip(document.items, entries)])


def join(base: Side | None, ours: Side, theirs: Side, path: Path, prefer: str | None = None) -> Joined:
    """Both sides in one; without a base, what only one side has was recorded there.

    ``prefer``: ``"ours"`` or ``"theirs"``, the side to take where both changed the same.
    """
    joiner = _Joiner(base is not None, prefer)
    header = joiner.header(base or Side(), ours, theirs)
    recordings = joiner.recordings(base or Side(), ours, theirs)
    head = next((side.head for side in (ours, theirs) if side.head is not None and side.header == header), None)
    if head is None:
        names = header.get("match_on")
        plain = {**header, "match_on": Flow(names)} if isinstance(names, list) else header
        head = store.header_text(plain, unfinished=bool(header.get("unfinished"))) + "interactions:\n"
    text = head + "".join(piece if isinstance(piece, str) else piece.written for piece in recordings)
    if not recordings:
        text = head.replace("interactions:\n", "interactions: []\n")
    if not joiner.conflicts:
        wanted = [piece.item for piece in recordings if isinstance(piece, Recording)]
        found = store.parse(text, path).items
        if any(was != now and not references.is_incomplete(was["request"]) for was, now in zip_longest(wanted, found)):
            # What is kept refers to what was deleted on the other side: it is written out.
            text = store.document_text(header, wanted, unfinished=bool(header.get("unfinished")))
    return Joined(text, tuple(joiner.conflicts), tuple(joiner.twice))


class _Joiner:
    def __init__(self, has_base: bool, prefer: str | None) -> None:
        self._has_base = has_base
        self._prefer = prefer
        self.conflicts: list[str] = []
        self.twice: list[str] = []

    def header(self, base: Side, ours: Side, theirs: Side) -> dict[str, Json]:
        made: dict[str, Json] = {}
        for name in dict.fromkeys((*ours.header, *theirs.header)):
            was, one, other = (side.header.get(name) for side in (base, ours, theirs))
            if name == "unfinished" and not self._has_base:
                value = one or other
            elif one == other or other == was or not theirs.header:
                value = one
            elif one == was or not ours.header:
                value = other
            elif name == "recorded_at" and isinstance(one, str) and isinstance(other, str):
                value = min(one, other)  # as old as the oldest recording
            elif name == "match_on" and self._prefer is None:
                self.conflicts.append(f"match_on: {one} and {other}")
                value = one
            else:
                value = other if self._prefer == "theirs" else one
            if value is not None:
                made[name] = value
        return made

    def recordings(self, base: Side, ours: Side, theirs: Side) -> list[Recording | str]:
        """What is to be written, in the order of ours, with what only theirs has at the end."""
        by_key = [_by_key(side) for side in (base, ours, theirs)]
        places: dict[int, list[Recording | str]] = {}
        added: dict[int, Recording | str] = {}
        for key in {*by_key[1], *by_key[2]}:
            for was, one, other in zip_longest(*(side.get(key, []) for side in by_key)):
                kept = self._kept(was, one, other)
                if one is not None:
                    places[id(one)] = kept[:1]
                    kept = kept[1:]
                if other is not None and kept:
                    added[id(other)] = kept[0]
        return [
            *(piece for each in ours.recordings for piece in places[id(each)]),
            *(added[id(each)] for each in theirs.recordings if id(each) in added),
        ]

    def _kept(self, was: Recording | None, one: Recording | None, other: Recording | None) -> list[Recording | str]:
        if one is None and other is None:
            return []
        if one is not None and other is not None and _same(one, other):
            return [one]
        if was is None and (one is None or other is None):
            return [each for each in (one, other) if each is not None]
        if was is not None and one is not None and _same(was, one):
            return [] if other is None else [other]
        if was is not None and other is not None and _same(was, other):
            return [] if one is None else [one]
        if was is None and one is not None and other is not None:
            if _answer(one) == _answer(other):
                return [one]
            if self._has_base:
                self.twice.append(one.name)
                return [one, other]
        return self._conflict(one, other)

    def _conflict(self, one: Recording | None, other: Recording | None) -> list[Recording | str]:
        if self._prefer is not None:
            chosen = one if self._prefer == "ours" else other
            return [] if chosen is None else [chosen]
        left, right = ("" if each is None else each.written for each in (one, other))
        self.conflicts.append(next(each.name for each in (one, other) if each is not None))
        return [f"<<<<<<< ours\n{left}=======\n{right}>>>>>>> theirs\n"]


def _by_key(side: Side) -> dict[tuple[str, str], list[Recording]]:
    """The recordings under each key and host, in their order."""
    found: dict[tuple[str, str], list[Recording]] = {}
    for each in side.recordings:
        request = each.item["request"]
        key = request.get("match_key")
        if not isinstance(key, str):
            key = canonical_json({name: request[name] for name in ("method", "url", "body") if name in request})
        found.setdefault((key, _host(request.get("url"))), []).append(each)
    return found


def _host(url: object) -> str:
    try:
        return urlsplit(str(url)).netloc
    except ValueError:
        return str(url)


def _same(one: Recording, other: Recording) -> bool:
    return bool(one.item == other.item)


def _answer(recording: Recording) -> Json:
    """What a program gets of the answer, less what is another at each call."""
    response = recording.item["response"]
    return {name: value for name, value in response.items() if name not in _OF_ONE_CALL}
