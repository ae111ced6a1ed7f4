"""What a pytest run says of its cassettes, and what stops it: suites run by pytest's own pytester, on real servers."""

from __future__ import annotations

import importlib.util
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from promptecho import Cassette
from promptecho._cli._model_server import ModelServer
from tests.conformance.server import ScriptedServer
from tests.rewriting import newer

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
CALL = """
import httpx, promptecho, pytest

def ask(text="hi", url="{url}/v1/chat/completions", **more):
    body = {{"model": "gpt-5", "messages": [{{"role": "user", "content": text}}], **more}}
    return httpx.post(url, json=body, trust_env=False).json()
"""


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suites see this checkout, and nothing of the run around them."""
    for name in list(os.environ):
        if name in ("CI", "FORCE_COLOR") or name.startswith(("PROMPTECHO_", "PYTEST_ADDOPTS", "PYTEST_XDIST")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "backends")]))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


def run(pytester: pytest.Pytester, *arguments: str, plugins: Sequence[str] = ()) -> pytest.RunResult:
    """Run a suite with the plugins that it needs: to load all that are installed takes ten times as long."""
    wanted = ["promptecho.pytest_plugin", *plugins, *(["xdist"] if "-n2" in arguments else [])]
    options = [option for name in wanted for option in ("-p", name)]
    return pytester.runpytest_subprocess(*options, *arguments, timeout=120)


def write(pytester: pytest.Pytester, server: ModelServer | ScriptedServer, source: str, name: str = "test_it") -> None:
    newer(pytester.makepyfile(**{name: CALL.format(url=server.url) + source}))


def summary(result: pytest.RunResult) -> list[str]:
    """The lines of promptecho's part of the terminal summary."""
    lines = result.outlines
    starts = [number for number, line in enumerate(lines) if re.fullmatch(r"-+ promptecho -+", line)]
    if not starts:
        return []
    assert len(starts) == 1, lines
    rest = lines[starts[0] + 1 :]
    end = next(
        number for number, line in enumerate(rest) if line.startswith(("=", "---")) or re.match(r"\d+ passed", line)
    )
    return rest[:end]


def record_of(pytester: pytest.Pytester) -> dict[str, Any]:
    text = (pytester.path / ".pytest_cache" / "d" / "promptecho" / "last-run.json").read_text(encoding="utf-8")
    tree = json.loads(text)
    assert tree["version"] == 1
    entries: dict[str, Any] = tree["cassettes"]
    return entries


# --- header -----------------------------------------------------------------------------------------------------------


def test_the_header_says_mode_and_backends_and_the_nearer_setting_wins(
    pytester: pytest.Pytester, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(pytester, server, "def test_x(): pass\n")

    def header(*arguments: str) -> str:
        (line,) = [line for line in run(pytester, *arguments).outlines if line.startswith("promptecho: ")]
        return line

    assert header() == "promptecho: mode once, backends httpx, httpx2"
    monkeypatch.setenv("CI", "1")
    assert header() == "promptecho: mode none for fixture and marker (CI is set), backends httpx, httpx2"
    pytester.makepyprojecttoml("[tool.promptecho]\nmode = 'new_episodes'\nbackends = ['requests']\n")
    assert header() == "promptecho: mode new_episodes, backends requests"
    assert header("--promptecho-mode=none", "--promptecho-backends=httpx,urllib3") == (
        "promptecho: mode none, backends httpx, urllib3"
    )
    monkeypatch.setenv("PROMPTECHO_MODE", "all")
    assert header("--promptecho-backends=all") == "promptecho: mode all, backends all"


# --- counts -----------------------------------------------------------------------------------------------------------


def test_the_summary_counts_calls_tokens_money_and_seconds(pytester: pytest.Pytester, server: ModelServer) -> None:
    pytest.importorskip("genai_prices", reason="the summary shows prices")
    write(
        pytester,
        server,
        """
def test_fixture(promptecho_cassette):
    ask("one"), ask("two")

@promptecho.use_cassette("cassettes/decorated.yaml")
def test_decorated():
    ask("three")

@pytest.mark.promptecho(ignore_localhost=True)
def test_passing():
    ask("four")

def test_nothing(): pass
""",
    )
    result = run(pytester)
    result.assert_outcomes(passed=4)
    said = summary(result)
    assert said[0] == "0 replayed, 3 recorded, 1 passed through, 0 missed, in 3 cassette(s)"
    assert re.fullmatch(r"spent: 36 tokens in, 21 out, \$0\.000255(, [\d.]+ s)?", said[1])
    assert len(said) == 2
    for file in (pytester.path / "cassettes").iterdir():
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub(r"duration: \S+", "duration: 1234.5", text), encoding="utf-8")
    said = summary(run(pytester))
    assert said == [
        "3 replayed, 0 recorded, 1 passed through, 0 missed, in 3 cassette(s)",
        "saved: 36 tokens in, 21 out, $0.000255, 3,703.5 s",
    ]
    assert len(server.hits) == 3 + 2


