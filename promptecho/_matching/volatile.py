"""What differs from run to run in a prompt, and is masked when requests are compared: dates, times, ids.

Names stand for patterns, and users add patterns of their own. They are applied in one order, whatever the order in
which they were given: patterns first, since they were written for the text as it is, then names from the longest value
to the shortest, so that a date never takes the first half of a moment away.

The patterns have no open repetition inside another, so each takes time linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from promptecho._matching.dates import BEGINS, DATE, MONTH, REPR, WEEKDAY, YEAR

Json = Any

MASK = "<volatile>"
_KEEPING = rf"\g<_own>{MASK}"  # where a pattern of ours takes what stays with it

# "10:00", "10:00:00.123456", "10:00 AM", "10 am", and what may follow of a time zone (RFC 3339, RFC 5322, JavaScript)
_ZONE = (
    r"(?:\s?(?:Z|UTC|GMT|[ECMP][SD]T|CES?T|BST|IST|JST)\b)?(?:\s?[+-]\d{1,2}(?::?\d{2})?\b)?"
    r"(?:\s\([A-Z][A-Za-z ]{2,40}\))?"
)
_HALF = r"(?:[AaPp][Mm]\b|[AaPp]\.[Mm]\.)"
_TIME = (
    rf"(?:\d{{1,2}}:\d{{2}}(?::\d{{2}}(?:[.,]\d{{1,9}})?)?(?:\s?{_HALF})?{_ZONE}|\d{{1,2}}\s?{_HALF})(?![A-Za-z0-9])"
)
# What a stopwatch says and nobody writes: seconds with four decimals and more.
_ELAPSED = r"\d{1,6}\.\d{4,9}\s?s(?:ec(?:ond)?s?)?\b"

# ctime has its year at the end, RFC 3339 a "T", log files a colon, names of files no colons.
_BETWEEN = r"(?:,?\s{1,2}(?:at\s)?|[Tt_:]|\s?[|@\u2013-]\s?)"
_CTIME = rf"(?<![A-Za-z]){WEEKDAY}?{MONTH}\s{{1,2}}\d{{1,2}}\s{_TIME}\s{YEAR}"
_FILE_TIME = r"(?:\d{4}-\d{2}-\d{2}|\d{8})[T_-]?\d{2}[-.]?\d{2}[-.]?\d{2}(?:[.,]\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})?(?!\d)"
# Seconds since 1970 from 2020 to 2030, with what makes milli-, micro- and nanoseconds of them.
_EPOCH = r"(?<![\w.])1[678]\d{8}(?:\d{3}){0,3}(?:\.\d{1,9})?(?![\w])"
_MOMENTS = rf"{_TIME}{_BETWEEN}(?:on\s)?{DATE}|(?<!\d){_FILE_TIME}|{_EPOCH}|{_ELAPSED}"

# Prefixes of the ids that providers and frameworks give to what they make, and clients send back.
_PREFIXES = (
    "chatcmpl", "cmpl", "resp", "msg", "call", "toolu", "srvtoolu", "rs", "fc", "ctc", "ws", "fs", "ci", "ig",
    "mcp", "mcpl", "mcpr", "mcptoolu", "file", "run", "thread", "asst", "step", "batch", "ftjob", "vs", "vsfs",
    "org", "proj", "req", "gen", "event", "evt", "sess", "session", "item", "cntr", "container", "conv",
    "conversation", "upload", "part", "trace", "span", "lc_run", "lc", "cu", "sh", "job", "msgbatch", "skill",
    "eval", "evalrun", "video", "tooluse", "ephemeral",
)  # fmt: skip

# From the longest value to the shortest; in this order they are applied.
VOLATILE = {
    "uuid": r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|(?<![0-9A-Za-z])[0-9a-fA-F]{32}(?![0-9A-Za-z])",
    "datetime": rf"{BEGINS}(?:{_CTIME}|{REPR}|{DATE}{_BETWEEN}{_TIME}|{_MOMENTS})",
    "date": rf"{BEGINS}(?:{_CTIME}|{REPR}|{_MOMENTS}|{DATE}(?:{_BETWEEN}{_TIME})?)",  # with the time of day beside it
    "time": rf"(?<![\w:.]){_TIME}|{_ELAPSED}",
    "tempfile": r"(?:(?:/private)?/var/folders/[^/\s]+/[^/\s]+/T/|/tmp/|[A-Za-z]:\\\S{0,200}?\\Temp\\)?"
    r"(?:pytest-of-[^/\\\s]+[/\\]pytest-\d+|(?<![A-Za-z0-9])tmp[a-z0-9_]{8}(?![A-Za-z0-9_])"
    r"|(?<![A-Za-z0-9])tmp\.(?=[a-z]{0,9}[A-Z0-9])[A-Za-z0-9]{10}(?![A-Za-z0-9_]))"  # mktemp
    # mkstemp with a prefix, which is the program's own
    r"|(?:(?:/private)?/var/folders/[^/\s]+/[^/\s]+/T/|/tmp/|[A-Za-z]:\\\S{0,200}?\\Temp\\)"
    r"(?P<_own>[\w.-]{0,40}?[_.-])(?=[a-z_]{0,7}\d)(?=[\d_]{0,7}[a-z])[a-z0-9_]{8}(?![A-Za-z0-9_])",
    # What comes after a prefix is drawn, not written: a digit with a letter behind it, or both cases in a long run.
    "id": rf"(?<![A-Za-z0-9])(?:{'|'.join(sorted(_PREFIXES, key=len, reverse=True))})[-_]"
    r"(?:(?=[A-Za-z]{0,40}\d[A-Za-z0-9]{0,40}[A-Za-z])[A-Za-z0-9]{6,}"
    r"|(?=[a-z0-9]{0,40}[A-Z])(?=[A-Z0-9]{0,40}[a-z])[A-Za-z0-9]{16,})(?:[-_][A-Za-z0-9]+)*",
    # A plain number says something, unless it is longer than people write them.
    "hex": r"(?<![0-9A-Za-z])(?:0x[0-9a-fA-F]{8,}|(?=\d*[a-fA-F])[0-9a-fA-F]{8,}|\d{16,})(?![0-9A-Za-z])",
}
_RANKS = {name: rank for rank, name in enumerate(VOLATILE, 1)}


def volatile_pattern(entry: str | re.Pattern[str]) -> re.Pattern[str]:
    """The pattern of a name, or a regular expression of the user's own."""
    if isinstance(entry, re.Pattern):
        return entry
    return re.compile(VOLATILE.get(entry, entry))  # which keeps what it compiled


