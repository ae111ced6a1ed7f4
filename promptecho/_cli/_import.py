"""``promptecho import``: cassettes of vcrpy and cassetter and HAR files, made into cassettes of promptecho."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from promptecho._cli import _screen
from promptecho._import import Imported, import_file, sources_below, target_for
from promptecho._import.formats import FORMATS, UnknownFormatError, read_source
from promptecho.errors import PromptechoError, SettingsError


@dataclass(frozen=True)
class _Step:
    """A file to import, where its cassette goes, and whether it was found in a folder rather than named."""

    source: Path
    target: Path
    from_folder: bool


@dataclass
class _Run:
    """What became of all files of one command."""

    imported: list[Imported] = field(default_factory=list)
    failed: list[tuple[Path, str]] = field(default_factory=list)
    ignored: list[Path] = field(default_factory=list)


def _plan(sources: Sequence[Path], output: Path | None, into: Path | None) -> list[_Step]:
    if output is not None and into is not None:
        raise click.UsageError("-o names the one cassette and --into a folder for many; give one of them")
    if output is not None and (len(sources) != 1 or sources[0].is_dir()):
        raise click.UsageError("-o names one cassette, so it goes with one file; use --into FOLDER for several")
    plan: list[_Step] = []
    for source in sources:
        if source.is_dir():
            plan += [_Step(path, target_for(path, root=source, into=into), True) for path in sources_below(source)]
        else:
            plan.append(_Step(source, output or target_for(source, into=into), False))
    return plan


def _rivals(plan: Sequence[_Step], format: str | None) -> dict[_Step, _Step]:
    """Steps that would write what another one writes too, or reads: with ``--force``, one would undo the other."""
    by_target: dict[Path, list[_Step]] = {}
    for step in plan:
        by_target.setdefault(step.target.resolve(), []).append(step)
    rivals: dict[_Step, _Step] = {}
    for steps in by_target.values():
        if len(steps) > 1:
            steps = [step for step in steps if not (step.from_folder and _is_unknown(step.source, format))]
        if len(steps) > 1:
            rivals.update(zip(steps, [*steps[1:], steps[0]]))
    return rivals


def _is_unknown(source: Path, format: str | None) -> bool:
    try:
        read_source(source, format)
    except UnknownFormatError:
        return True
    except PromptechoError:
        pass  # said when it is imported
    return False


def _run(plan: Sequence[_Step], format: str | None, force: bool, hosts: Sequence[str]) -> _Run:
    run = _Run()
    rivals = _rivals(plan, format)
    for step in plan:
        source, target = step.source, step.target
        if step in rivals:
            problem = f"{source} and {rivals[step].source} would both become {target}; rename one, or import it with -o"
            run.failed.append((source, problem))
            continue
        try:
            run.imported.append(import_file(source, target, format=format, force=force, only_hosts=hosts))
        except SettingsError:
            raise  # of the project, not of this file
        except UnknownFormatError as problem:
            if step.from_folder:
                run.ignored.append(source)
            else:
                run.failed.append((source, str(problem)))
        except PromptechoError as problem:
            run.failed.append((source, str(problem)))
    return run


def _to_json(run: _Run) -> dict[str, Any]:
    imported = [
        {
            "source": str(each.source),
            "target": str(each.target),
            "format": each.format,
            "recordings": each.recordings,
            "streams": each.streams,
            "errors": each.errors,
            "skipped": each.skipped,
            "warnings": list(each.warnings),
            "backends": list(each.backends),
        }
        for each in run.imported
    ]
    failed = [{"source": str(source), "problem": problem} for source, problem in run.failed]
    return {"imported": imported, "failed": failed, "ignored": [str(path) for path in run.ignored]}


def _show(run: _Run) -> None:
    if run.imported:
        columns = ("cassette", "from", "recordings", "streams", "errors", "skipped")
        _screen.table(_screen.console(), columns, map(_row, run.imported), right=columns[2:], folding=columns[:1])
    for each in run.imported:
        for line in each.warnings:
            _say(f"{each.target}: {line}")
        if each.skipped:
            reasons = ", ".join(f"{count} {reason}" for reason, count in each.skipped.items())
            _say(f"{each.target}: skipped {reasons}")
    for each in run.imported:
        if each.kept is not None:
            _say(f"{each.source}: what it was before is kept as {each.kept}")
    for path in run.ignored:
        _say(f"{path}: no recording of another tool, left alone")
    backends = sorted({name for each in run.imported for name in each.backends})
    if backends:
        names = ", ".join(f'"{name}"' for name in backends)
        _say(f"These calls were made with libraries to opt into: backends=[{names}]")


def _row(each: Imported) -> tuple[str, ...]:
    counts = (each.recordings, each.streams, each.errors, sum(each.skipped.values()))
    return (str(each.target), each.format, *(str(count or "") for count in counts))


def _say(line: str) -> None:
    click.echo(_screen.harmless(line))


@click.command("import")
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="SOURCE...")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="TARGET", help="The cassette to write.")
@click.option("--into", type=click.Path(path_type=Path), metavar="FOLDER", help="A folder for the cassettes.")
@click.option("--from", "format", type=click.Choice(FORMATS), help="The format, where the content doesn't tell.")
@click.option("--only-hosts", multiple=True, metavar="HOST", help="Take only calls to this host and those below it.")
@click.option("--force", is_flag=True, help="Replace cassettes that are there already.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def command(
    sources: tuple[Path, ...],
    output: Path | None,
    into: Path | None,
    format: str | None,
    only_hosts: tuple[str, ...],
    force: bool,
    as_json: bool,
) -> None:
    """Make cassettes of recordings of vcrpy or cassetter, or of HAR files.

    SOURCE is a file, or a folder of which every recording is imported. A cassette is written beside its source as
    NAME.yaml; with --into, to the same place below another folder; where both are one file, the old one is kept as
    NAME.yaml.orig.
    The tests stay as they are but for the decorator. Tests marked with @pytest.mark.promptecho look for
    cassettes/TEST.yaml beside their file, so cassettes of pytest-recording go there with

    \b
        promptecho import tests/cassettes/test_module --into tests/cassettes

    Secrets are masked and requests matched as in a recording, by the settings of the project. Of a HAR, everything is
    taken but WebSockets, entries without their response, and what the browser marks as a part of a page (scripts,
    styles, images, fonts); --only-hosts chooses among the rest.

    Exit code 1: a file could not be imported. 2: wrong use, or nothing could be imported.
    """
    run = _run(_plan(sources, output, into), format, force, only_hosts)
    if as_json:
        _screen.print_json(_to_json(run))
    else:
        _show(run)
        for _, problem in run.failed:
            click.echo(f"Error: {problem}", err=True)
        if not run.imported and not run.failed:
            click.echo(
                f"Error: no recording of another tool in {_screen.harmless(', '.join(map(str, sources)))}", err=True
            )
    if not run.imported:
        raise SystemExit(2)
    raise SystemExit(1 if run.failed else 0)
