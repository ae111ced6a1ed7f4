"""``promptecho rerecord``: record cassettes again by running exactly the tests that use them, and say what changed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from promptecho._cassette import store
from promptecho._cli import _screen
from promptecho._cli._cassette_files import OpenedCassette, find, from_bytes
from promptecho._cli._comparison import Differences, compare
from promptecho._cli._diff import show as show_differences
from promptecho._cli._diff import to_json as differences_json
from promptecho._cli._last_run import Entry, LastRun, find_record
from promptecho._defaults import is_ci
from promptecho.errors import PromptechoError, SettingsError

Json = Any
_MOST_ARGUMENTS = 100_000  # characters on one command line
_NO_RECORD = "no test run left a record to go by (.pytest_cache/d/promptecho/last-run.json); run pytest first"


@dataclass(frozen=True)
class Change:
    """One cassette before and after; ``note`` says why there is nothing to compare."""

    path: Path
    found: Differences | None = None
    note: str = ""


# --- which tests ------------------------------------------------------------------------------------------------------


def _chosen(paths: Sequence[Path]) -> tuple[LastRun, list[Entry]]:
    """The record, and what it says of the named cassettes; of all, if none is named.

    Raises:
        SettingsError: there is no record, or a cassette isn't in it.
    """
    if not paths:
        run = find_record(Path.cwd())
        if run is None:
            raise SettingsError(_NO_RECORD)
        return run, list(run.entries.values())
    runs: dict[Path, LastRun] = {}
    entries: list[Entry] = []
    missing = [path for path in paths if not os.path.lexists(path)]  # deleted, and to be recorded anew
    present = [path for path in paths if path not in missing]
    for path in [*(find(present) if present else ()), *missing]:
        run = find_record(path.parent)
        if run is None:
            raise SettingsError(f"{path}: {_NO_RECORD}")
        entry = run.entry(path)
        if entry is None:
            raise SettingsError(
                f"{path}: the last test run did not open it, so its tests are not known; run pytest first"
            )
        runs[run.root] = run
        entries.append(entry)
    if len(runs) != 1:
        what = "of several projects; name those of one" if runs else "not there; name cassettes, or folders with some"
        raise SettingsError(f"the cassettes are {what}")
    return next(iter(runs.values())), entries


def _tests_of(run: LastRun, entries: Sequence[Entry]) -> list[str]:
    """The tests that opened some cassettes, less those whose file is gone.

    Raises:
        SettingsError: none is left.
    """
    tests = dict.fromkeys(test for entry in entries for test in entry.tests)
    there = [test for test in tests if (run.root / test.partition("::")[0]).is_file()]
    if not there:
        raise SettingsError(
            "the record knows of no test that is still there and opens these cassettes; run pytest first"
        )
    return there


# --- running ----------------------------------------------------------------------------------------------------------


@contextmanager
def _as_arguments(names: Sequence[str]) -> Iterator[list[str]]:
    """Names of tests for the command line; in a file where they are too many for one."""
    if sum(map(len, names)) < _MOST_ARGUMENTS:
        yield list(names)
        return
    with tempfile.TemporaryDirectory(prefix="promptecho-") as folder:
        file = Path(folder) / "tests.txt"
        file.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
        yield [f"@{file}"]


def _run_pytest(run: LastRun, tests: Sequence[str], options: Sequence[str], *, quiet_stdout: bool) -> int:
    """Run tests in mode ``all``, their output shown; pytest's exit code.

    The variable reaches every cassette, those opened by ``use_cassette`` with a mode of their own too.
    """
    names = [(run.root / test.partition("::")[0]).as_posix() + test[len(test.partition("::")[0]) :] for test in tests]
    with _as_arguments(names) as arguments:
        command = [sys.executable, "-m", "pytest", f"--rootdir={run.root}", *options, *arguments]
        try:
            done = subprocess.run(
                command,
                env={**os.environ, "PROMPTECHO_MODE": "all"},
                stdout=sys.stderr.fileno() if quiet_stdout else None,
                check=False,
            )
        except KeyboardInterrupt:  # pytest got it as well, and has said so
            return 2
    return done.returncode


# --- what changed -----------------------------------------------------------------------------------------------------


def _contents(path: Path) -> bytes | None:
    try:
        return store.read_bytes(path)
    except PromptechoError:
        return None


def _change(path: Path, before: bytes | None) -> Change:
    after = _contents(path)
    side = store.side_path(path)
    shown = Path(_screen.shown_path(path))
    if after is None:
        return Change(shown, note="it is not there any more")
    if after == before:
        left = f"; what was recorded is in {side.name}, and the next run goes on with it" if side.exists() else ""
        return Change(shown, note=f"as it was: its tests did not record it to the end{left}")
    try:
        new = from_bytes(after, shown)
    except PromptechoError as problem:
        return Change(shown, note=f"the new recording can't be read: {problem}")
    try:
        old = from_bytes(before, shown, new.options) if before is not None else OpenedCassette(shown)
    except PromptechoError:
        return Change(shown, note=f"recorded anew, {_screen.counted(len(new.interactions), 'recording')}; "
                                  "the old file could not be read")  # fmt: skip
    return Change(shown, compare(old, new))


def show(changes: Sequence[Change]) -> None:
    """The changes for a person."""
    to = _screen.console()
    for change in changes:
        to.print()
        if change.found is None:
            _screen.paragraph(to, f"{change.path.as_posix()}: {change.note}")
        else:
            _screen.paragraph(to, change.path.as_posix(), style="bold")
            show_differences(change.found)


def to_json(changes: Sequence[Change], tests: Sequence[str], exit_code: int) -> Json:
    """The changes as plain data."""
    return {
        "exit_code": exit_code,
        "tests": list(tests),
        "cassettes": [
            {
                "path": change.path.as_posix(),
                "note": change.note or None,
                "differences": None if change.found is None else differences_json(change.found),
            }
            for change in changes
        ],
    }


class _WithPytestArguments(click.Command):
    """Keeps what stands behind ``--`` for pytest."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            place = args.index("--")
            args, context.obj = args[:place], args[place + 1 :]
        return super().parse_args(context, args)

    def collect_usage_pieces(self, context: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(context), "[-- PYTEST ARGS]"]


