"""The documented format of a cassette as a table: what may stand at each place, and one error for what may not.

Values that make sense only together (a body and its style, events and their stream) are checked where they are read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptecho.errors import WAY_OUT, CassetteFormatError

Json = Any
_LONGEST = 1e7  # seconds: no call takes four months


@dataclass(frozen=True)
class Rule:
    """What may stand under a key: ``holds`` tells, ``expected`` says it in words; ``null`` is as good as no key."""

    expected: str
    holds: Callable[[Json], bool]
    required: bool = False


def _is_text(value: Json) -> bool:
    return isinstance(value, str)


def _is_mapping(value: Json) -> bool:
    return isinstance(value, dict)


def _is_mapping_of_texts(value: Json) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


def _is_flag(value: Json) -> bool:
    return isinstance(value, bool)


def _is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_whole_number(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_time(value: Json) -> bool:
    return _is_number(value) and bool(0 <= value <= _LONGEST)  # which NaN is not


def _is_status(value: Json) -> bool:
    return _is_whole_number(value) and bool(100 <= value <= 599)


def _is_version(value: Json) -> bool:
    return isinstance(value, str) and re.fullmatch(r"HTTP/\d(?:\.\d)?", value) is not None


def _are_times(value: Json) -> bool:
    return isinstance(value, list) and all(map(_is_time, value))


def _are_sizes(value: Json) -> bool:
    return isinstance(value, list) and all(_is_whole_number(size) and 0 < size < 2**40 for size in value)


def _are_fields(value: Json) -> bool:
    return value == "all" or (isinstance(value, list) and all(map(_is_text, value)))


def _is_one_line(value: Json) -> bool:
    return isinstance(value, str) and not _BREAKS.search(value)


# Line breaks but folded ones (RFC 9110, section 5.5), which some servers send and http.client keeps.
_BREAKS = re.compile(r"[\x00\r\n](?<!\r)(?![ \t])|\r(?!\n[ \t])")
_NAME = re.compile(r"[^\x00-\x20\x7f:]+")


def _is_header_name(value: Json) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _are_headers(value: Json) -> bool:
    return isinstance(value, dict) and all(
        _is_header_name(name)
        and all(_is_one_line(each) or _is_number(each) for each in (entry if isinstance(entry, list) else [entry]))
        for name, entry in value.items()
    )


def _are_header_pairs(value: Json) -> bool:
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and _is_header_name(pair[0]) and _is_one_line(pair[1])
        for pair in value
    )


_TEXT = Rule("a text", _is_text)
_FLAG = Rule("true or false", _is_flag)
_FIELDS = Rule("'all' or a list of names of fields", _are_fields)
HEADER = {
    "unfinished": _FLAG,
    "match_on": _FIELDS,
    "recorded_at": Rule("a time such as 2026-01-31T12:00:00Z", _is_text),
    "recorded_with": Rule("a mapping of names to versions", _is_mapping),
}
ITEM = {
    "request": Rule("a mapping", _is_mapping, required=True),
    "response": Rule("a mapping", _is_mapping, required=True),
    "repeat": Rule("a number from 0", lambda value: _is_whole_number(value) and 0 <= value < 2**40),
    "duration": Rule("the seconds that a call took", _is_time),
}
REQUEST = {
    "method": Rule("an HTTP method such as POST", _is_text, required=True),
    "url": Rule("a URL", _is_text, required=True),
    "match_key": Rule("a key of 16 hex digits, in quotes if it has digits alone", _is_text),
    "matched_on": _FIELDS,
    "query": Rule("a mapping of names to texts", lambda value: isinstance(value, (str, dict))),
    "headers": Rule("a mapping of names to texts", _is_mapping_of_texts),
    "normalized_by": Rule("the name of a normalizer", _is_text),
    "same_as": Rule("a mapping of places in the body to recordings", _is_mapping),
    "body": Rule("a mapping", _is_mapping),
    "body_json": Rule("JSON as a text", _is_text),
}
RESPONSE = {
    "status": Rule("a status code from 100 to 599", _is_status, required=True),
    "reason": Rule("a text on one line", _is_one_line),
    "http_version": Rule("a version such as HTTP/2", _is_version),
    "headers": Rule("a mapping of names to texts on one line, or to lists of them", _are_headers),
    "header_list": Rule("a list of [name, value], each a text on one line", _are_header_pairs),
    "streaming": _FLAG,
    "incomplete": _TEXT,
    "encoded": _FLAG,
    "binary": _FLAG,
    "json": Rule("the name of a style such as compact", _is_text),
    "events": Rule("a list of events", lambda value: isinstance(value, list)),
    "chunks": Rule("a list of sizes in bytes", _are_sizes),
    "delays": Rule(f"a list of seconds, each from 0 to {_LONGEST:,.0f}", _are_times),
}


class Shape:
    """Checks the tree of one interaction; every error names the file and the place in it."""

    def __init__(self, path: Path, index: int) -> None:
        self.path = path
        self.index = index

    def wrong(self, place: str, expected: str, value: object) -> CassetteFormatError:
        where = f"interactions[{self.index}]" + (f".{place}" if place else "")
        return wrong(self.path, where, expected, value)

    def check(self, tree: Mapping[str, Json], rules: Mapping[str, Rule], place: str) -> None:
        """Refuse a mapping that a rule doesn't hold for.

        Raises:
            CassetteFormatError: it names the first wrong value.
        """
        for name, rule in rules.items():
            value = tree.get(name)
            if (value is not None and not rule.holds(value)) or (value is None and rule.required):
                raise self.wrong(f"{place}.{name}" if place else name, rule.expected, value)


def check_header(header: Mapping[str, Json], path: Path) -> None:
    """Refuse keys above the interactions whose values are not as documented.

    Raises:
        CassetteFormatError: it names the first wrong value.
    """
    for name, rule in HEADER.items():
        value = header.get(name)
        if value is not None and not rule.holds(value):
            raise wrong(path, name, rule.expected, value)


def wrong(path: Path, where: str, expected: str, value: object) -> CassetteFormatError:
    """The error for a value that is not as expected."""
    try:
        shown = repr(value)
    except ValueError:  # CPython refuses to print a number of thousands of digits
        shown = f"a number of {value.bit_length()} bits" if isinstance(value, int) else "a very long number"
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return CassetteFormatError(f"{path}: {where} is {shown}, expected {expected}; {WAY_OUT}")
