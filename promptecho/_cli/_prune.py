"""``promptecho prune``: take out of cassettes what the last test run did not play."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from promptecho import _lint
from promptecho._cassette import store
from promptecho._cassette.interaction import Interaction
from promptecho._cli import _screen
from promptecho._cli._cassette_files import find, from_bytes
from promptecho._cli._last_run import Entry, LastRun, find_records
from promptecho._lint._uses import NamedUse, Use
from promptecho.errors import CassetteFileError, PromptechoError

Json = Any
_RUN_FIRST = "run pytest first"


@dataclass(frozen=True)
class Outcome:
    """One cassette: the recordings that go, or why it is left as it is (``kept``) or can't be read (``problem``)."""

    path: Path
    dropped: tuple[Interaction, ...] = ()
    recordings: int = 0
    kept: str = ""
    problem: str = ""
    deleted: bool = False


# --- what to drop -----------------------------------------------------------------------------------------------------


@dataclass
class _Records:
    """The records of the projects in which the cassettes are, and what their tests name."""

    _runs: dict[Path, list[LastRun]] = field(default_factory=dict)
    _uses: dict[Path, Sequence[Use]] = field(default_factory=dict)

    def runs_of(self, path: Path) -> list[tuple[LastRun, Entry]]:
        """What the records of its folder and those above say of a cassette, the latest last."""
        folder = path.resolve().parent
        if folder not in self._runs:
            self._runs[folder] = sorted(find_records(folder), key=lambda run: run.written_at)
        entries = [(run, run.entry(path)) for run in self._runs[folder]]
        return [(run, entry) for run, entry in entries if entry is not None]

    def reason_to_keep(self, path: Path, count: int) -> tuple[str, Entry | None]:
        """Why nothing may be dropped from a cassette of so many recordings; else what the record says of it."""
        runs = self.runs_of(path)
        if not runs:
            return f"no test run left a record of it; {_RUN_FIRST}", None
        run, entry = runs[-1]
        if not entry.complete:
            return "the last run was not all of its tests, or not all passed; run them all first", None
        if entry.recordings != count or path.stat().st_mtime > run.written_at:
            return f"it has changed since the last run; {_RUN_FIRST}", None
        missing = _known_before(runs) or self._test_not_in(run, entry, path.resolve())
        if missing:
            return f"{missing} may use it, and was not in the last run; run all tests first", None
        return "", entry

    def _test_not_in(self, run: LastRun, entry: Entry, path: Path) -> str:
        """A test that may open the cassette and of which the record doesn't know."""
        names = {test.partition("[")[0] for test in entry.tests}
        elsewhere = {test.partition("[")[0] for each in run.entries.values() for test in each.tests}
        for use in self._all_uses(run.root):
            ran = names if use.exact is not None else elsewhere
            if use.matches(path) and not any(use.test.endswith("/" + name) for name in ran):
                return _title(use, run.root)
        return ""

    def _all_uses(self, root: Path) -> Sequence[Use]:
        if root not in self._uses:
            self._uses[root] = [use for use in _lint.opened(root) if use.test]
        return self._uses[root]


def _known_before(runs: Sequence[tuple[LastRun, Entry]]) -> str:
    """A test that an earlier run, started in another folder, knows of and the last one does not."""
    *earlier, (last, entry) = runs
    known = {(last.root / test).as_posix() for test in entry.tests}
    for run, before in earlier:
        for test in before.tests:
            if (run.root / test).as_posix() not in known and (run.root / test.partition("::")[0]).exists():
                return test
    return ""


def _title(use: Use, root: Path) -> str:
    prefix = root.resolve().as_posix() + "/"
    title = use.test.removeprefix(prefix)
    return title + (" (whose cassette can't be told)" if isinstance(use, NamedUse) and use.is_open else "")


# --- dropping ---------------------------------------------------------------------------------------------------------


def _prune(path: Path, records: _Records, *, dry_run: bool) -> Outcome:
    try:
        with store.FileLock(path):
            data = store.read_bytes(path)
            if data is None:
                raise CassetteFileError(f"{path} doesn't exist any more")
            opened = from_bytes(data, path)
            count = len(opened.interactions)
            if opened.unfinished:
                return Outcome(path, recordings=count, kept="its recording is unfinished; run its tests to the end")
            kept, entry = records.reason_to_keep(path, count)
            if entry is None:
                return Outcome(path, recordings=count, kept=kept)
            dropped = tuple(each for each in opened.interactions if each.number not in entry.played)
            if dropped and not dry_run:
                without = without_recordings(data.decode("utf-8"), path, {each.number for each in dropped})
                _replace(path, without)
            return Outcome(path, dropped, count)
    except PromptechoError as problem:
        return Outcome(path, problem=str(problem))