def test_a_model_without_a_price_is_said_to_be_without(pytester: pytest.Pytester, server: ModelServer) -> None:
    pytest.importorskip("genai_prices", reason="the summary shows prices")
    write(pytester, server, "def test_x(promptecho_cassette):\n    ask(), ask(model='of-nobody-9')\n")
    assert " and 1 call(s) without a price" in summary(run(pytester))[1]


def test_a_run_without_cassettes_has_no_summary_and_loads_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
import sys
def test_nothing():
    loaded = {name for name in sys.modules if name.startswith("promptecho")}
    assert loaded == {"promptecho", "promptecho.errors", "promptecho.pytest_plugin"} | {
        f"promptecho._{name}"
        for name in ("defaults", "forks", "harmless", "version", "pytest", "pytest.report", "pytest.strict", "secrets",
                     "secrets.masked_names", "session", "session.begun", "session.run_folder", "settings",
                     "settings.paths", "telling", "telling.run", "telling.scope")
    }
    assert not {"yaml", "httpx", "httpx2", "click", "rich", "genai_prices", "portalocker"} & set(sys.modules)
"""
    )
    result = run(pytester)
    result.assert_outcomes(passed=1)
    assert summary(result) == []


def test_the_counts_of_all_workers_are_in_one_summary(pytester: pytest.Pytester, server: ModelServer) -> None:
    write(
        pytester,
        server,
        """
@pytest.mark.parametrize("n", range(6))
def test_own(promptecho_cassette, n):
    ask(str(n))

@pytest.mark.promptecho("cassettes/shared.yaml", mode="new_episodes")
@pytest.mark.parametrize("n", range(4))
def test_shared(n):
    ask(str(n), user="me")
""",
    )
    result = run(pytester, "-n2")
    result.assert_outcomes(passed=10)
    assert summary(result)[0] == "0 replayed, 10 recorded, 0 missed, in 7 cassette(s)"
    server.stop()
    result = run(pytester, "-n2", "--promptecho-mode=none", "--promptecho-fail-on-unused")
    assert result.ret == 0
    said = summary(result)
    assert said[0] == "10 replayed, 0 recorded, 0 missed, in 7 cassette(s)"
    assert not [line for line in said if "not used" in line]
    record = record_of(pytester)
    assert len(record) == 7
    assert sorted(record["cassettes/shared.yaml"]["tests"]) == [f"test_it.py::test_shared[{n}]" for n in range(4)]
    assert record["cassettes/shared.yaml"]["played"] == [0, 1, 2, 3]
    assert all(entry["complete"] for entry in record.values())


ASYNC = """
import httpx, pytest
{mark}
async def test_it(promptecho_cassette):
    async with httpx.AsyncClient(trust_env=False) as client:
        body = {{"model": "gpt-5", "messages": []}}
        await client.post("{url}/v1/chat/completions", json=body)
    assert len(promptecho_cassette.interactions) == 1
"""


@pytest.mark.parametrize(
    ("mark", "plugin"), [("@pytest.mark.asyncio", "pytest_asyncio.plugin"), ("@pytest.mark.anyio", "anyio")]
)
def test_async_tests_are_counted_too(pytester: pytest.Pytester, server: ModelServer, mark: str, plugin: str) -> None:
    pytester.makepyfile(test_it=ASYNC.format(mark=mark, url=server.url))
    pytester.makeconftest("import pytest\n\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n")
    result = run(pytester, plugins=[plugin])
    result.assert_outcomes(passed=1)
    assert summary(result)[0].startswith("0 replayed, 1 recorded")
    server.stop()
    assert summary(run(pytester, plugins=[plugin]))[0].startswith("1 replayed, 0 recorded")


@pytest.mark.skipif(importlib.util.find_spec("pytest_randomly") is None, reason="pytest-randomly is not installed")
def test_the_order_of_tests_changes_nothing(pytester: pytest.Pytester, server: ModelServer) -> None:
    write(
        pytester,
        server,
        "@pytest.mark.parametrize('n', range(5))\ndef test_x(promptecho_cassette, n):\n    ask(str(n))\n",
    )
    run(pytester, "--randomly-seed=3", plugins=["pytest_randomly"]).assert_outcomes(passed=5)
    server.stop()
    for seed in ("1", "2"):
        result = run(pytester, f"--randomly-seed={seed}", plugins=["pytest_randomly"])
        assert summary(result)[0] == "5 replayed, 0 recorded, 0 missed, in 5 cassette(s)"


@pytest.mark.skipif(
    importlib.util.find_spec("pytest_rerunfailures") is None, reason="pytest-rerunfailures is not installed"
)
def test_a_test_that_passes_when_it_is_run_again_leaves_a_finished_recording(
    pytester: pytest.Pytester, server: ModelServer
) -> None:
    write(
        pytester,
        server,
        """
