"""A pytest plugin for mutation runs: property tests take few examples, the same ones each time.

A mutant is run hundreds of times against tests that must be quick and must not change between two runs.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import hypothesis

if TYPE_CHECKING:
    import pytest

_EXAMPLES = 3
_PHASES = (hypothesis.Phase.explicit, hypothesis.Phase.generate)  # a mutant is killed by any example, however large


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what starts a server, and put few examples and a fixed seed above what a property test says itself."""
    items[:] = [item for item in items if "server" not in getattr(item, "fixturenames", ())]
    for item in items:
        function = getattr(item, "obj", None)
        own = getattr(function, "_hypothesis_internal_use_settings", None)
        if own is not None:
            few = min(own.max_examples, _EXAMPLES)
            function._hypothesis_internal_use_settings = hypothesis.settings(  # type: ignore[union-attr]
                own, max_examples=few, derandomize=True, database=None, deadline=None, phases=_PHASES
            )


def pytest_runtest_setup() -> None:
    """Empty the caches of the package: what an unchanged function left there would hide a mutant."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "promptecho":
            for each in list(vars(module).values()):
                getattr(each, "cache_clear", int)()
