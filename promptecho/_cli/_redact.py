"""``promptecho redact``: mask in existing cassettes what would be masked if they were recorded today."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from promptecho._cassette import store
from promptecho._cassette.mending.masking import Masked, mask_file, mask_text
from promptecho._cli import _screen
from promptecho._cli._cassette_files import find
from promptecho._settings import settings
from promptecho.errors import PromptechoError, SettingsError

Json = Any


@dataclass(frozen=True)
class Outcome:
    """One file: what was masked in it (or would be), or why that can't be told."""

    path: Path
    masked: Masked | None = None
    problem: str = ""


def _go_over(path: Path, redact: Sequence[Any], *, check: bool) -> Outcome:
    try:
        if check:
            text = store.read_text(path)
            return Outcome(path, None if text is None else mask_text(text, path, redact))
        return Outcome(path, mask_file(path, redact))
    except PromptechoError as problem:
        return Outcome(path, problem=str(problem))


def to_json(outcomes: Sequence[Outcome], *, check: bool) -> Json:
    """What was done as plain data."""
    return {
        "changed": not check,
        "cassettes": [
            {
                "path": each.path.as_posix(),
                "problem": each.problem or None,
                "texts": 0 if each.masked is None else len(each.masked.kinds),
                "kinds": {} if each.masked is None else dict(sorted(Counter(each.masked.kinds).items())),
            }
            for each in outcomes
        ],
    }


def show(outcomes: Sequence[Outcome], given: Sequence[str], *, check: bool) -> None:
    """What was done, for a person; no credential is part of it."""
    to = _screen.console()
    for each in outcomes:
        name = _screen.shown_path(each.path)
        if each.problem:
            _screen.paragraph(to, f"{name}: not looked through: {each.problem}")
        elif each.masked is not None:
            kinds = ", ".join(dict.fromkeys(each.masked.kinds))
            verb = "would mask" if check else "masked"
            _screen.paragraph(to, f"{name}: {verb} {_screen.counted(len(each.masked.kinds), 'text')}: {kinds}")
    found = sum(each.masked is not None for each in outcomes)
    looked = _screen.counted(sum(not each.problem for each in outcomes), "cassette")
    _screen.paragraph(to, f"{looked} looked through, {found} {'to mask' if check else 'masked'}")
    if given and any(each.masked is not None and each.masked.requests for each in outcomes):
        names = ", ".join(f"'{entry}'" for entry in given)
        _screen.paragraph(
            to,
            f"Requests were masked, so they replay only where the same is masked: add redact = [{names}] to "
            "[tool.promptecho].",
        )


def _check_patterns(redact: Sequence[Any]) -> None:
    for entry in redact:
        try:
            re.compile(entry)
        except re.error as problem:
            raise SettingsError(f"redact: {entry!r} is neither a name nor a regular expression: {problem}") from None


@click.command("redact")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--redact",
    "given",
    multiple=True,
    metavar="PATTERN",
    help="Mask this too: a regular expression or the name of a field, as use_cassette(redact=...) takes it.",
)
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 if there is something to mask.")
@click.option("--json", "as_json", is_flag=True, help="Print what was masked as JSON.")
def command(paths: tuple[Path, ...], given: tuple[str, ...], check: bool, as_json: bool) -> None:
    """Mask credentials in cassettes that were recorded before today's rules, or before redact= was set.

    PATHS are cassettes and folders; without any, all 'cassettes' folders below this one. The settings of
    [tool.promptecho] hold. What is masked is not undone: a real credential that was in a repository must be revoked.
    Exit code 1: a file can't be read, or with --check, something is to be masked.
    """
    redact = [*settings.from_project(Path.cwd()).get("redact", ()), *given]
    _check_patterns(redact)
    outcomes = [_go_over(path, redact, check=check) for path in find(paths)]
    if as_json:
        _screen.print_json(to_json(outcomes, check=check))
    else:
        show(outcomes, given, check=check)
    wrong = any(each.problem or (check and each.masked is not None) for each in outcomes)
    raise SystemExit(1 if wrong else 0)
