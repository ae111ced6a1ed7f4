"""``promptecho merge``: join the recordings of two branches, as a merge driver of git or after a conflict."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from promptecho._cassette import store
from promptecho._cassette.mending import tangled
from promptecho._cassette.mending.merging import Joined, Side, join, read_side
from promptecho._cli import _screen
from promptecho.errors import CassetteFileError, CassetteFormatError

Json = Any


def _read(path: Path) -> str:
    text = store.read_text(path)
    if text is None:
        raise CassetteFileError(f"{path} doesn't exist; name the three versions of a cassette, or one with conflicts")
    return text


def _join_files(files: Sequence[Path], prefer: str | None) -> Joined:
    base, ours, theirs = (read_side(_read(path), path) for path in files)
    return join(base, ours, theirs, files[1], prefer)


def _join_conflicted(path: Path, prefer: str | None) -> Joined | None:
    """The recordings of a file in which git left its markers; ``None`` if there are none."""
    text = _read(path)
    line = tangled.conflict_line(text)
    if line is None:
        store.parse(text, path)
        return None
    staged = _staged(path)
    if staged is not None:
        return join(staged[0], staged[1], staged[2], path, prefer)
    sides = tangled.sides_of(text)
    if sides is None:
        raise CassetteFormatError(
            f"{path}, line {line}: the conflict markers don't fit one another; get them anew, and merge again: "
            f"git checkout --merge -- {path}"
        )
    base = read_side(sides.base, path) if sides.base is not None else None
    return join(base, read_side(sides.ours, path), read_side(sides.theirs, path), path, prefer)


def _staged(path: Path) -> tuple[Side, Side, Side] | None:
    """The versions of a file that git holds while a conflict is open (gitrevisions: ``:1:``, ``:2:``, ``:3:``)."""
    texts = []
    for stage in (1, 2, 3):
        try:
            done = subprocess.run(
                ["git", "cat-file", "blob", f":{stage}:./{path.name}"],
                cwd=path.resolve().parent,
                capture_output=True,
                check=False,
                timeout=60,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        if done.returncode and stage > 1:
            return None
        texts.append("" if done.returncode else store.decode(done.stdout, path))  # added on both sides: no base
    return read_side(texts[0], path), read_side(texts[1], path), read_side(texts[2], path)


def _to_json(path: Path, joined: Joined | None, recordings: int | None) -> Json:
    return {
        "path": _screen.shown_path(path),
        "changed": joined is not None,
        "recordings": recordings,
        "conflicts": [] if joined is None else list(joined.conflicts),
        "twice": [] if joined is None else list(joined.twice),
    }


def _show(path: Path, joined: Joined | None, recordings: int | None) -> None:
    to = _screen.console()
    name = _screen.shown_path(path)
    if joined is None:
        _screen.paragraph(to, f"{name}: no conflict in it")
        return
    for each in joined.twice:
        _screen.paragraph(to, f"{name}: recorded on both sides with two answers, both kept: {each}")
    for each in joined.conflicts:
        _screen.paragraph(to, f"{name}: changed on both sides: {each}")
    if joined.conflicts:
        _screen.paragraph(
            to, f"{name}: run `promptecho merge --ours {name}` (or --theirs) to take one side, or edit the file"
        )
    else:
        _screen.paragraph(to, f"{name}: {_screen.counted(recordings or 0, 'recording')}")


@click.command("merge")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE | BASE OURS THEIRS")
@click.option("--ours", "prefer", flag_value="ours", help="Take our side of what both sides changed.")
@click.option("--theirs", "prefer", flag_value="theirs", help="Take their side of what both sides changed.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def command(files: tuple[Path, ...], prefer: str | None, as_json: bool) -> None:
    """Join the recordings that two branches added to one cassette.

    With one FILE: one in which git left conflict markers. With three: the common ancestor and both versions, the second
    of which is written, as git asks of a merge driver. Once for each clone, and once in the repository:

    \b
        git config merge.promptecho.driver "promptecho merge %O %A %B"
        echo "cassettes/**/*.yaml merge=promptecho" >> .gitattributes

    What both sides recorded with the same answer is kept once. Exit code 1: both sides changed the same recording; the
    file has markers around it.
    """
    if len(files) not in (1, 3):
        raise click.UsageError("name one file with conflict markers, or three: BASE OURS THEIRS")
    path = files[0] if len(files) == 1 else files[1]
    with store.FileLock(path):
        joined = _join_conflicted(path, prefer) if len(files) == 1 else _join_files(files, prefer)
        if joined is not None:
            try:
                store.write_atomically(path, joined.text)
            except OSError as problem:
                raise CassetteFileError(
                    f"{path} can't be replaced: {problem.strerror or problem}; it is as it was"
                ) from None
    recordings = None
    if joined is None or not joined.conflicts:
        recordings = len(store.parse(_read(path), path).items)
    if as_json:
        _screen.print_json(_to_json(path, joined, recordings))
    else:
        _show(path, joined, recordings)
    raise SystemExit(1 if joined is not None and joined.conflicts else 0)
