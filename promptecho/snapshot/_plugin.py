"""The part of the pytest plugin that belongs to snapshots: the fixture, the option, the end of a run.

Rule: it loads nothing of promptecho that is heavy until a test asks for the fixture, or the run updates snapshots.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from promptecho._defaults import is_ci
from promptecho._harmless import harmless
from promptecho._secrets.masked_names import masked_name

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

    from promptecho.snapshot._fixture import Failure, LLMSnapshot, Test
    from promptecho.snapshot._run import Gathered, Outcome

_OPTION = "llm_snapshot_update"
_WORKER_OUTPUT = "promptecho_snapshots"
_FOLDER = "__llm_snapshots__"
_FIXTURE = "llm_snapshot"
_MOST_LINES, _MOST_CHARACTERS = 7, 560  # pytest cuts an explanation at 8 lines and 640 characters
_test = pytest.StashKey["Test"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("promptecho", "record and replay of LLM API calls")
    group.addoption(
        "--llm-snapshot-update",
        action="store_true",
        dest=_OPTION,
        help="write missing and changed snapshots of answers, and remove unused ones; never in CI",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption(_OPTION) and is_ci():
        raise pytest.UsageError("--llm-snapshot-update: CI never writes snapshots; update them locally and commit them")
    config.pluginmanager.register(Snapshots(config), "promptecho-snapshots")


@pytest.fixture
def llm_snapshot(request: pytest.FixtureRequest) -> LLMSnapshot:
    """Compares what a model answered with a snapshot in ``__llm_snapshots__`` beside the test.

    It is an :class:`~promptecho.snapshot.LLMSnapshot`. ``pytest --llm-snapshot-update`` writes what is missing or has
    changed.

    .. code-block:: python

        def test_weather(promptecho_cassette, llm_snapshot):
            assert ask("How is the weather in Paris?") == llm_snapshot
    """
    from promptecho.snapshot._fixture import LLMSnapshot

    plugin: Snapshots = request.config.pluginmanager.getplugin("promptecho-snapshots")
    return LLMSnapshot(plugin.start(request.node))


def test_name(item: pytest.Item) -> str:
    """The name of a test in its module: class names go in front."""
    classes = [node.name for node in item.listchain() if isinstance(node, pytest.Class)]
    return masked_name(".".join([*classes, item.name]))


test_name.__test__ = False  # type: ignore[attr-defined]  # it only begins like a test


class Snapshots:
    """What one pytest process knows of its tests and snapshots."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._update = bool(config.getoption(_OPTION))
        self._results: list[Any] = []
        self._tests: dict[str, dict[str, set[str]]] = {}
        self._failed_collection = False
        self._from_workers: list[str] = []
        self._outcome: Outcome | None = None
        self._found: list[pytest.Item] = []
        self._watches_tests = False

    def start(self, item: pytest.Item) -> Test:
        """A test begins to compare."""
        self._watch_tests()
        from promptecho.snapshot._file import path_for
        from promptecho.snapshot._fixture import Test

        root = self._config.rootpath
        test = Test(test_name(item), item.nodeid, path_for(item.path), root, self._update, is_ci(), self._results)
        item.stash[_test] = test
        return test

    # --- which tests ran ----------------------------------------------------------------------------------------------

    def _note(self, item: pytest.Item, what: str) -> None:
        known = self._tests.setdefault(str(item.path), {})
        known.setdefault(what, set()).add(test_name(item))

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self._found = list(items)  # before any are deselected

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        found, self._found = self._found, []
        if not self._concerns(found):
            return
        self._watch_tests()
        for item in found:
            self._note(item, "found")
        for item in session.items:
            self._note(item, "kept")

    def _concerns(self, found: Sequence[pytest.Item]) -> bool:
        """Whether any of some tests has to do with snapshots; looking at each costs time in a suite of thousands."""
        if any(_FIXTURE in getattr(item, "fixturenames", ()) for item in found):
            return True
        return any((folder / _FOLDER).is_dir() for folder in {path.parent for path in {item.path for item in found}})

    def _watch_tests(self) -> None:
        if not self._watches_tests:
            self._watches_tests = True
            self._config.pluginmanager.register(_Tests(self), "promptecho-snapshot-tests")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._failed_collection = self._failed_collection or report.failed

    def note_report(self, item: pytest.Item, report: pytest.TestReport) -> None:
        """A phase of a test has ended."""
        if not report.passed:
            self._note(item, "not_passed")
        if report.when == "teardown":
            self._note(item, "ran")
        test = item.stash.get(_test, None)
        if test is not None and report.when == "call" and report.failed:
            texts = ["\n".join(each.lines) for each in test.failures if not each.shown]
            if texts:
                report.sections.append(("llm_snapshot", "\n\n".join(texts)))

    def pytest_assertrepr_compare(self, op: str, left: object, right: object) -> list[str] | None:
        for side, other in ((right, left), (left, right)):
            module = type(side).__module__
            if op != "==" or not module.startswith("promptecho.snapshot."):
                continue
            failure: Failure | None = getattr(side, "failure", None)
            if failure is not None:
                return _fitting(failure)
            if module == "promptecho.snapshot._judge":
                return _judged(side, other)
        return None

    # --- the end ------------------------------------------------------------------------------------------------------

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        sent = getattr(node, "workeroutput", {}).get(_WORKER_OUTPUT)
        if sent:
            self._from_workers.append(sent)

    def _is_idle(self) -> bool:
        """Whether this run has nothing to do with snapshots."""
        if self._results or self._from_workers:
            return False
        return not any((Path(module).parent / _FOLDER).is_dir() for module in self._tests)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._is_idle() or self._config.getoption("collectonly", False):
            return
        worker_output = getattr(self._config, "workeroutput", None)
        if worker_output is not None:
            worker_output[_WORKER_OUTPUT] = self._gathered().to_json()
            return
        from promptecho.snapshot._run import Gathered, Outcome

        together = self._gathered()
        for sent in self._from_workers:
            together.add(Gathered.from_json(sent))
        self._outcome = Outcome(together, self._config.rootpath, update=self._update)
        if self._update:
            self._outcome.write()
            if self._outcome.problems and session.exitstatus == 0:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self._keep_pending(self._outcome)

    def _gathered(self) -> Gathered:
        from promptecho.snapshot._run import Gathered, Module

        modules = {
            path: Module(**{name: tests.get(name, set()) for name in ("found", "kept", "ran", "not_passed")})
            for path, tests in self._tests.items()
        }
        for module in self._named_in_part():
            modules.pop(str(module), None)
        partial = self._failed_collection or bool(self._config.getoption("lf", False))
        return Gathered(self._results, modules, partial)

    def _named_in_part(self) -> Sequence[Path]:
        """The modules of which the command line names single tests."""
        arguments = [argument for argument in self._config.args if "::" in argument]
        if arguments and self._config.getoption("pyargs", False):
            return [Path(path) for path in self._tests]
        folder = self._config.invocation_params.dir
        return [(folder / argument.partition("::")[0]).resolve() for argument in arguments]

    def _keep_pending(self, outcome: Outcome) -> None:
        from promptecho.snapshot import _run

        cache = getattr(self._config, "cache", None)
        if cache is None:
            return
        file = Path(cache.mkdir("promptecho")) / _run.PENDING
        old = file.read_text(encoding="utf-8") if file.exists() else ""
        _run.write_pending(file, outcome.pending(old))

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        lines = list(self._outcome.lines()) if self._outcome is not None else []
        if not lines:
            return
        terminalreporter.section("llm_snapshot", sep="-", blue=True)
        for line in lines:
            terminalreporter.write_line(harmless(line))


class _Tests:
    """Looks at each test, once there is reason to."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        outcome: Any = yield
        self._snapshots.note_report(item, outcome.get_result())


def _fitting(failure: Failure) -> list[str]:
    """As much of a failure as pytest has room for; the rest stands in a section of the report."""
    fits = len(failure.lines) <= _MOST_LINES and sum(map(len, failure.lines)) <= _MOST_CHARACTERS
    if fits:
        failure.shown = True
        return list(failure.lines)
    head = failure.lines[0]
    return [head if len(head) <= _MOST_CHARACTERS else head[:_MOST_CHARACTERS], "(all of it is shown below)"]


def _judged(judge: Any, reply: object) -> list[str]:
    from promptecho.snapshot._reduce import reduce

    return list(judge.problems(reduce(reply)))
