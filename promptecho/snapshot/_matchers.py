"""The matchers: what may vary, said in the snapshot file and checked on this machine."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from promptecho.errors import SnapshotError
from promptecho.snapshot import _similarity
from promptecho.snapshot._expected import (
    MISSING,
    Expected,
    Match,
    Matcher,
    differences,
    encoded,
    same,
)
from promptecho.snapshot._reduce import plain
from promptecho.snapshot._wording import changed, value_text

Json = Any
Read = Callable[[Json], Expected]


def _text_wanted(value: Json) -> tuple[str, ...]:
    return () if isinstance(value, str) else (f"expected a text, got {value_text(value)}",)


@dataclass(frozen=True)
class Regex(Matcher):
    """A text in which a regular expression is found."""

    kind = "regex"
    pattern: str

    def problems(self, value: Json) -> tuple[str, ...]:
        if isinstance(value, str) and re.search(self.pattern, value):
            return ()
        return _text_wanted(value) or (f"regex {self.pattern!r} is not found in {value!r}",)

    def spec(self) -> dict[str, Json]:
        return {"regex": self.pattern}


@dataclass(frozen=True)
class Contains(Matcher):
    """A text that holds some texts, or a list that holds some elements."""

    kind = "contains"
    parts: tuple[Json, ...]

    def problems(self, value: Json) -> tuple[str, ...]:
        if not isinstance(value, (str, list)):
            return (f"expected a text or a list, got {value_text(value)}",)
        lacking = [part for part in self.parts if not self._is_in(part, value)]
        return tuple(f"{value_text(part)} is not in {value_text(value)}" for part in lacking)

    @staticmethod
    def _is_in(part: Json, value: Any) -> bool:
        if isinstance(value, str):
            return isinstance(part, str) and part in value
        return any(same(part, each) for each in value)

    def spec(self) -> dict[str, Json]:
        return {"contains": list(self.parts)}


@dataclass(frozen=True)
class Schema(Matcher):
    """Data that a JSON schema allows. References are looked up in the schema itself only, never on the network."""

    kind = "schema"
    tree: Json

    def problems(self, value: Json) -> tuple[str, ...]:
        found = sorted(_validator(self.tree).iter_errors(value), key=lambda error: [str(part) for part in error.path])
        return tuple(f"{error.json_path}: {error.message}" for error in found)

    def spec(self) -> dict[str, Json]:
        return {"schema": self.tree}


def _validator(schema: Json) -> Any:
    try:
        import jsonschema
        from referencing import Registry
    except ImportError:
        raise SnapshotError(
            "llm_snapshot: schema() needs jsonschema 4.18 or newer; pip install 'promptecho[snapshot]'"
        ) from None
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as problem:
        raise SnapshotError(f"llm_snapshot: no JSON schema: {problem.json_path}: {problem.message}; mend it") from None
    return kind(schema, registry=Registry())


@dataclass(frozen=True)
class Subset(Matcher):
    """Mappings that hold at least these keys, at any depth; lists have as many elements."""

    kind = "subset"
    tree: Expected

    def problems(self, value: Json) -> tuple[str, ...]:
        found = differences(self.tree, reduced_to(self.tree, value))
        return tuple(line for each in found for line in each.text())

    def spec(self) -> dict[str, Json]:
        return {"subset": encoded(self.tree)}


def reduced_to(wanted: Expected, value: Json) -> Json:
    """A value without the keys that aren't asked for."""
    if isinstance(wanted, dict) and isinstance(value, dict):
        return {name: reduced_to(wanted[name], child) for name, child in value.items() if name in wanted}
    if isinstance(wanted, list) and isinstance(value, list) and len(wanted) == len(value):
        return [reduced_to(one, other) for one, other in zip(wanted, value)]
    return value


@dataclass(frozen=True)
class AnyOf(Matcher):
    """One of several values."""

    kind = "any_of"
    choices: tuple[Expected, ...]

    def problems(self, value: Json) -> tuple[str, ...]:
        if any(not any(True for _ in differences(choice, value)) for choice in self.choices):
            return ()
        return (f"{value_text(value)} is none of", *(f"- {self._shown(choice)}" for choice in self.choices))

    @staticmethod
    def _shown(choice: Expected) -> str:
        return value_text(encoded(choice))

    def spec(self) -> dict[str, Json]:
        return {"any_of": [encoded(choice) for choice in self.choices]}


