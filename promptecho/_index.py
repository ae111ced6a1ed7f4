"""Finds the entries of a cassette without parsing it, so that opening costs little more than reading.

What is trusted is little: a file in our own layout (every line at column 0 begins an entry), and of each entry the key
on its fourth line, if the entry's own mark says that it was made with the same matching options and that the entry has
not been changed since. Entries of which that can't be said are parsed at once, other files as a whole. The file needs
none of this to be valid: the mark is a YAML comment.
"""

from __future__ import annotations

import re
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from promptecho import _references, _yaml
from promptecho.errors import WAY_OUT, CassetteFormatError

Json = Any

_HEADER = re.compile(
    rb"version: 2(?:  # (?P<sum>[0-9a-f]{8}) (?P<options>[0-9a-f]{8}))?\n"
    rb"(?P<match_on>match_on: [^\n]*\n)?(?:recorded_at: (?P<recorded_at>[^\n]*)\n)?"
    rb"(?:recorded_with:\n(?:  [^\n]*\n)*)?"
    rb"interactions:(?=\n- )"
)
# An entry of our own, or any other line at column 0. The common prefix lets the search run fast.
_LINE = re.compile(
    rb"\n(?:- request:\n    method: [^\n]*\n    url: [^\n]*\n    match_key: \"?([0-9a-f]{16})\"?\n"
    rb"|(- request:\n)|[^ \n])"
)
_ENTRY = b"\n- request:\n"
_KEY = re.compile(rb"    method: [^\n]*\n    url: [^\n]*\n    match_key: \"?([0-9a-f]{16})\"?\n")
_LAST_LINE = re.compile(rb"\n  duration: [^\n ]+(?:(  # )([0-9a-f]{8}) ([0-9a-f]{8})( \+)?)?\n\Z")
_LONGEST_LAST_LINE = 80
_REFERS = b"\n    %s:\n" % _references.FIELD.encode("ascii")
_PLACE = re.compile(rb"- request:\n    method: ([^\n]*)\n    url: ([^\n]*)\n")


def mark(entry: str, options: str, refers: bool) -> str:
    """The mark of an entry: a checksum of its text without the mark, the digest of the options of its key, and a plus
    if it refers to earlier entries."""
    return f"  # {zlib.crc32(entry.rstrip(chr(10)).encode('utf-8')):08x} {options}{' +' if refers else ''}"


_MARKED_ENTRY = re.compile(
    rb"^(- request:\n)|^  duration: \S+(?:  # [0-9a-f]{8} ([0-9a-f]{8})(?: \+)?)?$", re.MULTILINE
)


def file_mark(pieces: Sequence[memoryview]) -> bytes:
    """The mark of a whole finished file, for its first line, from what follows that line.

    It is a checksum and the digest of the options of all keys; nothing if entries have none, or several.
    """
    options: set[bytes | None] = set()
    is_open, checksum = False, 0
    for piece in pieces:
        checksum = zlib.crc32(piece, checksum)
        for found in _MARKED_ENTRY.finditer(piece):
            if is_open == (found[1] is not None):
                return b""
            is_open = not is_open
            if not is_open:
                options.add(found[2])
    if len(options) != 1 or None in options or is_open:
        return b""
    return b"  # %08x %s" % (checksum, options.pop())