runs = []
def test_x(promptecho_cassette):
    runs.append(ask())
    assert len(runs) == 2
""",
    )
    result = run(pytester, "--reruns=1", plugins=["pytest_rerunfailures"])
    result.assert_outcomes(passed=1)
    assert "unfinished" not in (pytester.path / "cassettes" / "test_x.yaml").read_text(encoding="utf-8")
    assert not [line for line in summary(result) if "unfinished" in line]


# --- what deserves a look ---------------------------------------------------------------------------------------------


def test_unused_recordings_are_a_warning_and_fail_the_run_if_asked(
    pytester: pytest.Pytester, server: ModelServer
) -> None:
    write(pytester, server, "def test_x(promptecho_cassette):\n    ask('one'), ask('two'), ask('three')\n")
    run(pytester).assert_outcomes(passed=1)
    write(pytester, server, "def test_x(promptecho_cassette):\n    ask('two')\n")
    result = run(pytester)
    assert result.ret == 0
    assert "cassettes/test_x.yaml: 2 of 3 recordings not used" in summary(result)
    result = run(pytester, "--promptecho-fail-on-unused")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=1)
    assert "unused recordings fail the run (--promptecho-fail-on-unused)" in summary(result)
    assert run(pytester, "--promptecho-fail-on-unused", "-n2").ret == pytest.ExitCode.TESTS_FAILED
    write(pytester, server, "def test_x(promptecho_cassette):\n    ask('two')\n    assert False\n")
    result = run(pytester, "--promptecho-fail-on-unused")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert not [line for line in summary(result) if "used" in line]  # it may not have come so far


def test_tests_that_share_a_cassette_count_together(pytester: pytest.Pytester, server: ModelServer) -> None:
    source = """
@pytest.mark.promptecho("shared.yaml", mode="new_episodes")
def test_a():
    ask("one")

@pytest.mark.promptecho("shared.yaml", mode="new_episodes")
def test_b():
    ask("two")
"""
    write(pytester, server, source)
    run(pytester).assert_outcomes(passed=2)
    result = run(pytester, "--promptecho-fail-on-unused")
    assert result.ret == 0
    assert summary(result)[0] == "2 replayed, 0 recorded, 0 missed, in 1 cassette(s)"
    result = run(pytester, "--promptecho-mode=all")
    assert result.ret == 0
    result = run(pytester, "--promptecho-fail-on-unused", "-k", "test_a")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "shared.yaml: 1 of 2 recordings not used" in summary(result)


def test_re_recording_by_two_tests_counts_each_recording_once(pytester: pytest.Pytester, server: ModelServer) -> None:
    write(
        pytester,
        server,
        """
@pytest.mark.promptecho("shared.yaml")
def test_a():
    ask("one")

@pytest.mark.promptecho("shared.yaml")
def test_b():
    ask("two"), ask("three")
""",
    )
    result = run(pytester, "--promptecho-mode=all", "--promptecho-fail-on-unused")
    assert result.ret == 0
    entry = record_of(pytester)["shared.yaml"]
    assert (entry["recordings"], sorted(entry["played"])) == (3, [0, 1, 2])
    assert (pytester.path / "shared.yaml").read_text(encoding="utf-8").count("- request:") == 3


def test_an_unfinished_recording_and_recorded_errors_are_warnings(pytester: pytest.Pytester) -> None:
    with ScriptedServer() as server:
        write(
            pytester,
            server,
            f"""
@pytest.mark.filterwarnings("ignore")
def test_errors(promptecho_cassette):
    httpx.get("{server.url}/status/429", trust_env=False)
    httpx.get("{server.url}/status/500", trust_env=False)
    httpx.get("{server.url}/status/500?again", trust_env=False)

def test_cut_off(promptecho_cassette):
    ask()
    assert False
""",
        )
        result = run(pytester)
    result.assert_outcomes(passed=1, failed=1)
    said = summary(result)
    assert "cassettes/test_errors.yaml: recorded status 429" in said
    assert "cassettes/test_errors.yaml: recorded status 500, 2 times" in said
    assert "cassettes/test_cut_off.yaml: unfinished; run its tests in mode 'once' to record the rest" in said
    assert record_of(pytester)["cassettes/test_cut_off.yaml"]["complete"] is False


def test_fields_that_differ_without_being_matched_are_named(pytester: pytest.Pytester, server: ModelServer) -> None:
    write(pytester, server, "def test_x(promptecho_cassette):\n    ask(temperature=0), ask(temperature=0)\n")
    run(pytester)
    write(pytester, server, "def test_x(promptecho_cassette):\n    ask(temperature=1, seed=7), ask(temperature=1)\n")
    assert "replayed although fields that are not matched differ: seed (1), temperature (2)" in summary(run(pytester))


# --- the miss ---------------------------------------------------------------------------------------------------------

MISSING = """
def deeper(text):
    return ask(text)  # a frame of the suite

