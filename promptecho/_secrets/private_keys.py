"""Private keys in PEM and OpenPGP armour: quoted, cut off, in a diff, numbered, escaped, or line by line in a list."""

from __future__ import annotations

import re
from collections.abc import Iterator

MARK = "PRIVATE"  # every armour has it
_GAP = r"(?: |\+|%(?:25)*20|_)"
_NAME = rf"(?:[A-Z0-9]+{_GAP}){{0,4}}PRIVATE{_GAP}KEY(?:{_GAP}BLOCK)?"
_DASHES = r"(?:-{4,5}|%(?:25)*2[Dd](?:-|%(?:25)*2[Dd]){3,4})"
_BEGIN = re.compile(rf"{_DASHES} ?BEGIN{_GAP}{_NAME}{_GAP}?{_DASHES}|PuTTY-User-Key-File-\d", re.ASCII)
_END = re.compile(rf"{_DASHES} ?END{_GAP}{_NAME}{_GAP}?{_DASHES}|BEGIN{_GAP}{_NAME}", re.ASCII)
_LONGEST = 40_000
# What may stand between two lines: line ends in any spelling, marks of quotes, diffs, comments and strings, numbers.
_BETWEEN = r"(?:\s|\\+[nrt\"]|%(?:25)*0[AaDd9]|&#(?:10|13|x[aAdD]);|[>|#*+\-:;,.'\"\[\]()]|\d{1,6}(?=[:|.) \t])|=$)"
_HEADER = (
    r"(?:Proc-Type|DEK-Info|Comment|Version|Hash|Charset|MessageID|Encryption|Private-Lines|Public-Lines|Subject|x-[a-z-]+)"
    r": ?[^\n\\\"%&]*"
)
_LINES = re.compile(
    rf"(?:{_BETWEEN}{{0,200}}(?:{_HEADER}|(?:\\+/|[A-Za-z0-9+/]){{16,}}={{0,2}}))+(?:{_BETWEEN}{{1,20}}[A-Za-z0-9+/]{{1,15}}={{1,2}})?"
)
_RUN = re.compile(r"(?:\\+/|[A-Za-z0-9+/]){16,}={0,2}")


def private_keys(text: str) -> Iterator[tuple[int, int]]:
    """Where private keys are; one that is spread over several strings of JSON is told run by run."""
    if MARK not in text and "PuTTY-User-Key" not in text:
        return
    done = 0
    for begin in _BEGIN.finditer(text):
        if begin.start() < done:
            continue
        end = _END.search(text, begin.end(), begin.end() + _LONGEST)
        if end is not None and "END" in end.group():
            inside = text[begin.end() : end.start()]
            if _RUN.search(inside) is None:
                continue  # prose about keys
            done = end.end()
            if '"' not in inside:
                yield begin.start(), done
            else:
                yield from ((begin.end() + found.start(), begin.end() + found.end()) for found in _RUN.finditer(inside))
            continue
        lines = _LINES.match(text, begin.end(), begin.end() + _LONGEST)
        if lines is not None:
            done = lines.end()
            if '"' not in lines.group():
                yield begin.start(), done
            else:
                yield from (found.span() for found in _RUN.finditer(text, lines.start(), done))
