"""Calls to providers that no cassette sees in a pytest run: an error in a strict run, else lines of its summary.

Rule: a run in which nothing of promptecho is used pays nothing; the interpreter is listened to from the moment at which
a test asks for a cassette, or at which anything is configured.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from promptecho._defaults import is_ci
from promptecho._telling import run

if TYPE_CHECKING:
    from promptecho._guard.guard import Watch

_WORKER_OUTPUT = "promptecho_calls"


class Uncovered:
    """What is seen of calls outside cassettes, in one pytest process; of all its workers in the one that reports."""

    def __init__(
        self,
        config: pytest.Config,
        settings: dict[str, Any],
        *,
        strict: bool,
        wants_cassette: Callable[[pytest.Item], bool],
    ) -> None:
        self._config = config
        self._wants_cassette = wants_cassette
        self._settings = settings
        self._strict = strict
        self._installed = False
        self._is_watching = False
        self._errors: list[BaseException] = []  # of the test that is running
        self._of_workers: Counter[tuple[str, ...]] = Counter()
        self._outer = Counter(run.calls)  # of a run around this one, in the same process
        run.calls.clear()

    # --- watching -----------------------------------------------------------------------------------------------------

    def watch(self) -> None:
        """Look at calls outside of cassettes from now on."""
        if self._is_watching:
            return
        self._is_watching = True
        from promptecho._backends import patching
        from promptecho._session import activation

        activation.watch_outside(self._make_watch())
        self._config.pluginmanager.register(_Fixtures(), "promptecho-fixtures")
        if self._strict or self._settings.get("block_network"):
            self._config.pluginmanager.register(_Refusals(self._errors), "promptecho-refusals")
        if self._strict:
            patching.install(())  # the guard's wrappers: what goes through proxies is seen too
            self._installed = True

    def _make_watch(self) -> Watch:
        from promptecho._guard.guard import Watch
        from promptecho._session.session import among

        blocks = bool(self._settings.get("block_network"))
        let_out = self._settings.get("ignore_hosts", ())
        mode = os.environ.get("PROMPTECHO_MODE", "").strip() or self._settings.get("mode")
        mode = str(mode or ("none" if is_ci() else "once"))
        return Watch(
            "raise" if blocks or self._strict else "note",
            "raise" if blocks else "",
            holds_background=mode == "none",
            note=self._errors.append,
            lets_out=lambda host: among(host, let_out),
        )

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: Sequence[pytest.Item]) -> None:
        if "promptecho._session.activation" in sys.modules or any(map(self._wants_cassette, items)):
            self.watch()

    # --- what was seen ------------------------------------------------------------------------------------------------

    @property
    def calls(self) -> Counter[tuple[str, ...]]:
        """The calls of this process and its workers, as ``run.calls``."""
        return Counter(run.calls) + self._of_workers

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        for call, count in json.loads(getattr(node, "workeroutput", {}).get(_WORKER_OUTPUT, "[]")):
            self._of_workers[tuple(call)] += count

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        worker_output = getattr(self._config, "workeroutput", None)
        if worker_output is not None:
            worker_output[_WORKER_OUTPUT] = json.dumps([[call, count] for call, count in run.calls.items()])

    def pytest_unconfigure(self) -> None:
        if self._is_watching:
            from promptecho._backends import patching
            from promptecho._session import activation

            if self._installed:
                patching.uninstall(())
            activation.watch_outside(None)
        run.calls.clear()
        run.calls.update(self._outer)


class _Refusals:
    """Fails a test in which a call was refused, whoever swallowed the error."""

    def __init__(self, errors: list[BaseException]) -> None:
        self._errors = errors

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        return (yield from self._raising())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        return (yield from self._raising())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        return (yield from self._raising())

    def _raising(self) -> Generator[None, object, object]:
        __tracebackhide__ = True
        self._errors.clear()
        result = yield
        if self._errors:
            raise self._errors.pop()
        return result


class _Fixtures:
    """Knows which fixture is being set up."""

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        run.fixtures.append(fixturedef.argname)
        try:
            return (yield)
        finally:
            run.fixtures.pop()
