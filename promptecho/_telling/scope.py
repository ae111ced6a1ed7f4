"""Which tests a pytest run was about, as pytest itself tells: what it found, and what it ran to the end.

Rule: a test that is known from before counts as gone only if pytest looked where it was and did not find it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from promptecho._secrets.masked_names import REDACTED, masked_name


@dataclass
class Scope:
    """``looked_in``: the files, classes and other collectors whose content pytest listed; ``found``: all of that,
    before anybody (``-k``, ``--lf``, a node id) chose; ``passed``: the tests that ran to the end and passed.
    """

    looked_in: set[str] = field(default_factory=set)
    found: set[str] = field(default_factory=set)
    passed: set[str] = field(default_factory=set)
    is_partial: bool = False  # a worker was lost, or the run was interrupted: what its tests did is not known

    def note_listed(self, collector: str, found: Iterable[str]) -> None:
        """pytest has looked into a collector."""
        self.looked_in.add(collector)
        self.found.update(found)

    def may_still_use(self, test: str, root: Path) -> bool:
        """Whether a test that is known to have used a cassette, and did not use it in this run, may do so again."""
        found, passed = self.found, self.passed
        if REDACTED in test:  # a run's record has the names of tests without credentials
            found, passed = set(map(masked_name, found)), set(map(masked_name, passed))
        if self.is_partial or test in passed:
            return self.is_partial
        places = list(_places(test))
        if places[0] not in self.looked_in:
            return (root / places[0]).exists()
        for outer, inner in zip(places, places[1:]):
            if outer not in self.looked_in:
                return True
            if inner not in found:
                return False
        return True

    def left_out_siblings(self, test: str) -> bool:
        """Whether the function of a test has other parameters that did not run."""
        function = test.partition("[")[0]
        return any(each not in self.passed for each in self._by_function().get(function, ()) if each != test)

    def _by_function(self) -> dict[str, list[str]]:
        if self._functions is None:
            self._functions = {}
            for each in self.found:
                if "[" in each:
                    self._functions.setdefault(each.partition("[")[0], []).append(each)
        return self._functions

    _functions: dict[str, list[str]] | None = field(default=None, repr=False)

    def as_json(self) -> dict[str, list[str]]:
        """What a worker of pytest-xdist tells the controller."""
        return {"looked_in": sorted(self.looked_in), "found": sorted(self.found)}

    def add(self, told: Mapping[str, Any]) -> None:
        """Take in what a worker has told."""
        self.looked_in.update(told["looked_in"])
        self.found.update(told["found"])


def _places(test: str) -> Iterator[str]:
    """A test's file, its classes and itself, as node ids."""
    name, bracket, parameters = test.partition("[")
    parts = name.split("::")
    for number in range(1, len(parts) + 1):
        yield "::".join(parts[:number]) + (bracket + parameters if number == len(parts) else "")
