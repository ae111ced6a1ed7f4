"""What happened in a run: its live calls, counted against a budget, and its closed cassettes, for a summary.

Light, since a pytest run loads it before any test asks for a cassette.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from promptecho import _forks

if TYPE_CHECKING:
    from promptecho._cassette.cassette import Cassette

LEDGER_VARIABLE = "PROMPTECHO_LEDGER"  # names the file in which the processes of one run add up what they spent

watching = False  # whether anybody wants to know of closed cassettes
closed: list[dict[str, object]] = []  # what promptecho._telling.tally says of each
opened: list[Cassette] = []  # those that are opened meanwhile; whoever watches takes them out
told: set[str] = set()  # the texts of our errors with which the test that runs has failed already

home: tuple[int, int | None] = (os.getpid(), threading.main_thread().ident)  # process and thread that run the tests
tears_down = False  # whether fixtures are being torn down, where pytest understands an Exception or its own only
# Calls that no cassette answered: (kind, host, library, test, fixture, cassette) and how many. The kinds: "around" an
# open cassette, "uncovered" (none open, to a provider), "late" (after its cassette closed), "background" (held back).
calls: Counter[tuple[str, str, str, str, str, str]] = Counter()
fixtures: list[str] = []  # those that are being set up, the innermost last
cut_off: list[tuple[BaseException, dict[str, object], Callable[[], None]]] = []
"""Exceptions that ended cassettes of the running test, with what is told of each and what finishes it after all."""
ended_well: list[Callable[[], None]] = []  # for cassettes of the running test: what takes refusals out of one after all

_ledger: str | None = None  # the same for child processes of a process that nobody named one to
_lock = _forks.new_lock()
_calls = 0
_usd = Decimal(0)


def note_call(kind: str, host: str, library: str, cassette: str = "") -> None:
    """Keep a call for the summary, where there is one."""
    if kind and watching:
        test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
        calls[kind, host, library, test, fixtures[-1] if fixtures else "", cassette] += 1


def place() -> str:
    """Which fixture or test is running, in words; empty outside of tests."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
    if fixtures:
        return f"fixture {fixtures[-1]}" + (f" of {test}" if test else "")
    return test


def ledger() -> str | None:
    """The file in which several processes add up what they spend, if there are several."""
    return os.environ.get(LEDGER_VARIABLE) or _ledger


def share_ledger() -> None:
    """Add up with the processes that are started from now on."""
    if ledger() is None:
        import atexit
        import tempfile

        descriptor, path = tempfile.mkstemp(prefix="promptecho-ledger-")
        with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - a descriptor
            file.write("call 1\n" * _calls + f"usd {_usd}\n")
        atexit.register(_remove, path, os.getpid())
        join_ledger(path)


def join_ledger(path: str | None) -> None:
    """In a child process: add up with the one that started it."""
    global _ledger
    _ledger = path


def _remove(path: str, owner: int) -> None:
    if os.getpid() == owner:
        os.unlink(path)  # noqa: PTH108 - pathlib may be gone by then


def spent() -> tuple[int, Decimal]:
    """The live calls of this run so far, and what those cost whose price is known."""
    path = ledger()
    if path is None:
        return _calls, _usd
    calls, usd = 0, Decimal(0)
    try:
        with open(path, encoding="ascii") as file:  # noqa: PTH123 - pathlib is not loaded here
            for line in file:
                kind, _, amount = line.partition(" ")
                calls += kind == "call"
                usd += Decimal(amount.strip()) if kind == "usd" else 0
    except FileNotFoundError:
        pass
    return calls, usd


def count_call() -> None:
    """A call goes out."""
    global _calls
    with _lock:
        _calls += 1
    _enter("call 1")


def count_usd(amount: Decimal) -> None:
    """A call that went out cost so much."""
    global _usd
    with _lock:
        _usd += amount
    _enter(f"usd {amount}")


def _enter(line: str) -> None:
    path = ledger()
    if path is not None:
        with open(path, "a", encoding="ascii") as file:  # noqa: PTH123 - one short line: one write
            file.write(line + "\n")