@pytest.mark.promptecho(mode="none")
def test_miss():
    deeper("nobody knows")
"""


@pytest.mark.parametrize("arguments", [(), ("-n2",), ("--tb=short",)])
def test_the_miss_is_the_first_thing_in_the_failure(
    pytester: pytest.Pytester, server: ModelServer, arguments: tuple[str, ...]
) -> None:
    write(pytester, server, MISSING)
    result = run(pytester, *arguments)
    result.assert_outcomes(failed=1)
    lines = [line for line in result.outlines if line and not line.startswith("[gw")]
    at = next(number for number, line in enumerate(lines) if re.fullmatch(r"_+ test_miss _+", line))
    assert lines[at + 1].startswith("E   CassetteMiss: no recording answers POST http://127.0.0.1:")
    end = next(number for number in range(at, len(lines)) if lines[number].startswith(("===", "---")))
    shown = "\n".join(lines[at:end])
    assert "a frame of the suite" in shown
    assert 'deeper("nobody knows")' in shown
    assert "site-packages" not in shown
    assert "_session.py" not in shown
    assert "_httpx.py" not in shown
    assert shown.count("CassetteMiss") == 1
    assert len(server.hits) == 0


@pytest.mark.parametrize(
    "arguments", [("--tb=native",), ("--tb=line",), ("--tb=no",), ("--full-trace",), ("--tb=auto", "-l")]
)
def test_each_style_of_traceback_says_the_miss(
    pytester: pytest.Pytester, server: ModelServer, arguments: tuple[str, ...]
) -> None:
    write(pytester, server, MISSING)
    result = run(pytester, *arguments)
    result.assert_outcomes(failed=1)
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
    said = "nothing is recorded in cassettes*" if arguments == ("--tb=no",) else "no recording answers POST*"
    result.stdout.fnmatch_lines([f"*CassetteMiss*{said}"])


def test_a_miss_while_another_error_is_handled_comes_first_and_hides_nothing(
    pytester: pytest.Pytester, server: ModelServer
) -> None:
    write(
        pytester,
        server,
        """
@pytest.mark.promptecho(mode="none")
def test_miss():
    try:
        {}["the first error"]
    except KeyError:
        ask()
""",
    )
    lines = [line for line in run(pytester).outlines if line]
    at = next(number for number, line in enumerate(lines) if re.fullmatch(r"_+ test_miss _+", line))
    assert lines[at + 1].startswith("E   CassetteMiss: ")
    assert any("KeyError: 'the first error'" in line for line in lines[at:])


def test_a_miss_that_the_test_swallowed_comes_first_too(pytester: pytest.Pytester, server: ModelServer) -> None:
    write(
        pytester,
        server,
        """
@pytest.mark.promptecho(mode="none")
def test_swallowed():
    try:
        ask()
    except BaseException:
        pass
""",
    )
    result = run(pytester)
    result.assert_outcomes(failed=1)
    lines = [line for line in result.outlines if line]
    at = next(number for number, line in enumerate(lines) if re.fullmatch(r"_+ test_swallowed _+", line))
    assert lines[at + 1].startswith("E   CassetteMiss: ")
    assert summary(result)[0].startswith("0 replayed, 0 recorded, 1 missed")


# --- progress ---------------------------------------------------------------------------------------------------------


def test_a_test_that_records_shows_it_if_asked_and_leaves_the_progress_line_alone(
    pytester: pytest.Pytester, server: ModelServer
) -> None:
    write(
        pytester,
        server,
        "def test_a(promptecho_cassette):\n    ask('one')\n\ndef test_b(promptecho_cassette):\n    ask('two'), ask('three')\n\n"
        "def test_c(): pass\n",
    )
    assert [line for line in run(pytester, "--promptecho-mode=all").outlines if re.match(r"test_it\.py \.\.\. ", line)]
    result = run(pytester, "--promptecho-mode=all", "-v")
    result.stdout.fnmatch_lines(
        ["test_it.py::test_a PASSED*", "*RECORDED 1 call*", "test_it.py::test_b PASSED*", "*RECORDED 2 calls*"]
    )
    result.assert_outcomes(passed=3)
    result = run(pytester, "--promptecho-mode=all", "-v", "-n2")
    assert result.stdout.str().count("RECORDED") == 2
    assert "RECORDED" not in run(pytester, "-v").stdout.str()


# --- the record of the run --------------------------------------------------------------------------------------------


def test_the_record_keeps_what_a_run_of_a_part_says_nothing_about(
    pytester: pytest.Pytester, server: ModelServer
) -> None:
    source = """
