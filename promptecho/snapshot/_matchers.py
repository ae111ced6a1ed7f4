"""The matchers: what may vary, said in the snapshot file and checked on this machine."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from promptecho.errors import SnapshotError
from promptecho.snapshot import _similarity
from promptecho.snapshot._expected import (
    MISSING,
    Expected,
    Matcher,
    differences,
    encoded,
    same,
)
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
        found = sorted(validator(self.tree).iter_errors(value), key=lambda error: [str(part) for part in error.path])
        return tuple(f"{error.json_path}: {error.message}" for error in found)

    def spec(self) -> dict[str, Json]:
        return {"schema": self.tree}


def validator(schema: Json) -> Any:
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


def of_python(value: Any) -> Python:
    nothing = _Nothing()
    bool(value == nothing)  # dirty-equals shows itself only after a comparison that failed
    shown = repr(value)
    return Python(type(value).__name__ if shown == repr(nothing) else shown, value, True)
