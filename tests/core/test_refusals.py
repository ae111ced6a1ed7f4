"""A wrong key, a limit or a broken server is not what an interrupted recording goes on with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from promptecho import backend, use_cassette
from promptecho._cassette.cassette import Cassette
from promptecho._session.refusals import refusals
from promptecho.errors import CassetteMiss

from .test_pytest_plugin import run

pytest_plugins = ["pytester"]
NOT_ALLOWED = [401, 403, 407]
TEMPORARY = [429, 500, 502, 503, 529]


def call(question: str, *statuses: int) -> list[int]:
    """Ask once for each status; a live call is answered with it. Gives the statuses that the program saw."""
    seen = []
    for status in statuses:
        session = backend.session_for("httpx")
        assert session is not None
        decision = session.decide(backend.Request("POST", "https://api.example/ask", body=question.encode()))
        assert decision is not None
        if isinstance(decision, backend.Replay):
            seen.append(decision.response.head.status_code)
            continue
        decision.start(backend.ResponseHead(status, backend.Headers({"content-type": "text/plain"})))
        decision.feed(b"an answer")
        decision.finish()
        seen.append(status)
    return seen


def cassette(path: Path, mode: str = "once") -> use_cassette:
    return use_cassette(path, mode, on_record_error="record")


def statuses(path: Path) -> list[int]:
    return [each.status for each in Cassette.load(path).interactions]


@pytest.mark.parametrize("status", [*NOT_ALLOWED, *TEMPORARY])
@pytest.mark.parametrize("mode", ["once", "new_episodes", "all"])
def test_a_recording_that_ends_with_a_refusal_is_made_again(tmp_path: Path, status: int, mode: str) -> None:
    path = tmp_path / "c.yaml"
    with pytest.raises(ValueError, match="as a test does"), cassette(path, mode):
        call("hi", status)
        raise ValueError("as a test does")
    assert list(tmp_path.iterdir()) == []
    with cassette(path, mode):
        assert call("hi", 200) == [200]
    with cassette(path, "none"):
        assert call("hi", 0) == [200]


def test_what_was_answered_before_the_refusal_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with pytest.raises(ValueError, match="stop"), cassette(path):
        call("one", 200)
        call("two", 429, 429, 200)
        call("three", 404)
        call("four", 200, 429, 500)
        call("five", 403)
        raise ValueError("stop")
    assert statuses(path) == [200, 429, 429, 200, 404, 200]
    with cassette(path):
        assert call("one", 0) == [200]
        assert call("four", 0, 200) == [200, 200]
        assert call("five", 200) == [200]
    assert "unfinished" not in path.read_text(encoding="utf-8")


def test_a_test_that_passes_keeps_its_refusals(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with cassette(path):
        call("hi", 401, 429)
    assert statuses(path) == [401, 429]


KILLED = """
import os, sys
from pathlib import Path
from tests.core.test_refusals import call, cassette
cassette(Path(sys.argv[1])).__enter__()
call("one", 200)
call("two", 200, 401)
call("three", 429)
os._exit(1)
"""


def test_refusals_that_a_kill_left_in_the_file_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "backends")])}
    subprocess.run([sys.executable, "-c", KILLED, str(path)], env=environment, cwd=root, check=False)
    assert statuses(path) == [200, 200, 401, 429]
    with pytest.warns(UserWarning, match="unfinished"), pytest.raises(CassetteMiss), cassette(path, "none"):
        call("three", 0)
    with cassette(path):
        assert call("one", 0) == [200]
        assert call("two", 0) == [200]
        assert call("three", 200) == [200]
    assert statuses(path) == [200, 200, 200]
    assert "unfinished" not in path.read_text(encoding="utf-8")


def test_the_last_word_is_the_last_that_was_asked(tmp_path: Path) -> None:
    def item(status: object, repeat: object = None, key: object = "k") -> dict[str, object]:
        found: dict[str, object] = {"request": {"match_key": key}, "response": {"status": status}}
        return found if repeat is None else {**found, "repeat": repeat}

    assert refusals([item(200, 1), item(429, 0)]) == []
    assert refusals([item(429, 1), item(200, 0)]) == [0]
    assert refusals([item(200), item(503), item(429), item(401)]) == [1, 2, 3]
    assert refusals([item(503), item(200, key="other")]) == [0]
    assert refusals([{}, {"request": 5}, {"response": []}, item("429"), item(True)]) == []  # type: ignore[list-item]


SUITE = """
import unittest
from pathlib import Path
import pytest
from promptecho import use_cassette
from tests.core.test_refusals import call

