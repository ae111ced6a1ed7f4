"""What a snapshot expects: a plain tree in which a matcher may stand anywhere.

Comparing is exact where no matcher stands. A matcher comes from the file (somebody wrote it there) or from the test,
and ``was`` is the value that was last accepted beside it, so that a change it tolerates is still noticed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from promptecho.snapshot._wording import Difference, changed, changed_elements, reordered, value_text

Json = Any
Expected = Any  # Json with Match nodes in it


class Missing:
    """There is nothing at this place."""

    def __repr__(self) -> str:
        return "nothing"


MISSING = Missing()


class Matcher(ABC):
    """A looser comparison than equality; ``kind`` is its name in the file."""

    kind: ClassVar[str] = ""

    @abstractmethod
    def problems(self, value: Json) -> tuple[str, ...]:
        """Why it doesn't accept a value, in lines; none: it does."""

    @abstractmethod
    def spec(self) -> dict[str, Json]:
        """Its form in the file."""

    def reference(self) -> Json:
        """The value that it measures by, if it has one."""
        return MISSING

    def adopted(self, stored: Matcher | None, value: Json) -> Matcher:
        """As it stands in the file for a test that gives it: with the reference there, or else with this value."""
        return self

    def renewed(self, value: Json) -> Matcher | None:
        """What blessing a value that it doesn't accept makes of it; ``None``: it is a rule, which only its author
        changes."""
        return None


@dataclass(frozen=True)
class Match:
    """A matcher at its place in a tree."""

    matcher: Matcher
    was: Json = MISSING

    def accepted(self, value: Json) -> Match:
        """The same after a value was blessed beside it; what the reference says already isn't said twice."""
        return replace(self, was=MISSING if same(self.matcher.reference(), value) else value)


def same(one: Json, other: Json) -> bool:
    """Equality of JSON: true is not 1, and not-a-number equals itself."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) or (one != one and other != other)


def below(place: str, name: str | int) -> str:
    """The place of a child."""
    if isinstance(name, int):
        return f"{place}[{name}]"
    return f"{place}.{name}" if place else name


# --- comparing --------------------------------------------------------------------------------------------------------


def differences(expected: Expected, value: Json, place: str = "") -> Iterator[Difference]:
    """Where a value isn't what is expected, and how."""
    if isinstance(expected, Match):
        if isinstance(value, Missing):
            yield Difference(place, ("there is none now",))
            return
        lines = expected.matcher.problems(value)
        if lines:
            yield Difference(place, lines)
    elif isinstance(expected, dict) and isinstance(value, dict):
        for name in dict.fromkeys((*expected, *value)):
            yield from differences(expected.get(name, MISSING), value.get(name, MISSING), below(place, name))
    elif isinstance(expected, list) and isinstance(value, list):
        yield from _list_differences(expected, value, place)
    elif not same(expected, value):
        yield Difference(place, _leaf(expected, value))


def _leaf(expected: Expected, value: Json) -> tuple[str, ...]:
    if isinstance(expected, Missing):
        return (f"new: {value_text(value)}",)
    if isinstance(value, Missing):
        return (f"gone: {_shown(expected)}",)
    if has_matcher(expected):
        return (f"{_shown(expected)} -> {value_text(value)}",)
    return changed(expected, value)


def _shown(expected: Expected) -> str:
    return "what a matcher stands for" if has_matcher(expected) else value_text(expected)


def _list_differences(expected: list[Expected], value: list[Json], place: str) -> Iterator[Difference]:
    literal = not has_matcher(expected)
    order = reordered(expected, value) if literal else ()
    if order:
        yield Difference(place, order)
    elif len(expected) == len(value):
        for number, (one, other) in enumerate(zip(expected, value)):
            yield from differences(one, other, below(place, number))
    elif literal:
        yield Difference(place, changed_elements(expected, value))
    else:
        yield Difference(place, (f"{len(expected)} -> {len(value)} elements", *map(value_text, value)))


def has_matcher(expected: Expected) -> bool:
    """Whether a matcher stands anywhere in it."""
    return any(True for _ in matches(expected))


def matches(expected: Expected, place: str = "") -> Iterator[tuple[str, Match]]:
    """The matchers in a tree, each with its place."""
    if isinstance(expected, Match):
        yield place, expected
    elif isinstance(expected, dict):
        for name, child in expected.items():
            yield from matches(child, below(place, name))
    elif isinstance(expected, list):
        for number, child in enumerate(expected):
            yield from matches(child, below(place, number))


def tolerated(expected: Expected, value: Json, place: str = "") -> Iterator[tuple[str, Match, Json]]:
    """Where a matcher accepts another value than the one that was last blessed beside it."""
    if isinstance(expected, Match):
        blessed_value = expected.matcher.reference() if isinstance(expected.was, Missing) else expected.was
        if not isinstance(blessed_value, Missing) and not same(blessed_value, value):
            yield place, expected, value
    elif isinstance(expected, dict) and isinstance(value, dict):
        for name, child in expected.items():
            if name in value:
                yield from tolerated(child, value[name], below(place, name))
    elif isinstance(expected, list) and isinstance(value, list):
        for number, (one, other) in enumerate(zip(expected, value)):
            yield from tolerated(one, other, below(place, number))