def volatile_patterns(entries: Iterable[str | re.Pattern[str]]) -> tuple[re.Pattern[str], ...]:
    """The patterns of names and regular expressions, in the order in which they are applied."""
    ranked = sorted(entries, key=lambda entry: _RANKS.get(entry, 0) if isinstance(entry, str) else 0)
    return tuple(volatile_pattern(entry) for entry in ranked)


def mask_volatile(tree: Json, patterns: tuple[re.Pattern[str], ...]) -> Json:
    """A tree in which every text has ``<volatile>`` in the place of what the patterns find."""
    if isinstance(tree, str):
        for pattern in patterns:
            tree = pattern.sub(_KEEPING if "_own" in pattern.groupindex else MASK, tree)
        return tree
    if isinstance(tree, dict):
        return {key: mask_volatile(value, patterns) for key, value in tree.items()}
    if isinstance(tree, list):
        return [mask_volatile(value, patterns) for value in tree]
    return tree


def without_temporary_names(parts: Json) -> Json:
    """The parts of a multipart body, names of files that ``tempfile`` makes up masked: nobody means one of those."""
    pattern = volatile_pattern("tempfile")
    if not isinstance(parts, list):
        return parts
    return [
        {**part, "filename": mask_volatile(part["filename"], (pattern,))}
        if isinstance(part, dict) and "filename" in part
        else part
        for part in parts
    ]
