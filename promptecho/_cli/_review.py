"""``promptecho review``: what waits for a decision, accepted or rejected one by one.

That is: snapshots of answers that the last test runs found new, changed or unused, and re-recordings of cassettes that
stopped half-way. Nothing is decided without being asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import click

from promptecho._cassette import layout, store
from promptecho._cli import _screen
from promptecho._cli._cassette_files import find, open_cassette
from promptecho._defaults import is_ci
from promptecho.errors import PromptechoError, SettingsError
from promptecho.snapshot import _file, _run
from promptecho.snapshot._expected import same

Json = Any
Decision = Literal["accepted", "rejected", "skipped"]

_PENDING = Path(".pytest_cache", "d", "promptecho", _run.PENDING)  # where the pytest plugin keeps it
_DECISIONS: dict[str, Decision | None] = {"a": "accepted", "r": "rejected", "s": "skipped", "q": None}
_LEFTOVER = re.compile(r"\.rerecording(?:-\d+)?(\.ya?ml)$")
_STUCK = "a rule doesn't accept the answer: change the rule in the test or in the file, or the answer"


@dataclass(frozen=True)
class Change:
    """One thing to decide on. ``problem`` says why it can't be accepted."""

    kind: str
    name: str
    what: str
    show: Callable[[], None]
    accept: Callable[[], None]
    reject: Callable[[], None]
    lines: tuple[str, ...] = ()
    problem: str = ""

    def to_json(self) -> Json:
        return {
            "kind": self.kind,
            "name": self.name,
            "change": self.what,
            "lines": list(self.lines),
            "problem": self.problem or None,
        }


# --- snapshots --------------------------------------------------------------------------------------------------------


class _Pending:
    """The file of pending snapshots; what is decided leaves it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries = _run.read_pending(path.read_text(encoding="utf-8"))

    def changes(self) -> Iterator[Change]:
        for entry in self._entries:
            yield self._change(entry)

    def _change(self, entry: dict[str, Json]) -> Change:
        lines = tuple(entry["lines"])
        if entry["change"] == "new":
            lines = (*layout.emit_block(entry["wanted"], 0).splitlines(), *lines)
        return Change(
            "snapshot",
            _name(entry),
            entry["change"],
            lambda: _show_lines(lines),
            lambda: self._accept(entry),
            lambda: self._forget(entry),
            lines,
            self._problem(entry),
        )

    @staticmethod
    def _problem(entry: dict[str, Json]) -> str:
        if entry["change"] == "stuck":
            return _STUCK
        try:
            known = _file.load(Path(entry["file"]))
        except PromptechoError as problem:
            return str(problem)
        is_there = entry["name"] in known
        if is_there == (entry["change"] == "new") or (is_there and not same(known[entry["name"]], entry["stored"])):
            return "the file was changed since that run; run the test again"
        return ""

    def _accept(self, entry: dict[str, Json]) -> None:
        path, name = Path(entry["file"]), entry["name"]
        if entry["change"] == "unused":
            _file.change(path, {}, {name: entry["stored"]})
        else:
            _file.change(path, {name: entry["wanted"]})
        self._forget(entry)

    def _forget(self, entry: dict[str, Json]) -> None:
        self._entries = [each for each in self._entries if each is not entry]
        _run.write_pending(self._path, _run.pending_text(self._entries))


def _name(entry: dict[str, Json]) -> str:
    file = Path(entry["file"])
    return f"{_screen.shown_path(file.parent.parent / file.stem)}.py::{entry['name']}"


def _show_lines(lines: Sequence[str]) -> None:
    to = _screen.console()
    for line in lines:
        _screen.paragraph(to, line, indent=2)


def _find_pending() -> Path | None:
    here = Path.cwd()
    return next((folder / _PENDING for folder in (here, *here.parents) if (folder / _PENDING).is_file()), None)


# --- cassettes --------------------------------------------------------------------------------------------------------


def _leftovers(paths: Sequence[Path]) -> Iterator[Change]:
    for side in find(paths):
        if _LEFTOVER.search(side.name):
            yield _leftover(side, _cassette_of(side))


def _cassette_of(side: Path) -> Path:
    """The cassette whose re-recording this is; a long name is shortened to a digest, so its cassette is looked for."""
    for path in sorted(side.parent.iterdir()):
        if path != side and store.side_path(path).name == side.name:
            return path
    return side.with_name(_LEFTOVER.sub(r"\1", side.name))


def _leftover(side: Path, cassette: Path) -> Change:
    problem = ""
    try:
        count = len(open_cassette(side).interactions)
        kept = len(_not_reached(side, cassette))
    except PromptechoError as error:
        count, kept, problem = 0, 0, str(error)
    lines = (
        f"a re-recording of {_screen.shown_path(cassette)} stopped half-way, with {_screen.counted(count, 'call')}",
        f"accepted, it takes the place of the old ones; {_screen.counted(kept, 'call')} that it didn't reach stay",
    )
    return Change(
        "cassette",
        _screen.shown_path(side),
        "re-recording",
        lambda: _show_leftover(side, cassette, lines),
        lambda: _take_over(side, cassette),
        side.unlink,
        lines,
        problem,
    )


def _not_reached(side: Path, cassette: Path) -> list[Mapping[str, Json]]:
    """The recordings of a cassette that its re-recording has none for."""
    if not cassette.exists():
        return []
    old = open_cassette(cassette)
    now = {interaction.identity.key for interaction in open_cassette(side, old.options).interactions}
    return [interaction.document for interaction in old.interactions if interaction.identity.key not in now]


def _show_leftover(side: Path, cassette: Path, lines: Sequence[str]) -> None:
    from promptecho._cli import _diff
    from promptecho._cli._comparison import compare

    _show_lines(lines)
    if cassette.exists():
        old = open_cassette(cassette)
        found = compare(old, open_cassette(side, old.options))
        _diff.show(replace(found, removed=()))


def _take_over(side: Path, cassette: Path) -> None:
    """Let the re-recording take the cassette's place, as it would have at its end."""
    kept = _not_reached(side, cassette)
    journal = store.Journal(side, open_cassette(side).header)
    for document in kept:
        journal.append(document)
    journal.complete()
    journal.move_to(cassette)


