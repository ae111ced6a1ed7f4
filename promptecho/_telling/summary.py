"""The summary of a test run: what all cassettes did together, what deserves a look, and the record that lint reads."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from promptecho._telling import calls as _calls
from promptecho._telling.scope import Scope

Tally = Mapping[str, Any]
Call = tuple[str, ...]
LAST_RUN = "last-run.json"


@dataclass
class _File:
    """What the tests of a run did with one cassette."""

    recordings: int = 0
    played: set[int] = field(default_factory=set)
    failed: bool = False
    unfinished: bool = False
    again: bool = False
    errors: Counter[int] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    tests: dict[str, None] = field(default_factory=dict)
    instead_of: str | None = None  # where its path was looked for first

    def add(self, tally: Tally) -> None:
        if tally["again"] and not self.again:
            self.recordings, self.played, self.again = 0, set(), True
        if tally["again"] or not self.again:
            self.recordings = max(self.recordings, tally["recordings"])
            self.played.update(tally["played"])
        self.failed = self.failed or tally["failed"]
        self.unfinished = tally["unfinished"]
        self.errors.update(tally["errors"])
        self.refused.update(tally["refused"])
        self.instead_of = tally.get("instead_of") or self.instead_of
        if tally["test"]:
            self.tests[tally["test"]] = None


class Summary:
    """All cassettes of a run; ``root`` is the folder to which paths are shown relative."""

    def __init__(
        self, tallies: Iterable[Tally], root: Path, calls: Mapping[tuple[str, ...], int] | None = None
    ) -> None:
        self._root = root
        self._calls = Counter(calls or {})  # that no cassette answered, as promptecho._telling.run.calls
        self._files: dict[str, _File] = {}
        self._counts: Counter[str] = Counter()
        self._unmatched: Counter[str] = Counter()
        self._names: dict[tuple[str, str], bool] = {}  # setting and field: whether any request had it
        self._amounts = {"saved": _Amounts(), "spent": _Amounts()}
        for tally in tallies:
            self._files.setdefault(tally["path"], _File()).add(tally)
            for name in ("replayed", "recorded", "passed_through", "background", "misses"):
                self._counts[name] += tally.get(name, 0)
            self._unmatched.update(tally["unmatched"])
            for setting, name, seen in tally.get("names", ()) if tally["replayed"] or tally["recorded"] else ():
                self._names[setting, name] = seen or self._names.get((setting, name), False)
            for name, amounts in self._amounts.items():
                amounts.add(tally[name])

    def __bool__(self) -> bool:
        return bool(self._files)

    @property
    def unused(self) -> dict[str, int]:
        """How many recordings of each cassette no test asked for, where all its tests passed."""
        return {
            self._shown(path): file.recordings - len(file.played)
            for path, file in self._files.items()
            if len(file.played) < file.recordings and not file.failed
        }

    def lines(self) -> Iterator[str]:
        """What happened, in a few lines."""
        counts = self._counts
        said = f"{counts['replayed']} replayed, {counts['recorded']} recorded"
        if counts["passed_through"]:
            said += f", {counts['passed_through']} passed through"
        background = counts["background"] + sum(count for call, count in self._calls.items() if call[0] == "background")
        if background:
            said += f", {background} in the background held back"
        yield f"{said}, {counts['misses']} missed, in {len(self._files)} cassette(s)"
        for name, amounts in self._amounts.items():
            text = str(amounts)
            if text:
                yield f"{name}: {text}"

    def warnings(self) -> Iterator[str]:
        """What deserves a look, a line each."""
        yield from _calls.lines(self._calls)
        for path, count in self.unused.items():
            yield f"{path}: {count} of {self._files[self._absolute(path)].recordings} recordings not used"
        for path, file in self._files.items():
            if file.unfinished and Path(path).exists():
                yield f"{self._shown(path)}: unfinished; run its tests in mode 'once' to record the rest"
            if file.instead_of is not None:
                meant = self._shown(file.instead_of)
                yield f"{self._shown(path)}: used, though its path means {meant} in a pytest run; move it there"
            for status, count in file.errors.items():
                yield f"{self._shown(path)}: recorded status {status}" + _times(count)
            for status, count in file.refused.items():
                yield f"{self._shown(path)}: status {status}{_times(count)}, not kept, since the test did not pass"
        if self._unmatched:
            fields = ", ".join(f"{name} ({count})" for name, count in sorted(self._unmatched.items()))
            yield f"replayed although fields that are not matched differ: {fields}"

        for (setting, name), seen in self._names.items():
            if not seen:
                yield f"{setting} has {name!r}, a field that no request of this run had"

    def record(self, old: str, scope: Scope | None = None) -> str:
        """The record of the last run as JSON: ``old`` with what this run knows better.

        ``{"version": 1, "cassettes": {"tests/cassettes/a.yaml": {"recordings": 3, "played": [0, 2], "complete": true,
        "tests": ["tests/test_a.py::test_a"]}}, "calls": []}``; ``complete`` says that all tests known to use it ran
        and passed, ``calls`` what went to providers in this run with no cassette open.
        """
        scope = scope or Scope(is_partial=True)
        try:
            known = json.loads(old)["cassettes"]
            known = {path: entry for path, entry in known.items() if (self._root / path).exists()}
        except (ValueError, KeyError, TypeError, AttributeError):
            known = {}
        for path, file in self._files.items():
            before = known.get(self._shown(path), {}).get("tests", [])
            missing = [test for test in before if test not in file.tests and scope.may_still_use(test, self._root)]
            whole = not missing and not any(scope.left_out_siblings(test) for test in file.tests)
            known[self._shown(path)] = {
                "recordings": file.recordings,
                "played": sorted(file.played),
                "complete": whole and not (file.failed or file.unfinished or scope.is_partial),
                "tests": sorted([*file.tests, *missing]),
            }
        tree = {"version": 1, "cassettes": known, "calls": _calls.record(self._calls)}
        return json.dumps(tree, indent=1, sort_keys=True) + "\n"

    def _shown(self, path: str) -> str:
        try:
            return Path(path).relative_to(self._root).as_posix()
        except ValueError:
            return path

    def _absolute(self, shown: str) -> str:
        return next(path for path in self._files if self._shown(path) == shown)


def _times(count: int) -> str:
    return f", {count} times" if count > 1 else ""


class _Amounts:
    """Tokens, money and time."""

    def __init__(self) -> None:
        self._input = self._output = self._unpriced = 0
        self._usd, self._seconds = Decimal(0), 0.0

    def add(self, amounts: Mapping[str, Any]) -> None:
        self._input += amounts["input"]
        self._output += amounts["output"]
        self._unpriced += amounts["unpriced"]
        self._usd += Decimal(amounts["usd"])
        self._seconds += amounts["seconds"]

    def __str__(self) -> str:
        parts = []
        if self._input or self._output:
            parts.append(f"{self._input:,} tokens in, {self._output:,} out")
        if self._usd:
            parts.append(
                f"${self._usd:,.{4 if self._usd >= Decimal('0.001') else 6}f}"
                + (f" and {self._unpriced} call(s) without a price" if self._unpriced else "")
            )
        if self._seconds >= 0.05:
            parts.append(f"{self._seconds:,.1f} s")
        return ", ".join(parts)