@pytest.mark.parametrize("n", range(2))
@pytest.mark.promptecho("cassettes/shared.yaml", mode="new_episodes")
def test_a(n):
    ask(str(n))

def test_b(promptecho_cassette):
    ask("b")
"""
    write(pytester, server, source)
    run(pytester)
    whole = record_of(pytester)
    assert whole == {
        "cassettes/shared.yaml": {
            "recordings": 2,
            "played": [0, 1],
            "complete": True,
            "tests": ["test_it.py::test_a[0]", "test_it.py::test_a[1]"],
        },
        "cassettes/test_b.yaml": {"recordings": 1, "played": [0], "complete": True, "tests": ["test_it.py::test_b"]},
    }
    run(pytester, "-k", "test_b")
    assert record_of(pytester) == whole
    for selection in (["-k", "test_a and 1"], ["test_it.py::test_a[1]"], ["-n2", "-k", "test_a and 1"]):
        run(pytester, *selection)
        part = record_of(pytester)
        assert part["cassettes/test_b.yaml"] == whole["cassettes/test_b.yaml"]
        assert part["cassettes/shared.yaml"] == {**whole["cassettes/shared.yaml"], "played": [1], "complete": False}
    run(pytester)
    assert record_of(pytester) == whole
    write(pytester, server, source.replace("range(2)", "range(1)"))
    (pytester.path / "cassettes" / "test_b.yaml").unlink()
    run(pytester, "-k", "test_a")
    assert record_of(pytester) == {
        "cassettes/shared.yaml": {"recordings": 2, "played": [0], "complete": True, "tests": ["test_it.py::test_a[0]"]}
    }
    assert run(pytester, "-x").ret == 0


def test_a_run_that_stops_early_makes_no_complete_record(pytester: pytest.Pytester, server: ModelServer) -> None:
    source = """
@pytest.mark.promptecho("shared.yaml", mode="new_episodes")
def test_a():
    ask("one")

def test_between():
    {}

@pytest.mark.promptecho("shared.yaml", mode="new_episodes")
def test_b():
    ask("two")
"""
    write(pytester, server, source.format("pass"))
    run(pytester)
    assert record_of(pytester)["shared.yaml"]["complete"]
    write(pytester, server, source.format("assert False"))
    run(pytester, "-x")
    entry = record_of(pytester)["shared.yaml"]
    assert entry["complete"] is False
    assert entry["tests"] == ["test_it.py::test_a", "test_it.py::test_b"]


SHARED = """
import os

def use(text):
    with promptecho.use_cassette({path!r}, mode="new_episodes"):
        ask(text)

class TestIt:
    @pytest.mark.parametrize("word", ["one", "two::x"])
    def test_a(self, word):
        use(word)

    def test_b(self):
        use("three")

def test_c():
    use("four")

def test_d():
    assert os.environ.get("FAILS") != "d"
"""


@pytest.mark.parametrize(
    ("folder", "arguments"),
    [
        ("", ["tests/test_it.py::test_c"]),
        ("tests", ["test_it.py::test_c"]),
        ("tests", ["test_it.py::TestIt"]),
        ("tests", ["../tests/test_it.py::TestIt::test_a[one]"]),
        ("tests", ["-k", "one"]),
        ("", ["--deselect", "tests/test_it.py::test_c"]),
        ("tests", ["--lf"]),
        ("", ["-n2", "-k", "not test_b"]),
    ],
)
def test_a_run_of_a_part_is_known_for_one_wherever_and_however_it_was_started(
    pytester: pytest.Pytester, server: ModelServer, monkeypatch: pytest.MonkeyPatch, folder: str, arguments: list[str]
) -> None:
    pytester.makeini("[pytest]\n")
    (pytester.path / "tests").mkdir()
    path = str(pytester.path / "tests" / "shared.yaml")
    source = CALL.format(url=server.url) + SHARED.format(path=path)
    (pytester.path / "tests" / "test_it.py").write_text(source, encoding="utf-8")
    monkeypatch.setenv("FAILS", "d" if "--lf" in arguments else "")
    run(pytester)
    whole = record_of(pytester)["tests/shared.yaml"]
    assert len(whole["tests"]) == 4
    assert whole["complete"] is True
    monkeypatch.chdir(pytester.path / folder)
    run(pytester, *arguments)
    part = record_of(pytester)["tests/shared.yaml"]
    assert part["tests"] == whole["tests"]
    assert part == whole or part["complete"] is False


def test_a_skipped_test_and_one_of_an_ignored_file_are_still_known(
    pytester: pytest.Pytester, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = """
