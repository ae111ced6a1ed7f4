"""``llm_snapshot``: what a test compares with.

A comparison reduces the reply, reads what the file expects, and notes what became of it for the end of the run, where
alone files are written. It never writes by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from promptecho._cassette import layout
from promptecho._matching.identity import _drop, path_parts
from promptecho.errors import SnapshotError
from promptecho.snapshot import _file, _matchers, _rules, _similarity, _trajectory
from promptecho.snapshot._active import redactor
from promptecho.snapshot._expected import (
    MISSING,
    Expected,
    Missing,
    adopted,
    blessed,
    differences,
    encoded,
    same,
    tolerated,
)
from promptecho.snapshot._judge import Judge, judge
from promptecho.snapshot._reduce import Json, reduce, replies_as_run, stream
from promptecho.snapshot._run import Result
from promptecho.snapshot._wording import Difference, value_text

_ACCEPT = "accept it with `pytest --llm-snapshot-update` or `promptecho review`"
_EMPTY: dict[str, Json] = {"text": "", "tool_calls": []}  # what a reply says that lacks a field


@dataclass
class Failure:
    """Why a comparison failed, in lines; ``shown`` says whether pytest has room for all of them at the assertion."""

    lines: list[str]
    shown: bool = False


@dataclass
class Test:
    """One test and its comparisons."""

    name: str
    node: str
    file: Path
    root: Path
    update: bool
    ci: bool
    results: list[Result]
    failures: list[Failure] = field(default_factory=list)
    _count: int = 0
    _named: dict[str, Json] = field(default_factory=dict)

    __test__ = False  # no test class of its own

    def next_name(self) -> str:
        """``test_x``, ``test_x 2``, ``test_x 3``."""
        self._count += 1
        return self.name if self._count == 1 else f"{self.name} {self._count}"

    def named(self, name: str) -> str:
        """The name in the file of a snapshot that the test names."""
        return f"{self.name} / {name}"

    def note_named(self, name: str, value: Json) -> bool:
        """Whether a name stands for one answer only in this test."""
        return same(self._named.setdefault(name, value), value)


@dataclass(frozen=True)
class _Options:
    """How a call of ``llm_snapshot`` wants a reply to be compared."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    ignore: Sequence[str] = ()
    include: Sequence[str] = ()


class Comparison:
    """Compares equal to a reply that is as the snapshot says."""

    def __init__(self, test: Test, name: str | None, options: _Options) -> None:
        self._test = test
        self._name = name
        self._options = options
        self.failure: Failure | None = None

    def __eq__(self, reply: object) -> bool:
        __tracebackhide__ = True
        try:
            return self._equals(reply)
        except SnapshotError as problem:
            raise problem.with_traceback(None) from None  # the way through this library says nothing to a user

    def _equals(self, reply: object) -> bool:
        name = self._test.next_name() if self._name is None else self._test.named(self._name)
        result = _compare(self._test, name, reply, self._options)
        if self._name is not None and not self._test.note_named(name, result.value):
            raise SnapshotError(
                f"llm_snapshot({self._name!r}) is compared with two different answers in {self._test.node}; "
                "give each a name of its own"
            )
        self._test.results.append(result)
        self.failure = None
        if result.failed:
            self.failure = Failure(_explained(self._test, result))
            self._test.failures.append(self.failure)
        return not result.failed

    def __ne__(self, reply: object) -> bool:
        __tracebackhide__ = True
        raise SnapshotError("llm_snapshot: a snapshot can't be compared by `!=`; assert that the reply equals one")

    __hash__: ClassVar[None] = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "llm_snapshot" if self._name is None else f"llm_snapshot({self._name!r})"