@click.command("rerecord", cls=_WithPytestArguments)
@click.argument("cassettes", nargs=-1, type=click.Path(path_type=Path))
@click.option("--max-live-calls", metavar="N", help="Stop at one live call more.")
@click.option("--max-live-usd", metavar="USD", help="Stop once live calls cost as much.")
@click.option("--even-in-ci", is_flag=True, help="Record although CI is set.")
@click.option("--json", "as_json", is_flag=True, help="Print the changes as JSON; pytest writes to standard error.")
@click.pass_context
def command(
    context: click.Context,
    cassettes: tuple[Path, ...],
    max_live_calls: str | None,
    max_live_usd: str | None,
    even_in_ci: bool,
    as_json: bool,
) -> None:
    """Record CASSETTES again: run the tests that used them in mode 'all', and say what changed.

    Without CASSETTES, those of all tests in the record of the last run. Live calls are made, and cost money. An old
    file is replaced when its test has passed. Exit code: that of pytest (1: a test failed); 2: a cassette is in no
    record.
    """
    if is_ci() and not even_in_ci:
        raise SettingsError("the variable CI is set, where nothing is recorded; pass --even-in-ci if it is meant")
    run, entries = _chosen(cassettes)
    tests = _tests_of(run, entries)
    limits = {"--promptecho-max-live-calls": max_live_calls, "--promptecho-max-live-usd": max_live_usd}
    options = [f"{name}={value}" for name, value in limits.items() if value is not None]
    concerned = sorted(entry.path for entry in run.entries.values() if not set(tests).isdisjoint(entry.tests))
    before = {path: _contents(path) for path in concerned}
    exit_code = _run_pytest(run, tests, [*options, *(context.obj or ())], quiet_stdout=as_json)
    changes = [_change(path, before[path]) for path in concerned]
    if as_json:
        _screen.print_json(to_json(changes, tests, exit_code))
    else:
        show(changes)
    raise SystemExit(exit_code)