import os
{skip}
@pytest.mark.promptecho("shared.yaml", mode="new_episodes")
def test_{name}():
    ask({name!r})
"""
    for name, skip in (("a", ""), ("b", ""), ("c", "@pytest.mark.skipif('SKIP' in os.environ, reason='asked')")):
        write(pytester, server, test.format(name=name, skip=skip), f"test_{name}")

    def known(*arguments: str) -> tuple[int, bool]:
        run(pytester, *arguments)
        entry = record_of(pytester)["shared.yaml"]
        return len(entry["tests"]), entry["complete"]

    assert known() == (3, True)
    assert known("--ignore=test_b.py") == (3, False)
    monkeypatch.setenv("SKIP", "1")
    assert known() == (3, False)
    monkeypatch.delenv("SKIP")
    (pytester.path / "test_b.py").unlink()
    assert known() == (2, True)


def test_a_worker_that_crashes_makes_no_complete_record(
    pytester: pytest.Pytester, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        pytester,
        server,
        """
import os
@pytest.mark.parametrize("n", range(6))
@pytest.mark.promptecho("shared.yaml", mode="new_episodes")
def test_a(n):
    ask(str(n))
    if n == 5 and "CRASH" in os.environ:
        os._exit(1)
""",
    )
    run(pytester)
    whole = record_of(pytester)["shared.yaml"]
    assert whole["complete"] is True
    monkeypatch.setenv("CRASH", "1")
    run(pytester, "-n2", "--max-worker-restart=0")
    entry = record_of(pytester)["shared.yaml"]
    assert entry["complete"] is False
    assert entry["tests"] == whole["tests"]


@pytest.mark.parametrize("mode", ["once", "all"])
def test_workers_that_share_a_cassette_lose_nothing_of_it(
    pytester: pytest.Pytester, server: ModelServer, mode: str
) -> None:
    write(
        pytester,
        server,
        """
@pytest.mark.parametrize("n", range(8))
@pytest.mark.promptecho("shared.yaml")
def test_a(n):
    ask(str(n))
""",
    )
    path = pytester.path / "shared.yaml"
    if mode == "all":
        run(pytester, "-n2").assert_outcomes(passed=8)
        before = path.read_text(encoding="utf-8")
    run(pytester, "-n2", f"--promptecho-mode={mode}").assert_outcomes(passed=8)
    text = path.read_text(encoding="utf-8")
    assert sorted(each.body["messages"][0]["content"] for each in Cassette.load(path).interactions) == list("01234567")
    assert "unfinished" not in text
    if mode == "all":
        assert text != before
        assert record_of(pytester)["shared.yaml"]["recordings"] == 8
    assert not list(pytester.path.glob("*rerecording*"))
    server.stop()
    run(pytester, "--promptecho-mode=none", "-n2").assert_outcomes(passed=8)
    assert record_of(pytester)["shared.yaml"]["complete"] is True


SHARED_FILE = """
import promptecho

@promptecho.use_cassette("shared.yaml")
@pytest.mark.parametrize("n", range(3))
def test_a(n):
    ask(f"{WORD}{n}")
    assert n != BROKEN

@pytest.mark.promptecho("shared.yaml")
def test_b():
    ask(f"{WORD}b")
"""


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["serial", "xdist"])
def test_recording_again_drops_nothing_that_a_test_needs_which_did_not_run_or_pass(
    pytester: pytest.Pytester, server: ModelServer, workers: tuple[str, ...]
) -> None:
    path = pytester.path / "shared.yaml"

    def recorded(word: str, broken: int, *arguments: str) -> list[str]:
        write(pytester, server, f"WORD, BROKEN = {word!r}, {broken}\n" + SHARED_FILE)
        result = run(pytester, *arguments)
        assert "INTERNALERROR" not in result.stdout.str()
        assert "unfinished" not in path.read_text(encoding="utf-8")
        return sorted(each.body["messages"][0]["content"] for each in Cassette.load(path).interactions)

    old = ["old0", "old1", "old2", "oldb"]
    again = ("--promptecho-mode=all", *workers)
    assert recorded("old", 9) == old
    assert recorded("new", 9, "-k", "a and 1", *again) == ["new1", *old]  # one of the old ones is of no use any more
    assert recorded("new", 9, *again) == ["new0", "new1", "new2", "newb"]
    if not workers:
        assert recorded("new", 1, "-x", *again) == ["new0", "new1", "new2", "newb"]


# --- limits -----------------------------------------------------------------------------------------------------------

FOUR = "@pytest.mark.parametrize('n', range(4))\ndef test_x(promptecho_cassette, n):\n    ask(str(n))\n"


def test_the_limit_of_live_calls_stops_the_run(pytester: pytest.Pytester, server: ModelServer) -> None:
    write(pytester, server, FOUR)
    result = run(pytester, "--promptecho-max-live-calls=2")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert len(server.hits) == 2
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        ["E   LiveBudgetError: POST *was not sent: in this run 2 live calls were made, and max_live_calls is 2*"]
    )
    pytester.makepyprojecttoml("[tool.promptecho]\nmax_live_calls = 0\n")
    assert run(pytester).ret == pytest.ExitCode.INTERRUPTED
    assert len(server.hits) == 2
    result = run(pytester, "--promptecho-max-live-calls=none")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--promptecho-max-live-calls: max_live_calls='none' is not a whole number*"])


def test_options_hold_for_cassettes_of_use_cassette_too(pytester: pytest.Pytester, server: ModelServer) -> None:
    write(
        pytester,
        server,
        """