class LLMSnapshot(Comparison):
    """What the fixture ``llm_snapshot`` gives: compare with it, or call it for a name and for looser comparisons.

    >>> assert reply == llm_snapshot
    >>> assert reply == llm_snapshot("forecast", finish_reason="stop")

    The matchers of this package are its attributes too: ``llm_snapshot.regex``, ``llm_snapshot.judge`` and so on. A
    comparison that fails says what differs; ``!=`` is an error, since it would pass for any mistake.
    """

    stream = stream

    def __init__(self, test: Test) -> None:
        super().__init__(test, None, _Options())

    def __call__(
        self,
        name: str | None = None,
        *,
        text: Any = MISSING,
        tools: Any = MISSING,
        finish_reason: Any = MISSING,
        structured: Any = MISSING,
        refusal: Any = MISSING,
        ignore: Sequence[str] = (),
        include: Sequence[str] = (),
    ) -> Comparison:
        """A snapshot with a name of its own, or compared otherwise than by equality.

        ``text``, ``tools``, ``finish_reason``, ``structured`` and ``refusal`` are matchers, or values to be equal to.
        ``ignore`` takes paths out (``"tool_calls.*.arguments.date"``), ``include`` adds ``usage``, ``id``, ``model``,
        ``created``, ``thinking``, or the ``text`` of a structured answer.

        Raises:
            SnapshotError: a name, a path or a field to include is wrong.
        """
        if name is not None and (not str(name).strip() or "\n" in name):
            raise SnapshotError(f"llm_snapshot: the name is {name!r}, expected a text of one line")
        for what, value in (("ignore", ignore), ("include", include)):
            if isinstance(value, str) or not all(isinstance(each, str) for each in value):
                raise SnapshotError(f"llm_snapshot: {what} is {value!r}, expected a list of texts")
        given = {
            "text": text, "structured": structured, "tool_calls": tools, "finish_reason": finish_reason,
            "refusal": refusal,
        }  # fmt: skip
        fields = {part: value for part, value in given.items() if not isinstance(value, Missing)}
        return Comparison(self._test, name, _Options(fields, tuple(ignore), tuple(include)))

    # Written out, and not taken over by staticmethod(): type checkers want the types of what is public to stand there.

    @staticmethod
    def regex(pattern: str | re.Pattern[str]) -> _matchers.Regex:
        """The matcher :func:`promptecho.snapshot.regex`."""
        return _rules.regex(pattern)

    @staticmethod
    def contains(*parts: Any) -> _matchers.Contains:
        """The matcher :func:`promptecho.snapshot.contains`."""
        return _rules.contains(*parts)

    @staticmethod
    def schema(tree: Any) -> _matchers.Schema:
        """The matcher :func:`promptecho.snapshot.schema`."""
        return _rules.schema(tree)

    @staticmethod
    def subset(tree: Mapping[str, Any]) -> _matchers.Subset:
        """The matcher :func:`promptecho.snapshot.subset`."""
        return _rules.subset(tree)

    @staticmethod
    def any_of(*choices: Any) -> _matchers.AnyOf:
        """The matcher :func:`promptecho.snapshot.any_of`."""
        return _rules.any_of(*choices)

    @staticmethod
    def number(middle: float | None = None, *, within: float) -> _matchers.Number:
        """The matcher :func:`promptecho.snapshot.number`."""
        return _rules.number(middle, within=within)

    @staticmethod
    def similar(
        text: str | None = None, *, at_least: float = 0.9, metric: str = _similarity.DEFAULT
    ) -> _matchers.Similar:
        """The matcher :func:`promptecho.snapshot.similar`."""
        return _rules.similar(text, at_least=at_least, metric=metric)

    @staticmethod
    def tools(
        *, order: str = "strict", arguments: str = "exact", calls: Sequence[Any] | None = None
    ) -> _trajectory.Tools:
        """The matcher :func:`promptecho.snapshot.tools`."""
        return _rules.tools(order=order, arguments=arguments, calls=calls)

    @staticmethod
    def judge(rubric: str, *, client: Any, model: str | None = None) -> Judge:
        """The matcher :func:`promptecho.snapshot.judge`."""
        return judge(rubric, client=client, model=model)


# --- comparing --------------------------------------------------------------------------------------------------------


def _compare(test: Test, name: str, reply: object, options: _Options) -> Result:
    """What became of one comparison."""
    value = _reduced(reply, options)
    stored_entry = _file.load(test.file).get(name, MISSING)
    is_new = isinstance(stored_entry, Missing)
    stored: Expected = MISSING if is_new else _file.read(stored_entry, test.file, name)
    given = {part: _rules.given(each, _child(value, part)) for part, each in options.fields.items()}
    asked = {part: adopted(each, _child(stored, part), _child(value, part)) for part, each in given.items()}

    found = [each for part, wanted in asked.items() for each in differences(wanted, _child(value, part), part)]
    if not is_new:
        found += _differences(stored, asked, value)
    stuck: list[Difference] = []
    wanted = _wanted(stored, given, asked, value, stuck)
    is_tolerated = not is_new and not found
    shown = stuck if test.update else found or stuck  # an update accepts the rest
    return Result(
        file=str(test.file),
        name=name,
        test=test.node,
        value=value,
        stored=None if is_new else stored_entry,
        wanted=encoded(wanted),
        is_new=is_new,
        failed=bool(stuck) if test.update else bool(found) or is_new,
        stuck=bool(stuck),
        open_to_rename=not options.fields,
        lines=[line for each in shown for line in each.text()],
        tolerated=[f"{place or 'value'}: {match.matcher.kind}" for place, match, _ in tolerated(stored, value)]
        if is_tolerated
        else [],
    )


