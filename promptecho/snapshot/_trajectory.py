"""The tool calls of a reply, or of an agent's whole run, against those that are expected.

``order``: ``strict`` (the same calls in the same order), ``unordered`` (the same calls), ``subset`` (no call that isn't
expected), ``superset`` (every expected call, and maybe more). ``arguments``: ``exact``, ``subset`` (at least the
expected ones), ``schema`` (what stands in the file is a JSON schema for them).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from promptecho.snapshot._expected import MISSING, Expected, Matcher, differences, encoded
from promptecho.snapshot._matchers import Schema, Subset
from promptecho.snapshot._wording import call_text, changed_lines, value_text

Json = Any

ORDERS = ("strict", "unordered", "subset", "superset")
ARGUMENTS = ("exact", "subset", "schema")


@dataclass(frozen=True)
class Tools(Matcher):
    """Tool calls; those that are expected are a reference, which a blessing replaces."""

    kind = "tools"
    order: str
    arguments: str
    calls: tuple[Expected, ...] | None = None

    def problems(self, value: Json) -> tuple[str, ...]:
        if not isinstance(value, list):
            return (f"expected tool calls, got {value_text(value)}",)
        if self.calls is None:
            return ("the file has no tool calls to compare with yet",)
        if self.order == "strict":
            return self._strict(value)
        return self._unordered(value)

    def _strict(self, value: Sequence[Json]) -> tuple[str, ...]:
        calls = self.calls or ()
        if [_name(each) for each in calls] != [_name(each) for each in value]:
            return ("the calls, or their order, changed:", *changed_lines(_shown(calls), _shown(value)))
        lines = []
        for number, (wanted, call) in enumerate(zip(calls, value)):
            lines += [f"[{number}] {call_text(call)}: {line}" for line in self._arguments_problems(wanted, call)]
        return tuple(lines)

    def _unordered(self, value: Sequence[Json]) -> tuple[str, ...]:
        calls = self.calls or ()
        fits = [
            [
                number
                for number, call in enumerate(value)
                if _name(wanted) == _name(call) and not self._arguments_problems(wanted, call)
            ]
            for wanted in calls
        ]
        partner = pairing(fits, len(value))
        lacking = [wanted for number, wanted in enumerate(calls) if number not in partner.values()]
        extra = [call for number, call in enumerate(value) if number not in partner]
        lines = []
        if self.order != "subset":
            lines += [f"not called: {_line(wanted)}" for wanted in lacking]
        if self.order != "superset":
            lines += [f"not expected: {call_text(call)}" for call in extra]
        if lines and self.order == "subset" and lacking:
            lines += [f"expected, and not called: {_line(wanted)}" for wanted in lacking]
        if lines and self.order == "superset":
            lines += [f"called: {call_text(call)}" for call in extra]
        return tuple(lines)

    def _arguments_problems(self, wanted: Expected, call: Json) -> tuple[str, ...]:
        expected, arguments = wanted.get("arguments"), call.get("arguments") if isinstance(call, dict) else None
        if self.arguments == "schema":
            return Schema(expected).problems(arguments)
        if self.arguments == "subset":
            return Subset(expected).problems(arguments)
        return tuple(line for each in differences(expected, arguments, "arguments") for line in each.text())

    def spec(self) -> dict[str, Json]:
        calls = None if self.calls is None else [encoded(each) for each in self.calls]
        return {"tools": calls, "order": self.order, "arguments": self.arguments}

    def reference(self) -> Json:
        # Arguments by schema are no value that could be compared; without matchers the rest is one.
        return MISSING if self.calls is None or self.arguments == "schema" else [encoded(each) for each in self.calls]

    def adopted(self, stored: Matcher | None, value: Json) -> Matcher:
        if self.calls is not None:
            return self
        if isinstance(stored, Tools) and (stored.order, stored.arguments) == (self.order, self.arguments):
            return stored
        return self.renewed(value) or self

    def renewed(self, value: Json) -> Matcher | None:
        if not isinstance(value, list):
            return None
        if self.arguments != "schema":
            return replace(self, calls=tuple(value))
        calls = tuple({"name": _name(call), "arguments": schema_of(call.get("arguments"))} for call in value)
        return replace(self, calls=calls)


def _name(call: Expected) -> Json:
    return call.get("name") if isinstance(call, dict) else None


def _line(wanted: Expected) -> str:
    return call_text(encoded(wanted))


def _shown(calls: Sequence[Expected]) -> list[str]:
    return [_line(call) for call in calls]


def pairing(fits: Sequence[Sequence[int]], count: int) -> dict[int, int]:
    """As many pairs as possible where each expected call fits some of ``count`` calls: call -> expected call.

    Taking the first that fits would not do: a loose expectation may take the only call that a strict one fits.
    """
    partner: dict[int, int] = {}

    def place(wanted: int, seen: set[int]) -> bool:
        for call in fits[wanted]:
            if call not in seen:
                seen.add(call)
                if call not in partner or place(partner[call], seen):
                    partner[call] = wanted
                    return True
        return False

    for wanted in range(len(fits)):
        place(wanted, set())
    return partner


def schema_of(value: Json) -> Json:
    """A plain JSON schema that a value fits: the types, and which keys there are."""
    if isinstance(value, dict):
        properties = {name: schema_of(child) for name, child in value.items()}
        return {"type": "object", "properties": properties, "required": list(value)}
    kinds = ((bool, "boolean"), (str, "string"), (int, "integer"), (float, "number"), (list, "array"))
    return {"type": next((name for kind, name in kinds if isinstance(value, kind)), "null")}


def checked(order: Json, arguments: Json, calls: Json, wrong: Callable[[str], BaseException]) -> Tools:
    """The matcher of tool calls, once what is asked of it is known to be right."""
    for name, value, known in (("order", order, ORDERS), ("arguments", arguments, ARGUMENTS)):
        if value not in known:
            raise wrong(f"tools: {name} is {value!r}, expected one of {', '.join(known)}")
    if calls is None:
        return Tools(order, arguments)
    for call in calls:
        if not isinstance(call, dict) or set(call) != {"name", "arguments"}:
            raise wrong(f"tools: a call has a name and arguments, got {call!r}")
        if arguments == "schema" and not isinstance(call["arguments"], dict):
            raise wrong(f"tools: the arguments of {call['name']!r} are no JSON schema")
    return Tools(order, arguments, tuple(calls))


def from_spec(
    spec: dict[str, Json], read: Callable[[Json], Expected], wrong: Callable[[str], BaseException]
) -> Matcher:
    """The matcher as it stands in a file."""
    if not isinstance(spec["tools"], list):
        raise wrong(f"tools: expected a list of calls, got {value_text(spec['tools'])}")
    return checked(
        spec.get("order", "strict"), spec.get("arguments", "exact"), [read(call) for call in spec["tools"]], wrong
    )
