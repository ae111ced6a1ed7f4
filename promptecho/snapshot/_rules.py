"""How matchers are said: in a test, and in the file of a snapshot."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from promptecho.errors import SnapshotError
from promptecho.snapshot import _similarity, _trajectory
from promptecho.snapshot._expected import (
    MISSING,
    Expected,
    Match,
    Matcher,
)
from promptecho.snapshot._matchers import (
    AnyOf,
    Contains,
    Number,
    Python,
    Read,
    Regex,
    Schema,
    Similar,
    Subset,
    of_python,
    validator,
)
from promptecho.snapshot._reduce import plain
from promptecho.snapshot._wording import value_text

Json = Any


def given(value: Any, now: Json = MISSING) -> Expected:
    """What a test gives for a field as an expected tree: matchers, patterns, values with an equality of their own.

    ``now`` is the value that it will be compared with.
    """
    if isinstance(value, Matcher):
        return Match(value)
    if isinstance(value, re.Pattern):
        return Match(regex(value))
    if type(value).__module__.partition(".")[0] == "inline_snapshot":  # it keeps its literal in the test itself
        return now if value == now else Match(of_python(value))
    if isinstance(value, Mapping):
        below = now if isinstance(now, dict) else {}
        return {str(name): given(child, below.get(name, MISSING)) for name, child in value.items()}
    if isinstance(value, (list, tuple)):
        beside = now if isinstance(now, list) and len(now) == len(value) else [MISSING] * len(value)
        return [given(child, other) for child, other in zip(value, beside)]
    try:
        return plain(value)
    except SnapshotError:
        return Match(of_python(value))


def regex(pattern: str | re.Pattern[str]) -> Regex:
    """A text in which the expression is found; anchor it with ``^`` and ``$`` to mean the whole.

    >>> assert reply == llm_snapshot(text=snapshot.regex("sunny|rainy"))

    Raises:
        SnapshotError: it is no regular expression.
    """
    if isinstance(pattern, re.Pattern):
        flags = "".join(letter for letter in "aimsx" if pattern.flags & getattr(re, letter.upper()))
        pattern = f"(?{flags}){pattern.pattern}" if flags else pattern.pattern
    return _regex(pattern, SnapshotError)


def _regex(pattern: Json, wrong: Callable[[str], BaseException]) -> Regex:
    if not isinstance(pattern, str):
        raise wrong(f"regex: expected a text, got {pattern!r}")
    try:
        re.compile(pattern)
    except re.error as problem:
        raise wrong(f"regex: {pattern!r} is no regular expression: {problem}") from None
    return Regex(pattern)


def contains(*parts: Any) -> Contains:
    """A text with these texts in it, in any order, or a list with these elements.

    >>> assert reply == llm_snapshot(text=snapshot.contains("Paris", "sunny"))
    """
    return Contains(tuple(plain(part) for part in parts))


def schema(tree: Any) -> Schema:
    """Data that a JSON schema allows; a pydantic class stands for its schema. Needs ``promptecho[snapshot]``.

    >>> assert structured_reply == llm_snapshot(
    ...     structured=snapshot.schema({"type": "object", "required": ["city"]})
    ... )

    Raises:
        SnapshotError: it is no JSON schema, or jsonschema is not installed.
    """
    make = getattr(tree, "model_json_schema", None)
    made = plain(make() if callable(make) else tree)
    validator(made)
    return Schema(made)


def subset(tree: Mapping[str, Any]) -> Subset:
    """Data with at least these keys, at any depth; lists have as many elements.

    >>> assert structured_reply == llm_snapshot(structured=snapshot.subset({"city": "Paris"}))
    """
    return Subset(given(tree))


def any_of(*choices: Any) -> AnyOf:
    """One of these values; each may be a matcher itself.

    >>> assert reply == llm_snapshot(text=snapshot.any_of("No.", snapshot.regex("sunny")))
    """
    if not choices:
        raise SnapshotError("llm_snapshot: any_of() without a choice accepts nothing; name some")
    return AnyOf(tuple(given(choice) for choice in choices))


def number(middle: float | None = None, *, within: float) -> Number:
    """A number at most ``within`` away from another; without one, from that which is recorded.

    >>> assert structured_reply == llm_snapshot(
    ...     structured={"city": "Paris", "degrees": snapshot.number(within=2)}
    ... )

    Raises:
        SnapshotError: ``within`` is below 0.
    """
    if not within >= 0:
        raise SnapshotError(f"llm_snapshot: number(within={within}): expected a number of 0 or more")
    return Number(middle, within)


def similar(text: str | None = None, *, at_least: float = 0.9, metric: str = _similarity.DEFAULT) -> Similar:
    """A text like another, measured by rapidfuzz; without one, like that which is recorded.

    ``at_least`` is a score from 0 to 1; ``metric`` one of ``rapidfuzz.token_sort_ratio`` (the default),
    ``rapidfuzz.ratio``, ``rapidfuzz.partial_ratio`` and ``rapidfuzz.token_set_ratio``. Needs ``promptecho[snapshot]``.

    >>> assert reply == llm_snapshot(text=snapshot.similar(at_least=0.9))

    Raises:
        SnapshotError: the score or the metric is wrong.
    """
    return _similar(text, at_least, metric, None, SnapshotError)


def _similar(text: Json, at_least: Json, metric: Json, version: Json, wrong: Callable[[str], BaseException]) -> Similar:
    if isinstance(at_least, bool) or not isinstance(at_least, (int, float)) or not 0 < at_least <= 1:
        raise wrong(f"similar: at_least is {at_least!r}, expected a number above 0, up to 1")
    if metric not in _similarity.METRICS:
        raise wrong(f"similar: there is no metric {metric!r}; known are {', '.join(_similarity.METRICS)}")
    for name, each in (("text", text), ("version", version)):
        if each is not None and not isinstance(each, str):
            raise wrong(f"similar: the {name} is {each!r}, expected a text")
    return Similar(text, at_least, metric, version)


# --- in a file --------------------------------------------------------------------------------------------------------


def tools(*, order: str = "strict", arguments: str = "exact", calls: Sequence[Any] | None = None) -> _trajectory.Tools:
    """The tool calls of a reply, or of all replies of a list; without ``calls``, those that are recorded.

    ``order``: ``"strict"`` (the same calls in the same order), ``"unordered"`` (the same calls), ``"subset"`` (no call
    that isn't expected), ``"superset"`` (every expected call, maybe more). ``arguments``: ``"exact"``, ``"subset"`` (at
    least the expected ones) or ``"schema"`` (a JSON schema for them). ``calls``: a list of
    ``{"name": ..., "arguments": ...}``.

    >>> assert replies == llm_snapshot("run", tools=snapshot.tools(order="unordered", arguments="subset"))

    Raises:
        SnapshotError: an order, a way to compare arguments, or a call is wrong.
    """
    return _trajectory.checked(order, arguments, None if calls is None else given(list(calls)), SnapshotError)


def read_matcher(spec: Json, read: Read, wrong: Callable[[str], BaseException]) -> Matcher:
    """The matcher whose form in the file this is; ``read`` reads expected trees in it.

    Raises what ``wrong`` makes of a text, where there is no such matcher or its form is wrong.
    """
    kinds = [name for name in _FIELDS if isinstance(spec, dict) and name in spec]
    if len(kinds) != 1:
        raise wrong(f"a matcher is a mapping with one of {', '.join(_FIELDS)} in it, got {value_text(spec)}")
    kind = kinds[0]
    unknown = [name for name in spec if name not in _FIELDS[kind]]
    if unknown:
        raise wrong(f"{kind}: there is no {unknown[0]!r}; it takes {', '.join(_FIELDS[kind])}")
    return _READERS[kind](spec, read, wrong)


def _read_contains(spec: dict[str, Json], read: Read, wrong: Callable[[str], BaseException]) -> Matcher:
    parts = spec["contains"]
    if not isinstance(parts, list) or not parts:
        raise wrong(f"contains: expected a list of texts, got {value_text(parts)}")
    return Contains(tuple(parts))


def _read_schema(spec: dict[str, Json], read: Read, wrong: Callable[[str], BaseException]) -> Matcher:
    if not isinstance(spec["schema"], dict):
        raise wrong(f"schema: expected a mapping, got {value_text(spec['schema'])}")
    try:
        validator(spec["schema"])
    except SnapshotError as problem:
        raise wrong(str(problem).partition(": ")[2]) from None
    return Schema(spec["schema"])


def _read_any_of(spec: dict[str, Json], read: Read, wrong: Callable[[str], BaseException]) -> Matcher:
    if not isinstance(spec["any_of"], list) or not spec["any_of"]:
        raise wrong(f"any_of: expected a list of values, got {value_text(spec['any_of'])}")
    return AnyOf(tuple(read(choice) for choice in spec["any_of"]))


def _read_number(spec: dict[str, Json], read: Read, wrong: Callable[[str], BaseException]) -> Matcher:
    for name in ("number", "within"):
        if isinstance(spec.get(name), bool) or not isinstance(spec.get(name), (int, float)):
            raise wrong(f"number: {name} is {value_text(spec.get(name))}, expected a number")
    return Number(spec["number"], spec["within"])


def _read_similar(spec: dict[str, Json], read: Read, wrong: Callable[[str], BaseException]) -> Matcher:
    if not isinstance(spec["similar"], str):
        raise wrong(f"similar: expected a text to measure by, got {value_text(spec['similar'])}")
    metric = spec.get("metric", _similarity.DEFAULT)
    return _similar(spec["similar"], spec.get("at_least"), metric, spec.get("version"), wrong)


def _read_tools(spec: dict[str, Json], read: Read, wrong: Callable[[str], BaseException]) -> Matcher:
    return _trajectory.from_spec(spec, read, wrong)


def _read_judge(spec: dict[str, Json], read: Read, wrong: Callable[[str], BaseException]) -> Matcher:
    from promptecho.snapshot import _judge

    return _judge.from_spec(spec, wrong)


# Which keys each kind has in the file; the first is its name.
_FIELDS: dict[str, Sequence[str]] = {
    "regex": ("regex",),
    "contains": ("contains",),
    "schema": ("schema",),
    "subset": ("subset",),
    "any_of": ("any_of",),
    "number": ("number", "within"),
    "similar": ("similar", "metric", "version", "at_least"),
    "tools": ("tools", "order", "arguments"),
    "judge": ("judge", "model", "prompt_version"),
    "python": ("python",),
}
_READERS: dict[str, Callable[[dict[str, Json], Read, Callable[[str], BaseException]], Matcher]] = {
    "regex": lambda spec, read, wrong: _regex(spec["regex"], wrong),
    "contains": _read_contains,
    "schema": _read_schema,
    "subset": lambda spec, read, wrong: Subset(read(spec["subset"])),
    "any_of": _read_any_of,
    "number": _read_number,
    "similar": _read_similar,
    "tools": _read_tools,
    "judge": _read_judge,
    "python": lambda spec, read, wrong: Python(str(spec["python"])),
}
