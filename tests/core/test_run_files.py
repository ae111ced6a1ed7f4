"""A file that a run begins: every use of it in that run records into it, and a later run replays."""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import sys
import unittest
from collections.abc import Callable, Iterator
from contextvars import Context
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from promptecho import Cassette, CassetteMiss, use_cassette
from promptecho._session import begun, run_folder
from promptecho._telling import run as _run
from tests.conformance.server import ScriptedServer

T = TypeVar("T")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def later_run() -> Iterator[None]:
    """What follows is a run of its own."""
    before = begun.start_run()
    yield
    begun.resume_run(before)


def ask(server: ScriptedServer, text: str) -> bytes:
    return httpx.post(f"{server.url}/echo", json={"prompt": text}, trust_env=False).content


def is_unfinished(path: Path) -> bool:
    return "unfinished: true" in path.read_text(encoding="utf-8")


def test_a_decorated_function_that_is_called_again_records_into_the_file_it_began(
    server: ScriptedServer, tmp_path: Path
) -> None:
    path = tmp_path / "c.yaml"
    decorated = use_cassette(path)(ask)
    answers = [decorated(server, text) for text in ("one", "two", "three")]
    assert server.hits == 3
    assert not is_unfinished(path)
    server.stop()
    assert [decorated(server, text) for text in ("one", "two", "three")] == answers


def test_blocks_and_functions_of_one_path_share_the_file_however_it_is_spelled(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with use_cassette("c.yaml"):
        ask(server, "one")
    use_cassette(tmp_path / "c.yaml")(ask)(server, "two")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "c.yaml")
    with use_cassette("link.yaml"):
        ask(server, "three")
    assert len(Cassette.load("c.yaml")) == 3


