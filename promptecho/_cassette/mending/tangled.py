"""What a merge leaves in a cassette: git's conflict markers, and recordings that ``merge=union`` ran into one another.

Two branches that each recorded something have both added it at the end of the file, where git sees one conflict. Git
keeps lines that both additions have in common once. With markers that is said; ``merge=union`` says nothing, and what
is left is two recordings with some lines in common. Each entry ends in a checksum of itself, which tells whether it was
got out of there as it was.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

_MARKER = re.compile(r"^(?:<{7}|>{7}|\|{7})(?: [^\n]*|\r)?$|^={7}\r?$", re.MULTILINE)
_BEGIN = re.compile(r"^<{7}(?: [^\n]*|\r)?$", re.MULTILINE)
# A last line of an entry with more of an entry behind it.
_RUN_ON = re.compile(r"^  duration: [^\n]*\n(?= +\S)", re.MULTILINE)
_ENTRY = re.compile(r"^- request:\n", re.MULTILINE)
_END = re.compile(r"  duration: [^\n]*?(?P<mark>  # (?P<checksum>[0-9a-f]{8}) [0-9a-f]{8}(?: \+)?)?\n")
_LONGEST = 400  # lines of two recordings, for which any one run of lines is tried as belonging to one of them


class Tangled(ValueError):
    """Two recordings can't be told apart; ``line`` is where the first of them begins, from 1."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


@dataclass(frozen=True)
class Sides:
    """The texts that a file with conflict markers was made of; ``base`` only if git was asked for it (diff3)."""

    ours: str
    theirs: str
    base: str | None


def conflict_line(text: str) -> int | None:
    """The line of the first conflict marker, from 1; ``None`` if there are none."""
    found = _BEGIN.search(text) if "<<<<<<<" in text else None
    return None if found is None else text.count("\n", 0, found.start()) + 1


def marker_line(text: str) -> int | None:
    """The line of the first line that looks like a part of a conflict: it may have been cleaned up by half."""
    found = _MARKER.search(text)
    return None if found is None else text.count("\n", 0, found.start()) + 1


def sides_of(text: str) -> Sides | None:
    """The two sides of a file with conflict markers; ``None`` if the markers don't fit."""
    ours: list[str] = []
    theirs: list[str] = []
    base: list[str] = []
    has_base, within = False, ""
    for line in text.splitlines(keepends=True):
        sign = line[0] if _MARKER.match(line.rstrip("\n")) else ""
        if sign:
            expected = {"<": "", "|": "<", "=": "<|", ">": "="}[sign]
            if within not in expected or (within == "") != (sign == "<"):
                return None
            has_base = has_base or sign == "|"
            within = "" if sign == ">" else sign
            continue
        for part, where in ((ours, "<"), (base, "|"), (theirs, "=")):
            if within in ("", where):
                part.append(line)
    return None if within else Sides("".join(ours), "".join(theirs), "".join(base) if has_base else None)


def untangled(text: str) -> str:
    """The text with the recordings apart that run into one another.

    Raises:
        Tangled: two of them can't be told apart for sure.
    """
    found = _RUN_ON.search(text)
    while found is not None:
        begins = [match.start() for match in _ENTRY.finditer(text, 0, found.start())]
        if not begins:
            return text  # another layout: whatever it is, the reader says it
        begin = begins[-1]
        following = _ENTRY.search(text, found.end())
        end = following.start() if following else len(text)
        if sum(line.startswith("  duration: ") for line in text[begin:end].splitlines()) < 2:
            found = _RUN_ON.search(text, found.end())  # a hook put a key of its own behind it
            continue
        text = text[:begin] + _apart(text[begin:end], text.count("\n", 0, begin) + 1) + text[end:]
        found = _RUN_ON.search(text, begin)
    return text


def _apart(text: str, line: int) -> str:
    lines = text.splitlines(keepends=True)
    ends = [end for end in map(_END.fullmatch, lines) if end is not None]
    if len(ends) != 2 or not all(end["mark"] for end in ends):
        raise Tangled(line)
    pieces = []
    for which in (0, 1):
        picked = _pick(lines, which)
        fitting = next((each for each in _candidates(picked) if _is_whole("".join(each))), None)
        if fitting is None:
            raise Tangled(line)
        pieces.append("".join(fitting))
    return "".join(pieces)


def _is_whole(entry: str) -> bool:
    """Whether a text is an entry as it was written, by its checksum."""
    last = entry.rfind("\n", 0, -1) + 1
    end = _END.fullmatch(entry[last:])
    if end is None or not end["mark"]:
        return False
    return int(end["checksum"], 16) == zlib.crc32(entry[: last + end.start("mark")].encode("utf-8"))


def _candidates(lines: list[str]) -> Iterator[list[str]]:
    """The lines, and then the lines less any one run of them, which may be the other side's alone."""
    yield lines
    if len(lines) <= _LONGEST:
        for length in range(1, len(lines) // 2):
            for start in range(1, len(lines) - length):
                yield lines[:start] + lines[start + length :]


def _pick(lines: list[str], which: int) -> list[str]:
    """Of what is twice in a mapping, the first or the second, at every level."""
    if len(lines) < 2:
        return lines
    indent = _indent(lines[0])
    if lines[0].startswith("- ", indent):
        # A list: each element is a mapping of its own, whose first line has the dash.
        picked: list[str] = []
        for element in _groups(lines, indent, of_list=True):
            inner = [" " * (indent + 2) + element[0][indent + 2 :], *element[1:]]
            chosen = _pick(inner, which)
            picked += [" " * indent + "- " + chosen[0][indent + 2 :], *chosen[1:]]
        return picked
    groups = _groups(lines, indent, of_list=False)
    names = [group[0].partition(":")[0] for group in groups]
    picked = []
    for number, (name, group) in enumerate(zip(names, groups)):
        if names.count(name) == 2:
            if names[:number].count(name) == which:
                picked += group
        elif group[0].rstrip("\n").endswith(":"):
            picked += [group[0], *_pick(group[1:], which)]
        else:
            picked += group
    return picked


def _groups(lines: list[str], indent: int, of_list: bool) -> list[list[str]]:
    groups: list[list[str]] = []
    for line in lines:
        begins = _indent(line) == indent and line.strip() and line.startswith("- ", indent) is of_list
        if begins or not groups:
            groups.append([])
        groups[-1].append(line)
    return groups


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