@pytest.fixture
def own():
    with use_cassette("own_{n}.yaml".format(n=next(numbers)), on_record_error="record"):
        yield

@pytest.fixture(scope="module")
def wide():
    with use_cassette("wide.yaml", on_record_error="record"):
        yield

numbers = iter(range(9))

def go(ending=pytest.skip):
    call("kept", 200)
    if [401] == call("key", 401):
        ending("the key is wrong")

def fail(text):
    raise ValueError(text)

@pytest.mark.promptecho(on_record_error="record")
def test_fixture(promptecho_cassette):
    go()

@pytest.mark.xfail
@pytest.mark.promptecho(on_record_error="record")
def test_fixture_xfail(promptecho_cassette):
    go(fail)

@pytest.mark.promptecho(on_record_error="record")
def test_imperative_xfail(promptecho_cassette):
    go(pytest.xfail)

def test_own(own):
    go()

@pytest.mark.xfail
def test_own_xfail(own):
    go(fail)

def test_own_fails(own):
    go(fail)

def test_block():
    with use_cassette("block.yaml", on_record_error="record"):
        go()

@pytest.mark.xfail
def test_block_xfail():
    with use_cassette("block_xfail.yaml", on_record_error="record"):
        go(fail)

@pytest.mark.parametrize("ending", [pytest.skip, pytest.xfail, fail], ids=["skip", "xfail", "fail"])
def test_behind(ending, request):
    with use_cassette(f"behind_{request.node.callspec.id}.yaml", on_record_error="record"):
        call("kept", 200)
        status = call("key", 401)
    if status == [401]:
        ending("the key is wrong")

@use_cassette("decorated.yaml", on_record_error="record")
def test_decorated():
    go()

@use_cassette("unit.yaml", on_record_error="record")
class TestUnit(unittest.TestCase):
    def test_it(self):
        go(self.skipTest)

    @unittest.expectedFailure
    def test_other(self):
        go(self.fail)

@pytest.fixture
def set_up(own):
    go()

def test_set_up(set_up):
    pass

def test_passes():
    with use_cassette("passes.yaml", on_record_error="record"):
        go(str)

def test_wide_means_it(wide):
    assert call("meant", 403) == [403]

def test_wide_skips(wide):
    go()
"""


def test_what_a_skipped_or_expectedly_failing_test_was_refused_is_asked_again(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    root = Path(__file__).parents[2]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(root), str(root / "backends")]))
    monkeypatch.delenv("CI", raising=False)
    pytester.makepyfile(SUITE)
    run(pytester)
    found = {path.name: path for path in pytester.path.rglob("*.yaml")}
    means_it = {"passes.yaml": [200, 401], "wide.yaml": [403, 200]}
    assert len(found) == 16
    assert {name: statuses(path) for name, path in found.items()} == {name: means_it.get(name, [200]) for name in found}
    finished = {name for name, path in found.items() if "unfinished" not in path.read_text(encoding="utf-8")}
    assert finished == {"passes.yaml"}
    # The key is put right.
    pytester.makepyfile(SUITE.replace('call("key", 401)', 'call("key", 200)'))
    run(pytester)
    for name, path in found.items():
        again = [] if name == "passes.yaml" else [200]
        assert sorted(statuses(path)) == sorted([*means_it.get(name, [200]), *again]), name
        assert "unfinished" not in path.read_text(encoding="utf-8"), name