def test_a_file_that_another_run_finished_is_replayed(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with use_cassette(path):
        ask(server, "one")
    before = begun.start_run()
    try:
        with pytest.raises(CassetteMiss), use_cassette(path):
            ask(server, "two")
    finally:
        begun.resume_run(before)
    assert server.hits == 1


def test_mode_none_never_goes_on_with_it(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with use_cassette(path):
        ask(server, "one")
    with pytest.raises(CassetteMiss), use_cassette(path, "none"):
        ask(server, "two")
    assert server.hits == 1


def test_another_process_replays(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with use_cassette(path):
        ask(server, "one")
    script = (
        "import httpx, promptecho, sys\n"
        f"with promptecho.use_cassette({str(path)!r}):\n"
        f"    httpx.post('{server.url}/echo', json={{'prompt': sys.argv[1]}}, trust_env=False)\n"
    )
    assert subprocess.run([sys.executable, "-c", script, "one"], check=False).returncode == 0
    missed = subprocess.run([sys.executable, "-c", script, "two"], capture_output=True, text=True, check=False)
    assert "CassetteMiss" in missed.stderr
    assert server.hits == 1


def test_a_use_that_fails_before_its_first_call_leaves_the_file_unfinished(
    server: ScriptedServer, tmp_path: Path, later_run: None
) -> None:
    path = tmp_path / "c.yaml"
    state = {"broken": True}

    @use_cassette(path)
    class TestShop:
        def test_a(self) -> None:
            ask(server, "a")

        def test_b(self) -> None:
            assert not state["broken"]
            ask(server, "b")

        def test_c(self) -> None:
            ask(server, "c")

    shop = TestShop()
    shop.test_a()
    with pytest.raises(AssertionError):
        shop.test_b()
    assert is_unfinished(path)
    shop.test_c()
    assert is_unfinished(path)
    begun.start_run()  # the next one, the test mended
    state["broken"] = False
    for test in (shop.test_a, shop.test_c, shop.test_b):
        test()
    assert not is_unfinished(path)
    assert server.hits == 3
    server.stop()
    begun.start_run()
    for test in (shop.test_b, shop.test_a, shop.test_c):
        test()


def test_a_use_that_fails_and_then_passes_leaves_the_file_finished(server: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    failures = [ZeroDivisionError]

    @use_cassette(path)
    def flaky() -> None:
        ask(server, "one")
        for failure in failures:
            raise failure

    with pytest.raises(ZeroDivisionError):
        flaky()
    assert is_unfinished(path)
    failures.clear()
    flaky()
    assert not is_unfinished(path)
    assert server.hits == 1


@pytest.mark.parametrize("skipped", [pytest.skip.Exception, unittest.SkipTest, GeneratorExit])
def test_a_skip_is_no_failure(server: ScriptedServer, tmp_path: Path, skipped: type[BaseException]) -> None:
    path = tmp_path / "c.yaml"
    with pytest.raises(skipped), use_cassette(path):
        ask(server, "one")
        raise skipped("not now")
    assert not is_unfinished(path)


def test_an_import_before_any_cassette_costs_nothing() -> None:
    script = "import sys, promptecho._session.begun; print(sorted(name for name in sys.modules if name.startswith('promptecho')))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (
        result.stdout.strip()
        == "['promptecho', 'promptecho._session', 'promptecho._session.begun', 'promptecho._session.run_folder', 'promptecho._version']"
    )


# --- workers of pytest-xdist ------------------------------------------------------------------------------------------


class Workers:
    """Workers of one run, one after the other in this process: each has a memory of its own, and all one folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._memories: dict[str, dict[str, set[tuple[str, str]]]] = {}
        self._contexts: dict[str, Context] = {}

    def run(self, name: str, work: Callable[..., T], *arguments: object) -> T:
        run_folder.folder = self._folder
        begun._failed = self._memories.setdefault(name, {})
        os.environ["PYTEST_CURRENT_TEST"] = f"test of {name} (call)"  # pytest sets it again in the next phase
        return self._contexts.setdefault(name, Context()).run(work, *arguments)


@pytest.fixture
def workers(tmp_path: Path, later_run: None) -> Workers:
    return Workers(tmp_path / "run")


@pytest.mark.parametrize("repeats", ["sequence", "reuse", "strict"])
def test_workers_that_ask_the_same_at_once_record_it_as_often_as_one_test_asks(
    server: ScriptedServer, tmp_path: Path, workers: Workers, repeats: str
) -> None:
    path = tmp_path / "c.yaml"
    uses = {name: use_cassette(path, repeats=repeats) for name in ("a", "b")}
    cassettes = {name: workers.run(name, use.__enter__) for name, use in uses.items()}
    for name, text in [("a", "same"), ("b", "same"), ("b", "same"), ("b", "own"), ("a", "other"), ("b", "other")]:
        workers.run(name, ask, server, text)
    for name, use in uses.items():
        workers.run(name, use.__exit__, None, None, None)
    prompts = [each.body["prompt"] for each in Cassette.load(path).interactions]
    assert sorted(prompts) == sorted(["same", *([] if repeats == "reuse" else ["same"]), "own", "other"])
    assert not is_unfinished(path)
    assert len(cassettes["a"].recorded) + len(cassettes["b"].recorded) == len(prompts)
    tallies = [told for told in _run.closed if told["path"] == str(path)]
    assert tallies[-1]["played"] == list(range(len(prompts)))
    assert tallies[-1]["recordings"] == len(prompts)
    server.stop()
    begun.start_run()
    for texts in (["same", "other"], ["same", "same", "own", "other"]):
        with use_cassette(path, "none", repeats="sequence"):
            for text in texts:
                ask(server, text)


def test_a_use_that_failed_in_another_worker_leaves_the_file_unfinished(
    server: ScriptedServer, tmp_path: Path, workers: Workers
) -> None:
    path = tmp_path / "c.yaml"

    def use(text: str, *, fails: bool) -> None:
        with contextlib.suppress(ZeroDivisionError), use_cassette(path):
            ask(server, text)
            if fails:
                raise ZeroDivisionError

    workers.run("a", functools.partial(use, "one", fails=True))
    workers.run("b", functools.partial(use, "two", fails=False))
    assert is_unfinished(path)
    workers.run("a", functools.partial(use, "one", fails=False))
    assert not is_unfinished(path)
