"""The plugin, run by pytest's own pytester, against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.server import ScriptedServer
from tests.rewriting import newer

pytest_plugins = ["pytester"]

CALL = """
import httpx, pytest
def ask(text="hi"):
    return httpx.post("{url}/echo", json={{"prompt": text}}, trust_env=False).json()["call"]
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    for name in ("CI", "PROMPTECHO_MODE", "PROMPTECHO_BACKENDS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # the plugins of others take seconds to start
    with ScriptedServer() as running:
        yield running


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "promptecho.pytest_plugin", *arguments)


def run_as_installed(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """With all plugins that are installed, promptecho's among them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments)


def write(pytester: pytest.Pytester, server: ScriptedServer, source: str, name: str = "test_it") -> None:
    newer(pytester.makepyfile(**{name: CALL.format(url=server.url) + source}))


def test_the_fixture_records_once_and_replays_from_then_on(pytester: pytest.Pytester, server: ScriptedServer) -> None:
    write(
        pytester,
        server,
        """
def test_bar(promptecho_cassette):
    assert ask() == 1
    assert len(promptecho_cassette.interactions) == 1

class TestGroup:
    @pytest.mark.parametrize("value", ["a/b", "../up", "x" * 300, "caf\\u00e9"])
    def test_bar(self, promptecho_cassette, value):
        ask(value)
""",
    )
    run_as_installed(pytester).assert_outcomes(passed=5)
    assert server.hits == 5
    files = sorted(path.relative_to(pytester.path).as_posix() for path in pytester.path.rglob("*.yaml"))
    assert len(files) == 5
    assert "cassettes/test_bar.yaml" in files
    assert all(name.startswith("cassettes/") and name.count("/") == 1 for name in files)
    server.stop()
    run(pytester, "--promptecho-mode=none").assert_outcomes(passed=5)


def test_in_ci_a_forgotten_recording_fails_without_a_call(
    pytester: pytest.Pytester, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(pytester, server, "def test_bar(promptecho_cassette):\n    ask()\n")
    monkeypatch.setenv("CI", "true")
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*CassetteMiss: no recording answers POST*"])
    assert server.hits == 0
    for value in ("false", "0", ""):
        monkeypatch.setenv("CI", value)
        run(pytester).assert_outcomes(passed=1)


@pytest.mark.parametrize("ci", ["true", ""])
def test_what_a_conftest_configures_holds_for_the_fixture_below_ini_file_and_options(
    pytester: pytest.Pytester, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, ci: str
) -> None:
    monkeypatch.setenv("CI", ci)
    write(pytester, server, "def test_bar(promptecho_cassette):\n    ask()\n")
    pytester.makepyprojecttoml("[tool.promptecho]\nmode = 'new_episodes'\n")
    pytester.makeconftest("import promptecho\npromptecho.configure(mode='none')\n")
    run(pytester).assert_outcomes(failed=1)
    assert server.hits == 0
    run(pytester, "--promptecho-mode=once").assert_outcomes(passed=1)
    assert server.hits == 1


def test_the_marker_works_alone_and_takes_the_arguments_of_use_cassette(
    pytester: pytest.Pytester, server: ScriptedServer
) -> None:
    write(
        pytester,
        server,
        """
@pytest.mark.promptecho
def test_alone():
    assert ask() == ask() - 1

@pytest.mark.promptecho("named/here.yaml", repeats="reuse")
def test_named():
    assert ask() == ask()

@pytest.mark.promptecho(match_on=["other"])
class TestClass:
    @pytest.mark.promptecho(mode="none")
    def test_none(self, promptecho_cassette):
        with pytest.raises(BaseException) as caught:
            ask()
        assert type(caught.value).__name__ == "CassetteMiss"
        promptecho_cassette.acknowledge_misses()

    @pytest.mark.promptecho(mode="none")
    def test_swallowed(self):
        try:
            ask()
        except BaseException:
            pass
""",
    )
    run(pytester).assert_outcomes(passed=3, failed=1)
    assert (pytester.path / "cassettes" / "test_alone.yaml").exists()
    assert (pytester.path / "named" / "here.yaml").exists()


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ("mode='onse'", "*test_it.py::test_bad: @pytest.mark.promptecho: mode='onse' is not one of*"),
        ("match_on='model'", "*match_on takes a list*"),
        ("modus='none'", "*there is no setting 'modus'*did you mean 'mode'*"),
        ("'a.yaml', 'none'", "*takes one path without a name at most*"),
        ("5", "*path=5 is no path*"),
    ],
)
def test_a_wrong_marker_lists_what_is_right(
    pytester: pytest.Pytester, server: ScriptedServer, marker: str, said: str
) -> None:
    write(pytester, server, f"@pytest.mark.promptecho({marker})\ndef test_bad():\n    ask()\n")
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([said])
    assert server.hits == 0


def test_a_wrong_option_is_a_usage_error(pytester: pytest.Pytester, server: ScriptedServer) -> None:
    write(pytester, server, "def test_x(): pass\n")
    result = run(pytester, "--promptecho-mode=onse")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--promptecho-mode: mode='onse' is not one of*"])


def test_ini_and_options_set_the_mode_and_the_marker_wins(pytester: pytest.Pytester, server: ScriptedServer) -> None:
    write(
        pytester,
        server,
        """
def test_ini(promptecho_cassette):
    ask()

@pytest.mark.promptecho(mode="once")
def test_marked():
    ask()
""",
    )
    pytester.makeini("[pytest]\npromptecho_mode = none\n")
    run(pytester).assert_outcomes(passed=1, failed=1)
    run(pytester, "--promptecho-mode=new_episodes").assert_outcomes(passed=2)


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n2")], ids=["serial", "xdist"])
def test_tests_that_would_share_a_file_fail_and_only_they(
    pytester: pytest.Pytester, server: ScriptedServer, workers: tuple[str, ...]
) -> None:
    for name in ("one", "two"):
        source = f"def test_same(promptecho_cassette):\n    ask()\n\n@pytest.mark.promptecho\ndef test_{name}():\n    ask()\n"
        write(pytester, server, source, f"test_{name}")
    result = run(pytester, *workers)
    result.assert_outcomes(passed=2, errors=2)
    for one, other in (("one", "two"), ("two", "one")):
        said = f"shares cassettes/test_same.yaml with test_{other}.py::test_same; *"
        result.stdout.fnmatch_lines([said, "*"] if one == "one" else [said])
        assert f"ERROR test_{one}.py::test_same - Failed: shares" in result.stdout.str()
    assert server.hits == 2
    run(pytester, *workers, "-k", "same").assert_outcomes(errors=2)
    result = run(pytester, "test_one.py", "test_two.py", "-k", "test_one")  # what is left out still has its name
    result.assert_outcomes(passed=1, errors=1, deselected=2)


def test_the_module_is_in_the_names_of_a_suite_that_asks_for_it(
    pytester: pytest.Pytester, server: ScriptedServer
) -> None:
    for name in ("one", "two"):
        write(
            pytester,
            server,
            f"""
import promptecho

def test_same(promptecho_cassette):
    ask("{name}")

@promptecho.use_cassette
def test_bare():
    ask("bare {name}")

@pytest.mark.parametrize("city", ["New York", "paris"])
def test_{name}(promptecho_cassette, city, promptecho_module_cassette):
    ask(city)

class TestShop:
    def test_a(self, promptecho_class_cassette):
        ask("a {name}")
""",
            f"test_{name}",
        )
    run(pytester, "-k", "York or paris").assert_outcomes(passed=4, deselected=6)
    pytester.makepyprojecttoml("[tool.promptecho]\ncassette_names = 'module'\n")
    run(pytester).assert_outcomes(passed=10)
    folder = pytester.path / "cassettes"
    old = {path.name for path in folder.iterdir() if "[" in path.name}
    assert len(old) == 4
    new = {path.relative_to(folder).as_posix() for path in folder.rglob("*.yaml")} - old
    assert new == {
        *(
            f"test_{name}/{each}.yaml"
            for name in ("one", "two")
            for each in ("test_same", "test_bare", "TestShop@class")
        )
    }
    for path in folder.glob("*[[]*"):
        path.unlink()
    run(pytester, "-k", "York or paris").assert_outcomes(passed=4, deselected=6)
    names = {path.name for path in folder.rglob("*.yaml")}
    assert not any(sign in name for name in names for sign in "[] ")
    calls = server.hits
    server.stop()
    run(pytester, "--promptecho-mode=none").assert_outcomes(passed=10)
    assert server.hits == calls


def test_a_wrong_way_of_naming_is_a_usage_error(pytester: pytest.Pytester, server: ScriptedServer) -> None:
    pytester.makeini("[pytest]\npromptecho_cassette_names = modul\n")
    result = run(pytester)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*cassette_names='modul' is not one of 'test', 'module'*did you mean 'module'*"])


def test_a_path_means_the_same_wherever_pytest_is_started(
    pytester: pytest.Pytester, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makeini("[pytest]\n")
    inner = pytester.mkdir("inner")
    write(
        pytester,
        server,
        """
import promptecho

@promptecho.use_cassette("recorded/a.yaml")
def test_a():
    ask("a")

def test_moved(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with promptecho.use_cassette("here.yaml"):
        ask("b")
    assert (tmp_path / "here.yaml").exists()
""",
        "test_it",
    )
    (pytester.path / "test_it.py").rename(inner / "test_it.py")
    monkeypatch.chdir(inner)
    run(pytester).assert_outcomes(passed=2)
    assert (pytester.path / "recorded" / "a.yaml").exists()
    (pytester.path / "recorded").rename(inner / "recorded")
    result = run(pytester, "--promptecho-mode=new_episodes", "-k", "test_a")
    result.assert_outcomes(passed=1, deselected=1)
    result.stdout.fnmatch_lines(["inner/recorded/a.yaml: used, though its path means recorded/a.yaml *"])
    assert not (pytester.path / "recorded").exists()


def test_ids_that_differ_in_case_only_get_files_of_their_own(pytester: pytest.Pytester, server: ScriptedServer) -> None:
    write(
        pytester,
        server,
        "@pytest.mark.parametrize('x', ['abc', 'ABC'])\ndef test_x(promptecho_cassette, x):\n    ask(x)\n",
    )
    run(pytester).assert_outcomes(passed=2)
    names = {path.name.casefold() for path in (pytester.path / "cassettes").iterdir()}
    assert len(names) == 2


def test_a_failed_test_leaves_its_recording_unfinished(pytester: pytest.Pytester, server: ScriptedServer) -> None:
    write(pytester, server, "def test_x(promptecho_cassette):\n    ask()\n    assert ask('two') == 0\n")
    run(pytester).assert_outcomes(failed=1)
    path = pytester.path / "cassettes" / "test_x.yaml"
    assert "unfinished: true" in path.read_text(encoding="utf-8")
    write(pytester, server, "def test_x(promptecho_cassette):\n    ask()\n    ask('two')\n    ask('three')\n")
    run(pytester).assert_outcomes(passed=1)
    assert "unfinished" not in path.read_text(encoding="utf-8")
    assert server.hits == 3


def test_async_tests_and_xdist_work(pytester: pytest.Pytester, server: ScriptedServer) -> None:
    write(
        pytester,
        server,
        """
@pytest.mark.asyncio
async def test_async(promptecho_cassette):
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.get("{url}/json")
    assert len(promptecho_cassette.interactions) == 1

@pytest.mark.parametrize("n", range(6))
def test_n(promptecho_cassette, n):
    ask(str(n))
""".replace("{url}", server.url),
    )
    run_as_installed(pytester, "-n2").assert_outcomes(passed=7)
    server.stop()
    run_as_installed(pytester, "-n2", "--promptecho-mode=none").assert_outcomes(passed=7)


def test_the_plugin_imports_nothing_before_a_test_asks(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # other plugins import HTTP libraries
    pytester.makepyfile(
        """
import sys
def test_nothing():
    assert "promptecho._session.session" not in sys.modules
    assert "httpx" not in sys.modules
"""
    )
    run(pytester).assert_outcomes(passed=1)


def test_a_cassette_beside_a_decorated_fixture(pytester: pytest.Pytester, server: ScriptedServer) -> None:
    write(
        pytester,
        server,
        """
import promptecho

@pytest.fixture
@promptecho.use_cassette("fixture.yaml")
def answer():
    yield ask("from the fixture")

def test_x(answer):
    assert answer == 1
    ask("in the test")
""",
    )
    run(pytester).assert_outcomes(passed=1)
    server.stop()
    run(pytester).assert_outcomes(passed=1)
    assert Path(pytester.path / "fixture.yaml").read_text(encoding="utf-8").count("- request:") == 2