def without_recordings(text: str, path: Path, dropped: set[int]) -> str:
    """The text of a cassette without some of its recordings; what is kept stays as it is written wherever it can."""
    document = store.parse(text, path)
    kept = [item for number, item in enumerate(document.items) if number not in dropped]
    return store.without(text, document, kept, path)


def _replace(path: Path, text: str) -> None:
    try:
        store.write_atomically(path, text)
    except OSError as problem:
        raise CassetteFileError(f"{path} can't be replaced: {problem.strerror or problem}; it is as it was") from None


def _delete_unused(paths: Sequence[Path], *, dry_run: bool) -> list[Outcome]:
    """Delete the cassettes that no test opens."""
    report = _lint.examine(paths or (Path(),), select=frozenset({"unused-cassette"}))
    outcomes = []
    for finding in report.findings:
        try:
            if not dry_run:
                finding.path.unlink()
            outcomes.append(Outcome(finding.path, deleted=True))
        except OSError as problem:
            outcomes.append(
                Outcome(finding.path, problem=f"{finding.path} can't be deleted: {problem.strerror or problem}")
            )
    return outcomes


# --- showing ----------------------------------------------------------------------------------------------------------


def to_json(outcomes: Sequence[Outcome], *, dry_run: bool) -> Json:
    """What was done as plain data."""
    return {
        "changed": not dry_run,
        "cassettes": [
            {
                "path": _screen.shown_path(each.path),
                "recordings": each.recordings,
                "dropped": [
                    {"number": one.number, "key": one.match_key, "method": one.method, "url": one.url}
                    for one in each.dropped
                ],
                "deleted": each.deleted,
                "kept": each.kept or None,
                "problem": each.problem or None,
            }
            for each in outcomes
        ],
    }


def show(outcomes: Sequence[Outcome], *, dry_run: bool) -> None:
    """What was done, for a person."""
    to = _screen.console()
    for each in outcomes:
        name = _screen.shown_path(each.path)
        if each.problem:
            _screen.paragraph(to, f"{name}: can't be pruned: {each.problem}")
        elif each.kept:
            _screen.paragraph(to, f"{name}: left as it is: {each.kept}")
        elif each.deleted:
            _screen.paragraph(to, f"{name}: {'would delete' if dry_run else 'deleted'}, as no test opens it")
        for one in each.dropped:
            verb = "would drop" if dry_run else "dropped"
            _screen.paragraph(to, f"{name}: {verb} [{one.number}] {one.method} {one.url}, key {one.match_key}")
    dropped = sum(len(each.dropped) for each in outcomes)
    files = sum(bool(each.dropped) for each in outcomes)
    what = f"{_screen.counted(dropped, 'recording')} {'to drop' if dry_run else 'dropped'}"
    _screen.paragraph(to, f"{what} from {files} of {_screen.counted(len(outcomes), 'cassette')}")


@click.command("prune")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--unused-cassettes", is_flag=True, help="Delete cassettes that no test opens (lint: unused-cassette).")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def command(paths: tuple[Path, ...], unused_cassettes: bool, dry_run: bool, as_json: bool) -> None:
    """Drop the recordings that the last pytest run did not play.

    PATHS are cassettes and folders; without any, all 'cassettes' folders below this one. A cassette is touched only if
    all its tests ran and passed, and nothing changed it since. Exit code 1: a file can't be read.
    """
    deleted = _delete_unused(paths, dry_run=dry_run) if unused_cassettes else []
    gone = {each.path.resolve() for each in deleted}
    records = _Records()
    left = [path for path in paths if path.resolve() not in gone]
    present = find(left) if left or not paths else []
    outcomes = deleted + [_prune(path, records, dry_run=dry_run) for path in present if path.resolve() not in gone]
    if as_json:
        _screen.print_json(to_json(outcomes, dry_run=dry_run))
    else:
        show(outcomes, dry_run=dry_run)
    raise SystemExit(1 if any(each.problem for each in outcomes) else 0)
