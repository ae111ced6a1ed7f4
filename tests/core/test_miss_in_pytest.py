"""A miss fails its test, and nothing else: whatever runs the test, and whatever works for it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from promptecho import use_cassette
from promptecho._cli._model_server import ModelServer
from tests.core.miss_kinds import KINDS, SDK, SUITE

httpx = pytest.importorskip("httpx", reason="the suites call models by httpx")

ROOT = Path(__file__).parents[2]
PLUGINS = ("promptecho.pytest_plugin", "pytest_asyncio.plugin", "anyio.pytest_plugin")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A cassette with one answer, and the address under which nobody answers any more."""
    path = tmp_path_factory.mktemp("recorded") / "c.yaml"
    with ModelServer() as server, use_cassette(path):
        body = {"model": "m", "messages": [{"role": "user", "content": "known"}]}
        httpx.post(server.url + "/v1/chat/completions", json=body, trust_env=False)
    return path, server.url


def run(folder: Path, recorded: tuple[Path, str], *arguments: str, misses: bool) -> tuple[dict[str, str], str]:
    """How each test of a suite ended: ``passed``, ``failed``, ``error`` or several of them; and what was printed."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PROMPTECHO_", "PYTEST_", "CI"))}
    environment = {
        **own,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends"), str(folder / "site-packages")]),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "COLUMNS": "200",
        "SUITE_CASSETTE": str(recorded[0]),
        "SUITE_URL": recorded[1],
        "SUITE_MISSES": "yes" if misses else "",
    }
    plugins = [option for name in PLUGINS for option in ("-p", name)]
    command = [sys.executable, "-m", "pytest", *plugins, "-rA", "-p", "no:cacheprovider", *arguments]
    command += ["-o", "faulthandler_timeout=100"]  # where it hangs, if it does
    printed = folder / "printed.txt"
    with printed.open("wb") as file:
        try:
            subprocess.run(
                command, cwd=folder, env=environment, timeout=400, check=False, stdout=file, stderr=subprocess.STDOUT
            )
        except subprocess.TimeoutExpired:
            pytest.fail("the suite hangs:\n" + printed.read_text("utf-8", "replace")[-6000:])
    text = printed.read_text("utf-8", "replace")
    ends: dict[str, str] = {}
    for word, test in re.findall(r"^(PASSED|FAILED|ERROR|XFAIL|XPASS) (\S+)", text, flags=re.MULTILINE):
        ends[test] = " and ".join(filter(None, (ends.get(test), word.lower())))
    return ends, text


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suite of all kinds; its SDK is in a folder of installed packages."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "pytest.ini").write_text("[pytest]\nasyncio_mode = strict\n")
    (folder / "site-packages").mkdir()
    (folder / "site-packages" / "fake_sdk.py").write_text(SDK)
    for name, source in KINDS.items():
        (folder / f"test_{name}.py").write_text(SUITE + source)
    return folder


def test_a_suite_of_all_kinds_passes_where_nothing_misses(suite: Path, recorded: tuple[Path, str]) -> None:
    ends, text = run(suite, recorded, misses=False)
    assert set(ends.values()) == {"passed"}, text[-3000:]
    assert len(ends) == 5 * len(KINDS)


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "2")], ids=["serial", "xdist"])
def test_of_a_large_suite_exactly_the_tests_fail_that_miss(
    suite: Path, recorded: tuple[Path, str], workers: tuple[str, ...]
) -> None:
    ends, text = run(suite, recorded, *workers, misses=True)
    failed = sorted(test for test, end in ends.items() if end != "passed")
    assert len(ends) == 5 * len(KINDS), text[-3000:]
    assert len(failed) == len(KINDS), failed
    assert len({test.partition("::")[0] for test in failed}) == len(KINDS)
    assert text.count(" - CassetteMiss: messages[0].content differs from ") == len(KINDS)
    assert "INTERNALERROR" not in text