# --- deciding ---------------------------------------------------------------------------------------------------------


def _ask(change: Change, place: str) -> Decision | None:
    """What the user says; ``None``: they want to stop."""
    to = _screen.console()
    _screen.paragraph(to, f"{place} {change.name} ({change.what})", style="bold")
    if change.problem:
        _show_lines([*change.lines, change.problem])
        choices = "reject, skip, quit"
    else:
        change.show()
        choices = "accept, reject, skip, quit"
    letters = [word[0] for word in choices.split(", ")]
    while True:
        try:
            said = click.prompt(f"{choices}? [{'/'.join(letters)}]", prompt_suffix=" ", default="s", show_default=False)
        except click.Abort:  # the end of the input, or Ctrl-C
            click.echo()
            return None
        letter = said.strip().lower()[:1]
        if letter in letters:
            return _DECISIONS[letter]


def _carry_out(change: Change, decision: Decision) -> Decision:
    """Do what was decided; what can't be accepted is skipped, and says why."""
    if decision == "accepted" and change.problem:
        click.echo(
            f"Error: {_screen.harmless(change.name)} can't be accepted: {_screen.harmless(change.problem)}", err=True
        )
        return "skipped"
    try:
        if decision == "accepted":
            change.accept()
        elif decision == "rejected":
            change.reject()
    except OSError as problem:
        click.echo(f"Error: {_screen.harmless(change.name)}: {problem.strerror or problem}", err=True)
        return "skipped"
    return decision


def _chosen(changes: Sequence[Change], accept: Sequence[str], reject: Sequence[str]) -> dict[str, Decision]:
    known = {change.name for change in changes}
    for name in (*accept, *reject):
        if name not in known:
            raise SettingsError(f"nothing called {name!r} waits for a decision; `promptecho review --list` names all")
    both = sorted(set(accept) & set(reject))
    if both:
        raise SettingsError(f"{both[0]} is both accepted and rejected; say which")
    return {**dict.fromkeys(accept, "accepted"), **dict.fromkeys(reject, "rejected")}


