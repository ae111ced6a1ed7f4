"""A recorded error that is replayed into a failing test is named first: from which file, recorded when, how to mend it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from promptecho import backend, use_cassette

if TYPE_CHECKING:
    import pytest

pytest_plugins = ["pytester"]

SUITE = """
import pytest
from tests.core.test_replayed_errors import call

@pytest.mark.promptecho
def test_key():
    assert call("hi", 401) == 200, "the app failed"

@pytest.mark.promptecho
def test_meant():
    assert call("hi", 404) == 404

def test_by_decorator():
    from promptecho import use_cassette
    with use_cassette("cassettes/block.yaml", on_record_error="record"):
        first = call("hi", 503)
    assert first == 200
"""


def call(question: str, status: int) -> int:
    session = backend.session_for("httpx")
    assert session is not None
    body = json.dumps({"question": question}).encode()
    decision = session.decide(backend.Request("POST", "https://api.example/ask", body=body))
    if isinstance(decision, backend.Replay):
        return decision.response.head.status_code
    assert decision is not None
    decision.start(backend.ResponseHead(status, backend.Headers({"content-type": "text/plain"})))
    decision.feed(b"no")
    decision.finish()
    return status


def test_a_failed_test_says_first_that_a_recorded_error_was_replayed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_suite=SUITE)
    pytester.syspathinsert(Path(__file__).parents[2])
    folder = pytester.path / "cassettes"
    for name, status in (("test_key", 401), ("test_meant", 404), ("block", 503)):
        with use_cassette(folder / f"{name}.yaml", on_record_error="record"):
            call("hi", status)
    result = pytester.runpytest_subprocess("-p", "no:randomly", "-p", "no:cacheprovider", "--promptecho-mode=none")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*_ test_key _*",
            f"E   {folder}/test_key.yaml answered POST https://api.example/ask with status 401 (recorded at 20*Z)",
            "E   To record again: PROMPTECHO_MODE=all pytest 'test_suite.py::test_key'",
            "*the app failed*",
            "*_ test_by_decorator _*",
            "E   *block.yaml answered POST https://api.example/ask with status 503 (recorded at 20*Z)",
        ]
    )
    result.stdout.no_fnmatch_line("*test_meant.yaml answered*")