def _reduced(reply: object, options: _Options) -> Json:
    include = [*options.include, "text"] if "text" in options.fields else options.include
    value = reduce(reply, include)
    if options.fields:
        if isinstance(value, str):
            value = {"text": value}
        if isinstance(value, list) and set(options.fields) == {"tool_calls"}:
            value = replies_as_run(value)
        if not isinstance(value, dict):
            names = ", ".join("tools" if each == "tool_calls" else each for each in options.fields)
            raise SnapshotError(
                f"llm_snapshot({names}=...) needs one reply, got {_kind(value)}; a list of replies takes tools= alone"
            )
        value = {**{each: _EMPTY[each] for each in options.fields if each in _EMPTY}, **value}
    for path in options.ignore:
        if path_parts(path):
            value = _drop(value, path_parts(path))
    return redactor().mask_tree(value)


def _kind(value: Json) -> str:
    return "a list" if isinstance(value, list) else f"a value of type {type(value).__name__}"


def _child(tree: Expected, name: str) -> Expected:
    return tree.get(name, MISSING) if isinstance(tree, dict) else MISSING


def _wanted(
    stored: Expected, given: dict[str, Expected], asked: dict[str, Expected], value: Json, stuck: list[Difference]
) -> Expected:
    """The entry once the answer is accepted; what the test gives stands in it as the test gives it."""
    if not given:
        return blessed(stored, value, stuck)
    wanted = {}
    for name, child in value.items():
        if name not in given:
            wanted[name] = blessed(_child(stored, name), child, stuck, name)
            continue
        wanted[name] = blessed(asked[name], child, [], name)
        # A file can't overrule the test: what still differs is a rule or a value that the test itself gives.
        against = list(differences(adopted(given[name], wanted[name], child), child, name))
        if against:
            stuck += against
            wanted[name] = asked[name]
    stuck += [Difference(name, ("the test asks for it, and there is none",)) for name in given if name not in value]
    return wanted


def _differences(stored: Expected, asked: dict[str, Expected], value: Json) -> Iterator[Difference]:
    """Where the file says something else than the reply, or than the test asks for."""
    if not asked or not isinstance(stored, dict):
        yield from differences(stored, value)
        return
    for name, expected in asked.items():
        one, other = (encoded(each, with_was=False) for each in (_child(stored, name), expected))
        if not same(one, other):
            lines = (
                "the test and the file ask for different things:",
                f"- file: {_line(one)}",
                f"+ test: {_line(other)}",
            )
            yield Difference(name, lines)
    one, other = ({name: each for name, each in tree.items() if name not in asked} for tree in (stored, value))
    yield from differences(one, other)


def _line(tree: Json) -> str:
    return "nothing" if isinstance(tree, Missing) else value_text(tree)


# --- explaining -------------------------------------------------------------------------------------------------------


def _explained(test: Test, result: Result) -> list[str]:
    """A failed comparison for the one who reads the run."""
    try:
        file = Path(result.file).relative_to(test.root).as_posix()
    except ValueError:
        file = result.file
    head = f"llm_snapshot {result.name!r} of {file}"
    if test.update:
        return [f"{head}: a rule doesn't accept the answer, and an update never changes rules", *result.lines]
    if result.is_new:
        lines = [f"{head}: there is no such snapshot yet; the answer is:"]
        lines += [f"  {line}" for line in layout.emit_block(result.wanted, 0).splitlines()]
        lines += _renaming_hint(test, result)
        if result.lines:
            lines += ["and it isn't what the test asks for:", *result.lines]
    else:
        lines = [f"{head} differs:", *result.lines]
    if result.stuck:
        return [*lines, "a rule of the test or of the file doesn't accept the answer; change the rule or the answer"]
    return [*lines, "run without CI to accept it, and commit the file" if test.ci else _ACCEPT]


def _renaming_hint(test: Test, result: Result) -> list[str]:
    equal = [name for name, entry in _file.load(test.file).items() if same(entry, result.wanted)]
    if not equal:
        return []
    return [f"(the same stands under {equal[0]!r}: if the test was renamed, an update of the whole module moves it)"]
