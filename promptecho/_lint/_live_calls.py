"""Calls to providers that the last run of the tests made with no cassette open, from the record that pytest leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from promptecho._lint._cassettes import LAST_RUN
from promptecho._lint._rules import Finding
from promptecho._lint._tests import Test


def live_calls(root: Path, tests: Sequence[Test]) -> list[Finding]:
    """A finding for each test and host, at the test; one call may be recorded for several of its parameters."""
    places = {(test.module.path, test.title): test.site for test in tests}
    found: dict[Finding, None] = {}
    for call in _recorded(root):
        name, host, library = call.get("test"), call.get("host"), call.get("library")
        if not (isinstance(name, str) and name and isinstance(host, str)):
            continue
        file, _, title = name.partition("[")[0].partition("::")
        path = root / file
        _, line, column = places.get((path, title), (str(path), 1, 1))
        where = f"its fixture {call['fixture']}" if call.get("fixture") else title
        after = ", after its cassette was closed" if call.get("kind") == "late" else " with no cassette open"
        text = f"in the last run, {where} called {host} by {library}{after}"
        hint = "open one there (use_cassette); --promptecho-strict makes such a call an error"
        found[Finding("live-call", path, line, column, text, hint)] = None
    return list(found)


def _recorded(root: Path) -> Iterator[dict[str, Any]]:
    try:
        calls = json.loads((root / LAST_RUN).read_text(encoding="utf-8"))["calls"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    yield from (call for call in (calls if isinstance(calls, list) else ()) if isinstance(call, dict))
