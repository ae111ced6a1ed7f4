"""Functions of the project: what calling one comes to, whatever stands around the call."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from promptecho._lint._follow._arguments import Arguments, Place
from promptecho._lint._follow._calls import is_super
from promptecho._lint._follow._following import MAX_NESTING, Following
from promptecho._lint._follow._frames import NOTHING, Frame, Summary
from promptecho._lint._follow._values import (
    NONE,
    UNKNOWN,
    Bound,
    Function,
    FunctionNode,
    Managed,
    Mapping,
    Object,
    Sequence,
    Value,
    depth,
    join_all,
)
from promptecho._lint._project import Project

_MAX_DEPTH = 24


class Functions(Following):
    """Follows functions for their arguments, each once: summaries are remembered."""

    def __init__(self, project: Project) -> None:
        super().__init__(project)
        self._known: dict[Any, Summary] = {}
        self._stack: list[FunctionNode] = []

    # --- a call, and what it does where it stands ---

    def call_function(self, frame: Frame, function: Function, passed: Arguments) -> Value:
        """Call a function of the project, with all that it does here."""
        if depth(Sequence(passed.args)) > MAX_NESTING + 1:
            args = tuple(value if depth(value) <= MAX_NESTING else UNKNOWN for value in passed.args)
            passed = replace(passed, args=args)
        summary = self.invoke(function, passed, frame.patches)
        self.absorb(frame, summary, function.name)
        self._take_changes(frame, function, summary, passed)
        if "contextmanager" in function.flags:
            return Managed(summary.yielded, summary.covered_at_yield, summary.patches_at_yield)
        return summary.value

    def call_bound(self, frame: Frame, method: Bound, passed: Arguments) -> Value:
        """Call a method of an object of the project, with all that it does here."""
        place = passed.callee.value if isinstance(passed.callee, ast.Attribute) else None
        return self.call_function(frame, method.function, passed.behind(method.owner, place=place))

    def _take_changes(self, frame: Frame, function: Function, summary: Summary, passed: Arguments) -> None:
        """Objects that a function got and set attributes of, as they are afterwards."""
        if not summary.changed:
            return
        positions: dict[str, Place] = {each.arg: number for number, each in enumerate(function.parameters)}
        for name, value in summary.changed:
            place = passed.places.get(name) or passed.places.get(positions.get(name, name))
            if place is not None and is_super(place):
                frame.names[frame.first] = value
            elif isinstance(place, (ast.Name, ast.Attribute)):
                self.store(frame, place, value)

    def absorb(self, frame: Frame, summary: Summary, name: str) -> None:
        """What a called function did, as something that happened here."""
        if not frame.covered:
            frame.calls += [replace(call, chain=(name, *call.chain)) for call in summary.calls]
        frame.uses += summary.uses
        frame.patches |= summary.patches
        frame.covered = frame.covered or summary.covers_after

    # --- following a function ---

    def invoke(self, function: Function, passed: Arguments, patches: frozenset[str]) -> Summary:
        """Follow a function for arguments."""
        names = self._bind(function, passed, patches)
        inner = patches.union(*(cover.patches for cover in function.covers)) if function.covers else patches
        summary = self._remembered(function, names, inner)
        if not function.covers or summary is NOTHING:
            return summary
        blocked = any(cover.blocks for cover in function.covers)
        return replace(
            summary,
            calls=() if blocked else summary.calls,
            uses=(*summary.uses, *(cover for cover in function.covers if cover.path is not None)),
            patches=summary.patches - inner | patches if summary.patches else summary.patches,
            covered_at_yield=summary.covered_at_yield or blocked,
        )

    def _remembered(self, function: Function, names: dict[str, Value], patches: frozenset[str]) -> Summary:
        key = (function.node, function.module, tuple(names.items()), patches, function.owner)
        if function.closure is None and key in self._known:
            return self._known[key]
        if len(self._stack) >= _MAX_DEPTH or self._stack.count(function.node) >= 2:
            return NOTHING
        self._stack.append(function.node)
        try:
            summary = self._run(function, names, patches)
        finally:
            self._stack.pop()
        if function.closure is None:
            self._known[key] = summary
        return summary

    def _run(self, function: Function, names: dict[str, Value], patches: frozenset[str]) -> Summary:
        node = function.node
        frame = Frame(function.module, dict(names), function.closure, function.owner, is_function=True, patches=patches)
        parameters = function.parameters
        frame.first = parameters[0].arg if parameters else ""
        if isinstance(node, ast.Lambda):
            frame.returned.append(self.evaluate(frame, node.body))
        elif not self.block(frame, node.body):
            frame.returned.append(NONE)
        changed = tuple(
            (name, frame.names[name])
            for name, value in names.items()
            if isinstance(value, Object) and isinstance(frame.names.get(name), Object) and frame.names[name] != value
        )
        return Summary(
            value=join_all(frame.returned),
            yielded=join_all(frame.yielded),
            covered_at_yield=frame.covered_at_yield,
            patches_at_yield=frame.patches_at_yield - patches,
            calls=tuple(frame.calls),
            uses=tuple(frame.uses),
            patches=frame.patches - patches,
            covers_after=frame.covered,
            changed=changed,
            named_globals=tuple((name, frame.names[name]) for name in sorted(frame.globals_) if name in frame.names),
        )

    # --- arguments and parameters ---

    def _bind(self, function: Function, passed: Arguments, patches: frozenset[str]) -> dict[str, Value]:
        """The parameters of a function, for arguments; those that are not given take their defaults."""
        spec = function.node.args
        positional = [each.arg for each in function.parameters]
        known = [*positional, *(each.arg for each in spec.kwonlyargs)]
        names: dict[str, Value] = dict(zip(positional, passed.args))
        if spec.vararg is not None:
            names[spec.vararg.arg] = Sequence(passed.args[len(positional) :]) if passed.complete else UNKNOWN
        names.update({name: value for name, value in passed.options.items() if name in known})
        if spec.kwarg is not None:
            rest = tuple((name, value) for name, value in passed.options.items() if name not in known)
            names[spec.kwarg.arg] = Mapping(rest) if passed.complete else UNKNOWN
        defaults = _defaults(function) if passed.complete else {}
        outside = function.closure or self.namespace(function.module)
        for name in known:
            if name not in names:
                default = defaults.get(name)
                quiet = Frame(function.module, outer=outside, covered=True, patches=patches)
                names[name] = self.evaluate(quiet, default) if default is not None else UNKNOWN
        return names


def _defaults(function: Function) -> dict[str, ast.expr | None]:
    """The defaults of parameters that have some."""
    spec, positional = function.node.args, [each.arg for each in function.parameters]
    defaults: dict[str, ast.expr | None] = dict(zip(positional[len(positional) - len(spec.defaults) :], spec.defaults))
    defaults.update(zip((each.arg for each in spec.kwonlyargs), spec.kw_defaults))
    return defaults
