"""Set-up belongs to the test: classes, fixtures of each scope, late markers; by unittest's runner and by pytest's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from promptecho import Cassette
from tests.conformance.server import ScriptedServer

from .test_pytest_plugin import run, write

pytest_plugins = ["pytester"]

HEAD = """
import asyncio, os, unittest
import httpx, promptecho

def ask(text):
    return httpx.post(os.environ["SERVER"] + "/echo", json={"prompt": text}, trust_env=False).json()["call"]

async def ask_async(text):
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.post(os.environ["SERVER"] + "/echo", json={"prompt": text})).json()["call"]
"""
UNITTEST = (
    HEAD
    + """
class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        ask("setUpClass of the base")
        cls.addClassCleanup(ask, "class clean-up")

    def setUp(self):
        ask("setUp of the base")
        self.addCleanup(ask, "clean-up")

    @classmethod
    def tearDownClass(cls):
        ask("tearDownClass")

@promptecho.use_cassette
class TestShop(Base):
    def setUp(self):
        super().setUp()
        ask("setUp")

    def test_a(self):
        ask("a")

    @unittest.expectedFailure
    def test_b(self):
        ask("b")
        self.fail()

    def tearDown(self):
        ask("tearDown")

@promptecho.use_cassette()
class TestChild(TestShop):
    pass

