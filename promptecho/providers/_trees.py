"""Reading JSON that may be anything: what isn't of the expected kind counts as absent. Nothing here raises."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

Json = Any

_MAX_DEPTH = 200  # well below what Python can recurse into, so that no reader has to think of it


def mapping(value: Json, *path: str) -> dict[str, Json]:
    """The mapping at a path of names, or an empty one."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def entries(value: Json) -> list[Json]:
    """The list itself, or an empty one."""
    return value if isinstance(value, list) else []


def text(value: Json) -> str:
    """The text itself, or an empty one."""
    return value if isinstance(value, str) else ""


def first_text(tree: Json, *names: str) -> str:
    """The first text that isn't empty under some names."""
    return next((found for found in (text(mapping(tree).get(name)) for name in names) if found), "")


def count(tree: Json, *names: str) -> int | None:
    """The first number of tokens under some names; Cohere writes them as floats."""
    for name in names:
        value = mapping(tree).get(name)
        if isinstance(value, bool):
            continue
        if isinstance(value, int) and value >= 0:
            return value
        if isinstance(value, float) and math.isfinite(value) and value >= 0:
            return int(value)
    return None


def index(value: Json, default: int = 0) -> int:
    """A place in a list as streams give it."""
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def parsed(value: Json) -> Json:
    """The JSON in a text, or the text where it holds none; an empty one, as of a call without arguments, is ``{}``."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        return {}
    found, tree = load(value)
    return tree if found else value


def load(data: str | bytes) -> tuple[bool, Json]:
    """Whether a text is JSON, and its tree. What is nested more deeply than anyone writes by hand counts as none."""
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        return False, None
    level, nodes = 0, [tree]
    while nodes:
        level += 1
        children = [
            node.values() if isinstance(node, dict) else node for node in nodes if isinstance(node, (dict, list))
        ]
        nodes = [child for group in children for child in group]
    return (True, tree) if level <= _MAX_DEPTH else (False, None)


def ordered(by_index: dict[int, Json]) -> list[Json]:
    """The values in the order of their places."""
    return [by_index[place] for place in sorted(by_index)]


def append_text(tree: dict[str, Json], name: str, piece: Json) -> None:
    """Lengthen the text under a name by a piece of a stream."""
    if isinstance(piece, str):
        tree[name] = text(tree.get(name)) + piece


def mappings(events: Sequence[Json]) -> list[dict[str, Json]]:
    """The events that are objects."""
    return [event for event in events if isinstance(event, dict)]
