"""Strict runs: a call to a provider with no cassette open fails its test; without strict it is told at the end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

# Every name is a closed port of this machine; a name that is looked up after all is noted in a file.
_CONFTEST = """
import pathlib, socket, sys
real = socket.getaddrinfo
def look_up(host, port, *more, **named):
    sys.audit("socket.getaddrinfo", host, port, 0, 0, 0)
    with open("looked_up.txt", "a") as file:
        file.write(f"{host}\\n")
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 9))]
socket.getaddrinfo = look_up
"""
_ASK = """
import http.client
def ask(host="api.openai.com"):
    connection = http.client.HTTPConnection(host)
    try:
        connection.request("GET", "/v1/models")
    except OSError:
        return "no answer"
"""


def _run(pytester: pytest.Pytester, tests: str, *arguments: str, conftest: str = "") -> pytest.RunResult:
    pytester.makeconftest(_CONFTEST + conftest)
    pytester.makepyfile(asking=_ASK, test_it=f"import pytest\nfrom asking import ask\n{tests}")
    return pytester.runpytest_subprocess("-p", "no:randomly", *arguments)


def _looked_up(pytester: pytest.Pytester) -> list[str]:
    file = pytester.path / "looked_up.txt"
    return file.read_text().split() if file.exists() else []


_TESTS = """
@pytest.fixture
def answer():
    return ask()
def test_direct():
    ask()
def test_by_fixture(answer):
    pass
def test_other_host():
    ask("example.test")
"""


@pytest.mark.parametrize("way", ["option", "ini", "project"])
def test_a_strict_run_fails_tests_that_call_a_provider_without_a_cassette(pytester: pytest.Pytester, way: str) -> None:
    if way == "ini":
        pytester.makeini("[pytest]\npromptecho_strict = true\n")
    if way == "project":
        pytester.makepyprojecttoml("[tool.promptecho]\nstrict = true\n")
    result = _run(pytester, _TESTS, *(["--promptecho-strict"] if way == "option" else []))
    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.re_match_lines(
        [
            r".*no cassette is open in fixture answer of .*test_by_fixture, which called api\.openai\.com by http\.client.*",
            r".*no cassette is open in .*test_direct, which called api\.openai\.com by http\.client.*",
        ]
    )
    assert "api.openai.com" not in _looked_up(pytester)


def test_a_call_that_is_swallowed_fails_its_test_alone(pytester: pytest.Pytester) -> None:
    result = _run(
        pytester,
        """
def test_swallowed():
    try:
        ask()
    except BaseException:
        pass
def test_in_a_thread():
    import threading
    thread = threading.Thread(target=lambda: pytest.raises(BaseException, ask))
    thread.start()
    thread.join()
def test_fine():
    pass
""",
        "--promptecho-strict",
    )
    result.assert_outcomes(passed=1, failed=2)


def test_a_call_in_a_cassette_is_no_matter_of_a_strict_run(pytester: pytest.Pytester) -> None:
    result = _run(
        pytester,
        """
import httpx, socket

def refuse(*arguments, **named):
    raise socket.gaierror(-2, "no name is looked up here")

@pytest.mark.promptecho(mode="once")
def test_in_a_cassette(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(httpx.ConnectError):
        httpx.get("http://api.openai.com/v1/models", trust_env=False)
""",
        "--promptecho-strict",
    )
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_without_strict_the_summary_and_the_record_list_such_calls(
    pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    used = "\n@pytest.mark.promptecho\ndef test_used():\n    pass\n"
    result = _run(pytester, _TESTS + used, *workers)
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        ["api.openai.com: a live call by http.client with no cassette open, in fixture answer, test_it.py::test_direct"]
    )
    record = json.loads((Path(pytester.path) / ".pytest_cache/d/promptecho/last-run.json").read_text())
    assert [(call["host"], call["test"], call["fixture"]) for call in record["calls"]] == [
        ("api.openai.com", "test_it.py::test_by_fixture", "answer"),
        ("api.openai.com", "test_it.py::test_direct", ""),
    ]


def test_a_suite_that_does_not_use_promptecho_notices_nothing(pytester: pytest.Pytester) -> None:
    tests = _TESTS + '\ndef test_loaded():\n    import sys\n    assert "promptecho._guard.guard" not in sys.modules\n'
    result = _run(pytester, tests)
    result.assert_outcomes(passed=4)
    result.stdout.no_fnmatch_line("*api.openai.com*")