@promptecho.use_cassette("async.yaml")
class TestAsync(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        ask("setUp")

    async def asyncSetUp(self):
        await ask_async("asyncSetUp")
        self.addAsyncCleanup(ask_async, "async clean-up")

    async def test_a(self):
        await ask_async("a")

    async def asyncTearDown(self):
        await ask_async("asyncTearDown")
"""
)
SHOP = ["setUpClass of the base", "setUp of the base", "setUp", "a", "tearDown", "clean-up", "b", "tearDownClass",
        "class clean-up"]  # fmt: skip


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    for name in ("CI", "PROMPTECHO_MODE", "PROMPTECHO_BACKENDS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    with ScriptedServer() as running:
        monkeypatch.setenv("SERVER", running.url)
        yield running


def prompts(path: Path) -> list[str]:
    assert "unfinished" not in path.read_text(encoding="utf-8")
    return [str(json.loads(json.dumps(each.body))["prompt"]) for each in Cassette.load(path).interactions]


@pytest.mark.parametrize("runner", ["unittest", "pytest -q -p no:cacheprovider -p promptecho.pytest_plugin"])
def test_a_decorated_class_covers_what_unittest_runs_around_its_tests(
    server: ScriptedServer, tmp_path: Path, runner: str
) -> None:
    (tmp_path / "test_shop.py").write_text(UNITTEST, encoding="utf-8")
    command = [sys.executable, "-m", *runner.split(), *(["test_shop"] if runner == "unittest" else [])]
    first = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stdout + first.stderr
    assert sorted(prompts(tmp_path / "cassettes" / "TestShop.yaml")) == sorted(SHOP)
    assert prompts(tmp_path / "async.yaml") == ["setUp", "asyncSetUp", "a", "asyncTearDown", "async clean-up"]
    calls = server.hits
    again = {**os.environ, "PROMPTECHO_MODE": "none"}
    second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=again, check=False)
    assert second.returncode == 0, second.stdout + second.stderr
    assert server.hits == calls


def test_a_decorated_class_covers_what_pytest_runs_around_its_tests(
    pytester: pytest.Pytester, server: ScriptedServer
) -> None:
    write(
        pytester,
        server,
        """
import promptecho

class Base:
    def setup_method(self, method):
        ask("setup_method " + method.__name__)
    def teardown_method(self):
        ask("teardown_method")
    def test_inherited(self):
        ask("inherited")

@promptecho.use_cassette("shop.yaml")
class TestShop(Base):
    @classmethod
    def setup_class(cls):
        ask("setup_class")
    @pytest.fixture(autouse=True)
    def prepared(self):
        ask("fixture")
        yield
        ask("end of fixture")
    @pytest.mark.parametrize("n", [1, 2])
    def test_own(self, n):
        ask(f"own {n}")
""",
    )
    run(pytester).assert_outcomes(passed=3)
    assert prompts(pytester.path / "shop.yaml") == [
        "setup_class", "setup_method test_own", "fixture", "own 1", "end of fixture", "teardown_method", "own 2",
        "setup_method test_inherited", "inherited",
    ]  # fmt: skip
    calls = server.hits
    server.stop()
    run(pytester, "--promptecho-mode=none").assert_outcomes(passed=3)
    assert server.hits == calls


def test_each_cassette_opens_before_the_other_fixtures_of_its_scope(
    pytester: pytest.Pytester, server: ScriptedServer
) -> None:
    pytester.makeconftest(
        """
import pytest

@pytest.fixture(scope="session", autouse=True)
def everywhere(ask):
    ask("autouse of the session")

@pytest.fixture(scope="session")
def ask():
    import test_it
    return test_it.ask
"""
    )
    write(
        pytester,
        server,
        """
@pytest.fixture(scope="module", autouse=True)
def around():
    ask("autouse of the module")
    yield
    ask("its end")

@pytest.fixture(scope="module")
def index(promptecho_module_cassette):
    ask("index")
    yield
    ask("its end, of the index")

@pytest.fixture(scope="module")
def late():
    ask("asked for by a test that runs")

@pytest.fixture
def early():
    ask("of the test")

def test_first(early, promptecho_cassette, promptecho_session_cassette):
    ask("first")

def test_late(promptecho_cassette, request):
    request.getfixturevalue("late")
    ask("second")

def test_index(index):
    ask("in the cassette of the module")

class TestShop:
    @classmethod
    def setup_class(cls):
        ask("setup_class")
    def setup_method(self):
        ask("setup_method")
    def test_own(self, promptecho_cassette):
        ask("own")
    def test_shared(self, promptecho_class_cassette):
        ask("shared")
""",
    )
    for seed in range(2):
        order = ("-p", "promptecho.pytest_plugin") if seed == 0 else ("-p", "reverse")
        pytester.makepyfile(reverse="def pytest_collection_modifyitems(items):\n    items.reverse()\n")
        result = run(pytester, *order, *(() if seed == 0 else ("--promptecho-mode=none",)))
        result.assert_outcomes(passed=5)
    files = {path.name: set(prompts(path)) for path in (pytester.path / "cassettes").iterdir()}
    assert files == {
        "@session.yaml": {"autouse of the session"},
        "test_it@module.yaml": {
            "autouse of the module", "index", "its end", "its end, of the index", "asked for by a test that runs",
            "in the cassette of the module",
        },
        "TestShop@class.yaml": {"setup_class", "setup_method", "shared"},
        "TestShop.test_own.yaml": {"setup_method", "own"},
        "test_first.yaml": {"of the test", "first"},
        "test_late.yaml": {"second"},
    }  # fmt: skip


def test_without_a_cassette_of_its_scope_a_fixture_is_in_none(
    pytester: pytest.Pytester, server: ScriptedServer
) -> None:
    write(
        pytester,
        server,
        """
@pytest.fixture(scope="module")
def index():
    ask("index")

def test_static(promptecho_cassette, index):
    ask("one")

@pytest.fixture(scope="class")
def other():
    ask("other")

@pytest.mark.promptecho
def test_dynamic(request):
    request.getfixturevalue("other")
    ask("two")
""",
    )
    run(pytester).assert_outcomes(passed=2)
    assert server.hits == 4
    assert prompts(pytester.path / "cassettes" / "test_static.yaml") == ["one"]
    assert prompts(pytester.path / "cassettes" / "test_dynamic.yaml") == ["two"]


def test_a_failed_test_leaves_the_cassette_of_its_module_unfinished(
    pytester: pytest.Pytester, server: ScriptedServer
) -> None:
    write(
        pytester,
        server,
        """
@pytest.mark.usefixtures("promptecho_module_cassette")
@pytest.mark.parametrize("n", [1, 2])
def test_n(n):
    ask(str(n))
    assert n == 1
""",
    )
    run(pytester).assert_outcomes(passed=1, failed=1)
    assert "unfinished: true" in (pytester.path / "cassettes" / "test_it@module.yaml").read_text()


LATE = {
    "pytest_itemcollected": "def pytest_itemcollected(item):\n    item.add_marker(pytest.mark.promptecho(mode='none'))\n",
    "a late pytest_collection_modifyitems": (
        "@pytest.hookimpl(trylast=True)\ndef pytest_collection_modifyitems(items):\n"
        "    for item in items:\n        item.add_marker(pytest.mark.promptecho(mode='none'))\n"
    ),
    "pytest_collection_finish": (
        "@pytest.hookimpl(trylast=True)\ndef pytest_collection_finish(session):\n"
        "    for item in session.items:\n        item.add_marker(pytest.mark.promptecho(mode='none'))\n"
    ),
    "pytest_runtest_setup": (
        "def pytest_runtest_setup(item):\n    item.add_marker(pytest.mark.promptecho(mode='none'))\n"
    ),
}
TOO_LATE = {
    "a late pytest_runtest_setup": (
        "@pytest.hookimpl(trylast=True)\ndef pytest_runtest_setup(item):\n"
        "    item.add_marker(pytest.mark.promptecho(mode='none'))\n"
    ),
    "a fixture": (
        "@pytest.fixture(autouse=True)\ndef mark(request):\n"
        "    request.node.add_marker(pytest.mark.promptecho(mode='none'))\n"
    ),
}


@pytest.mark.parametrize("hook", LATE)
def test_a_marker_that_a_hook_adds_holds(pytester: pytest.Pytester, server: ScriptedServer, hook: str) -> None:
    pytester.makeconftest(f"import pytest\n{LATE[hook]}")
    write(pytester, server, "def test_x():\n    ask()\n")
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*CassetteMiss*"])
    assert server.hits == 0


@pytest.mark.parametrize("hook", TOO_LATE)
def test_a_marker_that_comes_too_late_is_an_error(pytester: pytest.Pytester, server: ScriptedServer, hook: str) -> None:
    pytester.makeconftest(f"import pytest\n{TOO_LATE[hook]}")
    write(pytester, server, "def test_x():\n    ask()\n")
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*@pytest.mark.promptecho was added too late*"])
    assert server.hits == 0


def test_a_marker_on_one_parameter_holds_for_that_one(pytester: pytest.Pytester, server: ScriptedServer) -> None:
    write(
        pytester,
        server,
        """
@pytest.mark.parametrize("n", [1, pytest.param(2, marks=pytest.mark.promptecho)])
def test_n(n):
    ask(str(n))
""",
    )
    run(pytester).assert_outcomes(passed=2)
    assert [path.name for path in (pytester.path / "cassettes").iterdir()] == ["test_n[2].yaml"]


def test_an_expected_failure_leaves_a_finished_recording(pytester: pytest.Pytester, server: ScriptedServer) -> None:
    write(
        pytester,
        server,
        """
import promptecho

@pytest.mark.xfail
def test_fixture(promptecho_cassette):
    ask()
    assert False

@pytest.mark.xfail
@promptecho.use_cassette("decorated.yaml")
def test_decorated():
    ask()
    assert False

@pytest.mark.xfail(raises=ZeroDivisionError)
def test_other(promptecho_cassette):
    ask()
    assert False
""",
    )
    run(pytester).assert_outcomes(xfailed=2, failed=1)
    files = {path.name: "unfinished" in path.read_text() for path in pytester.path.rglob("*.yaml")}
    assert files == {"test_fixture.yaml": False, "decorated.yaml": False, "test_other.yaml": True}


def test_a_swallowed_miss_is_part_of_an_expected_failure(pytester: pytest.Pytester, server: ScriptedServer) -> None:
    write(
        pytester,
        server,
        """
import promptecho

def swallow(end):
    try:
        ask()
    except BaseException:
        end()

@pytest.mark.promptecho(mode="none")
def test_imperative():
    swallow(pytest.xfail)

@promptecho.use_cassette("c.yaml", mode="none")
def test_decorated():
    swallow(pytest.xfail)

@pytest.mark.xfail
@pytest.mark.promptecho(mode="none")
def test_marked():
    swallow(lambda: 1 / 0)

@pytest.mark.promptecho(mode="none")
def test_next(promptecho_cassette):
    pass
""",
    )
    run(pytester).assert_outcomes(xfailed=3, passed=1)


def test_the_progress_line_is_as_without_promptecho(pytester: pytest.Pytester, server: ScriptedServer) -> None:
    write(pytester, server, "def test_a(promptecho_cassette):\n    ask()\n\ndef test_b():\n    pass\n")
    run(pytester, "-q").stdout.fnmatch_lines(["..  *"])


def test_lint_knows_which_fixtures_the_cassette_of_a_test_covers(tmp_path: Path) -> None:
    from promptecho._lint import examine

    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(
        """
import openai, pytest

def ask(text):
    return openai.OpenAI().chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": text}])

@pytest.fixture(scope="module")
def covered(promptecho_module_cassette):
    return ask("a")

@pytest.fixture(scope="session")
def live():
    return openai.OpenAI().responses.create(model="gpt-5", input="hi")

@pytest.fixture
def own():
    return ask("b")

def test_covered(covered): ...

def test_own(own, promptecho_cassette): ...

@pytest.mark.promptecho
def test_live(live): ...
"""
    )
    found = examine([tmp_path]).findings
    assert [(each.rule, each.line, each.call) for each in found] == [
        ("unrecorded-call", 24, (tmp_path.resolve() / "test_it.py", 13))
    ]
    assert found[0].hint == "let the fixture that makes it ask for promptecho_module_cassette, or that of its scope"
    assert found[0].fix is None
