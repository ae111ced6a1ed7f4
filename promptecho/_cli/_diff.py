"""``promptecho diff``: what changed between two cassettes, as a person would say it."""

from __future__ import annotations

import difflib
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promptecho._answers import Answer, as_json, read_answer, read_message
from promptecho._cli import _screen
from promptecho._cli._cassette_files import OpenedCassette, from_bytes, open_cassette
from promptecho._cli._show import answer_json, call_text
from promptecho._diff import MISSING, leaf_differences
from promptecho._interaction import Interaction
from promptecho._matching import MatchOptions
from promptecho.errors import CassetteFileError, SettingsError

if TYPE_CHECKING:
    from rich.console import Console

Json = Any

_ALIKE = 0.5  # two requests that share less than half of their words are two requests
_MOST_PAIRS = 250_000
_MOST_WORDS = 3000
_LONGEST_LEAF = 200
_INDENT = 4
_FIELDS = ("status", "model", "text", "thinking", "tool_calls", "finish_reason", "refusal", "error", "usage",
           "attachments", "alternatives")  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One thing that differs: a field of the answer, or a path in the request; ``MISSING`` where a side has none."""

    name: str
    before: Json
    after: Json


@dataclass(frozen=True)
class Pair:
    """A recording in both cassettes. ``request`` is empty where the two have the same key."""

    before: Interaction
    after: Interaction
    request: tuple[Change, ...]
    answer: tuple[Change, ...]


@dataclass(frozen=True)
class Differences:
    """Two cassettes compared; ``same`` counts the recordings that are equal in both."""

    before: OpenedCassette
    after: OpenedCassette
    removed: tuple[Interaction, ...]
    added: tuple[Interaction, ...]
    changed: tuple[Pair, ...]
    same: int

    def __bool__(self) -> bool:
        return bool(self.removed or self.added or self.changed)


# --- comparing --------------------------------------------------------------------------------------------------------


def compare(before: OpenedCassette, after: OpenedCassette) -> Differences:
    """Match recordings by key, those left over by how alike their requests are, and compare what they hold."""
    pairs, old, new = _by_key(before.interactions, after.interactions)
    similar, old, new = _by_likeness(old, new)
    compared = [
        Pair(one, other, tuple(_request_changes(one, other)), tuple(_answer_changes(one, other)))
        for one, other in sorted([*pairs, *similar], key=lambda pair: pair[1].number)
    ]
    changed = tuple(pair for pair in compared if pair.request or pair.answer)
    return Differences(before, after, tuple(old), tuple(new), changed, len(compared) - len(changed))


Matched = tuple[list[tuple[Interaction, Interaction]], list[Interaction], list[Interaction]]


def _by_key(before: Sequence[Interaction], after: Sequence[Interaction]) -> Matched:
    """The k-th of a key goes with the k-th of the same key."""
    waiting: dict[str, list[Interaction]] = defaultdict(list)
    for interaction in before:
        waiting[interaction.identity.key].append(interaction)
    pairs, new = [], []
    for interaction in after:
        queue = waiting[interaction.identity.key]
        if queue:
            pairs.append((queue.pop(0), interaction))
        else:
            new.append(interaction)
    old = sorted((each for queue in waiting.values() for each in queue), key=lambda each: each.number)
    return pairs, old, new


def _by_likeness(old: list[Interaction], new: list[Interaction]) -> Matched:
    """The most alike go together, as long as they are alike at all."""
    if len(old) * len(new) > _MOST_PAIRS:
        return [], old, new
    words_of_new = [_words(each) for each in new]
    scores: list[tuple[float, int, int]] = []
    for place, one in enumerate(old):
        words = _words(one)
        for other_place, other in enumerate(new):
            if (one.method, one.identity.path) == (other.method, other.identity.path):
                theirs = words_of_new[other_place]
                score = 2 * len(words & theirs) / (len(words) + len(theirs) or 1)
                if score >= _ALIKE:
                    scores.append((-score, place, other_place))
    taken_old: set[int] = set()
    taken_new: set[int] = set()
    pairs = []
    for _, place, other_place in sorted(scores):
        if place not in taken_old and other_place not in taken_new:
            taken_old.add(place)
            taken_new.add(other_place)
            pairs.append((old[place], new[other_place]))
    return (
        pairs,
        [each for place, each in enumerate(old) if place not in taken_old],
        [each for place, each in enumerate(new) if place not in taken_new],
    )


def _words(interaction: Interaction) -> set[str]:
    return set(re.findall(r"\w+", as_json(interaction.identity.matched)))


def _request_changes(before: Interaction, after: Interaction) -> Iterator[Change]:
    if before.identity.key == after.identity.key:
        return
    one, other = before.identity, after.identity
    for name in ("method", "path", "query", "stream"):
        if getattr(one, name) != getattr(other, name):
            yield Change(name, getattr(one, name), getattr(other, name))
    for path, was, now in leaf_differences(one.matched, other.matched):
        yield Change(path, was, now)


def _answer_changes(before: Interaction, after: Interaction) -> Iterator[Change]:
    one, other = read_answer(before), read_answer(after)
    if one is None or other is None:
        yield from _body_changes(before, after)
        return
    for name in _FIELDS:
        was, now = (
            (before.status, after.status) if name == "status" else (_field(one, name), _field(other, name))
        )  # fmt: skip
        if was != now:
            yield Change(name, was, now)


def _field(answer: Answer, name: str) -> Json:
    """A field for comparing: ids of calls are made up afresh by each run of a model and say nothing."""
    if name == "tool_calls":
        return tuple((call.name, call.arguments) for call in answer.tool_calls)
    if name == "alternatives":
        return [{**answer_json(each), "tool_calls": _field(each, "tool_calls")} for each in answer.alternatives]
    return getattr(answer, name)


def _body_changes(before: Interaction, after: Interaction) -> Iterator[Change]:
    """Bodies that are no answer of a model: by their leaves, or as a whole."""
    if before.status != after.status:
        yield Change("status", before.status, after.status)
    one, other = before.document["response"], after.document["response"]
    for name in ("body", "events"):
        for path, was, now in leaf_differences(one.get(name, MISSING), other.get(name, MISSING), name):
            yield Change(path, was, now)


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
    if before.count("\n") + after.count("\n") > 4 or len(before) + len(after) > 8 * _MOST_WORDS:
        _show_lines(to, before.splitlines(), after.splitlines())
    else:
        _show_words(to, before, after)


def _show_words(to: Console, before: str, after: str) -> None:
    """Both texts in one, ``[-words that are gone-]`` and ``{+words that are new+}``, as git has it."""
    from rich.text import Text

    one, other = (re.findall(r"\s+|\w+|[^\w\s]", _screen.harmless(text)) for text in (before, after))
    merged = Text()
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if tag == "equal":
            merged.append("".join(one[i1:i2]))
            continue
        if i1 < i2:
            merged.append(f"[-{''.join(one[i1:i2])}-]", style="red")
        if j1 < j2:
            merged.append(f"{{+{''.join(other[j1:j2])}+}}", style="green")
    _screen.paragraph(to, merged, indent=_INDENT + 2)


def _show_lines(to: Console, before: Sequence[str], after: Sequence[str]) -> None:
    styles = {"-": "red", "+": "green"}
    for line in list(difflib.unified_diff(before, after, n=2, lineterm=""))[2:]:
        if not line.startswith("@@"):
            sign, text = line[:1], line[1:]
            _screen.paragraph(to, f"{sign} {text}", indent=_INDENT + 2, style=styles.get(sign, ""))


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
