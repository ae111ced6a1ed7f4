"""How a difference is put: words of a text, leaves of a tree, tool calls as lines of code."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from promptecho._matching.text_diff import is_by_lines, line_runs, marked, word_runs

Json = Any

_SHORT = 60
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
        if is_by_lines(was, now):
            return changed_lines(was.split("\n"), now.split("\n"))
        return tuple(changed_words(was, now).split("\n"))
    one, other = value_text(was), value_text(now)
    if isinstance(was, str) and isinstance(now, str) and (" " in was or " " in now) and "\n" not in was + now:
        return (changed_words(was, now),)
    if len(one) + len(other) > 2 * _SHORT:
        return (f"- {one}", f"+ {other}")
    return (f"{one} -> {other}",)


def changed_words(was: str, now: str) -> str:
    """Both texts in one: ``[-words that are gone-]`` and ``{+words that are new+}``."""
    return "".join(map(marked, word_runs(was, now)))


def changed_lines(was: Sequence[str], now: Sequence[str]) -> tuple[str, ...]:
    """Lines that are gone and new, with two lines around them."""
    return tuple(f"{sign} {text}" for sign, text in line_runs(was, now))


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
