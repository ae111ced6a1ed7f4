"""Texts that are in pieces: over the events of a stream, over the items of a list."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

Json = Any
Path = tuple[Any, ...]

# The reading of texts that are items of one list.
OF_A_LIST = "list"
_CHANGING = ("index", "output_index", "content_index", "summary_index", "contentBlockIndex", "item_id")


def leaves(tree: Json, place: Path = (), indexes: Path = ()) -> Iterator[tuple[Path, Path, str]]:
    """The texts of a tree with their places, and with what tells the choices and blocks apart that they belong to."""
    if isinstance(tree, str):
        yield place, indexes, tree
    elif isinstance(tree, dict):
        own = tuple(tree[name] for name in _CHANGING if isinstance(tree.get(name), (int, str)))
        for key, value in tree.items():
            if isinstance(value, (str, dict, list)):
                yield from leaves(value, (*place, key), (*indexes, *own))
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            if isinstance(value, (str, dict, list)):
                yield from leaves(value, (*place, number), indexes)


def readings(place: Path, indexes: Path) -> Iterator[tuple[Hashable, ...]]:
    """The texts that a text may be part of: those at its place, those of its choice, those of each list it is in."""
    yield "place", place
    if indexes:
        yield "choice", place, indexes
    for at, step in enumerate(place):
        if isinstance(step, int):
            yield OF_A_LIST, (*place[:at], "*", *place[at + 1 :]), indexes


def with_leaves(tree: Json, texts: Mapping[Path, str], place: Path = ()) -> Json:
    if not texts:
        return tree
    if isinstance(tree, str):
        return texts.get(place, tree)
    if isinstance(tree, dict):
        changed = {key: with_leaves(value, texts, (*place, key)) for key, value in tree.items()}
        if (*place, "token") in texts and isinstance(tree.get("bytes"), list):  # of log probabilities
            changed["bytes"] = list(changed["token"].encode("utf-8", "surrogatepass"))
        return changed
    if isinstance(tree, list):
        return [with_leaves(value, texts, (*place, key)) for key, value in enumerate(tree)]
    return tree


def disjoint(spans: Iterable[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Spans in order; of those that overlap, the first names what is masked as far as any of them reaches."""
    found: list[tuple[int, int, str]] = []
    for begin, stop, placeholder in sorted(spans, key=lambda span: (span[0], -span[1])):
        if found and begin < found[-1][1]:
            found[-1] = (found[-1][0], max(stop, found[-1][1]), found[-1][2])
        else:
            found.append((begin, stop, placeholder))
    return found
