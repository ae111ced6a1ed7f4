"""Two cassettes compared: which recordings are in both, and what differs between those."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from promptecho._cassette.interaction import Interaction
from promptecho._cli._cassette_files import OpenedCassette
from promptecho._cli._show import answer_json
from promptecho._misses.explanation import MISSING, beside_the_body, leaf_differences
from promptecho._telling.answers import Answer, as_json, read_answer

Json = Any

_ALIKE = 0.5  # two requests that share less than half of their words are two requests
_MOST_PAIRS = 250_000
_FIELDS = ("status", "model", "text", "thinking", "tool_calls", "finish_reason", "refusal", "error", "usage",
           "attachments", "alternatives")  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One thing that differs: a field of the answer, or a path in the request; ``MISSING`` where a side has none."""

    name: str
    before: Json
    after: Json


@dataclass(frozen=True)
class Pair:
    """A recording in both cassettes. ``request`` is empty where the two have the same key."""

    before: Interaction
    after: Interaction
    request: tuple[Change, ...]
    answer: tuple[Change, ...]


@dataclass(frozen=True)
class Differences:
    """Two cassettes compared; ``same`` counts the recordings that are equal in both."""

    before: OpenedCassette
    after: OpenedCassette
    removed: tuple[Interaction, ...]
    added: tuple[Interaction, ...]
    changed: tuple[Pair, ...]
    same: int

    def __bool__(self) -> bool:
        return bool(self.removed or self.added or self.changed)


def compare(before: OpenedCassette, after: OpenedCassette) -> Differences:
    """Match recordings by key, those left over by how alike their requests are, and compare what they hold."""
    pairs, old, new = _by_key(before.interactions, after.interactions)
    similar, old, new = _by_likeness(old, new)
    compared = [
        Pair(one, other, tuple(_request_changes(one, other)), tuple(_answer_changes(one, other)))
        for one, other in sorted([*pairs, *similar], key=lambda pair: pair[1].number)
    ]
    changed = tuple(pair for pair in compared if pair.request or pair.answer)
    return Differences(before, after, tuple(old), tuple(new), changed, len(compared) - len(changed))


Matched = tuple[list[tuple[Interaction, Interaction]], list[Interaction], list[Interaction]]


def _by_key(before: Sequence[Interaction], after: Sequence[Interaction]) -> Matched:
    """The k-th of a key goes with the k-th of the same key."""
    waiting: dict[str, list[Interaction]] = defaultdict(list)
    for interaction in before:
        waiting[interaction.identity.key].append(interaction)
    pairs, new = [], []
    for interaction in after:
        queue = waiting[interaction.identity.key]
        if queue:
            pairs.append((queue.pop(0), interaction))
        else:
            new.append(interaction)
    old = sorted((each for queue in waiting.values() for each in queue), key=lambda each: each.number)
    return pairs, old, new


def _by_likeness(old: list[Interaction], new: list[Interaction]) -> Matched:
    """The most alike go together, as long as they are alike at all."""
    if len(old) * len(new) > _MOST_PAIRS:
        return [], old, new
    words_of_new = [_words(each) for each in new]
    scores: list[tuple[float, int, int]] = []
    for place, one in enumerate(old):
        words = _words(one)
        for other_place, other in enumerate(new):
            if (one.method, one.identity.path) == (other.method, other.identity.path):
                theirs = words_of_new[other_place]
                score = 2 * len(words & theirs) / (len(words) + len(theirs) or 1)
                if score >= _ALIKE:
                    scores.append((-score, place, other_place))
    taken_old: set[int] = set()
    taken_new: set[int] = set()
    pairs = []
    for _, place, other_place in sorted(scores):
        if place not in taken_old and other_place not in taken_new:
            taken_old.add(place)
            taken_new.add(other_place)
            pairs.append((old[place], new[other_place]))
    return (
        pairs,
        [each for place, each in enumerate(old) if place not in taken_old],
        [each for place, each in enumerate(new) if place not in taken_new],
    )


def _words(interaction: Interaction) -> set[str]:
    return set(re.findall(r"\w+", as_json(interaction.identity.matched)))


def _request_changes(before: Interaction, after: Interaction) -> Iterator[Change]:
    if before.identity.key == after.identity.key:
        return
    one, other = before.identity, after.identity
    for name in ("method", "path", "stream"):
        if getattr(one, name) != getattr(other, name):
            yield Change(name, getattr(one, name), getattr(other, name))
    for name, was, now in beside_the_body(one, other):
        yield Change(name, was, now)
    for path, was, now in leaf_differences(one.matched, other.matched):
        yield Change(path, was, now)


def _answer_changes(before: Interaction, after: Interaction) -> Iterator[Change]:
    one, other = read_answer(before), read_answer(after)
    if one is None or other is None:
        yield from _body_changes(before, after)
        return
    for name in _FIELDS:
        was, now = (
            (before.status, after.status) if name == "status" else (_field(one, name), _field(other, name))
        )  # fmt: skip
        if was != now:
            yield Change(name, was, now)


def _field(answer: Answer, name: str) -> Json:
    """A field for comparing: ids of calls are made up afresh by each run of a model and say nothing."""
    if name == "tool_calls":
        return tuple((call.name, call.arguments) for call in answer.tool_calls)
    if name == "alternatives":
        return [{**answer_json(each), "tool_calls": _field(each, "tool_calls")} for each in answer.alternatives]
    return getattr(answer, name)


def _body_changes(before: Interaction, after: Interaction) -> Iterator[Change]:
    """Bodies that are no answer of a model: by their leaves, or as a whole."""
    if before.status != after.status:
        yield Change("status", before.status, after.status)
    one, other = before.document["response"], after.document["response"]
    for name in ("body", "events"):
        for path, was, now in leaf_differences(one.get(name, MISSING), other.get(name, MISSING), name):
            yield Change(path, was, now)