# --- blessing ---------------------------------------------------------------------------------------------------------


def blessed(expected: Expected, value: Json, stuck: list[Difference], place: str = "") -> Expected:
    """What is expected once a value is accepted: literals are replaced, matchers stay or get a new reference.

    A rule that doesn't accept the value stays as it is and is added to ``stuck``.
    """
    if isinstance(expected, Match):
        return _blessed_match(expected, value, stuck, place)
    if not has_matcher(expected):
        return value
    if isinstance(expected, dict) and isinstance(value, dict):
        for name in expected:
            if name not in value:
                _refuse_to_drop(expected[name], stuck, below(place, name))
        return {
            name: blessed(expected.get(name, MISSING), child, stuck, below(place, name))
            for name, child in value.items()
        }
    if isinstance(expected, list) and isinstance(value, list):
        for number in range(len(value), len(expected)):
            _refuse_to_drop(expected[number], stuck, below(place, number))
        return [
            blessed(expected[number] if number < len(expected) else MISSING, child, stuck, below(place, number))
            for number, child in enumerate(value)
        ]
    _refuse_to_drop(expected, stuck, place)
    return value


def _blessed_match(expected: Match, value: Json, stuck: list[Difference], place: str) -> Match:
    lines = expected.matcher.problems(value)
    if not lines:
        return expected.accepted(value)
    renewed = expected.matcher.renewed(value)
    if renewed is None:
        stuck.append(Difference(place, lines))
        return expected
    return Match(renewed).accepted(value)


def _refuse_to_drop(expected: Expected, stuck: list[Difference], place: str) -> None:
    for where, _ in matches(expected, place):
        stuck.append(Difference(where, ("a matcher stands here, and there is no such value now",)))


# --- given by a test --------------------------------------------------------------------------------------------------


def adopted(given: Expected, stored: Expected, value: Json) -> Expected:
    """What a test gives, as it should stand in the file: open matchers get the reference there, or this value."""
    if isinstance(given, Match):
        known = stored if isinstance(stored, Match) else None
        matcher = given.matcher.adopted(known.matcher if known else None, value)
        if known is not None and matcher.spec() == known.matcher.spec():
            return Match(matcher, known.was)
        return Match(matcher)
    if isinstance(given, dict):
        return {name: adopted(child, _child(stored, name), _child(value, name)) for name, child in given.items()}
    if isinstance(given, list):
        return [adopted(child, _child(stored, number), _child(value, number)) for number, child in enumerate(given)]
    return given


def _child(tree: Expected, name: str | int) -> Expected:
    if isinstance(tree, dict):
        return tree.get(name, MISSING)
    if isinstance(tree, list) and isinstance(name, int):
        return tree[name] if name < len(tree) else MISSING
    return MISSING


# --- as plain data ----------------------------------------------------------------------------------------------------

MATCH, WAS, LITERAL = "match", "was", "literal"


def encoded(expected: Expected, *, with_was: bool = True) -> Json:
    """The tree as it stands in a file.

    A matcher is a mapping with the key ``match``. A literal mapping that could be taken for one stands below a key
    ``literal``.
    """
    if isinstance(expected, Match):
        tree: dict[str, Json] = {MATCH: expected.matcher.spec()}
        if with_was and not isinstance(expected.was, Missing):
            tree[WAS] = encoded(expected.was)
        return tree
    if isinstance(expected, dict):
        inner = {name: encoded(child, with_was=with_was) for name, child in expected.items()}
        return {LITERAL: inner} if MATCH in inner or set(inner) == {LITERAL} else inner
    if isinstance(expected, list):
        return [encoded(child, with_was=with_was) for child in expected]
    return expected


def decoded(
    tree: Json, place: str, read: Callable[[Json, str], Matcher], wrong: Callable[[str], Exception]
) -> Expected:
    """The tree that stands in a file; ``read`` makes a matcher of its form, ``wrong`` an error of a text."""
    if isinstance(tree, list):
        return [decoded(child, below(place, number), read, wrong) for number, child in enumerate(tree)]
    if not isinstance(tree, dict):
        return tree
    if set(tree) == {LITERAL} and isinstance(tree[LITERAL], dict):
        tree = tree[LITERAL]
    elif MATCH in tree:
        more = sorted(set(tree) - {MATCH, WAS})
        if more:
            raise wrong(
                f"{place or 'the snapshot'} has the key '{MATCH}', which makes it a matcher, and beside it "
                f"{more[0]!r}; a matcher has '{WAS}' at most, and what is meant as it is stands below '{LITERAL}:'"
            )
        was = decoded(tree[WAS], place, read, wrong) if WAS in tree else MISSING
        return Match(read(tree[MATCH], place), was)
    return {name: decoded(child, below(place, name), read, wrong) for name, child in tree.items()}