@promptecho.use_cassette("c.yaml")
def test_x():
    ask("1"), ask("2"), ask("3")
""",
    )
    run(pytester, "--promptecho-mode=none").assert_outcomes(failed=1)
    assert len(server.hits) == 0
    run(pytester, "--promptecho-max-live-calls=1").assert_outcomes(failed=1)
    assert len(server.hits) == 1


def test_a_path_that_is_no_text_is_told_by_a_worker(pytester: pytest.Pytester, server: ModelServer) -> None:
    write(
        pytester,
        server,
        """
import os, promptecho

def test_x(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\\xe9.yaml")
    try:
        open(path, "w").close()
    except OSError:
        pytest.skip("the file system takes text alone")
    os.unlink(path)
    with promptecho.use_cassette(path):
        ask("hi")
""",
    )
    result = run(pytester, "-n2")
    result.assert_outcomes(passed=1)
    assert summary(result)[0] == "0 replayed, 1 recorded, 0 missed, in 1 cassette(s)"


def test_the_limit_of_live_calls_holds_for_all_workers_together(pytester: pytest.Pytester, server: ModelServer) -> None:
    write(pytester, server, FOUR.replace("range(4)", "range(40)"))
    result = run(pytester, "-n2", "--promptecho-max-live-calls=6")
    assert result.ret != 0
    assert 6 <= len(server.hits) <= 7  # each of two workers may have looked before the other's last call was counted
    result.stdout.fnmatch_lines(["*LiveBudgetError*max_live_calls is 6*"])


def test_the_limit_of_money_stops_the_run(pytester: pytest.Pytester, server: ModelServer) -> None:
    pytest.importorskip("genai_prices", reason="the limit is in USD")
    write(pytester, server, FOUR)
    result = run(pytester, "--promptecho-max-live-usd=0.0001")  # a call costs $0.000085
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert len(server.hits) == 2
    result.stdout.fnmatch_lines(["E   LiveBudgetError: *live calls cost $0.0002, and max_live_usd is 0.0001*"])


def test_an_old_cassette_is_a_warning_here_and_an_error_in_ci(
    pytester: pytest.Pytester, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(pytester, server, "@pytest.mark.promptecho(max_age='30d')\ndef test_x():\n    ask()\n")
    run(pytester).assert_outcomes(passed=1)
    file = pytester.path / "cassettes" / "test_x.yaml"
    text = re.sub(r"recorded_at: .*", 'recorded_at: "2024-02-01T00:00:00Z"', file.read_text(encoding="utf-8"))
    file.write_text(text, encoding="utf-8")

    def check() -> None:
        result = run(pytester)
        result.assert_outcomes(passed=1, warnings=1)
        result.stdout.fnmatch_lines(["*CassetteWarning: *test_x.yaml was recorded * days ago, and max_age is * days*"])
        with monkeypatch.context() as patch:
            patch.setenv("CI", "true")
            result = run(pytester)
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(["E   CassetteExpiredError: *was recorded * days ago*"])

    check()
    write(pytester, server, "def test_x(promptecho_cassette):\n    ask()\n")
    run(pytester).assert_outcomes(passed=1)
    pytester.makepyprojecttoml("[tool.promptecho]\nmax_age = '2 weeks'\n")
    check()
    assert len(server.hits) == 1


def test_a_blocked_network_refuses_what_goes_around_the_cassettes(
    pytester: pytest.Pytester, server: ModelServer
) -> None:
    write(
        pytester,
        server,
        """
import socket

def test_outside():
    with socket.socket() as one:
        one.settimeout(5)
        one.connect(("192.0.2.1", 80))

def test_by_name():
    httpx.get("http://service.example.org/", trust_env=False)

def test_loopback():
    ask("on this machine")

def test_recorded(promptecho_cassette):
    ask("and in a cassette")
""",
    )
    result = run(pytester, "--promptecho-block-network")
    result.assert_outcomes(passed=2, failed=2)
    assert result.stdout.str().count("E   UninterceptedCallError: no cassette is open in ") == 2
    assert len(server.hits) == 2
    pytester.makepyprojecttoml("[tool.promptecho]\nblock_network = true\n")
    run(pytester, "-n2").assert_outcomes(passed=2, failed=2)


# --- odd runs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("-p", "no:terminal"),
        ("-q",),
        ("-qq",),
        ("--co",),
        ("-p", "no:cacheprovider"),
        ("--no-header", "--no-summary"),
    ],
)
def test_a_run_with_less_of_pytest_goes_through(
    pytester: pytest.Pytester, server: ModelServer, arguments: tuple[str, ...]
) -> None:
    write(pytester, server, "def test_x(promptecho_cassette):\n    ask()\n")
    result = run(pytester, *arguments)
    assert result.ret == 0
    assert "Traceback" not in result.stderr.str() + result.stdout.str()
    assert "INTERNALERROR" not in result.stderr.str() + result.stdout.str()
    assert len(server.hits) == (0 if "--co" in arguments else 1)


def test_a_cache_that_cannot_be_written_or_read_is_no_failure(pytester: pytest.Pytester, server: ModelServer) -> None:
    write(pytester, server, "def test_x(promptecho_cassette):\n    ask()\n")
    run(pytester)
    record = pytester.path / ".pytest_cache" / "d" / "promptecho" / "last-run.json"
    record.write_bytes(b"\xff\xfe{")
    assert run(pytester).ret == 0
    assert record_of(pytester)["cassettes/test_x.yaml"]["played"] == [0]
    record.unlink()
    record.mkdir()
    assert run(pytester).ret == 0


def test_an_interrupted_run_has_its_summary_and_an_unfinished_recording(
    pytester: pytest.Pytester, server: ModelServer
) -> None:
    write(
        pytester,
        server,
        """
def test_a(promptecho_cassette):
    ask("one")

def test_b(promptecho_cassette):
    ask("two")
    raise KeyboardInterrupt

def test_c(promptecho_cassette):
    ask("three")
""",
    )
    result = run(pytester)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    said = summary(result)
    assert said[0] == "0 replayed, 2 recorded, 0 missed, in 2 cassette(s)"
    assert "cassettes/test_b.yaml: unfinished; run its tests in mode 'once' to record the rest" in said
    assert "unfinished: true" in (pytester.path / "cassettes" / "test_b.yaml").read_text(encoding="utf-8")
    assert not any(entry["complete"] for entry in record_of(pytester).values())


@pytest.mark.parametrize(
    ("source", "finished"),
    [
        (
            "class TestIt(unittest.TestCase):\n    def test_x(self):\n        ask()\n        self.fail('as planned')\n",
            False,
        ),
        ("class TestIt(unittest.TestCase):\n    def test_x(self):\n        ask()\n", True),
        ("def test_x():\n    ask()\n    pytest.skip('enough')\n", True),
        ("@pytest.fixture\ndef later(promptecho_cassette):\n    ask()\n    1 / 0\n\ndef test_x(later): pass\n", False),
        (
            "@pytest.fixture\ndef later(promptecho_cassette):\n    ask()\n    pytest.skip()\n\ndef test_x(later): pass\n",
            True,
        ),
    ],
    ids=["failed unittest", "passed unittest", "skipped", "failed setup", "skipped in setup"],
)
def test_a_recording_is_finished_unless_its_test_failed(
    pytester: pytest.Pytester, server: ModelServer, source: str, finished: bool
) -> None:
    write(pytester, server, f"import unittest\npytestmark = pytest.mark.promptecho('c.yaml')\n\n{source}")
    run(pytester)
    assert ("unfinished" not in (pytester.path / "c.yaml").read_text(encoding="utf-8")) is finished


def test_a_run_inside_a_run_leaves_the_outer_one_its_counts(pytester: pytest.Pytester, server: ModelServer) -> None:
    write(
        pytester,
        server,
        """
pytest_plugins = ["pytester"]

def test_a(promptecho_cassette):
    ask("one")

def test_inner(pytester):
    pytester.makepyfile("def test_x(): pass")
    pytester.runpytest_inprocess("-p", "promptecho.pytest_plugin", "--promptecho-mode=none").assert_outcomes(passed=1)

def test_b(promptecho_cassette):
    ask("two")
""",
    )
    result = run(pytester)
    result.assert_outcomes(passed=3)
    assert summary(result)[0] == "0 replayed, 2 recorded, 0 missed, in 2 cassette(s)"
