"""``promptecho repair``: write cassettes again that were edited by hand, and say what is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from promptecho._cassette import store
from promptecho._cassette.mending.repairing import Repaired, repaired
from promptecho._cli import _screen
from promptecho._cli._cassette_files import find
from promptecho.errors import CassetteFileError, PromptechoError

Json = Any


@dataclass(frozen=True)
class Outcome:
    """What became of one file, or why it can't be repaired."""

    path: Path
    repaired: Repaired | None = None
    changed: bool = False
    problem: str = ""


def _repair(path: Path, *, dry_run: bool) -> Outcome:
    try:
        with store.FileLock(path):
            text = store.read_text(path)
            if text is None:
                raise CassetteFileError(f"{path} doesn't exist any more")
            found = repaired(text, path)
            changed = found.text != text
            if changed and not dry_run:
                _replace(path, found.text)
            return Outcome(path, found, changed)
    except PromptechoError as problem:
        return Outcome(path, problem=str(problem))


def _replace(path: Path, text: str) -> None:
    try:
        store.write_atomically(path, text)
    except OSError as problem:
        raise CassetteFileError(f"{path} can't be replaced: {problem.strerror or problem}; it is as it was") from None


def to_json(outcomes: Sequence[Outcome], *, dry_run: bool) -> Json:
    """What was done as plain data."""
    return {
        "changed": not dry_run,
        "cassettes": [
            {
                "path": _screen.shown_path(each.path),
                "recordings": each.repaired.recordings if each.repaired else None,
                "rewritten": each.repaired.rewritten if each.repaired else None,
                "changed": each.changed,
                "lost": [
                    {
                        "number": loss.interaction.number,
                        "key": loss.interaction.match_key,
                        "place": loss.place,
                        "was_in": loss.source,
                    }
                    for loss in (each.repaired.losses if each.repaired else ())
                ],
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
        if each.repaired is None:
            _screen.paragraph(to, f"{name}: can't be repaired: {each.problem}")
            continue
        if each.repaired.torn:
            _screen.paragraph(to, f"{name}: the last recording was cut off while it was written, and is left out")
        if each.changed:
            verb = "would write" if dry_run else "wrote"
            count = _screen.counted(each.repaired.rewritten, "recording")
            _screen.paragraph(to, f"{name}: {verb} {count} anew, of {each.repaired.recordings:,}")
        for loss in each.repaired.losses:
            one = loss.interaction
            _screen.paragraph(
                to,
                f"{name}: [{one.number}] {one.method} {one.url}, key {one.match_key}: {loss.place} is lost; it was in "
                f"a recording with the key {loss.source}",
            )
        if each.repaired.losses:
            _screen.paragraph(
                to,
                f"{name}: as long as they are not edited, these recordings replay. To have them whole, restore what is "
                "lost from version control, or record them again",
            )
    changed = sum(each.changed for each in outcomes)
    what = "to repair" if dry_run else "repaired"
    _screen.paragraph(to, f"{changed} of {_screen.counted(len(outcomes), 'cassette')} {what}")


@click.command("repair")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def command(paths: tuple[Path, ...], dry_run: bool, as_json: bool) -> None:
    """Write cassettes again in which recordings were edited, moved or deleted by hand, or that a formatter went over.

    PATHS are cassettes and folders; without any, all 'cassettes' folders below this one. What recordings have in
    common is written once again, keys are made anew from what the file says now, and what a deleted recording took
    with it is listed. Recordings that fit stay as they are written. Exit code 1: something is lost, or a file can't be
    read.
    """
    outcomes = [_repair(path, dry_run=dry_run) for path in find(paths)]
    if as_json:
        _screen.print_json(to_json(outcomes, dry_run=dry_run))
    else:
        show(outcomes, dry_run=dry_run)
    raise SystemExit(1 if any(each.problem or (each.repaired and each.repaired.losses) for each in outcomes) else 0)