@dataclass(frozen=True)
class Number(Matcher):
    """A number near another; the middle is a reference that a blessing moves."""

    kind = "number"
    middle: float | None
    within: float

    def problems(self, value: Json) -> tuple[str, ...]:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return (f"expected a number, got {value_text(value)}",)
        if self.middle is None:
            return ("the test gives no number to measure by, and the file has none yet",)
        # A tolerance is written in decimals, which floats don't hold exactly.
        if abs(value - self.middle) <= self.within or math.isclose(
            abs(value - self.middle), self.within, rel_tol=1e-9, abs_tol=1e-12
        ):
            return ()
        return (f"{self.middle} -> {value}, more than {self.within} away",)

    def spec(self) -> dict[str, Json]:
        return {"number": self.middle, "within": self.within}

    def reference(self) -> Json:
        return MISSING if self.middle is None else self.middle

    def adopted(self, stored: Matcher | None, value: Json) -> Matcher:
        if self.middle is not None:
            return self
        if isinstance(stored, Number) and stored.within == self.within:
            return stored
        return self.renewed(value) or self

    def renewed(self, value: Json) -> Matcher | None:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return replace(self, middle=value) if is_number else None


@dataclass(frozen=True)
class Similar(Matcher):
    """A text like another by a metric of one version of a library; the other text is a reference."""

    kind = "similar"
    text: str | None
    at_least: float
    metric: str = _similarity.DEFAULT
    version: str | None = None

    def problems(self, value: Json) -> tuple[str, ...]:
        if not isinstance(value, str):
            return _text_wanted(value)
        if self.text is None:
            return ("the test gives no text to measure by, and the file has none yet",)
        installed = _similarity.installed_version()
        if self.version != installed:
            return (
                f"blessed with rapidfuzz {self.version or '(no version)'}, and {installed} is installed, "
                "whose scores may differ",
                "bless it again with --llm-snapshot-update, or install that version",
            )
        score = _similarity.score(self.metric, self.text, value)
        if score >= self.at_least:
            return ()
        return (f"{self.metric} {score} is less than {self.at_least}", *changed(self.text, value))

    def spec(self) -> dict[str, Json]:
        return {
            "similar": self.text, "metric": self.metric, "version": self.version, "at_least": self.at_least,
        }  # fmt: skip

    def reference(self) -> Json:
        return MISSING if self.text is None else self.text

    def adopted(self, stored: Matcher | None, value: Json) -> Matcher:
        if (
            isinstance(stored, Similar)
            and (stored.metric, stored.at_least) == (self.metric, self.at_least)
            and self.text in (None, stored.text)
        ):
            return stored
        here = replace(self, version=_similarity.installed_version())
        return replace(here, text=value) if self.text is None and isinstance(value, str) else here

    def renewed(self, value: Json) -> Matcher | None:
        if not isinstance(value, str):
            return None
        here = replace(self, version=_similarity.installed_version())
        return replace(here, text=value) if here.problems(value) else here


@dataclass(frozen=True)
class Python(Matcher):
    """A value of the test's own that knows what it equals, such as those of dirty-equals; the file holds its repr."""

    kind = "python"
    shown: str
    value: Any = field(default=None, compare=False, repr=False)
    is_given: bool = field(default=False, compare=False, repr=False)

    def problems(self, value: Json) -> tuple[str, ...]:
        if not self.is_given:
            return (f"the file says that the test checks this by {self.shown}, and the test gives nothing for it",)
        return () if self.value == value else (f"{value_text(value)} is not {self.shown}",)

    def spec(self) -> dict[str, Json]:
        return {"python": self.shown}


class _Nothing:
    """Equals nothing that a test would ask for."""


def _of_python(value: Any) -> Python:
    nothing = _Nothing()
    bool(value == nothing)  # dirty-equals shows itself only after a comparison that failed
    shown = repr(value)
    return Python(type(value).__name__ if shown == repr(nothing) else shown, value, True)


# --- in a test --------------------------------------------------------------------------------------------------------


def given(value: Any, now: Json = MISSING) -> Expected:
    """What a test gives for a field as an expected tree: matchers, patterns, values with an equality of their own.

    ``now`` is the value that it will be compared with.
    """
    if isinstance(value, Matcher):
        return Match(value)
    if isinstance(value, re.Pattern):
        return Match(regex(value))
    if type(value).__module__.partition(".")[0] == "inline_snapshot":  # it keeps its literal in the test itself
        return now if value == now else Match(_of_python(value))
    if isinstance(value, Mapping):
        below = now if isinstance(now, dict) else {}
        return {str(name): given(child, below.get(name, MISSING)) for name, child in value.items()}
    if isinstance(value, (list, tuple)):
        beside = now if isinstance(now, list) and len(now) == len(value) else [MISSING] * len(value)
        return [given(child, other) for child, other in zip(value, beside)]
    try:
        return plain(value)
    except SnapshotError:
        return Match(_of_python(value))


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
    _validator(made)
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
        _validator(spec["schema"])
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
    from promptecho.snapshot import _trajectory

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
