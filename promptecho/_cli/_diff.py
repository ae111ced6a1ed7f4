"""``promptecho diff``: what changed between two cassettes, as a person would say it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promptecho._cassette.interaction import Interaction
from promptecho._cli import _screen
from promptecho._cli._cassette_files import OpenedCassette, from_bytes, open_cassette
from promptecho._cli._comparison import Change, Differences, compare
from promptecho._cli._show import call_text
from promptecho._matching.identity import MatchOptions
from promptecho._matching.text_diff import is_by_lines, line_runs, marked, word_runs
from promptecho._misses.explanation import MISSING
from promptecho._telling.answers import as_json, read_message
from promptecho.errors import CassetteFileError, SettingsError

if TYPE_CHECKING:
    from rich.console import Console

Json = Any

_LONGEST_LEAF = 200
_INDENT = 4
_STYLES = {"-": "red", "+": "green"}


# --- showing ----------------------------------------------------------------------------------------------------------


def show(found: Differences) -> None:
    """The differences for a person."""
    to = _screen.console()
    for interaction in found.removed:
        _headline(to, "-", interaction, "removed", "red")
    for interaction in found.added:
        _headline(to, "+", interaction, "added", "green")
    for pair in found.changed:
        what = "request and answer" if pair.request and pair.answer else "request" if pair.request else "answer"
        _headline(to, "~", pair.after, f"{what} changed", "yellow", pair.before)
        for change in pair.request:
            _show_leaf(to, Change(f"request {change.name}", change.before, change.after))
        for change in pair.answer:
            _show_change(to, change)
        to.print()
    facts = [
        f"{len(found.removed)} removed",
        f"{len(found.added)} added",
        f"{len(found.changed)} changed",
        f"{found.same} same",
    ]
    _screen.paragraph(to, ", ".join(facts))


def _headline(
    to: Console, sign: str, interaction: Interaction, what: str, style: str, before: Interaction | None = None
) -> None:
    number = f"[{interaction.number}]"
    if before is not None and before.number != interaction.number:
        number = f"[{before.number}] -> [{interaction.number}]"
    asked = _last_words(interaction)
    _screen.paragraph(to, f"{sign} {number} {interaction.method} {interaction.identity.path} {what}", style=style)
    if asked:
        _screen.paragraph(to, asked, indent=_INDENT, style="dim")


def _last_words(interaction: Interaction) -> str:
    """The last text of a request, short, so that a reader knows which it is."""
    messages = interaction.body.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else interaction.body
    pieces = read_message(last) if isinstance(messages, list) else ()
    text = " ".join(" ".join(piece.text or piece.name for piece in pieces).split()) or as_json(last)
    return text if len(text) <= _LONGEST_LEAF else text[: _LONGEST_LEAF - 3] + "..."


def _show_change(to: Console, change: Change) -> None:
    if change.name in ("text", "thinking", "refusal", "error") and change.before and change.after:
        _screen.paragraph(to, f"{change.name}:", indent=_INDENT)
        _show_text(to, change.before, change.after)
    elif change.name == "tool_calls":
        _screen.paragraph(to, "tool calls:", indent=_INDENT)
        old = [call_text(name, arguments) for name, arguments in change.before]
        new = [call_text(name, arguments) for name, arguments in change.after]
        _show_lines(to, old, new)
    elif change.name == "usage":
        _show_usage(to, change)
    else:
        _show_leaf(to, change)


def _show_usage(to: Console, change: Change) -> None:
    one = asdict(change.before) if change.before is not None else {}
    other = asdict(change.after) if change.after is not None else {}
    for name in dict.fromkeys((*one, *other)):
        was, now = one.get(name, "none"), other.get(name, "none")
        if was != now:
            _screen.paragraph(to, f"{name}: {was} -> {now}", indent=_INDENT)


def _show_leaf(to: Console, change: Change) -> None:
    was, now = _leaf(change.before), _leaf(change.after)
    if len(was) + len(now) <= 60:
        _screen.paragraph(to, f"{change.name}: {was} -> {now}", indent=_INDENT)
        return
    _screen.paragraph(to, f"{change.name}:", indent=_INDENT)
    if isinstance(change.before, str) and isinstance(change.after, str):
        _show_text(to, change.before, change.after)
    else:
        _show_lines(to, [was], [now])


def _leaf(value: Json) -> str:
    if value is MISSING or value is None:
        return "none"
    return value if isinstance(value, str) else as_json(value)


def _show_text(to: Console, before: str, after: str) -> None:
    """Few lines by words, many by lines."""
    from rich.text import Text

    if is_by_lines(before, after):
        _show_lines(to, before.splitlines(), after.splitlines())
        return
    merged = Text()
    for run in word_runs(_screen.harmless(before), _screen.harmless(after)):
        merged.append(marked(run), style=_STYLES.get(run[0]))
    _screen.paragraph(to, merged, indent=_INDENT + 2)


def _show_lines(to: Console, before: Sequence[str], after: Sequence[str]) -> None:
    for sign, text in line_runs(before, after):
        _screen.paragraph(to, f"{sign} {text}", indent=_INDENT + 2, style=_STYLES.get(sign, ""))


# --- as data ----------------------------------------------------------------------------------------------------------


def to_json(found: Differences) -> Json:
    """The differences as plain data."""
    return {
        "before": found.before.path.as_posix(),
        "after": found.after.path.as_posix(),
        "removed": [_place(each) for each in found.removed],
        "added": [_place(each) for each in found.added],
        "changed": [
            {
                "before": _place(pair.before),
                "after": _place(pair.after),
                "request": [_change_json(change) for change in pair.request],
                "answer": [_change_json(change) for change in pair.answer],
            }
            for pair in found.changed
        ],
        "same": found.same,
    }


def _place(interaction: Interaction) -> Json:
    return {
        "number": interaction.number,
        "key": interaction.match_key,
        "method": interaction.method,
        "url": interaction.url,
    }


def _change_json(change: Change) -> Json:
    return {"path": change.name, "before": _plain(change.before), "after": _plain(change.after)}


def _plain(value: Json) -> Json:
    if value is MISSING:
        return None
    if hasattr(value, "input_tokens"):
        return asdict(value)
    if isinstance(value, tuple):
        return [{"name": each[0], "arguments": each[1]} if isinstance(each, tuple) else each for each in value]
    return value


# --- git --------------------------------------------------------------------------------------------------------------


def from_git(path: Path, revision: str, options: MatchOptions) -> OpenedCassette:
    """A cassette as it is in a revision of the git repository around it.

    Raises:
        CassetteFileError: there is no git, no repository, or no such file in that revision.
    """
    if revision.startswith("-"):
        raise SettingsError(f"{revision!r} is no revision of git; give one such as HEAD~1 or main")
    place = f"{revision}:./{path.name}"
    try:
        done = subprocess.run(
            ["git", "cat-file", "blob", place], cwd=path.parent, capture_output=True, check=False, timeout=60
        )
    except (OSError, subprocess.SubprocessError) as problem:
        raise CassetteFileError(f"{path}: git can't be asked for {revision}: {problem}; name two cassettes") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["git gives no reason"]
        raise CassetteFileError(f"{path} can't be read from git at {revision}: {said[-1]}; name two cassettes")
    return from_bytes(done.stdout, Path(f"{path.as_posix()}@{revision}"), options)


@click.command("diff")
@click.argument("before", type=click.Path(readable=False, path_type=Path))
@click.argument("after", type=click.Path(readable=False, path_type=Path), required=False)
@click.option(
    "--git",
    "revision",
    is_flag=False,
    flag_value="HEAD",
    metavar="[REV]",
    help="Compare with the file as it is in a revision of git; HEAD if none is named.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the differences as JSON.")
def command(before: Path, after: Path | None, revision: str | None, as_json: bool) -> None:
    """Say what changed between two cassettes, or in one since its last commit.

    Recordings are matched by key, then by how alike their requests are; ids, dates and timing are left out. Exit code
    1: they differ.
    """
    if after is not None and revision is not None:
        raise click.UsageError("--git compares one cassette with itself at another time; name only that one")
    if after is None:
        new = open_cassette(before)
        old = from_git(before, revision or "HEAD", new.options)
    else:
        old = open_cassette(before)
        new = open_cassette(after, old.options)
    found = compare(old, new)
    if as_json:
        _screen.print_json(to_json(found))
    else:
        show(found)
    raise SystemExit(1 if found else 0)
