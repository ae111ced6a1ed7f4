"""What a pytest run says of its cassettes: header, progress, the miss on top of a failure, and the summary.

Like the plugin, it loads nothing heavy until there is something to say.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

import promptecho
from promptecho import errors
from promptecho._defaults import DEFAULT_BACKENDS, is_ci
from promptecho._harmless import harmless
from promptecho._session import run_folder
from promptecho._telling import run
from promptecho._telling.scope import Scope

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

    from promptecho._cassette.cassette import Cassette
    from promptecho._pytest.strict import Uncovered
    from promptecho._telling.summary import Summary

T = TypeVar("T")
ENDED: pytest.StashKey[BaseException | None] = pytest.StashKey()  # how a test did; not there if it was cut off
FAILED: pytest.StashKey[BaseException] = pytest.StashKey()  # how the last test that failed in a class, module... ended
_WORKER_OUTPUT = "promptecho_closed"
_FOLDER = "promptecho_run"


class Reporting:
    """The reporting half of the plugin; one for each pytest process."""

    def __init__(self, config: pytest.Config, settings: dict[str, Any], uncovered: Uncovered) -> None:
        self._config = config
        self._uncovered = uncovered
        self._settings = settings
        self._tallies: list[dict[str, Any]] = []  # of the workers of pytest-xdist
        self._scope = Scope()
        self._workers = 0  # of pytest-xdist, of which nothing is known yet
        self._watches_tests = False
        self._ledger: str | None = None
        self._kept: list[str] = []  # what is said of recordings that mode "all" did not drop in the end
        self._folder: str | None = None  # of the workers of pytest-xdist
        self._outer = run.watching, run.closed, run.opened  # of a run around this one, in the same process
        shared = getattr(config, "workerinput", {}).get(_FOLDER)
        run_folder.folder = Path(shared) if shared else None
        run.watching, run.closed, run.opened = True, _Watched(self.watch_tests), _Watched(self.watch_tests)
        errors.be_outcome(pytest.fail.Exception)
        if getattr(config.option, "dist", "no") != "no":  # the tests run in workers, and are reported here
            self.watch_tests()

    # --- budget -------------------------------------------------------------------------------------------------------

    @property
    def _is_worker(self) -> bool:
        return hasattr(self._config, "workerinput")

    def share_budget(self) -> None:
        """Let the processes of this run add up what they spend in one file."""
        if not self._is_worker and run.LEDGER_VARIABLE not in os.environ:
            descriptor, self._ledger = tempfile.mkstemp(prefix="promptecho-ledger-")
            os.close(descriptor)
            os.environ[run.LEDGER_VARIABLE] = self._ledger

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Name one folder to all workers of pytest-xdist."""
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="promptecho-run-")
        node.workerinput[_FOLDER] = self._folder
        self._workers += 1

    def pytest_unconfigure(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        run.watching, run.closed, run.opened = self._outer
        if not run.watching:
            errors.be_outcome(None)
        if self._ledger is not None:
            os.environ.pop(run.LEDGER_VARIABLE, None)
            Path(self._ledger).unlink(missing_ok=True)

    # --- header and progress ------------------------------------------------------------------------------------------

    def pytest_report_header(self) -> str:
        mode = os.environ.get("PROMPTECHO_MODE", "").strip() or self._settings.get("mode")
        backends = os.environ.get("PROMPTECHO_BACKENDS", "").strip() or self._settings.get("backends")
        mode = mode or ("none for fixture and marker (CI is set)" if is_ci() else "once")
        names = backends if isinstance(backends, str) else ", ".join(backends or DEFAULT_BACKENDS)
        return f"promptecho: mode {mode}, backends {names}"

    def watch_tests(self) -> None:
        """Look at each test from now on. Only where cassettes are used, as it costs time in a suite of thousands."""
        if not self._watches_tests:
            self._watches_tests = True
            self._config.pluginmanager.register(_Tests(), "promptecho-tests")

    # --- summary ------------------------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Note what there is, before ``--lf`` and the like take some of it out."""
        report = yield
        if report.passed and collector.nodeid:
            self._scope.note_listed(collector.nodeid, [each.nodeid for each in report.result])
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self._scope.passed.add(report.nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        output = getattr(node, "workeroutput", {})
        if _WORKER_OUTPUT not in output:
            return
        tallies, scope = json.loads(output[_WORKER_OUTPUT])
        self._tallies += tallies
        self._scope.add(scope)
        self._workers -= 1

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        worker_output = getattr(self._config, "workeroutput", None)
        if worker_output is not None:
            # In ASCII: a path may hold bytes that are no text, which pytest-xdist can't send.
            worker_output[_WORKER_OUTPUT] = json.dumps([run.closed, (self._scope if run.closed else Scope()).as_json()])
            return
        summary = self._summary()
        if summary is None:
            return
        # Of a worker that was lost nobody knows what its tests did; the same holds for an interrupted test.
        self._scope.is_partial = self._workers > 0 or exitstatus not in (0, 1)
        self._put_back(self._keep_record(summary))
        if self._config.getoption("promptecho_fail_on_unused") and summary.unused and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _summary(self) -> Summary | None:
        tallies, calls = [*self._tallies, *run.closed], self._uncovered.calls
        if not tallies and not calls:
            return None
        from promptecho._telling.summary import Summary

        return Summary(tallies, self._config.rootpath, calls)

    def _put_back(self, record: dict[str, Any]) -> None:
        """Keep recordings that mode ``all`` dropped, of tests that did not run, or did not pass."""
        from promptecho._session import rerecording

        if self._folder is not None:
            rerecording.take_up_dropped(Path(self._folder))
        complete = {self._real(name) for name, each in record.items() if each["complete"]}
        for path in list(rerecording.dropped):
            if path in complete:
                del rerecording.dropped[path]
                continue
            with contextlib.suppress(OSError, errors.PromptechoError):  # the file is another one by now
                count = rerecording.put_back(path)
                if count:
                    self._kept.append(f"{path}: {count} recording(s) kept, of tests that did not run or did not pass")

    def _real(self, shown: str) -> str:
        return os.path.realpath(self._config.rootpath / shown)

    def _keep_record(self, summary: Summary) -> dict[str, Any]:
        """Write the record of this run, and give what it says of cassettes."""
        from promptecho._telling.summary import LAST_RUN

        cache = getattr(self._config, "cache", None)
        if cache is None:
            record: dict[str, Any] = json.loads(summary.record("", self._scope))
            return dict(record["cassettes"])
        with contextlib.suppress(OSError):  # a cache that can't be written is for pytest to tell
            file = Path(cache.mkdir("promptecho")) / LAST_RUN
            old = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
            text = summary.record(old, self._scope)
            file.write_text(text, encoding="utf-8")
            return dict(json.loads(text)["cassettes"])
        return {}

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        summary = self._summary()
        if summary is None:
            return
        terminalreporter.write_sep("-", "promptecho", blue=True)
        for line in summary.lines():
            terminalreporter.write_line(harmless(line))
        warnings = [*summary.warnings(), *self._kept]
        shown = len(warnings) if terminalreporter.verbosity > 0 else _SHOWN_WARNINGS
        for line in warnings[:shown]:
            terminalreporter.write_line(harmless(line), yellow=True)
        if warnings[shown:]:
            terminalreporter.write_line(
                f"and {len(warnings) - shown} more lines like these (-v shows all)", yellow=True
            )
        if self._config.getoption("promptecho_fail_on_unused") and summary.unused:
            terminalreporter.write_line("unused recordings fail the run (--promptecho-fail-on-unused)", red=True)


_SHOWN_WARNINGS = 20


class _Watched(list[T]):
    """What was opened, or is known of what was closed; the first one begins the watch on tests."""

    def __init__(self, begin: Callable[[], None]) -> None:
        super().__init__()
        self._begin = begin

    def append(self, entry: T) -> None:
        self._begin()
        super().append(entry)


class _Tests:
    """What is done for each test of a suite that uses cassettes."""

    def __init__(self) -> None:
        self._counted = 0
        self._recorded: dict[int, int] = {}  # how much, when the test began, into the cassettes around it

    def pytest_runtest_setup(self) -> None:
        run.home = os.getpid(), threading.get_ident()
        self._recorded = {id(each): each.session.cassette.recorded_count for each in _open_entries()}

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Let a test whose code has swallowed a miss fail here, before its fixtures are torn down."""
        try:
            result = yield
        except pytest.skip.Exception:
            _raise_swallowed(item)
            raise
        noted = getattr(item, "_excinfo", None)  # how a test of unittest ended
        if not noted or isinstance(noted[0].value, pytest.skip.Exception):
            _raise_swallowed(item)
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Generator[None, object, object]:
        run.tears_down = True
        try:
            return (yield)
        finally:
            run.tears_down = False

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        raised = None if call.excinfo is None else call.excinfo.value
        if isinstance(raised, errors.PromptechoError) and raised.__cause__ is None:
            raised.__suppress_context__ = False  # httpcore raises it again "from None"
        report = yield  # the plugin for unittest puts in what a test raised
        if call.excinfo is not None and call.when != "teardown":
            meant = report.skipped  # an expected failure is among those
            item.stash[ENDED] = None if meant else call.excinfo.value
            if meant:
                _finish_after_all(call.excinfo.value)
                if hasattr(report, "wasxfail"):  # a miss that was swallowed on the way is part of what was expected
                    _first_swallowed(item, call.excinfo.value)
            else:
                for node in item.listchain()[:-1]:  # for cassettes of wider scope
                    node.stash[FAILED] = call.excinfo.value
            self._drop_refusals(None if meant else call.excinfo.value)
        elif call.when == "call":
            item.stash[ENDED] = None
        if call.when == "teardown":
            run.cut_off.clear()  # by then the cassette of the fixture is closed too
            run.ended_well.clear()
            fresh, self._counted = run.closed[self._counted :], len(run.closed)
            recorded = sum(int(str(each["recorded"])) for each in fresh)
            report.promptecho_recorded = recorded  # type: ignore[attr-defined]  # goes along to the controller
        if call.excinfo is not None and report.failed:
            error = call.excinfo.value
            swallowed = _first_swallowed(item, error)
            own = _own_error(error)
            if own is not None:
                run.told.add(str(own))  # the same miss of a child process may be known here only when it closes
                if own is error:
                    _trim(report, whole=item.config.getoption("fulltrace", False))
                _put_first(report, own)
                if isinstance(own, errors.LiveBudgetError):
                    item.session.shouldstop = f"promptecho: {own}"
            elif swallowed is not None:
                _put_first(report, swallowed, "The code under test went on after this, and then failed:")
            else:
                _put_replayed_errors_first(report, item)
        if call.when == "teardown":
            run.opened.clear()
            run.told.clear()
            errors.forget_arrived()
        return report

    def _drop_refusals(self, failure: BaseException | None) -> None:
        """A test has failed, or was skipped half-way: wrong keys and limits are not what its cassettes keep."""
        with contextlib.suppress(OSError, errors.CassetteFileError):  # how the test ended is what the user is to see
            for drop in run.ended_well:
                drop()
            for entry in _open_entries():
                entry.drop_refusals(self._recorded.get(id(entry), 0))
                if failure is not None:
                    entry.fail(failure)
        run.ended_well.clear()

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport, config: pytest.Config) -> tuple[str, str, str] | None:
        """With ``-v``, say how many calls a test recorded: the progress of a re-recording."""
        recorded = getattr(report, "promptecho_recorded", 0)
        if report.when == "teardown" and report.passed and recorded and config.get_verbosity() > 0:
            return "", "", f"RECORDED {recorded} call{'s' if recorded > 1 else ''}"
        return None


def _finish_after_all(error: BaseException) -> None:
    """Complete the recordings of cassettes that ended in an exception which turned out to be expected."""
    for ended_by, told, complete in run.cut_off:
        if ended_by is error:
            with contextlib.suppress(OSError):  # it stays unfinished, and the summary says so
                complete()
                told.update(failed=False, unfinished=False)


def _open_entries() -> list[Any]:
    """The cassettes that are open now, without those of another process."""
    activation = sys.modules.get("promptecho._session.activation")
    entries = activation._open if activation is not None else ()
    return [entry for entry in entries if not entry.is_inherited]


def _cassettes_of_test() -> list[Cassette]:
    """The cassettes that the running test has opened, and those that are open around it."""
    still_open = [entry.session.cassette for entry in _open_entries()]
    return list({id(each): each for each in [*run.opened, *still_open]}.values())


def _first_swallowed(item: pytest.Item, outcome: BaseException | None) -> BaseException | None:
    """The first miss of the cassettes of a test that nobody knows of, if it ended as it did."""
    cassettes = [each for each in _cassettes_of_test() if each.untold_misses()]
    if not cassettes:
        return None
    from promptecho._misses.swallowed import first_swallowed

    test: Any = getattr(item, "obj", None)
    code = getattr(inspect.unwrap(test), "__code__", None)
    return first_swallowed(cassettes, outcome, test=code)


def _own_error(error: BaseException) -> errors.PromptechoError | None:
    """An error if it is of ours, or the first one of ours in a group."""
    if isinstance(error, errors.PromptechoError):
        return error
    inner = (_own_error(each) for each in getattr(error, "exceptions", ()) if isinstance(each, BaseException))
    return next(filter(None, inner), None)


def _raise_swallowed(item: pytest.Item) -> None:
    __tracebackhide__ = True
    swallowed = _first_swallowed(item, None)
    if swallowed is not None:
        if getattr(item, "_excinfo", None):
            item._excinfo = None  # type: ignore[attr-defined]  # of a test of unittest that said skip
        raise swallowed


def _trim(report: Any, *, whole: bool) -> None:
    """Leave of the way to an error of ours what goes through the user's own code. ``whole``: leave it as it is."""
    from _pytest._code.code import ReprEntry

    trace = getattr(report.longrepr, "reprtraceback", None)
    if trace is not None and not whole and all(isinstance(entry, ReprEntry) for entry in trace.reprentries):
        trace.reprentries = [entry for entry in trace.reprentries if not _is_foreign(entry)]
        for entry in trace.reprentries:
            entry.lines = [line for line in entry.lines if not line.startswith("E  ")]


def _put_replayed_errors_first(report: Any, item: pytest.Item) -> None:
    """Name recorded errors that the test was answered with: it mostly fails of them."""
    cassettes = _cassettes_of_test()
    if not cassettes:
        return
    from promptecho._misses.replayed_errors import replayed_errors

    said = [line for cassette in cassettes for line in replayed_errors(cassette)]
    if said:
        again = f"To record again: PROMPTECHO_MODE=all pytest '{item.nodeid}'"
        _put_lines_first(report, [f"E   {line}" for line in [*said, again]])


def _put_first(report: Any, error: BaseException, *more: str) -> None:
    """Show what promptecho says on top of a failure, and what differs in its line of the short summary."""
    name = type(error).__name__
    lines = [f"E   {line}" if line else "E" for line in f"{name}: {error}".splitlines()]
    _put_lines_first(report, [*lines, *more])
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        crash.message = f"{name}: {getattr(error, 'summary', '') or str(error).splitlines()[0]}"


def _put_lines_first(report: Any, lines: list[str]) -> None:
    from _pytest._code.code import ReprEntry

    trace = getattr(report.longrepr, "reprtraceback", None)
    if trace is not None:
        first = report.longrepr.chain[0][0] if getattr(report.longrepr, "chain", None) else trace
        first.reprentries = [ReprEntry([*lines, ""], None, None, None, "short"), *first.reprentries]


_PACKAGE = os.path.dirname(os.path.abspath(promptecho.__file__))  # noqa: PTH100, PTH120 - text only, for each frame of a failure
_LIBRARY = os.path.dirname(os.path.abspath(os.__file__))  # noqa: PTH100, PTH120


def _is_foreign(entry: Any) -> bool:
    """Whether a frame is of an installed library, of Python's own or of promptecho."""
    shown = str(getattr(getattr(entry, "reprfileloc", None), "path", ""))
    path = os.path.abspath(shown)  # noqa: PTH100
    inside = path.replace("\\", "/")
    return (
        not shown
        or path.startswith((_PACKAGE + os.sep, _LIBRARY + os.sep))
        or any(f"/{name}/" in inside for name in ("site-packages", "dist-packages", "promptecho_backends"))
    )