def _show_list(changes: Sequence[Change]) -> None:
    to = _screen.console()
    for change in changes:
        _screen.paragraph(to, f"{change.name} ({change.what})", style="bold")
        _show_lines([*change.lines, *([change.problem] if change.problem else [])])


def _check_use(accept_all: bool, reject_all: bool, accept: Sequence[str], reject: Sequence[str], listing: bool) -> None:
    if accept_all + reject_all + bool(accept or reject) + listing > 1:
        raise click.UsageError("--list, --accept-all, --reject-all and --accept/--reject exclude each other")
    if is_ci() and (accept_all or reject_all or accept or reject):
        raise click.UsageError("CI never writes snapshots or cassettes; decide locally and commit")


@click.command("review")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--list", "listing", is_flag=True, help="Show what waits, and decide nothing.")
@click.option("--accept", multiple=True, metavar="NAME", help="Accept one, as --list names it; may be repeated.")
@click.option("--reject", multiple=True, metavar="NAME", help="Reject one; may be repeated.")
@click.option("--accept-all", is_flag=True, help="Accept everything that can be.")
@click.option("--reject-all", is_flag=True, help="Reject everything.")
@click.option("--json", "as_json", is_flag=True, help="Print what waits, or what was decided, as JSON.")
def command(
    paths: tuple[Path, ...],
    listing: bool,
    accept: tuple[str, ...],
    reject: tuple[str, ...],
    accept_all: bool,
    reject_all: bool,
    as_json: bool,
) -> None:
    """Accept or reject changed snapshots, and re-recordings that stopped half-way.

    Snapshots are those that the last test runs here found new, changed or unused. PATHS are cassettes or folders in
    which to look for re-recordings; without any, the `cassettes` folders below this one. A rejected snapshot stays as
    it is in its file; a rejected re-recording is deleted.

    Exit code 1: something still waits for a decision.
    """
    _check_use(accept_all, reject_all, accept, reject, listing)
    pending = _find_pending()
    changes = [*(_Pending(pending).changes() if pending is not None else ()), *_leftovers(paths)]
    decided: dict[str, Decision] = {}
    if accept_all or reject_all:
        decided = {change.name: "accepted" if accept_all else "rejected" for change in changes}
    elif accept or reject:
        decided = _chosen(changes, accept, reject)
    elif not (listing or as_json):
        _walk(changes)
        return
    done = {change.name: _carry_out(change, decided[change.name]) for change in changes if change.name in decided}
    waiting = [change for change in changes if done.get(change.name, "skipped") == "skipped"]
    if as_json:
        listed = [{**change.to_json(), "decision": done.get(change.name)} for change in changes]
        _screen.print_json({"changes": listed, "waiting": len(waiting)})
    elif decided:
        _tell(list(done.values()))
    elif changes:
        _show_list(changes)
    else:
        click.echo("Nothing waits for a decision.")
    raise SystemExit(1 if waiting else 0)


def _walk(changes: Sequence[Change]) -> None:
    """Show one after the other and ask."""
    if not changes:
        click.echo("Nothing waits for a decision.")
        return
    if is_ci():
        raise click.UsageError("CI never writes snapshots or cassettes; use --list here, and decide locally")
    done: list[Decision] = []
    for number, change in enumerate(changes, start=1):
        decision = _ask(change, f"[{number}/{len(changes)}]")
        if decision is None:
            break
        done.append(_carry_out(change, decision))
    done += ["skipped"] * (len(changes) - len(done))
    _tell(done)
    raise SystemExit(1 if "skipped" in done else 0)


def _tell(done: Sequence[Decision]) -> None:
    words: tuple[Decision, ...] = ("accepted", "rejected", "skipped")
    click.echo(", ".join(f"{done.count(word)} {word}" for word in words))
