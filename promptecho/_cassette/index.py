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
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from promptecho._cassette import layout, references
from promptecho._cassette.shape import HEADER
from promptecho.errors import WAY_OUT, CassetteFormatError

Json = Any

_HEADER = re.compile(
    rb"version: 2(?:  # [0-9a-f]{8} [0-9a-f]{8})?\n"  # files of earlier days have a mark of the whole file there
    rb"(?P<match_on>match_on: [^\n]*\n)?(?:recorded_at: (?P<recorded_at>[\"']?[\w:.+-]+[\"']?)\n)?"
    rb"(?:recorded_with:\n(?:  [\w.-]+: [^\n]*\n)*)?"
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
_END = b"\n  duration: "
_REFERS = b"\n    %s:\n" % references.FIELD.encode("ascii")
_REQUEST_HEADERS = b"\n    headers:"
_PLACE = re.compile(rb"- request:\n    method: ([^\n]*)\n    url: ([^\n]*)\n")


def mark(entry: str, options: str, refers: bool) -> str:
    """The mark of an entry: a checksum of its text without the mark, the digest of the options of its key, and a plus
    if it refers to earlier entries."""
    return f"  # {zlib.crc32(entry.rstrip(chr(10)).encode('utf-8')):08x} {options}{' +' if refers else ''}"


def is_unchanged(entry: str) -> bool:
    """Whether the text of an entry is as it was written, by its own mark."""
    data = entry.encode("utf-8")
    last = _LAST_LINE.search(data)
    return last is not None and last[2] is not None and int(last[2], 16) == zlib.crc32(data[: last.start(1)])


@dataclass
class Index:
    """Where the entries of a file are: ``by_key`` has the numbers of those with a trusted key, ``plain`` the rest."""

    path: Path
    data: bytes
    header: dict[str, Json]
    bounds: array[int]
    by_key: dict[bytes, list[int]]
    plain: list[int]
    _requests: references.Requests = field(init=False)

    def __post_init__(self) -> None:
        budget = references.Budget(len(self.data), len(self))
        self._requests = references.Requests(self._request, self._first, self.path, budget)

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def tree(self, number: int) -> Json:
        """The parsed entry, with what it has in common with others.

        Raises:
            CassetteFormatError: it is no YAML, or a reference can't be followed.
        """
        tree = self._parse(number)
        request = tree["request"]
        if isinstance(request, dict) and references.FIELD in request:
            return {**tree, "request": self._requests.whole(number)}
        return tree

    def _first(self, key: str) -> int | None:
        """The number of the first entry under a key."""
        numbers = self.by_key.get(key.encode("ascii"))
        return numbers[0] if numbers else None

    def _request(self, number: int) -> Json:
        request = self._parse(number)["request"]
        return request if isinstance(request, dict) else {}

    def _parse(self, number: int) -> Json:
        start = self.bounds[number]
        try:
            return layout.load(self.data[start : self.bounds[number + 1]].decode("utf-8"))[0]  # type: ignore[index]
        except (layout.YamlProblem, UnicodeDecodeError) as problem:
            line = self.data.count(b"\n", 0, start) + (getattr(problem, "line", None) or 1)
            what = getattr(problem, "problem", None) or str(problem)
            raise CassetteFormatError(f"{self.path}, line {line}: {what}; {WAY_OUT}") from None

    def request_text(self, number: int) -> bytes:
        """The text of an entry up to its response: what a search for words goes through."""
        start, end = self.bounds[number], self.bounds[number + 1]
        response = self.data.find(b"\n  response:", start, end)
        return self.data[start : response if response > 0 else end]

    def mentions(self, number: int, word: str) -> bool:
        """Whether a request may have a word in it, beside its query, or refers to one that may."""
        text = re.sub(rb"(\n    url: [^\n?]*)\?[^\n]*", rb"\1", self.request_text(number), count=1)
        return word.encode("utf-8") in text or _REFERS in text

    def has_headers(self, number: int) -> bool:
        """Whether an entry says which headers its request had."""
        return _REQUEST_HEADERS in self.request_text(number)

    def place(self, number: int) -> tuple[str, str]:
        """Method and URL of an entry, without parsing it."""
        found = _PLACE.match(self.data, self.bounds[number])
        return (_scalar(found[1]), _scalar(found[2])) if found else ("", "")


def _scalar(written: bytes) -> str:
    text = written.decode("utf-8")
    return str(layout.load(text)) if text.startswith('"') else text


def index(data: bytes, path: Path, options: str) -> Index | None:
    """The index of a finished cassette in our own layout, ``None`` for any other file.

    ``options`` is the digest of the matching options in force: a key made with others is not trusted.
    """
    head = _HEADER.match(data)
    if head is None or not data.endswith(b"\n"):
        return None
    header = {"version": 2, **_match_on(head["match_on"] or b"")}
    if not all(rule.holds(header[name]) for name, rule in HEADER.items() if name in header):
        return None
    if head["recorded_at"]:
        header["recorded_at"] = head["recorded_at"].decode("utf-8").strip("\"'")
    wanted = options.encode("ascii")
    with memoryview(data) as view:
        found = _find_entries(data, view, head.end(), wanted)
        if found is not None:
            return Index(path, data, header, *found, [])
        return _look_at_entries(data, view, head.end(), path, header, wanted)


def _find_entries(
    data: bytes, view: memoryview, at: int, wanted: bytes
) -> tuple[array[int], dict[bytes, list[int]]] | None:
    """The places and keys of the entries of a file in which each is as we wrote it, so that no line needs a look."""
    bounds = array("Q")
    by_key: dict[bytes, list[int]] = {}
    find, read_key, checksum, begins = data.find, _KEY.match, zlib.crc32, len(_ENTRY)
    while at >= 0:
        key = read_key(data, at + begins)
        if key is None:
            return None
        following = find(_ENTRY, key.end())
        end = following if following >= 0 else len(data) - 1
        if data[end - 2 : end] == b" +":
            end -= 2
        # The mark is at the end of the last line: two spaces, a hash, the checksum, the options.
        if data[end - 21 : end] != b"  # %08x %s" % (checksum(view[at + 1 : end - 21]), wanted):
            return None
        by_key.setdefault(key[1], []).append(len(bounds))
        bounds.append(at + 1)
        at = following
    bounds.append(len(data))
    return bounds, by_key


def trusted_keys(data: bytes, options: str) -> dict[int, bytes]:
    """The keys of the entries that are as we wrote them, by number, in a file that may have others beside them."""
    begin = data.find(b"\ninteractions:\n- ")
    if begin < 0:
        return {}
    with memoryview(data) as view:
        header: dict[str, Json] = {}
        found = _look_at_entries(
            data, view, begin + len(b"\ninteractions:"), Path(), header, options.encode("ascii"), alone=True
        )
    return {} if found is None else {number: key for key, numbers in found.by_key.items() for number in numbers}


def _look_at_entries(
    data: bytes,
    view: memoryview,
    start: int,
    path: Path,
    header: dict[str, Json],
    wanted: bytes,
    alone: bool = False,
) -> Index | None:
    """The index of a file that was edited, or has entries of several options: each entry is trusted by its own mark.

    ``alone``: what entries refer to is of no interest, nor is one that has no end.
    """
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
        if last is None or data.find(_END, bounds[number], last.start()) > 0:
            if not alone:
                return None  # not as we write it, cut off, or two that run into one another
            plain.append(number)
            continue
        unchanged = last[3] == wanted and int(last[2], 16) == zlib.crc32(view[bounds[number] : last.start(1)])
        refers = refers or last[4] is not None
        if key is not None and unchanged:
            by_key.setdefault(key, []).append(number)
        else:
            plain.append(number)
            refers = refers or data.find(_REFERS, bounds[number], end) > 0
    if plain and refers and not alone:
        return None  # what was changed by hand may be what others refer to
    return Index(path, data, header, bounds, by_key, plain)


@lru_cache(maxsize=64)
def _match_on(line: bytes) -> dict[str, Json]:
    try:
        tree = layout.load(line.decode("utf-8"))
    except (layout.YamlProblem, UnicodeDecodeError) as problem:
        return {"match_on": problem}  # whatever it is, it is not as documented
    return tree if isinstance(tree, dict) else {}
