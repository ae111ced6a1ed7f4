"""How a difference is put: words of a text, leaves of a tree, tool calls as lines of code."""

from __future__ import annotations

import difflib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Json = Any

_SHORT = 60
_FEW_LINES = 4
_MANY_WORDS = 2000
_NAME = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Difference:
    """What differs at a place of a snapshot, in lines for a reader."""

    place: str
    lines: tuple[str, ...]

    def text(self) -> Iterator[str]:
        """``finish_reason: 'stop' -> 'length'``, or the place and below it the lines."""
        place = self.place or "value"
        if len(self.lines) == 1 and len(self.lines[0]) <= 2 * _SHORT:
            yield f"{place}: {self.lines[0]}"
        else:
            yield f"{place}:"
            yield from (f"  {line}" for line in self.lines)


def value_text(value: Json) -> str:
    """A value on one line."""
    return repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def call_text(call: Json) -> str:
    """A tool call as a line of code, ``weather(city="Paris")``."""
    arguments = call.get("arguments") if isinstance(call, dict) else None
    name = call.get("name", "?") if isinstance(call, dict) else value_text(call)
    if isinstance(arguments, dict) and all(_NAME.fullmatch(key) for key in arguments):
        inner = ", ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in arguments.items())
    else:
        inner = json.dumps(arguments, ensure_ascii=False)
    return f"{name}({inner})"


def changed(was: Json, now: Json) -> tuple[str, ...]:
    """A value that became another: short ones side by side, texts by words or by lines."""
    if isinstance(was, str) and isinstance(now, str) and len(was) + len(now) > _SHORT:
        if was.count("\n") + now.count("\n") > _FEW_LINES or len(was) + len(now) > 8 * _MANY_WORDS:
            return changed_lines(was.split("\n"), now.split("\n"))
        return tuple(changed_words(was, now).split("\n"))
    one, other = value_text(was), value_text(now)
    if isinstance(was, str) and isinstance(now, str) and (" " in was or " " in now) and "\n" not in was + now:
        return (changed_words(was, now),)
    if len(one) + len(other) > 2 * _SHORT:
        return (f"- {one}", f"+ {other}")
    return (f"{one} -> {other}",)


def changed_words(was: str, now: str) -> str:
    """Both texts in one: ``[-words that are gone-]`` and ``{+words that are new+}``, as git has it."""
    one, other = (re.findall(r"\s+|\w+|[^\w\s]", text) for text in (was, now))
    merged = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if tag == "equal":
            merged.append("".join(one[i1:i2]))
            continue
        if i1 < i2:
            merged.append(f"[-{''.join(one[i1:i2])}-]")
        if j1 < j2:
            merged.append(f"{{+{''.join(other[j1:j2])}+}}")
    return "".join(merged)


def changed_lines(was: Sequence[str], now: Sequence[str]) -> tuple[str, ...]:
    """Lines that are gone and new, with two lines around them."""
    lines = list(difflib.unified_diff(was, now, n=2, lineterm=""))[2:]
    return tuple(f"{line[:1]} {line[1:]}" for line in lines if not line.startswith("@@"))


def reordered(was: Sequence[Json], now: Sequence[Json]) -> tuple[str, ...]:
    """The two orders of the same elements, or nothing if they aren't the same elements."""
    one, other = ([json.dumps(each, sort_keys=True) for each in side] for side in (was, now))
    if one == other or Counter(one) != Counter(other):
        return ()
    return (
        "the order changed:",
        *(f"- {', '.join(map(_element, was))}".splitlines()),
        *(f"+ {', '.join(map(_element, now))}".splitlines()),
    )


def changed_elements(was: Sequence[Json], now: Sequence[Json]) -> tuple[str, ...]:
    """The elements of two lists that are gone and new, each on a line."""
    return changed_lines([_element(each) for each in was], [_element(each) for each in now])


def _element(value: Json) -> str:
    return call_text(value) if isinstance(value, dict) and set(value) == {"name", "arguments"} else value_text(value)