@dataclass
class Index:
    """Where the entries of a file are: ``by_key`` has the numbers of those with a trusted key, ``plain`` the rest."""

    path: Path
    data: bytes
    header: dict[str, Json]
    bounds: array[int]
    by_key: dict[bytes, list[int]]
    plain: list[int]
    _whole: dict[int, Json] = field(default_factory=dict)  # entries that refer to others or are referred to, complete

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def tree(self, number: int) -> Json:
        """The parsed entry, with what it has in common with earlier ones.

        Raises:
            CassetteFormatError: it is no YAML, or a reference can't be followed.
        """
        waiting, parsed = [number], {}
        while waiting:
            current = waiting[-1]
            if current not in parsed:
                parsed[current] = self._whole[current] if current in self._whole else self._parse(current)
            tree = parsed[current]
            request = tree["request"]
            if isinstance(request, dict) and _references.FIELD in request:
                needed = {self._first(key, current) for key in _references.sources(request)}
                missing = [each for each in needed if each is not None and each not in self._whole]
                if missing:
                    waiting += missing
                    continue
                find = partial(self._request, before=current)
                tree = {**tree, "request": _references.expand(request, find, self.path, current)}
            if current != number or tree is not parsed[current]:
                self._whole[current] = tree
            parsed[current] = tree
            waiting.pop()
        return parsed[number]

    def _first(self, key: str, before: int) -> int | None:
        """The number of the first entry under a key, if it stands before another entry."""
        number = self.by_key.get(key.encode("ascii"), [before])[0]
        return number if number < before else None

    def _request(self, key: str, before: int) -> Json | None:
        number = self._first(key, before)
        return None if number is None else self._whole[number].get("request")

    def _parse(self, number: int) -> Json:
        start = self.bounds[number]
        try:
            return _yaml.load(self.data[start : self.bounds[number + 1]].decode("utf-8"))[0]  # type: ignore[index]
        except (_yaml.YamlProblem, UnicodeDecodeError) as problem:
            line = self.data.count(b"\n", 0, start) + (getattr(problem, "line", None) or 1)
            what = getattr(problem, "problem", None) or str(problem)
            raise CassetteFormatError(f"{self.path}, line {line}: {what}; {WAY_OUT}") from None

    def request_text(self, number: int) -> bytes:
        """The text of an entry up to its response: what a search for words goes through."""
        start, end = self.bounds[number], self.bounds[number + 1]
        response = self.data.find(b"\n  response:", start, end)
        return self.data[start : response if response > 0 else end]

    def place(self, number: int) -> tuple[str, str]:
        """Method and URL of an entry, without parsing it."""
        found = _PLACE.match(self.data, self.bounds[number])
        return (_scalar(found[1]), _scalar(found[2])) if found else ("", "")


def _scalar(written: bytes) -> str:
    text = written.decode("utf-8")
    return str(_yaml.load(text)) if text.startswith('"') else text


def index(data: bytes, path: Path, options: str) -> Index | None:
    """The index of a finished cassette in our own layout, ``None`` for any other file.

    ``options`` is the digest of the matching options in force: a key made with others is not trusted.
    """
    head = _HEADER.match(data)
    if head is None or not data.endswith(b"\n"):
        return None
    header = {"version": 2, **_match_on(head["match_on"] or b"")}
    if head["recorded_at"]:
        header["recorded_at"] = head["recorded_at"].decode("utf-8").strip("\"'")
    wanted = options.encode("ascii")
    with memoryview(data) as view:
        if head["options"] == wanted and int(head["sum"], 16) == zlib.crc32(view[data.index(b"\n") + 1 :]):
            found = _find_entries(data, head.end())
            if found is not None:
                return Index(path, data, header, *found, [])
        return _look_at_entries(data, view, head.end(), path, header, wanted)


def _find_entries(data: bytes, start: int) -> tuple[array[int], dict[bytes, list[int]]] | None:
    """The places and keys of the entries of a file that is as we wrote it, so that no line needs a look."""
    bounds = array("Q")
    by_key: dict[bytes, list[int]] = {}
    at = data.find(_ENTRY, start)
    while at >= 0:
        key = _KEY.match(data, at + len(_ENTRY))
        if key is None:
            return None
        by_key.setdefault(key[1], []).append(len(bounds))
        bounds.append(at + 1)
        at = data.find(_ENTRY, key.end())
    bounds.append(len(data))
    return bounds, by_key


def _look_at_entries(
    data: bytes, view: memoryview, start: int, path: Path, header: dict[str, Json], wanted: bytes
) -> Index | None:
    """The index of a file that was edited, or has entries of several options: each entry is trusted by its own mark."""
    bounds = array("Q")
    keys: list[bytes | None] = []
    for found in _LINE.finditer(data, start):
        if found[1] is None and found[2] is None:
            return None
        bounds.append(found.start() + 1)
        keys.append(found[1])
    bounds.append(len(data))
    by_key: dict[bytes, list[int]] = {}
    plain: list[int] = []
    refers = False
    for number, key in enumerate(keys):
        end = bounds[number + 1]
        last = _LAST_LINE.search(data, end - _LONGEST_LAST_LINE, end)
        if last is None:
            return None  # not as we write it, or cut off
        unchanged = last[3] == wanted and int(last[2], 16) == zlib.crc32(view[bounds[number] : last.start(1)])
        refers = refers or last[4] is not None
        if key is not None and unchanged:
            by_key.setdefault(key, []).append(number)
        else:
            plain.append(number)
            refers = refers or data.find(_REFERS, bounds[number], end) > 0
    if plain and refers:
        return None  # what was changed by hand may be what others refer to
    return Index(path, data, header, bounds, by_key, plain)


@lru_cache(maxsize=64)
def _match_on(line: bytes) -> dict[str, Json]:
    tree = _yaml.load(line.decode("utf-8"))
    return tree if isinstance(tree, dict) else {}
